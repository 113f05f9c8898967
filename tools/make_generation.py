#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/data/generation/demo-greedy.json: what transformers continues prompts with on the bundled model, in float64,
one most probable token after the other, every step from the whole sequence. With each continuation stands the smallest
difference between a chosen logit and the next one, so that a test knows how far rounding may be off.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install torch==2.15.0 transformers==5.23.0
    /tmp/golden/bin/python tools/make_generation.py
"""
import json
import pathlib

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "tests/data/demo-model"
OUT = ROOT / "tests/data/generation/demo-greedy.json"
PROMPTS = ["The tower stands", "Once upon a time", "In 1939 the", "A river is"]
MAX_TOKENS = 48


def continued(model, ids, end):
    """The ids that follow, and the smallest margin."""
    new, margin = [], float("inf")
    while len(new) < MAX_TOKENS:
        logits = model(torch.tensor([ids + new])).logits[0, -1]
        best, second = logits.topk(2).values.tolist()
        margin = min(margin, best - second)
        new.append(int(logits.argmax()))
        if new[-1] == end:
            break
    return new, margin


def main():
    torch.set_grad_enabled(False)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float64, attn_implementation="eager")
    model.eval()
    cases = []
    for prompt in PROMPTS:
        ids = [tokenizer.bos_token_id] + tokenizer.encode(prompt, add_special_tokens=False)
        new, margin = continued(model, ids, tokenizer.eos_token_id)
        cases.append({"prompt": prompt, "prompt_ids": ids, "ids": new, "margin": margin})
        print(prompt, len(new), margin)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"max_tokens": MAX_TOKENS, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
