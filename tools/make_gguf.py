#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/data/gguf/*.gguf: models of tests/data/golden as llama.cpp's converter would write them.

A developer tool (needs numpy and gguf; neither the build nor the tests run it). The tests demand of each file the same
ids, and in F32 the same bits, as of the folder that it was made from. A new architecture is a row of
gguf_families.py and its rows of CASES.

    tools/make_gguf.py              all cases into tests/data/gguf
    tools/make_gguf.py --out DIR CASE...
    tools/make_gguf.py --out DIR --folder MODEL --type Q8_0     another model, with its tokenizer.model
"""
import argparse
import json
import pathlib
import struct

import gguf
import numpy as np

from gguf_families import FAMILIES

ROOT = pathlib.Path(__file__).resolve().parent.parent

# golden folder -> type of the matrices and tables; vectors are F32, as the converter has them
CASES = {
    "llama-head-dim": "F32", "llama-biases": "F32", "gpt2-new": "F32", "llama-gqa-tied-bf16": "BF16",
    "llama3-rope": "BF16", "mistral-window": "BF16", "mixtral": "BF16", "falcon-7b": "BF16", "falcon-40b": "BF16",
    "falcon-11b": "BF16", "neox-parallel": "BF16", "neox-sequential": "BF16", "mpt": "BF16",
    "mpt-learned": "BF16", "mpt-qk-norm": "BF16", "bloom": "BF16",
    "phi2": "BF16", "phi3-window": "BF16", "phi4-longrope": "BF16", "qwen2-yarn": "BF16", "qwen3": "BF16",
    "gemma": "BF16", "gemma2": "BF16", "gemma3": "BF16", "olmo-clip": "BF16", "olmo2": "BF16", "stablelm": "BF16",
    "stablelm-parallel": "BF16", "cohere": "BF16", "cohere2": "BF16",
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
    architecture, convert = FAMILIES[config["model_type"]]
    writer = gguf.GGUFWriter(target, architecture)
    writer.add_name(folder.name)
    if (folder / "tokenizer.model").exists():
        add_tokenizer(folder, writer)
    for name, array in sorted(convert(config, tensors, writer).items()):
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
