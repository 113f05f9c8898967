#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/data/torch: models of tests/data/golden as torch.save writes them, whole and in shards.

A developer tool (needs torch and safetensors; neither the build nor the tests run it). The tests demand the tensors of
the folder that each was made from. Beside these stands what such files hold too: a tied head that shares its table's
storage, a mask, a scalar, a tensor within a larger storage.

    tools/make_torch.py [--out DIR]
"""
import argparse
import collections
import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
# golden folder -> number of shards, and what else is in the file
CASES = {"gptj": 1, "opt": 2}


def state_of(case, folder):
    state = collections.OrderedDict(load_file(folder / "model.safetensors"))
    if case == "gptj":
        for layer in range(2):
            state[f"transformer.h.{layer}.attn.bias"] = torch.ones(16, 16).tril().bool().view(1, 1, 16, 16)
            state[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e9)
        whole = torch.cat([state["transformer.ln_f.weight"], state["transformer.ln_f.bias"]])
        state["transformer.ln_f.weight"], state["transformer.ln_f.bias"] = whole.split(32)
    else:
        state["lm_head.weight"] = state["model.decoder.embed_tokens.weight"]
    state._metadata = collections.OrderedDict({"": {"version": 1}})  # as of a module's state_dict
    return state


def write(case, shards, out):
    source, folder = ROOT / "tests/data/golden" / case, out / case
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(source / "config.json", folder)
    state = state_of(case, source)
    if shards == 1:
        torch.save(state, folder / "pytorch_model.bin")
        return
    names, place = list(state), {}
    for shard in range(shards):
        file = f"pytorch_model-{shard + 1:05}-of-{shards:05}.bin"
        part = names[shard * len(names) // shards : (shard + 1) * len(names) // shards]
        torch.save({name: state[name] for name in part}, folder / file)
        place |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": sum(tensor.nbytes for tensor in state.values())}, "weight_map": place}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/data/torch")
    arguments = parser.parse_args()
    for case, shards in CASES.items():
        write(case, shards, arguments.out)


if __name__ == "__main__":
    main()
