# SPDX-License-Identifier: MIT
"""Cases of make_golden.py for the decoders after LLaMA and GPT-2: at least one for each architecture
and for each mechanism that it brings. Sequences are short, windows shorter."""
from golden_cases import Case, gpt2, llama
from golden_mpt import published

SHORT = {"golden.safetensors": 5}
PAST_CONTEXT = {"golden.safetensors": 5, "golden_long.safetensors": 7}


def case(name, family, config, dtype="bf16", lengths=SHORT, **rest):
    return Case(name, family, dtype, config, lengths=lengths, **rest)


def like_llama(model_type, name, **keys):
    """LLaMA's keys under another type, its class named accordingly."""
    keys = {"rope_theta": 10000.0, "intermediate_size": 28, "vocab_size": 48} | keys
    return llama(architectures=[name], model_type=model_type, **keys)


def gptj(**keys):
    keys = gpt2(architectures=["GPTJForCausalLM"], model_type="gptj", n_inner=28, vocab_size=48, rotary_dim=4, **keys)
    del keys["n_ctx"]
    return keys


def neox(**keys):
    return {
        "architectures": ["GPTNeoXForCausalLM"],
        "model_type": "gpt_neox",
        "hidden_size": 32,
        "intermediate_size": 28,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 48,
        "max_position_embeddings": 32,
        "layer_norm_eps": 1e-5,
        "hidden_act": "gelu",
        "rotary_pct": 0.25,
        "rotary_emb_base": 10000,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
    } | keys


def opt(**keys):
    return {
        "architectures": ["OPTForCausalLM"],
        "model_type": "opt",
        "activation_function": "relu",
        "do_layer_norm_before": True,
        "_remove_final_layer_norm": False,
        "ffn_dim": 28,
        "hidden_size": 32,
        "max_position_embeddings": 16,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "vocab_size": 48,
        "word_embed_proj_dim": 32,
        "bos_token_id": 2,
        "eos_token_id": 2,
        "pad_token_id": 1,
    } | keys


def bloom(**keys):
    return {
        "architectures": ["BloomForCausalLM"],
        "model_type": "bloom",
        "n_embed": 36,
        "n_layer": 2,
        "num_attention_heads": 6,
        "n_head": 6,
        "vocab_size": 48,
        "seq_length": 32,
        "layer_norm_epsilon": 1e-5,
        "apply_residual_connection_post_layernorm": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 3,
    } | keys


def falcon(**keys):
    return {
        "architectures": ["FalconForCausalLM"],
        "model_type": "falcon",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_kv_heads": 4,
        "ffn_hidden_size": 28,
        "vocab_size": 48,
        "layer_norm_epsilon": 1e-5,
        "alibi": False,
        "bias": False,
        "multi_query": True,
        "new_decoder_architecture": False,
        "parallel_attn": True,
        "bos_token_id": 11,
        "eos_token_id": 11,
    } | keys


def mpt(**attention):
    return {
        "architectures": ["MPTForCausalLM"],
        "model_type": "mpt",
        "d_model": 36,
        "n_heads": 6,
        "n_layers": 2,
        "expansion_ratio": 4,
        "max_seq_len": 32,
        "vocab_size": 48,
        "learned_pos_emb": True,
        "no_bias": True,
        "norm_type": "low_precision_layernorm",
        "attn_config": {"alibi": True, "alibi_bias_max": 8, "attn_type": "multihead_attention"}
        | attention,
    }


def gemma(model_type, name, **keys):
    keys = {"head_dim": 12, "rms_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh",
            "hidden_activation": "gelu_pytorch_tanh"} | keys
    keys = like_llama(model_type, name, tie_word_embeddings=True, pad_token_id=0, **keys)
    return keys


GEMMA2 = {
    "query_pre_attn_scalar": 20,
    "attn_logit_softcapping": 2.5,
    "final_logit_softcapping": 3.0,
    "sliding_window": 3,
}
LONG_ROPE = {
    "type": "longrope",
    "original_max_position_embeddings": 5,
    "short_factor": [1.0, 1.25],
    "long_factor": [1.5, 3.0],
}
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8}

