# SPDX-License-Identifier: MIT
"""The cases of make_golden.py; golden_families.py says where their sites are in a model.

A new architecture is a row of FAMILIES and its rows of CASES, here for LLaMA and GPT-2, the others
in golden_decoders.py.
"""
import contextlib
import dataclasses
from collections.abc import Callable

import torch



@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    family: str
    dtype: str
    config: dict  # as written in config.json
    as_saved: bool = False  # config.json as transformers writes it, instead of the keys above
    shards: int = 1
    nanogpt: dict | None = None  # written as a checkpoint of nanoGPT with these model_args besides
    rename: Callable | None = None  # {name: tensor} -> {name: tensor}, of the weight file
    classes: Callable = contextlib.nullcontext  # in which transformers has the model's classes
    lengths: dict = dataclasses.field(default_factory=lambda: {"golden.safetensors": 12})


def llama(**keys):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 64,
        "max_position_embeddings": 32,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
    } | keys


def llama1(**keys):
    """The keys of the first converted checkpoints; what they leave out has its default."""
    keys = llama(
        architectures=["LLaMAForCausalLM"],
        max_sequence_length=32,
        initializer_range=0.02,
        pad_token_id=0,
        rms_norm_eps=1e-6,
        torch_dtype="float32",
        transformers_version="4.28.0.dev0",
        use_cache=True,
        **keys,
    )
    del keys["num_key_value_heads"]
    return keys


def gpt2(**keys):
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_ctx": 16,
        "n_positions": 16,
        "vocab_size": 64,
        "layer_norm_epsilon": 1e-5,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "attn_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "resid_pdrop": 0.1,
    } | keys


def with_stale_buffers(tensors):
    """Masks that older versions saved with the weights; nothing reads them."""
    tensors = dict(tensors)
    for layer in range(2):
        mask = torch.ones(16, 16, dtype=torch.uint8).tril().reshape(1, 1, 16, 16)
        tensors[f"transformer.h.{layer}.attn.bias"] = mask
        tensors[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return tensors


def without_prefix(tensors):
    return {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}


LLAMA3_ROPE = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
    "rope_type": "llama3",
}

CASES = [
    Case("llama-mha-untied", "llama", "f32", llama1()),
    Case(
        "llama-gqa-tied-bf16",
        "llama",
        "bf16",
        llama(tie_word_embeddings=True, rope_theta=10000.0, rope_scaling=None,
              torch_dtype="bfloat16"),
    ),
    Case(
        "llama-gqa-f16-sharded",
        "llama",
        "f16",
        llama(rope_theta=10000.0, pretraining_tp=1, torch_dtype="float16"),
        shards=2,
    ),
    Case(
        "llama3-rope",
        "llama",
        "bf16",
        llama(num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=512,
              rope_theta=500000.0, rope_scaling=LLAMA3_ROPE, torch_dtype="bfloat16"),
    ),
    Case(
        "llama-rope-linear",
        "llama",
        "f32",
        llama(rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.5}),
    ),
    Case(
        "llama-rope-dynamic",
        "llama",
        "f32",
        llama(max_position_embeddings=13, rope_theta=10000.0,
              rope_scaling={"type": "dynamic", "factor": 2.0}),
        lengths={"golden.safetensors": 12, "golden_long.safetensors": 20},
    ),
    Case(
        "llama-new-keys",
        "llama",
        "bf16",
        llama(rope_parameters={"rope_type": "linear", "rope_theta": 2000.0, "factor": 1.5}),
        as_saved=True,
    ),
    Case(
        "llama-biases",
        "llama",
        "f32",
        llama(attention_bias=True, mlp_bias=True,
              rope_parameters={"rope_type": "default", "rope_theta": 50000.0}),
        as_saved=True,
    ),
    Case(
        "llama-head-dim",
        "llama",
        "f32",
        llama(hidden_size=36, num_attention_heads=3, num_key_value_heads=1, head_dim=16,
              rms_norm_eps=1e-3, rope_theta=10000.0),
    ),
    Case("gpt2-new", "gpt2", "f32", gpt2(), rename=with_stale_buffers),
    Case(
        "gpt2-erf",
        "gpt2",
        "f16",
        gpt2(activation_function="gelu", n_inner=48, layer_norm_epsilon=1e-3),
        as_saved=True,
        rename=without_prefix,
    ),
    Case("gpt2-scaled", "gpt2", "f32", gpt2(n_inner=48, scale_attn_by_inverse_layer_idx=True)),
    Case("gpt2-untied", "gpt2", "bf16", gpt2(n_inner=48, tie_word_embeddings=False)),
]
