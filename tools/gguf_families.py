# SPDX-License-Identifier: MIT
"""What llama.cpp's converter makes of each family: the keys it writes, the names it gives and how it rearranges
tensors. make_gguf.py writes files by it.

A new architecture is a function (config, tensors, writer) -> {name: array} and its line in FAMILIES.
"""
import math

import gguf
import numpy as np

LLAMA_LAYER = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "block_sparse_moe.gate": "ffn_gate_inp",
    "self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up", "self_attn.dense": "attn_output",
    "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down",
}
LLAMA_MODEL = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
               "model.final_layernorm": "output_norm"}
GEMMA2_LAYER = LLAMA_LAYER | {"post_attention_layernorm": "post_attention_norm",
                              "pre_feedforward_layernorm": "ffn_norm",
                              "post_feedforward_layernorm": "post_ffw_norm"}
OLMO2_LAYER = LLAMA_LAYER | {"post_attention_layernorm": "post_attention_norm",
                             "post_feedforward_layernorm": "post_ffw_norm"}
BLOOM_LAYER = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
               "self_attention.query_key_value": "attn_qkv", "self_attention.dense": "attn_output",
               "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
               "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
               "ln_mlp": "attn_norm", "ln_attn": "attn_norm_2"}


def rename(tensors, model_names, layer_prefix, layer_names):
    out = {}
    for name, array in tensors.items():
        stem, _, kind = name.rpartition(".")
        if stem.startswith(layer_prefix):
            layer, _, rest = stem[len(layer_prefix) :].partition(".")
            out[f"blk.{layer}.{layer_names[rest]}.{kind}"] = array
        else:
            out[f"{model_names[stem]}.{kind}"] = array
    return out


def rotary_pairs(array, heads):
    """The converter's order of the rows of q and k: partners of a rotary pair become neighbours."""
    return array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


def thirds(array, groups, queries, head_dim):
    """q, k and v of each group behind one another -> all of q, all of k, all of v."""
    parts = array.reshape(groups, queries + 2, head_dim, *array.shape[1:])
    flat = lambda part: part.reshape(-1, *array.shape[1:])
    return np.concatenate([flat(parts[:, :-2]), flat(parts[:, -2]), flat(parts[:, -1])])


def sizes(config):
    heads = config["num_attention_heads"]
    return heads, config.get("num_key_value_heads", heads), config.get("head_dim") or config["hidden_size"] // heads