CASES = [
    case("nanogpt", "gpt2", gpt2(activation_function="gelu", vocab_size=48), dtype="f32",
         nanogpt={"bias": True, "dropout": 0.0}),
    case("nanogpt-no-bias", "gpt2", gpt2(activation_function="gelu", vocab_size=48), dtype="f32",
         nanogpt={"bias": False, "dropout": 0.0}),
    case("mistral-window", "llama-like",
         like_llama("mistral", "MistralForCausalLM", sliding_window=3, head_dim=12)),
    case("mixtral", "mixtral",
         like_llama("mixtral", "MixtralForCausalLM", num_local_experts=4, num_experts_per_tok=2,
                    sliding_window=None, rope_theta=1e6, intermediate_size=20)),
    case("qwen2-window", "llama-like",
         like_llama("qwen2", "Qwen2ForCausalLM", use_sliding_window=True, sliding_window=3,
                    max_window_layers=1, tie_word_embeddings=True)),
    case("qwen2-yarn", "llama-like",
         like_llama("qwen2", "Qwen2ForCausalLM", rope_scaling=YARN, use_sliding_window=False,
                    max_window_layers=2, sliding_window=3)),
    case("qwen3", "llama-like",
         like_llama("qwen3", "Qwen3ForCausalLM", head_dim=12, attention_bias=False)),
    case("phi2", "phi",
         like_llama("phi", "PhiForCausalLM", hidden_act="gelu_new", layer_norm_eps=1e-5,
                    partial_rotary_factor=0.5, num_key_value_heads=4, qk_layernorm=False)),
    case("phi-qk-norm", "phi",
         like_llama("phi", "PhiForCausalLM", hidden_act="gelu_new", layer_norm_eps=1e-5,
                    partial_rotary_factor=0.25, qk_layernorm=True)),
    case("phi3-window", "phi3",
         like_llama("phi3", "Phi3ForCausalLM", sliding_window=3, pad_token_id=0)),
    case("phi4-longrope", "phi3",
         like_llama("phi3", "Phi3ForCausalLM", partial_rotary_factor=0.5, rope_scaling=LONG_ROPE,
                    original_max_position_embeddings=5, tie_word_embeddings=True, pad_token_id=0),
         lengths=PAST_CONTEXT),
    case("gptj", "gptj", gptj()),
    case("neox-parallel", "neox-parallel", neox()),
    case("neox-sequential", "neox", neox(use_parallel_residual=False, rotary_pct=0.5)),
    case("opt", "opt", opt()),
    case("opt-350m", "opt-350m", opt(do_layer_norm_before=False, word_embed_proj_dim=20)),
    case("bloom", "bloom", bloom()),
    case("bloom-normed", "bloom-normed",
         bloom(apply_residual_connection_post_layernorm=True, n_head=4, num_attention_heads=4)),
    case("falcon-7b", "falcon", falcon()),
    case("falcon-40b", "falcon-new",
         falcon(new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=2)),
    case("falcon-11b", "falcon",
         falcon(new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1)),
    case("falcon-rw", "falcon-rw",
         falcon(alibi=True, bias=True, multi_query=False, parallel_attn=False, hidden_size=36,
                num_attention_heads=12, num_kv_heads=12)),
    case("mpt", "mpt", mpt(clip_qkv=0.8)),
    case("mpt-learned", "mpt", mpt(alibi=False) | {"no_bias": False, "max_seq_len": 16}, classes=published),
    case("mpt-qk-norm", "mpt-qk-norm", mpt(clip_qkv=0.8, alibi_bias_max=4, qk_ln=True), classes=published),
    case("mpt-grouped", "mpt",
         mpt(attn_type="grouped_query_attention", kv_n_heads=2, qk_gn=True, softmax_scale=0.5)
         | {"norm_type": "layernorm", "expansion_ratio": 3, "logit_scale": "inv_sqrt_d_model"},
         classes=published),
    case("gemma", "llama-like", gemma("gemma", "GemmaForCausalLM", hidden_act="gelu")),
    case("gemma2", "gemma2", gemma("gemma2", "Gemma2ForCausalLM", **GEMMA2)),
    case("gemma3", "gemma2",
         gemma("gemma3_text", "Gemma3ForCausalLM", sliding_window=3, sliding_window_pattern=2,
               query_pre_attn_scalar=20, final_logit_softcapping=3.0, rope_theta=1e5,
               rope_local_base_freq=1e3, rope_scaling={"rope_type": "linear", "factor": 8.0})),
    case("gemma3-new-keys", "gemma2",
         gemma("gemma3_text", "Gemma3ForCausalLM", sliding_window=3,
               layer_types=["full_attention", "sliding_attention"]),
         as_saved=True),
    case("olmo-clip", "llama-like", like_llama("olmo", "OlmoForCausalLM", clip_qkv=0.9)),
    case("olmo2", "olmo2", like_llama("olmo2", "Olmo2ForCausalLM")),
    case("stablelm", "llama-like",
         like_llama("stablelm", "StableLmForCausalLM", layer_norm_eps=1e-5, use_qkv_bias=True,
                    partial_rotary_factor=0.25)),
    case("stablelm-parallel", "llama-parallel",
         like_llama("stablelm", "StableLmForCausalLM", layer_norm_eps=1e-5, qk_layernorm=True,
                    use_parallel_residual=True, partial_rotary_factor=0.25)),
    case("cohere", "llama-parallel",
         like_llama("cohere", "CohereForCausalLM", layer_norm_eps=1e-5, logit_scale=0.25,
                    use_qk_norm=True, tie_word_embeddings=True)),
    case("cohere2", "llama-parallel",
         like_llama("cohere2", "Cohere2ForCausalLM", layer_norm_eps=1e-5, logit_scale=0.25,
                    sliding_window=3, sliding_window_pattern=2, tie_word_embeddings=True)),
]
