"""The layers of Transformers of 09_attention; ``make_golden.py`` writes what PyTorch gives for them.

PyTorch's own layers have matrices (out, in) with the three of attention in one, masks that are true where nobody may
look, and LayerNorm, in whose place they get an RMSNorm here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from calls import Call
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name

EPS = 1e-6


def calls(rng: np.random.Generator) -> Iterator[Call]:
    """All calls, uneven in every axis."""
    yield from encoders(rng)
    yield from decoders(rng)
    yield from transformers(rng)
    yield from grouped(rng)
    yield from patches(rng)


def kept(rng: np.random.Generator, batch: int, time: int) -> np.ndarray:
    """Booleans (batch, time), true from the first step to an end of each sequence's own."""
    return np.arange(time) < rng.integers(1, time + 1, size=batch)[:, None]


def attention_of(rng: np.random.Generator, prefix: str, features: int) -> dict[str, np.ndarray]:
    """The four matrices of an attention."""
    return {f"{prefix}.{name}": rng.normal(0, 0.6, (features, features)) for name in ("Wq", "Wk", "Wv", "Wo")}


def layer_of(
    rng: np.random.Generator, prefix: str, features: int, hidden: int, attentions: int
) -> dict[str, np.ndarray]:
    """The parameters of an encoder layer (one attention) or of a decoder layer (two)."""
    parameters = {f"{prefix}norms.{n}.gamma": rng.normal(1, 0.3, features) for n in range(attentions + 1)}
    for name in ("attention", "cross")[:attentions]:
        parameters |= attention_of(rng, f"{prefix}{name}", features)
    shapes = {"W1": (features, hidden), "b1": (hidden,), "W2": (hidden, features), "b2": (features,)}
    return parameters | {f"{prefix}feed_forward.{n}": rng.normal(0, 0.6, shape) for n, shape in shapes.items()}


def plainly(module: nn.Module, x: tuple[torch.Tensor, ...], options: dict[str, Any], p: dict[str, torch.Tensor]) -> Any:
    """Call a module with these tensors as its parameters; gradients reach them."""
    return torch.func.functional_call(module, p, x, options)


def theirs(p: dict[str, torch.Tensor], prefix: str, to: str, attentions: int) -> dict[str, torch.Tensor]:
    """PyTorch's names and layouts of one layer's parameters; without the biases that the course has not."""
    found = {}
    for ours, its in (("attention", "self_attn"), ("cross", "multihead_attn"))[:attentions]:
        matrices = [p[f"{prefix}{ours}_{name}"].T for name in ("Wq", "Wk", "Wv")]
        found[f"{to}{its}.in_proj_weight"] = torch.cat(matrices)
        found[f"{to}{its}.out_proj.weight"] = p[f"{prefix}{ours}_Wo"].T
        found[f"{to}{its}.in_proj_bias"] = torch.zeros(3 * len(matrices[0]), dtype=torch.float64)
        found[f"{to}{its}.out_proj.bias"] = torch.zeros(len(matrices[0]), dtype=torch.float64)
    for n in range(attentions + 1):
        found[f"{to}norm{n + 1}.weight"] = p[f"{prefix}norms_{n}_gamma"]
    for n in (1, 2):
        found[f"{to}linear{n}.weight"] = p[f"{prefix}feed_forward_W{n}"].T
        found[f"{to}linear{n}.bias"] = p[f"{prefix}feed_forward_b{n}"]
    return found


def with_rms(module: nn.Module, features: int) -> nn.Module:
    """The module in float64, every LayerNorm replaced by an RMSNorm."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.LayerNorm):
                setattr(parent, name, nn.RMSNorm(features, EPS))
    return module.double().train()


def options_of(features: int, heads: int, hidden: int) -> dict[str, Any]:
    """What PyTorch's layers are made with."""
    return {
        "d_model": features, "nhead": heads, "dim_feedforward": hidden, "dropout": 0.0, "batch_first": True,
        "norm_first": True,
    }  # fmt: skip


