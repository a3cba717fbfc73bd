"""Attention and the layers beside it, of 09_attention; ``make_golden.py`` writes what PyTorch gives for them.

Masks are booleans, true where a query may look, as in ``scaled_dot_product_attention``; every query sees something.
``MultiheadAttention`` keeps its matrices transposed and its masks inverted.
"""

from collections.abc import Iterator

import numpy as np
import torch
from calls import Call
from torch.nn import functional as F  # noqa: N812 - its usual name


def some_seen(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Booleans (…, queries, keys) in which every query sees a key."""
    mask = rng.random(shape) < 0.5
    mask[..., 0] |= ~mask.any(axis=-1)
    return mask


def calls(rng: np.random.Generator) -> Iterator[Call]:
    """All calls, uneven in every axis."""
    yield from products(rng)
    yield from additive(rng)
    yield from several_heads(rng)
    yield from positionwise(rng)


def products(rng: np.random.Generator) -> Iterator[Call]:
    """Scaled dot products, with masks that broadcast and without."""
    for leading, queries, keys, head_dim, value_dim, mask in [
        ((1, 2), 3, 3, 4, 4, None),
        ((2, 3), 4, 6, 5, 2, (2, 3, 4, 6)),
        ((3, 2), 5, 2, 3, 4, (3, 1, 5, 2)),
        ((4, 1), 2, 5, 1, 3, (4, 1, 1, 5)),
        ((2,), 3, 4, 6, 5, (3, 4)),
    ]:
        q, k = rng.normal(size=(*leading, queries, head_dim)), rng.normal(size=(*leading, keys, head_dim))
        inputs = {"q": q, "k": k, "v": rng.normal(size=(*leading, keys, value_dim))}
        if mask:
            inputs["mask"] = some_seen(rng, *mask)
        function = lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        yield Call("ScaledDotProductAttention", function, inputs, by=("q", "k", "v"))


def additive(rng: np.random.Generator) -> Iterator[Call]:
    """Additive attention, composed of PyTorch's operations."""
    for batch, time, state_features, memory_features, hidden, masked in [
        (1, 3, 2, 3, 4, False),
        (3, 5, 4, 2, 3, True),
        (2, 1, 3, 1, 5, False),
        (4, 6, 1, 4, 2, True),
    ]:
        inputs = {"state": rng.normal(size=(batch, state_features))}
        inputs["memory"] = rng.normal(size=(batch, time, memory_features))
        if masked:
            inputs["mask"] = some_seen(rng, batch, time)
        parameters = {"W": rng.normal(size=(state_features, hidden)), "U": rng.normal(size=(memory_features, hidden))}
        parameters["v"] = rng.normal(size=hidden)
        arguments = {"state_features": state_features, "memory_features": memory_features, "hidden": hidden}
        yield Call("AdditiveAttention", read, inputs, arguments, parameters, by=("state", "memory"))


def read(
    state: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor | None = None, **p: torch.Tensor
) -> torch.Tensor:
    """The mean of the memory with weights by a small network."""
    scores = torch.tanh((state @ p["W"]).unsqueeze(1) + memory @ p["U"]) @ p["v"]
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.einsum("bt,btm->bm", torch.softmax(scores, 1), memory)


def several_heads(rng: np.random.Generator) -> Iterator[Call]:
    """Multi-head attention without biases."""
    for batch, queries, keys, features, heads, mask in [
        (1, 3, 3, 4, 2, None),
        (2, 4, 6, 6, 3, (2, 1, 4, 6)),
        (3, 5, 2, 4, 1, (3, 1, 1, 2)),
        (4, 2, 5, 8, 4, (4, 4, 2, 5)),
    ]:
        inputs = {"x": rng.normal(size=(batch, queries, features)), "memory": rng.normal(size=(batch, keys, features))}
        if mask:
            inputs["mask"] = some_seen(rng, *mask)
        parameters = {name: rng.normal(0, 0.6, (features, features)) for name in ("Wq", "Wk", "Wv", "Wo")}
        function = lambda x, memory, mask=None, heads=heads, **p: multi_head(x, memory, mask, heads, p)
        arguments = {"features": features, "heads": heads}
        yield Call("MultiHeadAttention", function, inputs, arguments, parameters, by=("x", "memory"))


def multi_head(
    x: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor | None, heads: int, p: dict[str, torch.Tensor]
) -> torch.Tensor:
    """PyTorch's function behind ``MultiheadAttention``, its matrices (out, in), its masks inverted, time first."""
    batch, queries, features = x.shape
    hidden = None
    if mask is not None:
        hidden = ~mask.expand(batch, heads, queries, memory.shape[1]).reshape(batch * heads, queries, -1)
    first, add_zero_attn = memory.transpose(0, 1), False
    y, _ = F.multi_head_attention_forward(
        x.transpose(0, 1), first, first, features, heads, None, None, None, None, add_zero_attn, 0.0, p["Wo"].T, None,
        attn_mask=hidden, use_separate_proj_weight=True,
        q_proj_weight=p["Wq"].T, k_proj_weight=p["Wk"].T, v_proj_weight=p["Wv"].T,
    )  # fmt: skip
    return y.transpose(0, 1)


def positionwise(rng: np.random.Generator) -> Iterator[Call]:
    """The layers that treat every position alone."""
    for shape, eps in [((1, 4), 0.1), ((5, 3), 1e-6), ((3, 2, 6), 0.3)]:
        x, gamma = rng.normal(0, 2, shape), {"gamma": rng.normal(size=shape[-1])}
        function = lambda x, gamma, eps=eps: F.rms_norm(x, x.shape[-1:], gamma, eps)
        yield Call("RMSNorm", function, {"x": x}, {"features": shape[-1], "eps": eps}, gamma)
    for shape, hidden in [((1, 3, 4), 5), ((3, 2, 3), 2), ((2, 4, 6), 7)]:
        features = shape[-1]
        arguments = {"features": features, "hidden": hidden}
        parameters = {name: rng.normal(size=(features, hidden)) for name in ("W_gate", "W_up")}
        parameters["W_down"] = rng.normal(size=(hidden, features))
        gated = lambda x, **p: (F.silu(x @ p["W_gate"]) * (x @ p["W_up"])) @ p["W_down"]
        yield Call("SwiGLU", gated, {"x": rng.normal(size=shape)}, arguments, parameters)
        parameters = {"W1": rng.normal(size=(features, hidden)), "b1": rng.normal(size=hidden)}
        parameters |= {"W2": rng.normal(size=(hidden, features)), "b2": rng.normal(size=features)}
        plain = lambda x, **p: F.linear(F.relu(F.linear(x, p["W1"].T, p["b1"])), p["W2"].T, p["b2"])
        yield Call("PositionwiseFeedForward", plain, {"x": rng.normal(size=shape)}, arguments, parameters)
