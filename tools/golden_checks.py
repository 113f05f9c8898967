# SPDX-License-Identifier: MIT
"""What must hold between the sites of one float64 run, written out independently of transformers.

make_golden.py refuses to write a file for which one of these identities fails.
"""
import math

import torch

TOLERANCE = 1e-12  # relative to the largest value of the tensor


def require(condition, message):
    if not condition:
        raise SystemExit(f"make_golden: {message}")


def require_close(got, want, what):
    error = (got - want).abs().max().item()
    require(error <= TOLERANCE * want.abs().max().item(), f"{what} is off by {error:g}")


def inverse_frequencies(rope, head_dim, max_positions, length):
    """The definition in plain Python doubles, independent of transformers."""
    kind, theta, factor = rope["rope_type"], rope["rope_theta"], rope.get("factor")
    if kind == "dynamic" and length > max_positions:
        grown = factor * length / max_positions - (factor - 1)
        theta = theta * grown ** (head_dim / (head_dim - 2))
    plain = [theta ** (-2 * i / head_dim) for i in range(head_dim // 2)]
    if kind in ("default", "dynamic"):
        return plain
    if kind == "linear":
        return [f / factor for f in plain]
    require(kind == "llama3", f"rope_type {kind}: add its definition here")
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    turns = [rope["original_max_position_embeddings"] * f / (2 * math.pi) for f in plain]
    keep = [min(max((t - low) / (high - low), 0), 1) for t in turns]
    bands = {"kept" if s == 1 else "divided" if s == 0 else "between" for s in keep}
    require(len(bands) == 3, f"llama3 RoPE meets only the bands {sorted(bands)}")
    return [(1 - s) * f / factor + s * f for s, f in zip(keep, plain)]


def rotated(x, frequencies):
    """[S, T, heads * head_dim], first half of a head paired with its second."""
    heads = x.unflatten(2, (-1, 2, len(frequencies)))
    angles = [[position * f for f in frequencies] for position in range(x.shape[1])]
    angles = torch.tensor(angles, dtype=torch.float64)[None, :, None]
    first, second = heads[..., 0, :], heads[..., 1, :]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack((first * cos - second * sin, second * cos + first * sin), -2).flatten(2)


def check_sums(sites, layer, block):
    """The sums along the residual stream, by the way a block is put together."""
    at = lambda site: sites[f"{site}.{layer}"]
    added = lambda site: sites.get(f"{site}_post.{layer}", at(site))
    if block == "norm_after":  # what is added meets a norm before it is seen
        return
    if block == "parallel":
        want = at("resid_pre") + added("attn_out") + added("mlp_out")
        require_close(at("resid_post"), want, f"resid_post.{layer}")
        return
    kept = ("attn_in", "mlp_in") if block == "normed" else ("resid_pre", "resid_mid")
    require_close(at("resid_mid"), at(kept[0]) + added("attn_out"), f"resid_mid.{layer}")
    require_close(at("resid_post"), at(kept[1]) + added("mlp_out"), f"resid_post.{layer}")


def check_sites(sites, probs, model, family):
    """probs: the attention probabilities of each layer, [S, heads, T, T], where they were met."""
    config = model.config
    for name, tensor in sites.items():
        require(bool(torch.isfinite(tensor).all()), f"{name} is not finite")
    for layer in range(config.num_hidden_layers):
        at = lambda site: sites[f"{site}.{layer}"]
        check_sums(sites, layer, family.block)
        if layer + 1 < config.num_hidden_layers:
            require_close(sites[f"resid_pre.{layer + 1}"], at("resid_post"), "resid_pre")
        if layer in probs:
            mixed = probs[layer] @ spread_heads(at("v"), config)
            require_close(at("z"), mixed.transpose(1, 2).flatten(2), f"z.{layer}")
            peak = probs[layer][:, :, -1].amax(-1).mean().item()
            least = max(0.25, 1.6 / at("z").shape[1])
            require(peak > least, f"attention of layer {layer} is nearly uniform")
        if family.checks_rope:
            head_dim = config.head_dim
            frequencies = inverse_frequencies(
                config.rope_parameters, head_dim, config.max_position_embeddings, at("q").shape[1]
            )
            for site in ("q", "k"):
                require_close(at(site), rotated(at(f"{site}_pre"), frequencies), f"{site}.{layer}")
    family.check(sites, model)


def spread_heads(v, config):
    """[S, T, kv width] to [S, heads, T, head_dim], one kv head for each query head of its group."""
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", heads)
    v = v.unflatten(2, (kv_heads, -1)).transpose(1, 2)
    return v.repeat_interleave(heads // kv_heads, dim=1)


def check_llama(sites, model):
    for layer, block in enumerate(model.model.layers):
        gated = torch.nn.functional.silu(sites[f"mlp_pre.{layer}"])
        require_close(
            sites[f"mlp_act.{layer}"], gated * sites[f"mlp_pre_linear.{layer}"], f"mlp_act.{layer}"
        )
        x = sites[f"resid_mid.{layer}"]
        mean_square = (x * x).mean(-1, keepdim=True)
        norm = x / (mean_square + model.config.rms_norm_eps).sqrt()
        want = norm * block.post_attention_layernorm.weight
        require_close(sites[f"mlp_in.{layer}"], want, f"mlp_in.{layer}")
    require_close(sites["resid_pre.0"], sites["embeddings"], "resid_pre.0")
    require_close(sites["logits"], sites["final_norm"] @ model.lm_head.weight.T, "logits")


def check_gpt2(sites, model):
    form = "none" if model.config.activation_function == "gelu" else "tanh"
    for layer, block in enumerate(model.transformer.h):
        want = torch.nn.functional.gelu(sites[f"mlp_pre.{layer}"], approximate=form)
        require_close(sites[f"mlp_act.{layer}"], want, f"mlp_act.{layer}")
        fused = sites[f"attn_in.{layer}"] @ block.attn.c_attn.weight + block.attn.c_attn.bias
        for site, third in zip("qkv", fused.chunk(3, dim=-1)):
            require_close(sites[f"{site}.{layer}"], third, f"{site}.{layer}")
    positions = model.transformer.wpe.weight[: sites["embeddings"].shape[1]]
    require_close(sites["resid_pre.0"], sites["embeddings"] + positions, "resid_pre.0")
    require_close(sites["logits"], sites["final_norm"] @ model.lm_head.weight.T, "logits")
