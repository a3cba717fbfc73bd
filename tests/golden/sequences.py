"""Causal and locally connected convolutions, blocks, trees of 07_recurrent; ``make_golden.py`` writes what they give.

One input of floats, one output; a tree has no gradient.  PyTorch has channels before time; here
time comes first.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from calls import Call
from torch.nn import functional as F  # noqa: N812 - its usual name

BY = ("x",)


def causal(x: torch.Tensor, kernel: torch.Tensor, b: torch.Tensor, dilation: int) -> torch.Tensor:
    """PyTorch's convolution of an input that was padded on the left."""
    padded = F.pad(x.transpose(1, 2), (dilation * (kernel.shape[2] - 1), 0))
    return F.conv1d(padded, kernel, b, dilation=dilation).transpose(1, 2)


def of_channels(channels: int, out_channels: int, kernel_size: int, **window: int) -> dict[str, Any]:
    """Constructor arguments."""
    return {"in_channels": channels, "out_channels": out_channels, "kernel_size": kernel_size, **window}


def calls(rng: np.random.Generator) -> Iterator[Call]:
    """All calls, uneven in every axis."""
    for (batch, time, channels), out_channels, kernel_size, dilation in [
        ((1, 4, 1), 2, 2, 1),
        ((3, 8, 2), 3, 3, 2),
        ((2, 5, 3), 2, 4, 3),
        ((4, 6, 2), 1, 1, 1),
    ]:
        arguments = of_channels(channels, out_channels, kernel_size, dilation=dilation)
        inputs = {"x": rng.normal(size=(batch, time, channels))}
        W, b = rng.normal(size=(out_channels, channels, kernel_size)), rng.normal(size=out_channels)
        function = lambda x, d=dilation, **p: causal(x, p["W"], p["b"], d)
        yield Call("CausalConv1d", function, inputs, arguments, {"W": W, "b": b}, BY)
    for (batch, time, channels), out_channels, kernel_size, dilation in [
        ((1, 4, 2), 2, 2, 1),
        ((3, 7, 2), 3, 3, 2),
        ((2, 9, 3), 3, 2, 4),
    ]:
        yield block(rng, (batch, time, channels), out_channels, kernel_size, dilation)
    for shape, out_channels, kernel_size, stride in [((1, 4, 1), 2, 2, 1), ((4, 9, 2), 3, 3, 2), ((3, 7, 3), 2, 2, 3)]:
        yield locally_connected(rng, shape, out_channels, kernel_size, stride)
    for shape, trees in [
        ((1, 2, 2), [((0, 1), 0)]),
        ((3, 3, 2), [(((0, 1), 2), 0), ((0, 1), (2, 1)), (2, (1, (1, 1)))]),
        ((2, 4, 3), [(((0, 1), (2, 3)), (0, 0)), (((((3, 2), 1), 0), 3), 3)]),
    ]:
        yield recursive(rng, shape, trees)


def block(
    rng: np.random.Generator, shape: tuple[int, int, int], out_channels: int, kernel_size: int, dilation: int
) -> Call:
    """Two causal convolutions with ReLU and a shortcut."""
    channels = {"conv1": (shape[2], kernel_size), "conv2": (out_channels, kernel_size)}
    if shape[2] != out_channels:
        channels["projection"] = (shape[2], 1)
    parameters = {}
    for name, (in_channels, k) in channels.items():
        parameters[f"{name}.W"] = rng.normal(0, 0.6, (out_channels, in_channels, k))
        parameters[f"{name}.b"] = rng.normal(size=out_channels)

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        u = F.relu(causal(x, p["conv1_W"], p["conv1_b"], dilation))
        u = F.relu(causal(u, p["conv2_W"], p["conv2_b"], dilation))
        around = causal(x, p["projection_W"], p["projection_b"], 1) if "projection_W" in p else x
        return F.relu(u + around)

    arguments = of_channels(shape[2], out_channels, kernel_size, dilation=dilation)
    return Call("TCNBlock", function, {"x": rng.normal(size=shape)}, arguments, parameters, BY)


def locally_connected(
    rng: np.random.Generator, shape: tuple[int, int, int], out_channels: int, kernel_size: int, stride: int
) -> Call:
    """A kernel for each place: PyTorch has its windows (``unfold``), the sum is written out."""
    places = (shape[1] - kernel_size) // stride + 1
    parameters = {
        "W": rng.normal(size=(places, out_channels, shape[2], kernel_size)),
        "b": rng.normal(size=(places, out_channels)),
    }

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        return torch.einsum("npck,pock->npo", x.unfold(1, kernel_size, stride), p["W"]) + p["b"]

    arguments = of_channels(shape[2], out_channels, kernel_size, length=shape[1], stride=stride)
    return Call("LocallyConnected1d", function, {"x": rng.normal(size=shape)}, arguments, parameters, BY)


def recursive(rng: np.random.Generator, shape: tuple[int, int, int], trees: list[Any]) -> Call:
    """Trees traversed by recursion, one by one, forks listed as they are finished; PyTorch goes back by itself."""
    features = shape[2]
    parameters = {"W": rng.normal(0, 0.7, (2 * features, features)), "b": rng.normal(size=features)}

    def function(x: torch.Tensor, _tree: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        def grown(tree: Any, leaves: torch.Tensor, forks: list[torch.Tensor]) -> torch.Tensor:
            if isinstance(tree, int):
                return leaves[tree]
            left, right = (grown(child, leaves, forks) for child in tree)
            forks.append(torch.tanh(left @ p["W"][:features] + right @ p["W"][features:] + p["b"]))
            return forks[-1]

        found: list[list[torch.Tensor]] = [[] for _ in trees]
        for tree, leaves, forks in zip(trees, x, found, strict=True):
            grown(tree, leaves, forks)
        return torch.stack([torch.stack(forks) for forks in found])

    inputs = {"x": rng.normal(size=shape), "tree": np.array([rows_of(tree, shape[1]) for tree in trees])}
    return Call("RecursiveNet", function, inputs, {"features": features}, parameters, BY)


def rows_of(tree: Any, leaves: int) -> list[list[int]]:
    """The children of every fork by number, in the order in which recursion finishes them."""
    rows: list[list[int]] = []
    stack, done = [(tree, False)], []
    while stack:
        node, seen = stack.pop()
        if isinstance(node, int):
            done.append(node)
        elif seen:
            right, left = done.pop(), done.pop()
            rows.append([left, right])
            done.append(leaves + len(rows) - 1)
        else:
            stack += [(node, True), (node[1], False), (node[0], False)]
    return rows
