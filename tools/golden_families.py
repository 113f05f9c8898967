# SPDX-License-Identifier: MIT
"""Where the sites of each family are in a model of transformers. A new architecture is a row."""
import dataclasses
from collections.abc import Callable

from golden_checks import check_gpt2, check_llama


@dataclasses.dataclass(frozen=True)
class Family:
    model_taps: dict  # site -> path of the module whose output it is
    blocks: str  # path of the list of blocks
    block_taps: dict  # site -> (path within a block, "in", "out" or, of a tuple, "second out")
    # (sites, model): identities of this family, beside those of the block.
    check: Callable = lambda sites, model: None
    block: str = "sequential"  # how the parts are added: or "parallel", "norm_after", "normed"
    checks_rope: bool = False  # its rotary embedding is in golden_checks
    attention: str = "eager"  # transformers' implementation; q, k and v are taken where it is shared


LLAMA_MODEL = {"embeddings": "model.embed_tokens", "final_norm": "model.norm"}
LLAMA_BLOCK = {
    "resid_pre": ("", "in"),
    "attn_in": ("input_layernorm", "out"),
    "q_pre": ("self_attn.q_proj", "out"),
    "k_pre": ("self_attn.k_proj", "out"),
    "z": ("self_attn.o_proj", "in"),
    "attn_out": ("self_attn.o_proj", "out"),
    "resid_mid": ("post_attention_layernorm", "in"),
    "mlp_in": ("post_attention_layernorm", "out"),
    "mlp_pre": ("mlp.gate_proj", "out"),
    "mlp_pre_linear": ("mlp.up_proj", "out"),
    "mlp_act": ("mlp.down_proj", "in"),
    "mlp_out": ("mlp.down_proj", "out"),
    "resid_post": ("", "out"),
}
GPT2_MODEL = {"embeddings": "transformer.wte", "final_norm": "transformer.ln_f"}


def without(taps, *sites):
    return {site: tap for site, tap in taps.items() if site not in sites}


# A plain MLP under the names of BLOOM, Falcon and GPT-NeoX.
PLAIN_MLP = {
    "mlp_pre": ("mlp.dense_h_to_4h", "out"),
    "mlp_act": ("mlp.dense_4h_to_h", "in"),
    "mlp_out": ("mlp.dense_4h_to_h", "out"),
    "resid_pre": ("", "in"),
    "resid_post": ("", "out"),
    "attn_in": ("input_layernorm", "out"),
}
FALCON_MODEL = GPT2_MODEL | {"embeddings": "transformer.word_embeddings"}
FALCON_BLOCK = PLAIN_MLP | {
    "z": ("self_attention.dense", "in"),
    "attn_out": ("self_attention.dense", "out"),
    "mlp_in": ("mlp", "in"),
}
GEMMA2_BLOCK = LLAMA_BLOCK | {
    "attn_out_post": ("post_attention_layernorm", "out"),
    "resid_mid": ("pre_feedforward_layernorm", "in"),
    "mlp_in": ("pre_feedforward_layernorm", "out"),
    "mlp_out_post": ("post_feedforward_layernorm", "out"),
}
PARALLEL_LLAMA_BLOCK = without(LLAMA_BLOCK, "resid_mid") | {"mlp_in": ("mlp", "in")}
OPT_MODEL = {
    "embeddings": "model.decoder.embed_tokens",
    "final_norm": "model.decoder.final_layer_norm",
}
OPT_BLOCK = without(LLAMA_BLOCK, "mlp_pre_linear") | {
    "attn_in": ("self_attn_layer_norm", "out"),
    "z": ("self_attn.out_proj", "in"),
    "attn_out": ("self_attn.out_proj", "out"),
    "resid_mid": ("final_layer_norm", "in"),
    "mlp_in": ("final_layer_norm", "out"),
    "mlp_pre": ("fc1", "out"),
    "mlp_act": ("fc2", "in"),
    "mlp_out": ("fc2", "out"),
    "q": ("self_attn.q_proj", "out"),  # before its scale, which attention does not apply
}
NEOX_MODEL = {
    "embeddings": "gpt_neox.embed_in",
    "final_norm": "gpt_neox.final_layer_norm",
}
NEOX_BLOCK = PLAIN_MLP | {
    "z": ("attention.dense", "in"),
    "attn_out": ("attention.dense", "out"),
    "mlp_in": ("post_attention_layernorm", "out"),
}
MPT_MODEL = GPT2_MODEL | {"final_norm": "transformer.norm_f"}
MPT_BLOCK = {
    "resid_pre": ("", "in"),
    "attn_in": ("norm_1", "out"),
    "z": ("attn.out_proj", "in"),
    "attn_out": ("attn.out_proj", "out"),
    "resid_mid": ("norm_2", "in"),
    "mlp_in": ("norm_2", "out"),
    "mlp_pre": ("ffn.up_proj", "out"),
    "mlp_act": ("ffn.down_proj", "in"),
    "mlp_out": ("ffn.down_proj", "out"),
    "resid_post": ("", "out"),
}