def llama_keys(config, writer, eps="rms_norm_eps"):
    heads, kv_heads, head_dim = sizes(config)
    rope = config.get("rope_parameters") or {}
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    if eps == "rms_norm_eps":
        writer.add_layer_norm_rms_eps(config[eps])
    else:
        writer.add_layer_norm_eps(config.get(eps, 1e-5))
    writer.add_rope_freq_base(rope.get("rope_theta", config.get("rope_theta", 10000.0)))
    writer.add_rope_dimension_count(int(head_dim * config.get("partial_rotary_factor", 1)))
    writer.add_vocab_size(config["vocab_size"])
    if config.get("head_dim"):
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    scaling = config.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(scaling["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])


def llama3_divisors(theta, head_dim, scaling):
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    context = scaling["original_max_position_embeddings"]
    out = []
    for i in range(0, head_dim, 2):
        wavelength = 2 * math.pi * theta ** (i / head_dim)
        if wavelength < context / high:
            out.append(1.0)
        elif wavelength > context / low:
            out.append(factor)
        else:
            smooth = (context / wavelength - low) / (high - low)
            out.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(out, np.float32)


def pair_queries_and_keys(config, tensors):
    heads, kv_heads, _ = sizes(config)
    return {name: rotary_pairs(array, heads if "attn_q." in name else kv_heads)
            if "attn_q." in name or "attn_k." in name else array for name, array in tensors.items()}


def stack_experts(tensors):
    """One tensor [experts, out, in] for w1, w2 and w3 of a layer."""
    parts, out = {}, {}
    for name, array in tensors.items():
        if ".block_sparse_moe.experts." not in name:
            out[name] = array
            continue
        layer, expert, matrix = name.split(".")[2], int(name.split(".")[5]), name.split(".")[6]
        kind = {"w1": "gate", "w2": "down", "w3": "up"}[matrix]
        parts.setdefault(f"blk.{layer}.ffn_{kind}_exps.weight", {})[expert] = array
    return out, {name: np.stack([found[i] for i in sorted(found)]) for name, found in parts.items()}


def llama(config, tensors, writer):
    llama_keys(config, writer)
    tensors, experts = stack_experts(tensors)
    if experts:
        writer.add_expert_count(config["num_local_experts"])
        writer.add_expert_used_count(config["num_experts_per_tok"])
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
    out = rename(tensors, LLAMA_MODEL, "model.layers.", LLAMA_LAYER)
    scaling = config.get("rope_scaling") or {}
    if scaling.get("rope_type") == "llama3":
        out["rope_freqs.weight"] = llama3_divisors(config["rope_theta"], sizes(config)[2], scaling)
    return pair_queries_and_keys(config, out) | experts


def gpt2(config, tensors, writer):
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    tensors = {name.removeprefix("transformer."): array for name, array in tensors.items()}
    conv1d = lambda name: name.split(".")[-2] in ("c_attn", "c_proj", "c_fc") and name.endswith(".weight")
    tensors = {name: array.T if conv1d(name) else array for name, array in tensors.items()
               if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    out = rename(tensors, {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "lm_head": "output"},
                 "h.", {"ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv",
                        "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"})
    out.setdefault("output.weight", out["token_embd.weight"])
    return out


def falcon(config, tensors, writer):
    heads = config["num_attention_heads"]
    kv_heads = config["num_kv_heads"] if config["new_decoder_architecture"] else 1
    head_dim = config["hidden_size"] // heads
    writer.add_context_length(2048)
    writer.add_tensor_data_layout("jploski")
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config.get("ffn_hidden_size", 4 * config["hidden_size"]))
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    out = rename(tensors, {"transformer.word_embeddings": "token_embd", "transformer.ln_f": "output_norm",
                           "lm_head": "output"}, "transformer.h.", BLOOM_LAYER)
    return {name: thirds(array, kv_heads, heads // kv_heads, head_dim) if "attn_qkv" in name else array
            for name, array in out.items()}


def each_head_fused(heads, width, tensors):
    return {name: thirds(array, heads, 1, width // heads) if "attn_qkv" in name else array
            for name, array in tensors.items()}


def gptneox(config, tensors, writer):
    heads, width = config["num_attention_heads"], config["hidden_size"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(width)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(int(config["rotary_pct"] * (width // heads)))
    writer.add_head_count(heads)
    writer.add_parallel_residual(config.get("use_parallel_residual", True))
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    kept = {name: array for name, array in tensors.items()
            if not name.endswith((".attention.bias", ".attention.masked_bias", ".inv_freq"))}
    out = rename(kept, {"gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm",
                        "embed_out": "output"}, "gpt_neox.layers.", BLOOM_LAYER)
    return each_head_fused(heads, width, out)


def mpt(config, tensors, writer):
    attention = config["attn_config"]
    writer.add_context_length(config["max_seq_len"])
    writer.add_embedding_length(config["d_model"])
    writer.add_block_count(config["n_layers"])
    writer.add_feed_forward_length(4 * config["d_model"])
    writer.add_head_count(config["n_heads"])
    if attention.get("kv_n_heads"):
        writer.add_head_count_kv(attention["kv_n_heads"])
    writer.add_layer_norm_eps(1e-5)
    if attention.get("clip_qkv") is not None:
        writer.add_clamp_kqv(attention["clip_qkv"])
    writer.add_max_alibi_bias(float(attention["alibi_bias_max"]) if attention["alibi"] else 0.0)
    return rename(tensors, {"transformer.wte": "token_embd", "transformer.wpe": "position_embd",
                            "transformer.norm_f": "output_norm"},
                  "transformer.blocks.", {"norm_1": "attn_norm", "norm_2": "ffn_norm", "attn.Wqkv": "attn_qkv",
                                          "attn.q_ln": "attn_q_norm", "attn.k_ln": "attn_k_norm",
                                          "attn.out_proj": "attn_output", "ffn.up_proj": "ffn_up",
                                          "ffn.down_proj": "ffn_down"})


def bloom(config, tensors, writer):
    width = config.get("hidden_size", config.get("n_embed"))
    heads = config.get("n_head", config.get("num_attention_heads"))
    writer.add_context_length(config.get("seq_length", width))
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(4 * width)
    writer.add_block_count(config["n_layer"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    tensors = {name.removeprefix("transformer."): array for name, array in tensors.items()}
    out = rename(tensors, {"word_embeddings": "token_embd", "word_embeddings_layernorm": "token_embd_norm",
                           "ln_f": "output_norm"}, "h.", BLOOM_LAYER)
    return each_head_fused(heads, width, out)


def phi2(config, tensors, writer):
    llama_keys(config, writer, "layer_norm_eps")
    return rename(tensors, LLAMA_MODEL, "model.layers.", LLAMA_LAYER)


def phi3(config, tensors, writer):
    llama_keys(config, writer)
    writer.add_sliding_window(config.get("sliding_window") or 0)
    out = rename(tensors, LLAMA_MODEL, "model.layers.", LLAMA_LAYER)
    original = config.get("original_max_position_embeddings", config["max_position_embeddings"])
    writer.add_rope_scaling_orig_ctx_len(original)
    scaling = config.get("rope_scaling")
    if scaling:
        scale = config["max_position_embeddings"] / original
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        for name in ("long", "short"):
            out[f"rope_factors_{name}.weight"] = np.array(scaling[f"{name}_factor"], np.float32)
    return out


def plain(config, tensors, writer):
    llama_keys(config, writer)
    return rename(tensors, LLAMA_MODEL, "model.layers.", LLAMA_LAYER)


def one_more(tensors):
    """Gemma's norms, whose files hold w for 1 + w."""
    return {name: array + np.float32(1) if "norm" in name else array for name, array in tensors.items()}


def gemma(config, tensors, writer):
    return one_more(plain(config, tensors, writer))


def gemma2(config, tensors, writer):
    llama_keys(config, writer)
    if config.get("attn_logit_softcapping"):
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
    if config.get("final_logit_softcapping"):
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    writer.add_sliding_window(config["sliding_window"])
    if config.get("sliding_window_pattern"):
        writer.add_uint32("gemma3.attention.sliding_window_pattern", config["sliding_window_pattern"])
        writer.add_float32("gemma3.rope.freq_base_swa", config["rope_local_base_freq"])
    return one_more(rename(tensors, LLAMA_MODEL, "model.layers.", GEMMA2_LAYER))


def olmo(config, tensors, writer):
    llama_keys(config, writer, "layer_norm_eps")
    if config.get("clip_qkv") is not None:
        writer.add_clamp_kqv(config["clip_qkv"])
    return pair_queries_and_keys(config, rename(tensors, LLAMA_MODEL, "model.layers.", LLAMA_LAYER))


def olmo2(config, tensors, writer):
    llama_keys(config, writer)
    return rename(tensors, LLAMA_MODEL, "model.layers.", OLMO2_LAYER)


def stablelm(config, tensors, writer):
    llama_keys(config, writer, "layer_norm_eps")
    writer.add_parallel_residual(config.get("use_parallel_residual", True))
    heads, kv_heads, _ = sizes(config)
    kept = {name: array for name, array in tensors.items() if ".norms." not in name}
    out = rename(kept, LLAMA_MODEL, "model.layers.", LLAMA_LAYER)
    for layer in range(config["num_hidden_layers"]):
        for part, count in (("q", heads), ("k", kv_heads)):
            name = f"model.layers.{layer}.self_attn.{part}_layernorm.norms."
            if name + "0.weight" in tensors:
                out[f"blk.{layer}.attn_{part}_norm.weight"] = np.stack(
                    [tensors[f"{name}{head}.weight"] for head in range(count)])
    return out


def cohere(config, tensors, writer):
    llama_keys(config, writer, "layer_norm_eps")
    writer.add_logit_scale(config["logit_scale"])
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])
        writer.add_uint32("cohere2.attention.sliding_window_pattern", config["sliding_window_pattern"])
    else:
        writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    return rename(tensors, LLAMA_MODEL, "model.layers.", LLAMA_LAYER)


# model_type -> (general.architecture, function)
FAMILIES = {
    "llama": ("llama", llama), "mistral": ("llama", llama), "mixtral": ("llama", llama), "gpt2": ("gpt2", gpt2),
    "falcon": ("falcon", falcon), "gpt_neox": ("gptneox", gptneox), "mpt": ("mpt", mpt), "bloom": ("bloom", bloom),
    "phi": ("phi2", phi2), "phi3": ("phi3", phi3), "qwen2": ("qwen2", plain), "qwen3": ("qwen3", plain),
    "gemma": ("gemma", gemma), "gemma2": ("gemma2", gemma2), "gemma3_text": ("gemma3", gemma2), "olmo": ("olmo", olmo),
    "olmo2": ("olmo2", olmo2), "stablelm": ("stablelm", stablelm), "cohere": ("command-r", cohere),
    "cohere2": ("cohere2", cohere),
}
