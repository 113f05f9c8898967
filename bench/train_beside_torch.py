#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training with tepui beside torch on the same recipe, in turn: tokens per second and losses.

    bench/train_beside_torch.py build/tepui RECIPE.toml [--rounds 5] [--steps 60] [--threads N]   speed
    bench/train_beside_torch.py build/tepui RECIPE.toml --losses [--seed S]   torch's losses

The recipe must be a gpt2 one on characters, without dropout and accumulation. torch (eager, f32, its
fused attention, AdamW's foreach form) runs the same batches' sizes on the same number of threads.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import tempfile
import time
import tomllib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, bias, tanh):
        super().__init__()
        self.heads, self.tanh = heads, tanh
        self.norm1 = nn.LayerNorm(width, bias=bias)
        self.norm2 = nn.LayerNorm(width, bias=bias)
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)
        self.up = nn.Linear(width, 4 * width, bias=bias)
        self.down = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x):
        rows, length, width = x.shape
        heads = (rows, length, self.heads, width // self.heads)
        q, k, v = (part.view(heads).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(z.transpose(1, 2).reshape(rows, length, width))
        hidden = F.gelu(self.up(self.norm2(x)), approximate="tanh" if self.tanh else "none")
        return x + self.down(hidden)


class Model(nn.Module):
    def __init__(self, m, vocabulary):
        super().__init__()
        width, bias = m["width"], m.get("bias", False)
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(m["context"], width)
        tanh = m.get("activation", "gelu") == "gelu_new"
        self.blocks = nn.ModuleList(Block(width, m["heads"], bias, tanh) for _ in range(m["layers"]))
        self.norm = nn.LayerNorm(width, bias=bias)
        for name, p in self.named_parameters():
            if p.dim() < 2:
                continue
            narrow = name.endswith(("out.weight", "down.weight"))
            nn.init.normal_(p, std=0.02 / math.sqrt(2 * m["layers"]) if narrow else 0.02)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.tokens.weight.T
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Torch:
    def __init__(self, recipe, folder, seed):
        self.t, self.m, data = recipe["train"], recipe["model"], recipe["data"]
        text = (folder / data["text"]).read_text()
        letters = {c: i for i, c in enumerate(sorted(set(text)))}
        tokens = np.array([letters[c] for c in text], dtype=np.int64)
        cut = int(len(tokens) * (1 - data.get("validation", 0.1)))
        self.train_tokens, self.validation = torch.from_numpy(tokens[:cut]), torch.from_numpy(tokens[cut:])
        torch.manual_seed(seed)
        self.model = Model(self.m, len(letters))
        named = list(self.model.parameters())
        groups = [{"params": [p for p in named if p.dim() >= 2], "weight_decay": 0.1},
                  {"params": [p for p in named if p.dim() < 2], "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, self.t.get("beta2", 0.95)))

    def rate(self, step):
        t, warm, steps = self.t, self.t.get("warmup", 0), self.t["steps"]
        top, least = t["learning_rate"], t.get("least_learning_rate", t["learning_rate"] / 10)
        if step < warm:
            return top * (step + 1) / (warm + 1)
        return least + (top - least) * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))

    def step(self, step):
        length, batch = self.m["context"], self.t.get("batch", 12)
        starts = torch.randint(len(self.train_tokens) - length, (batch,))
        ids = torch.stack([self.train_tokens[i:i + length] for i in starts])
        targets = torch.stack([self.train_tokens[i + 1:i + 1 + length] for i in starts])
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step)
        loss = self.model(ids, targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return loss

    @torch.no_grad()
    def whole_validation(self):
        length, v = self.m["context"], self.validation
        count = (len(v) - 1) // length
        ids, targets = v[:count * length].view(count, length), v[1:count * length + 1].view(count, length)
        parts = [self.model(ids[i:i + 64], targets[i:i + 64]) * len(ids[i:i + 64])
                 for i in range(0, count, 64)]
        return (sum(parts) / count).item()


def tepui_seconds(program, recipe, steps, threads):
    with tempfile.TemporaryDirectory() as out:
        command = [program, "train", recipe, "--out", out, "--until", str(steps), "--json",
                   "--backend", "cpu", "--threads", str(threads)]
        result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result["tokens"] / result["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    recipe = tomllib.loads(a.recipe.read_text())
    other = Torch(recipe, a.recipe.parent, a.seed)
    if a.losses:
        for step in range(recipe["train"]["steps"]):
            if step % recipe["train"].get("evaluate_every", 250) == 0:
                print(f"step {step:6}  validation loss {other.whole_validation():.4f}", flush=True)
            other.step(step)
        print(f"torch, seed {a.seed}: {other.whole_validation():.4f} over the whole validation data")
        return
    tokens = recipe["train"].get("batch", 12) * recipe["model"]["context"] * a.steps
    for step in range(5):
        other.step(step)
    speeds = []
    for _ in range(a.rounds):
        ours = tepui_seconds(a.program, str(a.recipe), a.steps, torch.get_num_threads())
        begin = time.perf_counter()
        for step in range(a.steps):
            other.step(step)
        theirs = tokens / (time.perf_counter() - begin)
        speeds.append((ours, theirs))
        print(f"tepui {ours:8.0f} tokens/s  torch {theirs:8.0f} tokens/s  ratio {ours / theirs:.2f}")
    print(f"median ratio {statistics.median(x / y for x, y in speeds):.2f}, "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
