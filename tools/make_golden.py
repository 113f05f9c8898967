#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/data/golden: tiny random models, and what transformers computes at every site.

A developer tool (needs torch and transformers; neither the build nor the tests run it).
For each row of CASES it writes a model folder as a user would download it and, in it, the values
of a float64 run at every site with the error that a float32 run of the same weights makes there.
Every value is seeded by its case and name, so rows can be added without changing the others.

    tools/make_golden.py                        all cases into tests/data/golden
    tools/make_golden.py --out DIR CASE...      some cases, elsewhere
    tools/make_golden.py --reference MODEL_DIR  check the hooks against MODEL_DIR/reference.json
"""
import argparse
import importlib
import json
import os
import pathlib
import shutil
import tempfile
import zlib

# One rounding order whatever the machine's instruction set; read when torch is imported.
os.environ.update(ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE", HF_HUB_OFFLINE="1")

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from golden_cases import CASES as FIRST_CASES
from golden_checks import check_sites, require
from golden_decoders import CASES as DECODER_CASES
from golden_families import FAMILIES

CASES = FIRST_CASES + DECODER_CASES
OLD_CASES = {case.name for case in FIRST_CASES}
ROOT = pathlib.Path(__file__).resolve().parent.parent
STALE = (".attn.bias", ".attn.masked_bias")  # buffers that transformers reports or skips
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


class Float64Everywhere(TorchFunctionMode):
    """Turns each float32 that a model's code asks for (norms, softmax, RoPE) into float64."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        widen = lambda value: torch.float64 if value is torch.float32 else value
        kwargs = {key: widen(value) for key, value in (kwargs or {}).items()}
        return func(*(widen(value) for value in args), **kwargs)


