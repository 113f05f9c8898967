# SPDX-License-Identifier: MIT
"""nanoGPT's GPT-2 in torch, and its training, by a recipe of `tepui train` (for train_beside_torch.py).

The recipe must be a gpt2 one on characters, without accumulation and variants. Eager, f32, torch's
fused attention, AdamW's foreach form. What is drawn (weights, batches, dropout) is torch's own.
"""
import json
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, bias, tanh, dropout):
        super().__init__()
        self.heads, self.tanh, self.dropout = heads, tanh, dropout
        self.norm1 = nn.LayerNorm(width, bias=bias)
        self.norm2 = nn.LayerNorm(width, bias=bias)
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)
        self.up = nn.Linear(width, 4 * width, bias=bias)
        self.down = nn.Linear(4 * width, width, bias=bias)

    def drop(self, x):
        return F.dropout(x, self.dropout, self.training) if self.dropout > 0 else x

    def forward(self, x):
        rows, length, width = x.shape
        heads = (rows, length, self.heads, width // self.heads)
        q, k, v = (part.view(heads).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, -1))
        dropped = self.dropout if self.training else 0.0
        z = F.scaled_dot_product_attention(q, k, v, dropout_p=dropped, is_causal=True)
        x = x + self.drop(self.out(z.transpose(1, 2).reshape(rows, length, width)))
        hidden = F.gelu(self.up(self.norm2(x)), approximate="tanh" if self.tanh else "none")
        return x + self.drop(self.down(hidden))


class Model(nn.Module):
    def __init__(self, m, vocabulary):
        super().__init__()
        width, bias, self.dropout = m["width"], m.get("bias", False), m.get("dropout", 0.0)
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(m["context"], width)
        tanh = m.get("activation", "gelu") == "gelu_new"
        self.blocks = nn.ModuleList(Block(width, m["heads"], bias, tanh, self.dropout)
                                    for _ in range(m["layers"]))
        self.norm = nn.LayerNorm(width, bias=bias)
        for name, p in self.named_parameters():
            if p.dim() < 2:
                continue
            narrow = name.endswith(("out.weight", "down.weight"))
            nn.init.normal_(p, std=0.02 / math.sqrt(2 * m["layers"]) if narrow else 0.02)

    def forward(self, ids, targets, each=False):
        """The mean loss, or each sequence's."""
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        if self.dropout > 0:
            x = F.dropout(x, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.tokens.weight.T
        if each:
            return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def load(self, checkpoint):
        """The weights of a checkpoint of `tepui train`: transformers' names, matrices [in, out]."""
        found = read_safetensors(checkpoint / "model.safetensors")
        names = {"tokens.weight": "wte.weight", "positions.weight": "wpe.weight",
                 "norm.weight": "ln_f.weight", "norm.bias": "ln_f.bias"}
        parts = {"norm1": "ln_1", "norm2": "ln_2", "qkv": "attn.c_attn", "out": "attn.c_proj",
                 "up": "mlp.c_fc", "down": "mlp.c_proj"}
        with torch.no_grad():
            for name, p in self.named_parameters():
                words = name.split(".")
                if words[0] == "blocks":
                    names[name] = f"h.{words[1]}.{parts[words[2]]}.{words[3]}"
                value = torch.from_numpy(found.pop("transformer." + names[name]))
                transposed = words[0] == "blocks" and p.dim() == 2
                p.copy_(value.T if transposed else value)
        left = [name for name, value in found.items() if value.any()]
        if left:
            raise SystemExit(f"{checkpoint}: expected no other weights but 0, found {left}")


def read_safetensors(file):
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        part = content[8 + length + first:8 + length + last]
        out[name] = np.frombuffer(part, dtype="<f4").reshape(entry["shape"]).copy()
    return out


class Training:
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
        decay = self.t.get("weight_decay", 0.1)
        groups = [{"params": [p for p in named if p.dim() >= 2], "weight_decay": decay},
                  {"params": [p for p in named if p.dim() < 2], "weight_decay": 0.0}]
        betas = (self.t.get("beta1", 0.9), self.t.get("beta2", 0.95))
        self.optimiser = torch.optim.AdamW(groups, betas=betas)

    def rate(self, step):
        t, warm, steps = self.t, self.t.get("warmup", 0), self.t["steps"]
        top, least = t["learning_rate"], t.get("least_learning_rate", t["learning_rate"] / 10)
        if step < warm:
            return top * (step + 1) / (warm + 1)
        return least + (top - least) * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))

    def draw(self, tokens, sequences):
        length = self.m["context"]
        starts = torch.randint(len(tokens) - length, (sequences,))
        return (torch.stack([tokens[i:i + length] for i in starts]),
                torch.stack([tokens[i + 1:i + 1 + length] for i in starts]))

    def step(self, step):
        ids, targets = self.draw(self.train_tokens, self.t.get("batch", 12))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step)
        loss = self.model(ids, targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.t.get("clip", 1.0))
        self.optimiser.step()
        return loss.item()

    @torch.no_grad()
    def validation_loss(self, most=None):
        """Of the validation data cut into contexts, all or the first so many."""
        length, v = self.m["context"], self.validation
        count = (len(v) - 1) // length
        ids, targets = v[:count * length].view(count, length), v[1:count * length + 1].view(count, length)
        count = min(count, most or count)
        self.model.eval()
        parts = [self.model(ids[i:i + 64], targets[i:i + 64]) * min(64, count - i)
                 for i in range(0, count, 64)]
        self.model.train()
        return (sum(parts) / count).item()

    @torch.no_grad()
    def estimates(self, draws, sequences, windows=6000):
        """nanoGPT's estimate of the validation loss, the mean of so many random sequences, drawn anew
        `draws` times from the losses of `windows` random ones."""
        torch.manual_seed(1)
        self.model.eval()
        losses = torch.cat([self.model(*self.draw(self.validation, 240), each=True)
                            for _ in range(windows // 240)])
        self.model.train()
        return losses[torch.randint(len(losses), (draws, sequences))].mean(1).tolist()
