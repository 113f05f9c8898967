#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares tepui's ids with the vectors that stand beside a GGUF file in llama.cpp's format.

FILE.gguf.inp holds texts with a line "__ggml_vocab_test__" between them, FILE.gguf.out a line of ids for each, without
BOS or EOS. llama.cpp's repository has such files for its vocabularies (models/ggml-vocab-*), which hold no tensors.
Needs Python alone.

    tools/compare_vocabulary.py [--tepui build/tepui] FILE.gguf...
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARK = "\n__ggml_vocab_test__\n"


def ids_of(tepui, vocabulary, text, room):
    """Tepui's ids, or what it says instead."""
    (room / "text").write_bytes(text.encode())
    run = subprocess.run([tepui, "tokenize", vocabulary, "--text", room / "text", "--bos", "no", "--json"],
                         capture_output=True, text=True)
    if run.returncode != 0:
        return run.stderr.strip()
    return [token["id"] for token in json.loads(run.stdout)["tokens"]]


def compare(tepui, vocabulary, room):
    """How many texts there are, and those whose ids differ: (text, expected, found)."""
    texts = pathlib.Path(f"{vocabulary}.inp").read_bytes().decode().split(MARK)
    lines = pathlib.Path(f"{vocabulary}.out").read_text().split("\n")
    if len(texts) > len(lines):
        raise SystemExit(f"{vocabulary}: {len(texts)} texts, but {len(lines)} lines of ids")
    differ = []
    for text, line in zip(texts, lines):
        expected = [int(number) for number in line.split()]
        found = ids_of(tepui, vocabulary, text, room)
        if found != expected:
            differ.append((text, expected, found))
    return len(texts), differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tepui", type=pathlib.Path, default=ROOT / "build/tepui")
    parser.add_argument("vocabularies", nargs="+", type=pathlib.Path, metavar="FILE.gguf")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as room:
        for vocabulary in arguments.vocabularies:
            count, differ = compare(arguments.tepui, vocabulary, pathlib.Path(room))
            print(f"{vocabulary.name}: {count - len(differ)} of {count}")
            for text, expected, found in differ[:3]:
                print(f"  {text!r}\n    expected {expected}\n    found    {found}")
            failed = failed or bool(differ)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
