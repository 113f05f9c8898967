# SPDX-License-Identifier: MIT
"""MPT as its publisher's own code runs it, for make_golden.py: transformers' class leaves out what
MPT 7B and 30B do not use (learned positions, norms of queries and keys, biases, other scales and
norms). Written from the definitions, plainly; the case "mpt" is the same in both.
"""
import contextlib
import math

import torch
import transformers
from torch import nn
from transformers.modeling_outputs import CausalLMOutput


class HubMptConfig(transformers.PretrainedConfig):
    model_type = "mpt"
    logit_scale = None  # unless given
    attribute_map = {
        "hidden_size": "d_model",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "max_position_embeddings": "max_seq_len",
    }

    @property
    def num_key_value_heads(self):
        kind = self.attn_config["attn_type"]
        fewer = {"multiquery_attention": 1, "grouped_query_attention": self.attn_config.get("kv_n_heads")}
        return fewer.get(kind, self.n_heads)


def norm_of(config, width):
    return nn.LayerNorm(width, eps=1e-5, bias=not config.no_bias)


def slopes(heads, largest):
    """Those of the next power of two: every other one first, then the rest."""
    power = 2 ** math.ceil(math.log2(heads))
    found = [2.0 ** (-largest * (i + 1) / power) for i in range(power)]
    return found if power == heads else (found[1::2] + found[::2])[:heads]


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.how = config, config.attn_config
        self.heads, self.kv_heads = config.n_heads, config.num_key_value_heads
        self.head_dim = config.d_model // config.n_heads
        bias = not config.no_bias
        rows = (self.heads + 2 * self.kv_heads) * self.head_dim
        self.Wqkv = nn.Linear(config.d_model, rows, bias=bias)
        self.out_proj = nn.Linear(config.d_model, config.d_model, bias=bias)
        if self.how.get("qk_ln") or self.how.get("qk_gn"):
            by_head = bool(self.how.get("qk_gn"))
            self.q_ln = norm_of(config, self.head_dim * (1 if by_head else self.heads))
            self.k_ln = norm_of(config, self.head_dim * (1 if by_head else self.kv_heads))

    def forward(self, x):
        qkv = self.Wqkv(x)
        if self.how.get("clip_qkv"):
            qkv = qkv.clamp(-self.how["clip_qkv"], self.how["clip_qkv"])
        width = self.kv_heads * self.head_dim
        q, k, v = qkv.split((self.heads * self.head_dim, width, width), -1)
        split = lambda y: y.unflatten(-1, (-1, self.head_dim))
        if self.how.get("qk_gn"):
            q, k = self.q_ln(split(q)).flatten(-2), self.k_ln(split(k)).flatten(-2)
        elif self.how.get("qk_ln"):
            q, k = self.q_ln(q), self.k_ln(k)
        q, k, v = (split(y).transpose(1, 2) for y in (q, k, v))
        k, v = (y.repeat_interleave(self.heads // self.kv_heads, 1) for y in (k, v))
        scale = self.how.get("softmax_scale") or 1 / math.sqrt(self.head_dim)
        scores = q @ k.transpose(-1, -2) * scale
        places = torch.arange(x.shape[1])
        if self.how["alibi"]:
            slope = torch.tensor(slopes(self.heads, self.how["alibi_bias_max"]), dtype=x.dtype)
            scores = scores + slope[:, None, None] * (places - x.shape[1] + 1).to(x.dtype)
        scores = scores.masked_fill(places[None] > places[:, None], -math.inf)
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config.expansion_ratio * config.d_model
        self.up_proj = nn.Linear(config.d_model, hidden, bias=not config.no_bias)
        self.down_proj = nn.Linear(hidden, config.d_model, bias=not config.no_bias)

    def forward(self, x):
        return self.down_proj(nn.functional.gelu(self.up_proj(x)))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm_1, self.attn = norm_of(config, config.d_model), Attention(config)
        self.norm_2, self.ffn = norm_of(config, config.d_model), Mlp(config)

    def forward(self, x):
        x = x + self.attn(self.norm_1(x))
        return x + self.ffn(self.norm_2(x))


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.d_model)
        if not config.attn_config["alibi"]:
            self.wpe = nn.Embedding(config.max_seq_len, config.d_model)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm_f = norm_of(config, config.d_model)


class HubMpt(transformers.PreTrainedModel):
    config_class = HubMptConfig
    base_model_prefix = "transformer"

    def __init__(self, config):
        super().__init__(config)
        self.transformer = Decoder(config)
        self.post_init()

    def forward(self, input_ids, **_):
        decoder, config = self.transformer, self.config
        x = decoder.wte(input_ids)
        if not config.attn_config["alibi"]:
            x = x + decoder.wpe(torch.arange(input_ids.shape[1]))
        met = []
        for block in decoder.blocks:
            met.append(x)
            x = block(x)
        x = decoder.norm_f(x)
        logits = nn.functional.linear(x, decoder.wte.weight)
        if config.logit_scale is not None:
            word = config.logit_scale == "inv_sqrt_d_model"
            logits = logits * (1 / math.sqrt(config.d_model) if word else config.logit_scale)
        return CausalLMOutput(logits=logits, hidden_states=(*met, x))


@contextlib.contextmanager
def published():
    """transformers' Auto classes take model_type mpt for the classes above."""
    theirs = transformers.AutoConfig.for_model("mpt").__class__
    transformers.AutoConfig.register("mpt", HubMptConfig, exist_ok=True)
    transformers.AutoModelForCausalLM.register(HubMptConfig, HubMpt, exist_ok=True)
    try:
        yield
    finally:
        transformers.AutoConfig.register("mpt", theirs, exist_ok=True)
