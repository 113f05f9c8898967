#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prefill of GGUF files by Tepui and by one or more builds of llama-bench (llama.cpp,
ik_llama.cpp), in interleaved rounds, each with the logits of a prompt's last position.

    bench/compare/llama_compare.py build/tepui DIR/134m-f32.gguf DIR/134m-f16.gguf \\
        --peer llama.cpp=BUILD/bin/llama-bench --peer ik_llama.cpp=OTHER/bin/llama-bench
"""
import argparse
import json
import os
import statistics
import subprocess


def output_of(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL).stdout)


def tepui(options, file, sequences):
    row = output_of([options.program, "bench", file, "--lengths", str(options.length), "--tokens",
                     str(options.length * sequences), "--rounds", "1", "--threads",
                     str(options.threads), "--last-logits", "--json"])["rows"][0]
    tokens = options.length * sequences
    return {"bare": tokens / row["seconds_with_last_logits"][0],
            "statistics": tokens / row["seconds_with_statistics"][0],
            "peak": row["peak_flops"][0]}


def llama_bench(options, program, file):
    found = output_of([program, "-m", file, "-p", str(options.length), "-n", "0", "-t",
                       str(options.threads), "-r", "1", "-o", "json"])
    return options.length / (found[0]["avg_ns"] * 1e-9)


def three_digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(values):
    median, least, most = map(three_digits, (statistics.median(values), min(values), max(values)))
    return f"{median} ({least}-{most})"


def compare(options, file):
    peers = dict(peer.split("=", 1) for peer in options.peer)
    own = {1: [], options.sequences: []}
    theirs = {name: [] for name in peers}
    for _ in range(options.rounds):
        for sequences, rows in own.items():
            rows.append(tepui(options, file, sequences))
        for name, program in peers.items():
            theirs[name].append(llama_bench(options, program, file))
    print(f"\n{os.path.basename(file)}, {options.length} tokens, {options.threads} threads, median "
          f"(least-most) of {options.rounds} rounds, tokens/s")
    for sequences, rows in own.items():
        for what in ("bare", "statistics"):
            print(f"  tepui, {sequences} at once, {what:10}  {spread([r[what] for r in rows])}")
    for name, rates in theirs.items():
        print(f"  {name:26}  {spread(rates)}")
        for sequences, rows in own.items():
            for what in ("bare", "statistics"):
                ratios = [row[what] / rate for row, rate in zip(rows, rates)]
                print(f"    tepui, {sequences} at once, {what:10} / this: {spread(ratios)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--peer", action="append", required=True, metavar="NAME=PROGRAM")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--sequences", type=int, default=4, help="that Tepui computes at once")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    for file in options.files:
        compare(options, file)


if __name__ == "__main__":
    main()
