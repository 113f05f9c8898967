#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether transformers reads a checkpoint of `tepui train` as it was written, and computes the same.

    tools/compare_checkpoint.py CHECKPOINT [--tepui build/tepui] [--tokens 48]

A developer tool (needs torch and transformers; neither the build nor the tests run it). The folder is
opened by AutoModelForCausalLM and AutoTokenizer without a file added: no weight may be missing or left
over. Then random tokens go through both: the residual stream behind every layer but the last, the
final norm, and the logits must be within 8 times what a float32 run of transformers is off its
float64 run. Exit code 1 where one is not.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from make_golden import ROOT, Float64Everywhere  # sets the environment before torch is imported

import numpy as np
import torch
import transformers


def opened(folder, dtype):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info[what]:
            sys.exit(f"{folder}: {what}: {sorted(info[what])}")
    return model.eval()


def run(model, ids):
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    states = [state[0].double().numpy() for state in out.hidden_states[1:]]
    return states, out.logits[0].double().numpy()


def captured(tepui, folder, ids, layers):
    with tempfile.TemporaryDirectory() as out:
        file = pathlib.Path(out) / "ids.json"
        file.write_text(json.dumps([ids]))
        subprocess.run([tepui, "capture", folder, "--ids", file, "--site", "resid_post,final_norm",
                        "--out", pathlib.Path(out) / "acts"], check=True, stdout=subprocess.DEVNULL)
        acts = pathlib.Path(out) / "acts"
        states = [np.load(acts / f"resid_post.{layer}.npy") for layer in range(layers - 1)]
        last = [file for file in acts.iterdir() if file.name.startswith("final_norm")]
        return [state.astype(np.float64) for state in [*states, np.load(last[0])]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("--tepui", type=pathlib.Path, default=ROOT / "build/tepui")
    parser.add_argument("--tokens", type=int, default=48)
    arguments = parser.parse_args()
    folder, arguments.tepui = arguments.checkpoint, arguments.tepui.resolve()
    single = opened(folder, torch.float32)
    exact = opened(folder, torch.float64)
    config = exact.config
    tokens = min(arguments.tokens, config.max_position_embeddings)
    ids = np.random.default_rng(7).integers(0, config.vocab_size, tokens).tolist()
    with Float64Everywhere():
        states, logits = run(exact, ids)
    states32, logits32 = run(single, ids)
    own = captured(arguments.tepui, folder, ids, config.num_hidden_layers)
    head = exact.get_output_embeddings().weight.detach().numpy()
    names = [f"resid_post.{layer}" for layer in range(len(states) - 1)] + ["final_norm"]
    rows = [*zip(names, own, states, states32), ("logits", own[-1] @ head.T, logits, logits32)]
    good = True
    for name, ours, exactly, singly in rows:
        off = np.abs(ours - exactly).max()
        allowed = 8 * np.abs(singly - exactly).max() + 1e-7
        good &= bool(off <= allowed)
        print(f"{name:14} off by {off:.2e}, allowed {allowed:.2e}, largest {np.abs(exactly).max():.4g}")
    if any((folder / name).exists() for name in ("tokenizer.json", "tokenizer.model")):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        print(f"tokenizer: {type(tokenizer).__name__} of {len(tokenizer)} tokens")
    print("the same" if good else "NOT the same")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
