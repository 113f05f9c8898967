#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much a scan gains from more threads, beside what the calibration loop gains.

    bench/thread_scaling.py build/tepui MODEL [--threads 2] [--length 512] [--tokens 1024] [--rounds 5]

In every round `tepui bench` runs once on one thread and once on all; both measure passes with the
statistics of a scan, and multiply-adds on registers beside them. 1 means that the scan gains what
that loop gains.
"""
import argparse
import json
import statistics
import subprocess


def measure(arguments, threads):
    command = [arguments.tepui, "bench", arguments.model, "--threads", str(threads), "--lengths",
               str(arguments.length), "--tokens", str(arguments.tokens), "--rounds", "1", "--json"]
    row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["rows"][0]
    return row["seconds_with_statistics"][0], row["peak_flops"][0]


def spread(name, values, unit=""):
    print(f"{name:36} {statistics.median(values):6.3f}{unit} ({min(values):.3f}-{max(values):.3f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tepui")
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    scans, loops, ratios = [], [], []
    for _ in range(arguments.rounds):
        seconds, peak = measure(arguments, 1)
        seconds_of_all, peak_of_all = measure(arguments, arguments.threads)
        scans.append(seconds / seconds_of_all)
        loops.append(peak_of_all / peak)
        ratios.append(scans[-1] / loops[-1])
    spread("the scan is faster by", scans)
    spread("the calibration loop is faster by", loops)
    spread("the scan's gain / the loop's", ratios)


if __name__ == "__main__":
    main()
