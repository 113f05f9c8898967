# SPDX-License-Identifier: MIT
"""Tiny models with one thing changed, written down anew in torch: the cases of make_train_golden.py
that transformers does not have. Names and keys are those of src/models/arch/variants.cpp."""
import math
import types

import torch
from torch.nn.functional import gelu, silu

CONTEXT, VOCABULARY = 12, 23


class Variant(torch.nn.Module):
    """Parameters by the names that they have in the file, and a forward pass of plain matrices."""

    def __init__(self, config, shapes):
        super().__init__()
        self.config = config
        self.config_prefix = config.get("attention_prefix", 0)
        self.tensors = torch.nn.ParameterDict(
            {name.replace(".", "|"): torch.nn.Parameter(self.start(name, shape))
             for name, shape in shapes.items()})

    @staticmethod
    def start(name, shape):
        if name.endswith("factor"):
            return torch.full(shape, 2.0)
        if name.endswith("alpha"):
            return torch.full(shape, 0.7)
        is_norm = any(part in name for part in ("ln_", "layernorm", ".norm."))
        if is_norm and name.endswith("weight"):
            return torch.ones(shape)
        return torch.zeros(shape) if name.endswith("bias") else torch.randn(shape) * 0.2

    def named_parameters(self, *args, **kwargs):
        for name, value in self.tensors.named_parameters():
            yield name.replace("|", "."), value

    def __getitem__(self, name):
        return self.tensors[name.replace(".", "|")]

    def decays(self, name):
        return self[name].dim() >= 2 or "extra_" in name or "head_gate.weight" in name

    def norm(self, x, name):
        if self.config.get("norm") == "dyt":
            y = torch.tanh(self[name + ".alpha"] * x) * self[name + ".weight"]
            return y + self[name + ".bias"] if name.startswith("transformer") else y
        if name.startswith("transformer"):
            x = x - x.mean(-1, keepdim=True)
            x = x / torch.sqrt(x.square().mean(-1, keepdim=True) + 1e-5)
            return x * self[name + ".weight"] + self[name + ".bias"]
        return x / torch.sqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self[name + ".weight"]

    def attention(self, x, q, k, v, at):
        """q [B, T, H, d], k and v [B, T, G, d] -> [B, T, H d], before the output projection."""
        c = self.config
        heads, groups, dim, time = q.shape[2], k.shape[2], q.shape[3], q.shape[1]
        k = k.repeat_interleave(heads // groups, 2)
        v = v.repeat_interleave(heads // groups, 2)
        score = torch.einsum("bthd,bshd->bhts", q, k) / math.sqrt(dim)
        seen = torch.ones(time, time, dtype=torch.bool).tril()
        if "sliding_window" in c:
            seen &= ~torch.ones(time, time, dtype=torch.bool).tril(-c["sliding_window"])
        seen[:, : c.get("attention_prefix", 0)] = True
        extra = c.get("attention_extra", "none")
        own = {}
        for what in ("extra_key", "extra_value"):
            if extra in ("kv_bias", what[6] + "_bias"):
                own[what] = self[at + what].reshape(groups, dim).repeat_interleave(heads // groups, 0)
        if c.get("attention_weights") == "sigmoid":
            weight = torch.sigmoid(score - c.get("attention_shift", 0)) * seen
        else:
            score = score.masked_fill(~seen, -math.inf)
            if extra in ("kv_bias", "k_bias", "off_by_one"):
                more = torch.zeros_like(score[..., :1])
                if "extra_key" in own:
                    more = torch.einsum("bthd,hd->bht", q, own["extra_key"])[..., None] / math.sqrt(dim)
                score = torch.cat([more, score], -1)
            weight = torch.softmax(score, -1)
            if "attention_clip" in c:
                gamma = -c["attention_clip"]
                weight = torch.clamp((1 - gamma) * weight + gamma, 0, 1)
        if weight.shape[-1] > time:
            extra_weight, weight = weight[..., 0], weight[..., 1:]
        z = torch.einsum("bhts,bshd->bthd", weight, v)
        if extra == "kv_bias":
            z = z + torch.einsum("bht,hd->bthd", extra_weight, own["extra_value"])
        if extra == "v_bias":
            z = z + own["extra_value"]
        z = z.flatten(2)
        if c.get("attention_gate"):
            z = z * torch.sigmoid(x @ self[at + "gate.weight"].T + self[at + "gate.offset"])
        if c.get("head_gate"):
            own_part = x.unflatten(-1, (heads, dim)) * self[at + "head_gate.weight"].reshape(heads, dim)
            gate = torch.sigmoid(own_part.sum(-1) + self[at + "head_gate.offset"])
            z = z * gate.repeat_interleave(dim, -1)
        return z

    def block(self, x, first, second, attention, mlp):
        if self.config.get("norm_place") == "behind":
            x = self.norm(x + attention(x), first)
            return self.norm(x + mlp(x), second)
        x = x + attention(self.norm(x, first))
        return x + mlp(self.norm(x, second))


class Gpt2(Variant):
    def __init__(self, layers=1, heads=2, width=8, **keys):
        config = {"model_type": "tepui_gpt2", "vocab_size": VOCABULARY, "n_positions": CONTEXT,
                  "n_embd": width, "n_layer": layers, "n_head": heads, "n_inner": 2 * width,
                  "activation_function": "gelu", "layer_norm_epsilon": 1e-5,
                  "tie_word_embeddings": True, "torch_dtype": "float32", **keys}
        norms, shapes = [], {"transformer.wte.weight": (VOCABULARY, width)}
        if keys.get("positions") != "none":
            shapes["transformer.wpe.weight"] = (CONTEXT, width)
        for layer in range(layers):
            at = f"transformer.h.{layer}."
            norms += [at + "ln_1", at + "ln_2"]
            for name, inner, outer in (("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width),
                                       ("mlp.c_fc", width, 2 * width),
                                       ("mlp.c_proj", 2 * width, width)):
                shapes[f"{at}{name}.weight"], shapes[f"{at}{name}.bias"] = (inner, outer), (outer,)
            shapes.update(extras(keys, at + "attn.", width, width, heads))
        if keys.get("norm_place") != "behind":
            norms.append("transformer.ln_f")
        for name in norms:
            shapes[name + ".weight"] = shapes[name + ".bias"] = (width,)
            if keys.get("norm") == "dyt":
                shapes[name + ".alpha"] = (1,)
        super().__init__(config, shapes)

    def forward(self, ids):
        heads, width = self.config["n_head"], self.config["n_embd"]
        x = self["transformer.wte.weight"][ids]
        if self.config.get("positions") != "none":
            x = x + self["transformer.wpe.weight"][: ids.shape[1]]
        for layer in range(self.config["n_layer"]):
            at = f"transformer.h.{layer}."

            def linear(y, name, at=at):
                return y @ self[f"{at}{name}.weight"] + self[f"{at}{name}.bias"]

            def attention(y, at=at, linear=linear):
                q, k, v = (part.unflatten(-1, (heads, width // heads))
                           for part in linear(y, "attn.c_attn").split(width, -1))
                return linear(self.attention(y, q, k, v, at + "attn."), "attn.c_proj")

            x = self.block(x, at + "ln_1", at + "ln_2", attention,
                           lambda y, linear=linear: linear(gelu(linear(y, "mlp.c_fc")), "mlp.c_proj"))
        if self.config.get("norm_place") != "behind":
            x = self.norm(x, "transformer.ln_f")
        return types.SimpleNamespace(logits=x @ self["transformer.wte.weight"].T)


class Llama(Variant):
    def __init__(self, heads=4, groups=2, width=8, hidden=12, **keys):
        config = {"model_type": "tepui_llama", "vocab_size": VOCABULARY,
                  "max_position_embeddings": CONTEXT, "hidden_size": width,
                  "intermediate_size": hidden, "num_hidden_layers": 1, "num_attention_heads": heads,
                  "num_key_value_heads": groups, "hidden_act": "silu", "rms_norm_eps": 1e-5,
                  "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "float32",
                  **keys}
        dim, at = width // heads, "model.layers.0."
        shapes = {"model.embed_tokens.weight": (VOCABULARY, width),
                  "lm_head.weight": (VOCABULARY, width)}
        for name, outer, inner in (("self_attn.q_proj", width, width),
                                   ("self_attn.k_proj", groups * dim, width),
                                   ("self_attn.v_proj", groups * dim, width),
                                   ("self_attn.o_proj", width, width), ("mlp.gate_proj", hidden, width),
                                   ("mlp.up_proj", hidden, width), ("mlp.down_proj", width, hidden)):
            shapes[f"{at}{name}.weight"] = (outer, inner)
        shapes.update(extras(keys, at + "self_attn.", groups * dim, width, heads))
        if keys.get("embedding_factor"):
            shapes["model.embed_tokens.factor"] = (1,)
        norms = [at + "input_layernorm", at + "post_attention_layernorm"]
        if keys.get("norm_place") != "behind":
            norms.append("model.norm")
        for name in norms:
            shapes[name + ".weight"] = (width,)
            if keys.get("norm") == "dyt":
                shapes[name + ".alpha"] = (1,)
        super().__init__(config, shapes)

    def turned(self, x):
        dim = x.shape[-1]
        angle = torch.arange(x.shape[1])[:, None].to(x) / 10000.0 ** (
            torch.arange(0, dim, 2).to(x) / dim)
        cos, sin = angle.cos()[:, None, :], angle.sin()[:, None, :]
        a, b = x[..., : dim // 2], x[..., dim // 2:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def forward(self, ids):
        c, at = self.config, "model.layers.0."
        dim = c["hidden_size"] // c["num_attention_heads"]

        def linear(y, name):
            return y @ self[f"{at}{name}.weight"].T

        def attention(y):
            q, k, v = (linear(y, f"self_attn.{name}_proj").unflatten(-1, (-1, dim)) for name in "qkv")
            z = self.attention(y, self.turned(q), self.turned(k), v, at + "self_attn.")
            return linear(z, "self_attn.o_proj")

        def mlp(y):
            return linear(silu(linear(y, "mlp.gate_proj")) * linear(y, "mlp.up_proj"), "mlp.down_proj")

        x = self["model.embed_tokens.weight"][ids]
        if c.get("embedding_factor"):
            x = x * self["model.embed_tokens.factor"]
        x = self.block(x, at + "input_layernorm", at + "post_attention_layernorm", attention, mlp)
        if c.get("norm_place") != "behind":
            x = self.norm(x, "model.norm")
        return types.SimpleNamespace(logits=x @ self["lm_head.weight"].T)


def extras(keys, at, kv, width, heads):
    extra, shapes = keys.get("attention_extra", "none"), {}
    if extra in ("kv_bias", "k_bias"):
        shapes[at + "extra_key"] = (kv,)
    if extra in ("kv_bias", "v_bias"):
        shapes[at + "extra_value"] = (kv,)
    if keys.get("attention_gate"):
        shapes[at + "gate.weight"], shapes[at + "gate.offset"] = (width, width), (width,)
    if keys.get("head_gate"):
        shapes[at + "head_gate.weight"], shapes[at + "head_gate.offset"] = (width,), (heads,)
    return shapes


CASES = {
    "variant-kv-bias": lambda: Gpt2(layers=2, attention_extra="kv_bias", attention_gate=True,
                                    positions="none"),
    "variant-dyt": lambda: Llama(norm="dyt", embedding_factor=True, attention_extra="kv_bias",
                                 head_gate=True, attention_prefix=5),
    "variant-clipped": lambda: Llama(attention_clip=0.05, attention_extra="v_bias",
                                     norm_place="behind"),
    "variant-sigmoid": lambda: Gpt2(attention_weights="sigmoid", attention_shift=math.log(CONTEXT),
                                    attention_gate=True),
    "variant-off-by-one": lambda: Gpt2(attention_extra="off_by_one", norm_place="behind"),
    "variant-k-bias": lambda: Gpt2(attention_extra="k_bias", norm="dyt", sliding_window=5),
}
