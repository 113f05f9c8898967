#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a scan of a few tokens waits for when none of the weights are in the page cache.

    bench/cold_load.py build/tepui MODEL [--rounds 5]

In every round, in turn: the files are dropped from the cache and only read; dropped and scanned;
scanned again while they are cached. A cold scan that waits for the disk alone takes as long as the
longer of reading and of a warm scan; what it takes beyond is printed as a share.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time


def files_of(model):
    path = pathlib.Path(model)
    return [path] if path.is_file() else sorted(
        p for p in path.iterdir() if p.suffix in (".safetensors", ".bin", ".gguf"))


def drop(files):
    for path in files:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(files):
    start = time.perf_counter()
    for path in files:
        with open(path, "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while file.read(8 << 20):
                pass
    return time.perf_counter() - start


def scan(tepui, model, folder, number):
    ids = folder / "ids.json"
    ids.write_text(json.dumps([[i * 7 % 50 for i in range(16)]]))
    start = time.perf_counter()
    subprocess.run([tepui, "scan", model, "--ids", ids, "--out", folder / f"run{number}"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tepui")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = files_of(arguments.model)
    size = sum(path.stat().st_size for path in files)
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for number in range(arguments.rounds):
            drop(files)
            reading = read(files)
            drop(files)
            cold = scan(arguments.tepui, arguments.model, folder, 2 * number)
            warm = scan(arguments.tepui, arguments.model, folder, 2 * number + 1)
            rounds.append((reading, cold, warm))
    reading, cold, warm = (statistics.median(column) for column in zip(*rounds))
    beyond = statistics.median(c / max(r, w) - 1 for r, c, w in rounds)
    print(f"{size / 1e6:.0f} MB in {len(files)} files; medians of {len(rounds)} rounds")
    print(f"read cold  {reading:6.2f} s  {size / reading / 1e9:5.2f} GB/s")
    print(f"scan cold  {cold:6.2f} s  {size / cold / 1e9:5.2f} GB/s")
    print(f"scan warm  {warm:6.2f} s  {size / warm / 1e9:5.2f} GB/s")
    print(f"a cold scan takes {100 * beyond:+.0f} % beyond the longer of reading and a warm scan")


if __name__ == "__main__":
    main()
