#!/usr/bin/env python3
"""Takes plotly.js out of the PyPI package plotly: fetch_plotly.py PIN OUT.

PIN is a requirements file with version and hash; pip checks what it downloads against them. Nothing is installed.
"""
import pathlib
import subprocess
import sys
import tempfile
import zipfile

MEMBER = "plotly/package_data/plotly.min.js"


def main() -> int:
    pin, out = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--require-hashes", "--only-binary", ":all:", "--retries", "1", "--timeout", "20",
                   "--dest", folder, "--requirement", pin]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            print("pip download took more than 300 s", file=sys.stderr)
            return 1
        wheels = list(pathlib.Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            reason = " ".join(done.stderr.split()) or "no reason given"
            print(f"pip download: {reason[-400:]}", file=sys.stderr)
            return 1
        with zipfile.ZipFile(wheels[0]) as wheel:
            library = wheel.read(MEMBER)
    if b"</script" in library.lower() or b"<!--" in library:
        print(f"{MEMBER} cannot stand inside a page", file=sys.stderr)
        return 1
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    part.write_bytes(library)
    part.rename(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
