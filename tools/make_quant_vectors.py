#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/data/gguf/quantised.safetensors: random blocks of each quantised GGUF type and what the gguf package's
own dequantize makes of them. Needs numpy and gguf (0.19 made the committed file)."""

import json
import pathlib
import struct
import sys

import gguf
import numpy as np

TYPES = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def random_blocks(rng, name):
    """About 2000 elements of any bytes, whose half-precision fields are any finite halves."""
    kind = gguf.GGMLQuantizationType[name]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (2048 // elements, size), dtype=np.uint8)
    for at in HALVES[name]:
        half = rng.integers(0, 1 << 16, len(blocks), dtype=np.uint16)
        half = np.where((half & 0x7C00) == 0x7C00, half & 0x83FF, half).astype(np.uint16)
        blocks[:, at : at + 2] = half.view(np.uint8).reshape(-1, 2)
    return blocks, gguf.dequantize(blocks, kind).reshape(len(blocks), elements)


def main():
    rng = np.random.default_rng(7)
    header, data = {}, b""
    for name in TYPES:
        blocks, values = random_blocks(rng, name)
        assert values.dtype == np.float32 and np.isfinite(values).all()
        for part, dtype, array in [("blocks", "U8", blocks), ("values", "F32", values)]:
            raw = array.tobytes()
            header[f"{name.lower()}.{part}"] = {"dtype": dtype, "shape": list(array.shape),
                                                "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/gguf/quantised.safetensors")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(struct.pack("<Q", len(text)) + text + data)
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