def encoders(rng: np.random.Generator) -> Iterator[Call]:
    """Encoder layers, with padding and without."""
    for batch, time, features, heads, hidden, masked in [
        (1, 3, 4, 2, 3, False),
        (3, 5, 6, 3, 4, True),
        (2, 4, 3, 1, 7, True),
    ]:
        inputs = {"x": rng.normal(size=(batch, time, features))}
        if masked:
            inputs["mask"] = kept(rng, batch, time)[:, None, None]
        module = with_rms(nn.TransformerEncoderLayer(**options_of(features, heads, hidden)), features)

        def function(x: torch.Tensor, mask: Any = None, module: nn.Module = module, **p: torch.Tensor) -> torch.Tensor:
            hidden = None if mask is None else ~mask[:, 0, 0]
            return plainly(module, (x,), {"src_key_padding_mask": hidden}, theirs(p, "", "", 1))

        arguments = {"features": features, "heads": heads, "hidden": hidden}
        yield Call("EncoderLayer", function, inputs, arguments, layer_of(rng, "", features, hidden, 1), by=("x",))


def causal(time: int) -> torch.Tensor:
    """True where nobody may look."""
    return torch.triu(torch.ones(time, time, dtype=torch.bool), 1)


def decoders(rng: np.random.Generator) -> Iterator[Call]:
    """Decoder layers, with padding in the memory and without."""
    for batch, time, source_time, features, heads, hidden, masked in [
        (1, 3, 4, 4, 2, 3, False),
        (3, 5, 4, 6, 3, 4, True),
        (2, 2, 5, 3, 1, 7, True),
    ]:
        inputs = {"x": rng.normal(size=(batch, time, features))}
        inputs["memory"] = rng.normal(size=(batch, source_time, features))
        if masked:
            inputs["mask"] = kept(rng, batch, source_time)[:, None, None]
        module = with_rms(nn.TransformerDecoderLayer(**options_of(features, heads, hidden)), features)

        def function(
            x: torch.Tensor, memory: torch.Tensor, mask: Any = None, module: nn.Module = module, **p: torch.Tensor
        ) -> torch.Tensor:
            hidden = None if mask is None else ~mask[:, 0, 0]
            options = {"tgt_mask": causal(x.shape[1]), "memory_key_padding_mask": hidden}
            return plainly(module, (x, memory), options, theirs(p, "", "", 2))

        arguments = {"features": features, "heads": heads, "hidden": hidden}
        parameters = layer_of(rng, "", features, hidden, 2)
        yield Call("DecoderLayer", function, inputs, arguments, parameters, by=("x", "memory"))


def transformers(rng: np.random.Generator) -> Iterator[Call]:
    """Whole Transformers of one layer and of two on either side."""
    for batch, source_time, time, features, heads, hidden, layers, masked in [
        (1, 3, 4, 4, 2, 3, 1, False),
        (3, 5, 2, 6, 3, 4, 2, True),
    ]:
        inputs = {"source": rng.normal(size=(batch, source_time, features))}
        inputs["target"] = rng.normal(size=(batch, time, features))
        if masked:
            inputs["mask"] = kept(rng, batch, source_time)
        options = options_of(features, heads, hidden)
        numbers = {"num_encoder_layers": layers, "num_decoder_layers": layers}
        module = with_rms(nn.Transformer(**options, **numbers), features)
        parameters = {f"norms.{n}.gamma": rng.normal(1, 0.3, features) for n in range(2)}
        for n in range(layers):
            parameters |= layer_of(rng, f"encoder.{n}.", features, hidden, 1)
            parameters |= layer_of(rng, f"decoder.{n}.", features, hidden, 2)

        def function(
            source: torch.Tensor,
            target: torch.Tensor,
            mask: Any = None,
            module: nn.Module = module,
            layers: int = layers,
            **p: torch.Tensor,
        ) -> torch.Tensor:
            named = {"encoder.norm.weight": p["norms_0_gamma"], "decoder.norm.weight": p["norms_1_gamma"]}
            for n in range(layers):
                named |= theirs(p, f"encoder_{n}_", f"encoder.layers.{n}.", 1)
                named |= theirs(p, f"decoder_{n}_", f"decoder.layers.{n}.", 2)
            hidden = None if mask is None else ~mask
            options = {"tgt_mask": causal(target.shape[1])}
            options |= {"src_key_padding_mask": hidden, "memory_key_padding_mask": hidden}
            return plainly(module, (source, target), options, named)

        arguments = {"features": features, "heads": heads, "hidden": hidden, "layers": layers}
        yield Call("Transformer", function, inputs, arguments, parameters, by=("source", "target"))


