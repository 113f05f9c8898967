#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/data/gguf/*.gguf: models of tests/data/golden as llama.cpp's converter would write them.

A developer tool (needs numpy and gguf; neither the build nor the tests run it). The tests demand of each file the same
ids, and in F32 the same bits, as of the folder that it was made from. A new architecture is a function that is listed
in FAMILIES and its rows of CASES.

    tools/make_gguf.py              all cases into tests/data/gguf
    tools/make_gguf.py --out DIR CASE...
    tools/make_gguf.py --out DIR --folder MODEL --type Q8_0     another model, with its tokenizer.model
"""
import argparse
import json
import math
import pathlib
import struct

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent

# golden folder -> type of the matrices and tables; vectors are F32, as the converter has them
CASES = {
    "llama-head-dim": "F32",
    "llama-biases": "F32",
    "llama-gqa-tied-bf16": "BF16",
    "llama3-rope": "BF16",
    "gpt2-new": "F32",
}


def load_folder(folder):
    """config.json and the tensors, bf16 and f16 as the f32 that they are."""
    tensors = {}
    for path in sorted(folder.glob("model*.safetensors")):
        raw = path.read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        for name, entry in json.loads(raw[8 : 8 + size]).items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            data = raw[8 + size + begin : 8 + size + end]
            if entry["dtype"] == "BF16":
                array = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
            elif entry["dtype"] in ("F16", "F32"):
                array = np.frombuffer(data, {"F16": np.float16, "F32": np.float32}[entry["dtype"]]).astype(np.float32)
            else:
                continue  # stale buffers
            tensors[name] = array.reshape(entry["shape"])
    return json.loads((folder / "config.json").read_text()), tensors


def rotary_pairs(array, heads):
    """The converter's order of the rows of q and k: partners of a rotary pair become neighbours."""
    return array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


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


def convert_llama(config, tensors, writer):
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads", heads)
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    scaling = config.get("rope_scaling") or {}
    theta = rope.get("rope_theta", config.get("rope_theta", 10000.0))
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(theta)
    writer.add_vocab_size(config["vocab_size"])
    if config.get("head_dim"):
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(scaling["factor"])
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for i in range(config["num_hidden_layers"]):
        hf, ours = f"model.layers.{i}", f"blk.{i}"
        names |= {f"{hf}.input_layernorm": f"{ours}.attn_norm", f"{hf}.post_attention_layernorm": f"{ours}.ffn_norm"}
        names |= {f"{hf}.self_attn.{a}_proj": f"{ours}.attn_{b}" for a, b in
                  [("q", "q"), ("k", "k"), ("v", "v"), ("o", "output")]}
        names |= {f"{hf}.mlp.{a}_proj": f"{ours}.ffn_{a}" for a in ("gate", "up", "down")}
    out = {}
    for name, array in tensors.items():
        stem, _, kind_of = name.rpartition(".")
        if "q_proj" in name or "k_proj" in name:
            array = rotary_pairs(array, heads if "q_proj" in name else kv_heads)
        out[f"{names[stem]}.{kind_of}"] = array
    if kind == "llama3":
        out["rope_freqs.weight"] = llama3_divisors(theta, head_dim, scaling)
    return out


def convert_gpt2(config, tensors, writer):
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    names = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "lm_head": "output"}
    for i in range(config["n_layer"]):
        hf, ours = f"h.{i}", f"blk.{i}"
        names |= {f"{hf}.ln_1": f"{ours}.attn_norm", f"{hf}.ln_2": f"{ours}.ffn_norm",
                  f"{hf}.attn.c_attn": f"{ours}.attn_qkv", f"{hf}.attn.c_proj": f"{ours}.attn_output",
                  f"{hf}.mlp.c_fc": f"{ours}.ffn_up", f"{hf}.mlp.c_proj": f"{ours}.ffn_down"}
    out = {}
    for name, array in tensors.items():
        stem, _, kind_of = name.removeprefix("transformer.").rpartition(".")
        if stem.endswith(".attn"):
            continue  # the causal mask
        conv1d = kind_of == "weight" and stem.rpartition(".")[2] in ("c_attn", "c_proj", "c_fc")
        out[f"{names[stem]}.{kind_of}"] = array.T if conv1d else array
    out.setdefault("output.weight", out["token_embd.weight"])
    return out


FAMILIES = {"llama": convert_llama, "gpt2": convert_gpt2}


def add_tokenizer(folder, writer):
    """SentencePiece's tokenizer.model as metadata."""
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto.FromString((folder / "tokenizer.model").read_bytes())
    writer.add_tokenizer_model("llama")
    writer.add_token_list([piece.piece for piece in proto.pieces])
    writer.add_token_scores([piece.score for piece in proto.pieces])
    writer.add_token_types([piece.type for piece in proto.pieces])
    writer.add_bos_token_id(proto.trainer_spec.bos_id)
    writer.add_eos_token_id(proto.trainer_spec.eos_id)
    writer.add_add_space_prefix(proto.normalizer_spec.add_dummy_prefix)


def write_file(folder, kind, target):
    config, tensors = load_folder(folder)
    family = config["model_type"]
    writer = gguf.GGUFWriter(target, family)
    writer.add_name(folder.name)
    if (folder / "tokenizer.model").exists():
        add_tokenizer(folder, writer)
    for name, array in sorted(FAMILIES[family](config, tensors, writer).items()):
        array = np.ascontiguousarray(array, np.float32)
        quantised = gguf.GGMLQuantizationType[kind if array.ndim > 1 else "F32"]
        if array.shape[-1] % gguf.GGML_QUANT_SIZES[quantised][0] != 0:
            quantised = gguf.GGMLQuantizationType.F16  # as llama.cpp falls back
        if quantised == gguf.GGMLQuantizationType.F32:
            writer.add_tensor(name, array)
        else:
            writer.add_tensor(name, gguf.quantize(array, quantised), raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{target}: {kind}, {target.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/data/gguf")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--type", default="F32")
    parser.add_argument("cases", nargs="*", default=list(CASES))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.folder is not None:
        write_file(arguments.folder, arguments.type, arguments.out / f"{arguments.folder.name}-{arguments.type}.gguf")
        return
    for case in arguments.cases:
        write_file(ROOT / "tests/data/golden" / case, CASES[case], arguments.out / f"{case}.gguf")


if __name__ == "__main__":
    main()
