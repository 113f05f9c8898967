#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prefill of one model by Tepui and by Hugging Face transformers, in interleaved rounds.

transformers runs bare, and as the published scripts do: with a hook on every layer that copies the
hidden state to the host, sorts |x| whole, and takes its top values and its median. Needs torch and
transformers.

    build/make_model llama-134m /tmp/llama-134m
    bench/compare/transformers_compare.py build/tepui /tmp/llama-134m --length 512
"""
import argparse
import json
import statistics
import subprocess
import time

import torch
import transformers


class Peer:
    def __init__(self, folder, threads, length, sequences):
        torch.set_num_threads(threads)
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self.body = model.eval().base_model  # as Tepui's figure, without the head
        generator = torch.Generator().manual_seed(2)
        vocabulary = model.config.vocab_size
        self.batches = [torch.randint(vocabulary, (1, length), generator=generator)
                        for _ in range(sequences)]

    def run(self):
        start = time.perf_counter()
        with torch.no_grad():
            for batch in self.batches:
                self.body(batch, use_cache=False)
        return time.perf_counter() - start

    def run_with_statistics(self):
        found = []

        def look(_module, _inputs, output):
            hidden = output[0] if isinstance(output, tuple) else output
            values, _places = torch.sort(hidden.detach().to("cpu").flatten().abs(), descending=True)
            found.append((values[:3].tolist(), values[len(values) // 2].item()))

        handles = [layer.register_forward_hook(look) for layer in self.body.layers]
        seconds = self.run()
        for handle in handles:
            handle.remove()
        assert len(found) == len(self.batches) * len(handles)
        return seconds


def tepui(program, folder, threads, length, sequences):
    command = [program, "bench", folder, "--types", "f32", "--lengths", str(length), "--tokens",
               str(length * sequences), "--rounds", "1", "--threads", str(threads), "--json"]
    row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["rows"][0]
    return row["seconds"][0], row["seconds_with_statistics"][0], row["peak_flops"][0]


def three_digits(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(values):
    median, least, most = map(three_digits, (statistics.median(values), min(values), max(values)))
    return f"{median:>8} ({least}-{most})"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--sequences", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    peer = Peer(options.folder, options.threads, options.length, options.sequences)
    peer.run()
    peer.run_with_statistics()
    tokens = options.length * options.sequences
    rows = {"tepui": [], "tepui, statistics": [], "transformers": [],
            "transformers, hooks and full sort": []}
    bare, measured = [], []
    for _ in range(options.rounds):
        plain, statistics_of, _peak = tepui(options.program, options.folder, options.threads,
                                            options.length, options.sequences)
        theirs = peer.run()
        theirs_sorted = peer.run_with_statistics()
        for name, seconds in zip(rows, (plain, statistics_of, theirs, theirs_sorted)):
            rows[name].append(tokens / seconds)
        bare.append(theirs / plain)
        measured.append(theirs_sorted / statistics_of)
    print(f"{options.folder}: {options.sequences} x {options.length} tokens, {options.threads} "
          f"threads, torch {torch.__version__}, transformers {transformers.__version__}")
    print(f"median (least-most) of {options.rounds} rounds, tokens/s")
    for name, values in rows.items():
        print(f"{name:34} {spread(values)}")
    print(f"{'tepui / transformers, bare':34} {spread(bare)}")
    print(f"{'both with statistics':34} {spread(measured)}")


if __name__ == "__main__":
    main()