FAMILIES = {
    "llama": Family(LLAMA_MODEL, "model.layers", LLAMA_BLOCK, check_llama, checks_rope=True),
    "llama-like": Family(LLAMA_MODEL, "model.layers", LLAMA_BLOCK),
    "gpt2": Family(
        GPT2_MODEL,
        "transformer.h",
        {
            "resid_pre": ("", "in"),
            "attn_in": ("ln_1", "out"),
            "z": ("attn.c_proj", "in"),
            "attn_out": ("attn.c_proj", "out"),
            "resid_mid": ("ln_2", "in"),
            "mlp_in": ("ln_2", "out"),
            "mlp_pre": ("mlp.c_fc", "out"),
            "mlp_act": ("mlp.c_proj", "in"),
            "mlp_out": ("mlp.c_proj", "out"),
            "resid_post": ("", "out"),
        },
        check_gpt2,
    ),
    "mixtral": Family(
        LLAMA_MODEL,
        "model.layers",
        without(LLAMA_BLOCK, "mlp_pre", "mlp_pre_linear", "mlp_act")
        | {
            "router_logits": ("mlp.gate", "out"),
            "expert_weights": ("mlp.gate", "second out"),
            "mlp_out": ("mlp", "out"),
        },
    ),
    "gemma2": Family(LLAMA_MODEL, "model.layers", GEMMA2_BLOCK),
    "olmo2": Family(
        LLAMA_MODEL,
        "model.layers",
        without(GEMMA2_BLOCK, "attn_in", "mlp_in") | {"resid_mid": ("mlp", "in")},
    ),
    "phi": Family(
        LLAMA_MODEL | {"final_norm": "model.final_layernorm"},
        "model.layers",
        without(PARALLEL_LLAMA_BLOCK, "mlp_pre_linear")
        | {
            "z": ("self_attn.dense", "in"),
            "attn_out": ("self_attn.dense", "out"),
            "mlp_pre": ("mlp.fc1", "out"),
            "mlp_act": ("mlp.fc2", "in"),
            "mlp_out": ("mlp.fc2", "out"),
        },
        block="parallel",
    ),
    "phi3": Family(
        LLAMA_MODEL,
        "model.layers",
        without(LLAMA_BLOCK, "q_pre", "k_pre", "mlp_pre", "mlp_pre_linear"),
    ),
    "llama-parallel": Family(
        LLAMA_MODEL, "model.layers", PARALLEL_LLAMA_BLOCK, block="parallel"
    ),
    "gptj": Family(
        GPT2_MODEL,
        "transformer.h",
        {
            "resid_pre": ("", "in"),
            "attn_in": ("ln_1", "out"),
            "q_pre": ("attn.q_proj", "out"),
            "k_pre": ("attn.k_proj", "out"),
            "v": ("attn.v_proj", "out"),
            "z": ("attn.out_proj", "in"),
            "attn_out": ("attn.out_proj", "out"),
            "mlp_in": ("mlp", "in"),
            "mlp_pre": ("mlp.fc_in", "out"),
            "mlp_act": ("mlp.fc_out", "in"),
            "mlp_out": ("mlp.fc_out", "out"),
            "resid_post": ("", "out"),
        },
        block="parallel",
    ),
    "neox": Family(
        NEOX_MODEL,
        "gpt_neox.layers",
        NEOX_BLOCK | {"resid_mid": ("post_attention_layernorm", "in")},
    ),
    "neox-parallel": Family(NEOX_MODEL, "gpt_neox.layers", NEOX_BLOCK, block="parallel"),
    "opt": Family(OPT_MODEL, "model.decoder.layers", OPT_BLOCK),
    "opt-350m": Family(
        OPT_MODEL | {"final_norm": "model.decoder.project_out"},
        "model.decoder.layers",
        without(OPT_BLOCK, "attn_in", "mlp_in") | {"resid_mid": ("self_attn_layer_norm", "out")},
        block="norm_after",
    ),
    "bloom": Family(
        FALCON_MODEL,
        "transformer.h",
        FALCON_BLOCK | {"resid_mid": ("post_attention_layernorm", "in")},
    ),
    "bloom-normed": Family(
        FALCON_MODEL,
        "transformer.h",
        FALCON_BLOCK | {"resid_mid": ("post_attention_layernorm", "in")},
        block="normed",
    ),
    "falcon": Family(FALCON_MODEL, "transformer.h", FALCON_BLOCK, block="parallel"),
    "falcon-new": Family(
        FALCON_MODEL,
        "transformer.h",
        FALCON_BLOCK | {"attn_in": ("ln_attn", "out")},
        block="parallel",
    ),
    # Its eager attention adds the bias twice.
    "falcon-rw": Family(
        FALCON_MODEL,
        "transformer.h",
        FALCON_BLOCK | {"resid_mid": ("post_attention_layernorm", "in")},
        attention="sdpa",
    ),
    "mpt": Family(MPT_MODEL, "transformer.blocks", MPT_BLOCK),
    "mpt-qk-norm": Family(
        MPT_MODEL,
        "transformer.blocks",
        MPT_BLOCK | {"q": ("attn.q_ln", "out"), "k": ("attn.k_ln", "out")},
    ),
}
