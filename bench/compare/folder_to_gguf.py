#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the folder of a LLaMA model as a GGUF file without a tokenizer, to time engines that read
nothing else. Needs numpy, gguf and safetensors with torch.

    build/make_model llama-134m DIR/134m
    bench/compare/folder_to_gguf.py DIR/134m DIR/134m-f16.gguf --type f16
"""
import argparse
import json
import pathlib

import gguf
import torch
from safetensors.torch import load_file

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm"}
ENDS = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight"}
TYPES = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16,
         "q8_0": gguf.GGMLQuantizationType.Q8_0}
FILES = {"f32": gguf.LlamaFileType.ALL_F32, "f16": gguf.LlamaFileType.MOSTLY_F16,
         "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}


def name_of(name):
    if name in ENDS:
        return ENDS[name]
    _model, _layers, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def in_pairs(matrix, heads):
    """GGUF's LLaMA rotates neighbours, the folder's halves."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("file")
    parser.add_argument("--type", choices=TYPES, default="f32")
    options = parser.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    writer = gguf.GGUFWriter(options.file, "llama")
    writer.add_name(options.folder.name)
    writer.add_file_type(FILES[options.type])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(float(config.get("rope_theta", 10000)))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_tokenizer_model("no_vocab")
    for shard in sorted(options.folder.glob("*.safetensors")):
        for name, tensor in load_file(shard).items():
            values = tensor.to(torch.float32).numpy()
            if "q_proj" in name or "k_proj" in name:
                values = in_pairs(values, heads if "q_proj" in name else kv_heads)
            kind = TYPES[options.type] if values.ndim > 1 else TYPES["f32"]
            writer.add_tensor(name_of(name), gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
