#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/data/train: tiny models, and what torch makes of them in ten steps of AdamW.

A developer tool (needs torch and transformers; neither the build nor the tests run it). Each folder
holds the model before the first step, the batches, and from a float64 run the losses, the gradients
of the first step and the weights after one step and after ten, each with the largest error that a
float32 run of the same steps makes in that tensor.

    tools/make_train_golden.py [--out DIR] [NAME...]
"""
import argparse
import json
import pathlib

from make_golden import ROOT, Float64Everywhere  # sets the environment before torch is imported

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import golden_variants

STEPS, SEQUENCES, LENGTH, VOCABULARY = 10, 3, 12, 23
RATE, BETAS, DECAY, CLIP = 3e-3, (0.9, 0.95), 0.1, 1.0

CASES = {
    "gpt2-tanh": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=16, n_layer=2, n_head=2,
        activation_function="gelu_new", resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        attn_implementation="eager")),
    "gpt2-exact": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=16, n_layer=1, n_head=4,
        activation_function="gelu", resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        attn_implementation="eager")),
    "llama-gqa": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=LENGTH, hidden_size=16, intermediate_size=24,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5,
        tie_word_embeddings=False, attn_implementation="eager")),
}


def train(model, batches):
    """Losses, the first step's gradients before clipping, weights after one step and after all."""
    named = dict(model.named_parameters())  # a tied head once
    decays = getattr(model, "decays", lambda name: named[name].dim() >= 2)
    groups = [{"params": [p for k, p in named.items() if decays(k)], "weight_decay": DECAY},
              {"params": [p for k, p in named.items() if not decays(k)], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=1e-8)
    losses, out = [], {}
    for step, batch in enumerate(batches):
        ids, targets = batch[:, :-1], batch[:, 1:].clone()
        # What a prefix mask shows does not count.
        targets[:, : max(0, getattr(model, "config_prefix", 0) - 1)] = -100
        logits = model(ids).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            out.update({f"gradient.{k}": p.grad.clone() for k, p in named.items()})
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        losses.append(loss.item())
        if step in (0, STEPS - 1):
            out.update({f"step{step + 1}.{k}": p.detach().clone() for k, p in named.items()})
    return losses, out


def make(name, build, out):
    torch.manual_seed(sum(name.encode()))
    model = build().float().eval()  # no dropout
    for p in model.parameters():  # gradients that tell things apart; biases too
        with torch.no_grad():
            p.add_(0.1 * torch.randn_like(p))
    if isinstance(model, golden_variants.Variant):
        (out / "config.json").write_text(json.dumps(model.config, indent=1) + "\n")
        save_file({k: p.detach().contiguous() for k, p in model.named_parameters()},
                  out / "model.safetensors", {"format": "pt"})
    else:
        model.save_pretrained(out)
    for file in out.iterdir():
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    batches = torch.tensor(np.random.default_rng(5).integers(
        0, VOCABULARY, (STEPS, SEQUENCES, LENGTH + 1)))
    start = {k: v.clone() for k, v in model.state_dict().items()}
    losses32, tensors32 = train(model, batches)
    exact = build().eval()
    exact.load_state_dict(start)
    exact.double()
    with Float64Everywhere():
        losses, tensors = train(exact, batches)
    golden = {k: v.float().contiguous() for k, v in tensors.items()}
    for key, value in tensors.items():
        golden[f"error.{key}"] = (tensors32[key].double() - value).abs().max().float().reshape(1)
    golden["batches"] = batches.to(torch.int32)
    golden["losses"] = torch.tensor(losses, dtype=torch.float32)
    golden["error.losses"] = (torch.tensor(losses32) - torch.tensor(losses)).abs().max().reshape(1)
    save_file(golden, out / "golden.safetensors")
    print(name, "losses", losses[0], losses[-1], "float32 off by", golden["error.losses"].item())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/data/train")
    parser.add_argument("names", nargs="*", help="cases (all)")
    arguments = parser.parse_args()
    for name, build in {**CASES, **golden_variants.CASES}.items():
        if arguments.names and name not in arguments.names:
            continue
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        make(name, build, folder)


if __name__ == "__main__":
    main()