def grouped(rng: np.random.Generator) -> Iterator[Call]:
    """Grouped queries with rotary positions, the rotation by complex numbers."""
    for batch, time, features, heads, key_heads in [(1, 4, 4, 2, 2), (2, 5, 12, 6, 2), (3, 3, 8, 4, 1)]:
        narrow = key_heads * (features // heads)
        shapes = {"Wq": features, "Wk": narrow, "Wv": narrow, "Wo": features}
        parameters = {name: rng.normal(0, 0.6, (features, columns)) for name, columns in shapes.items()}
        inputs = {"x": rng.normal(size=(batch, time, features))}
        arguments = {"features": features, "heads": heads, "key_heads": key_heads}
        function = lambda x, n=(heads, key_heads), **p: group_queries(x, *n, p)
        yield Call("GroupedQueryAttention", function, inputs, arguments, parameters)


def group_queries(x: torch.Tensor, heads: int, key_heads: int, p: dict[str, torch.Tensor]) -> torch.Tensor:
    """PyTorch's attention with ``enable_gqa``."""
    batch, time, features = x.shape
    q, k, v = (
        (x @ p[name]).reshape(batch, time, count, -1).transpose(1, 2)
        for name, count in (("Wq", heads), ("Wk", key_heads), ("Wv", key_heads))
    )
    y = F.scaled_dot_product_attention(rotated(q), rotated(k), v, is_causal=True, enable_gqa=True)
    return y.transpose(1, 2).reshape(batch, time, features) @ p["Wo"]


def rotated(x: torch.Tensor) -> torch.Tensor:
    """Pairs (i, i + half) as complex numbers, turned by t · 10000^(−i / half)."""
    half = x.shape[-1] // 2
    angles = torch.outer(
        torch.arange(x.shape[-2], dtype=torch.float64), 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    )
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], -1)


def patches(rng: np.random.Generator) -> Iterator[Call]:
    """Patches by a convolution whose stride is its size."""
    for batch, channels, size, patch, features in [(1, 1, (2, 4), 2, 3), (3, 2, (6, 4), 2, 5), (2, 3, (3, 6), 3, 2)]:
        places = (size[0] // patch) * (size[1] // patch)
        parameters = {"W": rng.normal(size=(channels * patch * patch, features)), "b": rng.normal(size=features)}
        parameters |= {"token": rng.normal(size=features), "positions": rng.normal(size=(1 + places, features))}
        arguments = {"channels": channels, "size": list(size), "patch": patch, "features": features}
        function = lambda x, n=patch, **p: embed(x, n, p)
        yield Call("PatchEmbedding", function, {"x": rng.normal(size=(batch, channels, *size))}, arguments, parameters)


def embed(x: torch.Tensor, patch: int, p: dict[str, torch.Tensor]) -> torch.Tensor:
    """A convolution, flattened, behind the class token."""
    kernel = p["W"].T.reshape(-1, x.shape[1], patch, patch)
    y = F.conv2d(x, kernel, p["b"], stride=patch).flatten(2).transpose(1, 2)
    return torch.cat([p["token"].expand(len(x), 1, -1), y], 1) + p["positions"]