class RefuseNarrowFloats(TorchDispatchMode):
    """Fails when any operation yields floats narrower than float64. What a model rounds to bfloat16
    by definition (Falcon's ALiBi) is no such thing."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                wide = value.dtype in (torch.float64, torch.bfloat16)
                assert wide, f"{func} computes in {value.dtype}"
        return out


# --- the model folder ---------------------------------------------------------------------------


def random_values(case_name, name, parameter, is_embedding, no_bias=False):
    """Weights large enough that attention is far from uniform; no norm weight 1, no bias 0."""
    values = np.random.default_rng(zlib.crc32(f"{case_name}/{name}".encode()))
    values = values.standard_normal(tuple(parameter.shape))
    if name.endswith("bias"):
        values = (0 if no_bias else 0.2) * values
    elif parameter.ndim == 1 or "norm" in name.split(".")[-2]:
        values = 1 + 0.3 * values
    else:
        values = (0.7 if is_embedding else 0.3) * values
    return torch.from_numpy(values).float()


def hub_tensors(case, config):
    """The random weights under the names in which transformers saves them."""
    model = transformers.AutoModelForCausalLM.from_config(config)
    tables = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_table = id(parameter) in tables
            no_bias = case.nanogpt is not None and not case.nanogpt["bias"]
            parameter.copy_(random_values(case.name, name, parameter, is_table, no_bias))
    with tempfile.TemporaryDirectory() as folder:
        model.to(DTYPES[case.dtype]).save_pretrained(folder)
        return load_file(f"{folder}/model.safetensors")


def write_weights(case, folder, tensors):
    if case.shards == 1:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    names, place = sorted(tensors), {}
    for shard in range(case.shards):
        file = f"model-{shard + 1:05}-of-{case.shards:05}.safetensors"
        part = names[shard :: case.shards]  # each layer lies in every shard
        save_file({name: tensors[name] for name in part}, folder / file, {"format": "pt"})
        place |= dict.fromkeys(part, file)
    size = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": place}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_model(case, folder):
    keys = dict(case.config)
    config = transformers.AutoConfig.for_model(**json.loads(json.dumps(keys)))
    if case.as_saved:
        config.architectures, config.dtype = keys["architectures"], DTYPES[case.dtype]
        config.save_pretrained(folder)
    else:
        (folder / "config.json").write_text(json.dumps(keys, indent=2) + "\n")
    tensors = hub_tensors(case, transformers.AutoConfig.from_pretrained(folder))
    write_weights(case, folder, case.rename(tensors) if case.rename else tensors)


def config_of(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    config._experts_implementation = "eager"  # its grouped products know no float64
    return config


def load_float32(folder, attention="eager"):
    """transformers as it is, from the files as they are."""
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        config=config_of(folder),
        dtype=torch.float32,
        attn_implementation=attention,
        output_loading_info=True,
    )
    for kind in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        wrong = [name for name in report[kind] if not str(name).endswith(STALE)]
        require(not wrong, f"{folder}: {kind} {wrong}")
    return model.eval()


def make_float64(folder, weights, attention="eager"):
    model = transformers.AutoModelForCausalLM.from_config(
        config_of(folder), dtype=torch.float64, attn_implementation=attention
    )
    model.load_state_dict(weights)
    return model.eval()


# --- the run ------------------------------------------------------------------------------------


class Recorder:
    """Takes every site of a family out of a running model, and the attention probabilities."""

    def __init__(self, model, family):
        self.sites, self.probs, self.handles = {}, {}, []
        self.module = importlib.import_module(type(model).__module__)
        self.plain_attention = getattr(self.module, "eager_attention_forward", None)
        if self.plain_attention is not None:
            self.module.eager_attention_forward = self.attention
        for site, path in family.model_taps.items():
            self.tap(model.get_submodule(path), site, "out")
        for layer, block in enumerate(model.get_submodule(family.blocks)):
            for site, (path, side) in family.block_taps.items():
                self.tap(block.get_submodule(path), f"{site}.{layer}", side)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.plain_attention is not None:
            self.module.eager_attention_forward = self.plain_attention
        for handle in self.handles:
            handle.remove()

    def tap(self, module, site, side):
        def on_input(_, args, kwargs):
            self.keep(site, args[0] if args else kwargs["hidden_states"])

        def on_output(_, args, out):
            which = 1 if side == "second out" else 0
            self.keep(site, out[which] if isinstance(out, tuple) else out)

        self.handles.append(
            module.register_forward_pre_hook(on_input, with_kwargs=True)
            if side == "in"
            else module.register_forward_hook(on_output)
        )

    def attention(self, module, query, key, value, *args, **kwargs):
        out, probs = self.plain_attention(module, query, key, value, *args, **kwargs)
        for site, heads in (("q", query), ("k", key), ("v", value)):
            if f"{site}.{module.layer_idx}" not in self.sites:
                self.keep(f"{site}.{module.layer_idx}", heads.transpose(1, 2).flatten(2))
        self.probs[module.layer_idx] = probs
        return out, probs

    def keep(self, site, tensor):
        require(site not in self.sites, f"site {site} is met twice")
        if "embeddings" in self.sites:  # some layers see sequences behind one another
            tensor = tensor.reshape(*self.sites["embeddings"].shape[:2], -1)
        self.sites[site] = tensor.detach().contiguous().clone()


@torch.no_grad()
def run_float32(folder, family, ids):
    """Sites of the float32 model, which must be those of the same model without hooks."""
    plain = load_float32(folder, family.attention)
    plain = plain(ids, output_hidden_states=True, use_cache=False)
    model = load_float32(folder, family.attention)  # a fresh one: dynamic RoPE remembers the longest sequence
    with Recorder(model, family) as recorder:
        recorder.keep("logits", model(ids, use_cache=False).logits)
    sites = recorder.sites
    require(torch.equal(sites["logits"], plain.logits), "hooks change the float32 logits")
    for layer, hidden in enumerate(plain.hidden_states[:-1]):
        require(torch.equal(sites[f"resid_pre.{layer}"], hidden), f"resid_pre.{layer} is misplaced")
    require(torch.equal(sites["final_norm"], plain.hidden_states[-1]), "final_norm is misplaced")
    return sites, model


@torch.no_grad()
def run_float64(folder, family, ids, weights):
    torch.set_default_dtype(torch.float64)
    try:
        with Float64Everywhere():
            model = make_float64(folder, weights, family.attention)
            with Recorder(model, family) as recorder, RefuseNarrowFloats():
                recorder.keep("logits", model(ids, use_cache=False).logits)
    finally:
        torch.set_default_dtype(torch.float32)
    return recorder, model


# --- cases --------------------------------------------------------------------------------------


def write_golden(case, folder, into, length):
    family = FAMILIES[case.family]
    config = transformers.AutoConfig.from_pretrained(folder)
    seed = zlib.crc32(f"{case.name}/{into.name}/ids".encode())
    ids = np.random.default_rng(seed).integers(0, config.vocab_size, (2, length))
    ids = torch.from_numpy(ids)
    narrow, model = run_float32(folder, family, ids)
    recorder, model = run_float64(folder, family, ids, model.state_dict())
    check_sites(recorder.sites, recorder.probs, model, family)
    wide = recorder.sites
    require(narrow.keys() == wide.keys(), "the two runs meet different sites")
    golden = {"ids": ids}
    for site, tensor in wide.items():
        if case.name not in OLD_CASES and site.startswith("resid_pre.") and site != "resid_pre.0":
            continue  # it is the resid_post before it
        golden[site] = tensor
        golden[f"{site}.err32"] = (narrow[site].double() - tensor).abs().max().reshape(1)
    save_file(golden, into)
    return golden["logits.err32"].item()


def write_nanogpt(case, hub, file):
    """The checkpoint that nanoGPT's train.py would write of this GPT-2, after torch.compile."""
    model = {}
    for name, tensor in load_file(hub / "model.safetensors").items():
        if name.endswith("bias") and not case.nanogpt["bias"]:
            require(not tensor.any(), f"{name} is not zero")
            continue
        is_conv = name.split(".")[-2] in ("c_attn", "c_proj", "c_fc") and tensor.ndim == 2
        model["_orig_mod." + name] = tensor.T.contiguous() if is_conv else tensor
    model["_orig_mod.lm_head.weight"] = model["_orig_mod.transformer.wte.weight"]
    keys = case.config
    args = {"n_layer": keys["n_layer"], "n_head": keys["n_head"], "n_embd": keys["n_embd"],
            "block_size": keys["n_positions"], "vocab_size": keys["vocab_size"]}
    optimizer = {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": [{"lr": 6e-4}]}
    torch.save({"model": model, "optimizer": optimizer, "model_args": args | case.nanogpt,
                "iter_num": 7, "best_val_loss": torch.tensor(1.5), "config": {"device": "cpu"}},
               file)


def make_case(case, out):
    folder = out / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as other, case.classes():
        hub = pathlib.Path(other) if case.nanogpt else folder
        write_model(case, hub)
        errors = [write_golden(case, hub, folder / file, n) for file, n in case.lengths.items()]
        if case.nanogpt:
            write_nanogpt(case, hub, folder / "ckpt.pt")
    size = sum(file.stat().st_size for file in folder.iterdir())
    shown = ", ".join(f"{error:.1e}" for error in errors)
    print(f"{case.name}: {size / 1000:.0f} kB, float32 error of the logits {shown}", flush=True)


def check_reference(folder):
    """The hooks, on a model whose float64 numbers were found by other code."""
    from tokenizers import Tokenizer

    want = json.loads((folder / "reference.json").read_text())
    text = (folder / "sample.txt").read_text()
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = tokens.encode(text, add_special_tokens=False).ids
    config = transformers.AutoConfig.from_pretrained(folder)
    step = config.max_position_embeddings - 1
    pieces = [tokens[i : i + step] for i in range(0, len(tokens) - step + 1, step)]
    ids = torch.tensor([[config.bos_token_id, *piece] for piece in pieces])
    require(len(ids) == want["sequences"], f"{len(ids)} sequences, not {want['sequences']}")
    recorder, _ = run_float64(folder, FAMILIES["llama"], ids, load_float32(folder).state_dict())
    worst = worst_first = 0
    for row in want["layers"]:
        x = recorder.sites[f"resid_post.{row['layer']}"].abs().flatten(1)
        got = [*x.topk(len(row["top_mean"])).values.mean(0).tolist(), x.median(1)[0].mean().item()]
        known = [*row["top_mean"], row["median"]]
        worst = max([worst] + [abs(a / b - 1) for a, b in zip(got, known)])
        for top in (t for t in row["top"] if t["sequence"] == 0):
            got = recorder.sites[f"resid_post.{row['layer']}"][0, top["position"], top["channel"]]
            worst_first = max(worst_first, abs(got.item() / top["value"] - 1))
    nll = torch.nn.functional.cross_entropy(
        recorder.sites["logits"][:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"
    )
    off = abs(nll.item() / want["nll"] - 1)
    print(f"relative to the reference: top_mean and median differ by at most {worst:.1e},")
    print(f"the top values of the first sequence by {worst_first:.1e}, the nll by {off:.1e}")
    require(max(worst, worst_first) < 1e-9, "the hooks disagree with the reference")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/data/golden")
    parser.add_argument("--reference", type=pathlib.Path, metavar="MODEL_DIR")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if args.reference:
        return check_reference(args.reference)
    unknown = set(args.cases) - {case.name for case in CASES}
    require(not unknown, f"no case {', '.join(sorted(unknown))}")
    for case in CASES:
        if not args.cases or case.name in args.cases:
            make_case(case, args.out)


if __name__ == "__main__":
    main()
