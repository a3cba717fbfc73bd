"""Convolutions, poolings and blocks in PyTorch, for 06_convolution; ``make_golden.py`` computes and writes them."""

from collections.abc import Iterator

import numpy as np
import torch
from calls import Call
from torch.nn import functional as F  # noqa: N812 - its usual name


def calls(rng: np.random.Generator) -> Iterator[Call]:
    """Calls of 06_convolution: uneven in every axis, strides that leave pixels over, padding, dilation."""
    yield from convolutions(rng)
    yield from poolings(rng)
    for shape, size, kernel_size, stride in [((1, 1, 3, 4), (3, 4), (2, 2), 1), ((4, 2, 5, 4), (5, 4), (3, 2), 2)]:
        yield locally_connected(rng, shape, size, kernel_size, stride)
    for shape, out_channels, stride in [((1, 2, 3, 4), 2, 1), ((3, 2, 5, 4), 3, 1), ((2, 3, 4, 5), 3, 2)]:
        yield residual_block(rng, shape, out_channels, stride)
    for shape, channels in [((1, 1, 3, 2), (1, 2, 1, 1, 2, 1)), ((3, 2, 4, 6), (2, 3, 4, 1, 3, 5))]:
        yield inception_block(rng, shape, channels)


def convolutions(rng: np.random.Generator) -> Iterator[Call]:
    """Convolutions and transposed convolutions; their weights have PyTorch's layout."""
    for shape, out_channels, kernel_size, window in [
        ((1, 1, 4, 3), 2, (2, 2), {}),
        ((3, 2, 7, 6), 3, (3, 2), {"stride": 2, "padding": 1}),
        ((2, 3, 8, 7), 4, (2, 3), {"stride": (3, 1), "padding": 2, "dilation": 2}),
    ]:
        parameters = {"W": rng.normal(size=(out_channels, shape[1], *kernel_size)), "b": rng.normal(size=out_channels)}
        arguments = {"in_channels": shape[1], "out_channels": out_channels, "kernel_size": kernel_size, **window}
        inputs = {"x": rng.normal(size=shape)}
        yield Call("Conv2d", lambda x, w=window, **p: F.conv2d(x, p["W"], p["b"], **w), inputs, arguments, parameters)
    for shape, out_channels, kernel_size, window in [
        ((1, 1, 2, 3), 2, (2, 2), {}),
        ((3, 2, 3, 4), 3, (3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
        ((2, 3, 4, 3), 1, (2, 4), {"stride": (3, 2), "output_padding": 1}),
    ]:
        parameters = {"W": rng.normal(size=(shape[1], out_channels, *kernel_size)), "b": rng.normal(size=out_channels)}
        arguments = {"in_channels": shape[1], "out_channels": out_channels, "kernel_size": kernel_size, **window}
        inputs = {"x": rng.normal(size=shape)}
        function = lambda x, w=window, **p: F.conv_transpose2d(x, p["W"], p["b"], **w)
        yield Call("ConvTranspose2d", function, inputs, arguments, parameters)


def poolings(rng: np.random.Generator) -> Iterator[Call]:
    """Windows that overlap, leave pixels over, or reach into the padding; for the maximum also with equal numbers."""
    for shape, window in [
        ((1, 1, 4, 4), {"kernel_size": 2}),
        ((3, 2, 7, 5), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
        ((2, 3, 5, 7), {"kernel_size": (2, 3), "stride": (1, 2)}),
        ((2, 1, 5, 6), {"kernel_size": (2, 3)}),
    ]:
        x = rng.normal(-1, 1, shape)
        yield Call("AvgPool2d", lambda x, w=window: F.avg_pool2d(x, **w), {"x": x}, window)
        for numbers in (x, np.round(x)):
            yield Call("MaxPool2d", lambda x, w=window: F.max_pool2d(x, **w), {"x": numbers}, window)
        yield Call("GlobalAveragePool", lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), {"x": x})


def locally_connected(
    rng: np.random.Generator, shape: tuple[int, ...], size: tuple[int, int], kernel_size: tuple[int, int], stride: int
) -> Call:
    """A kernel for each place: PyTorch has its windows (``unfold``), the sum is written out."""
    out = [(n - k) // stride + 1 for n, k in zip(size, kernel_size, strict=True)]
    parameters = {"W": rng.normal(size=(*out, 3, shape[1], *kernel_size)), "b": rng.normal(size=(3, *out))}

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        windows = x.unfold(2, kernel_size[0], stride).unfold(3, kernel_size[1], stride)
        return torch.einsum("nchwij,hwocij->nohw", windows, p["W"]) + p["b"]

    arguments = {"in_channels": shape[1], "out_channels": 3, "size": size, "kernel_size": kernel_size, "stride": stride}
    return Call("LocallyConnected2d", function, {"x": rng.normal(size=shape)}, arguments, parameters)


def residual_block(rng: np.random.Generator, shape: tuple[int, ...], out_channels: int, stride: int) -> Call:
    """Two convolutions and a shortcut, projected where the shape changes."""
    channels = {"conv1": (shape[1], 3), "conv2": (out_channels, 3)}
    if stride != 1 or shape[1] != out_channels:
        channels["projection"] = (shape[1], 1)
    parameters = {}
    for name, (in_channels, k) in channels.items():
        parameters[f"{name}.W"] = rng.normal(0, 0.5, (out_channels, in_channels, k, k))
        parameters[f"{name}.b"] = rng.normal(size=out_channels)

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        h = F.relu(F.conv2d(x, p["conv1_W"], p["conv1_b"], stride, 1))
        h = F.conv2d(h, p["conv2_W"], p["conv2_b"], 1, 1)
        around = F.conv2d(x, p["projection_W"], p["projection_b"], stride) if "projection_W" in p else x
        return F.relu(h + around)

    arguments = {"in_channels": shape[1], "out_channels": out_channels, "stride": stride}
    return Call("ResidualBlock", function, {"x": rng.normal(size=shape)}, arguments, parameters)


def inception_block(rng: np.random.Generator, shape: tuple[int, ...], channels: tuple[int, ...]) -> Call:
    """Four branches of convolutions with ReLU, joined along the channels."""
    one, narrow3, three, narrow5, five, pooled = channels
    layers = {"one": (shape[1], one, 1), "narrow3": (shape[1], narrow3, 1), "three": (narrow3, three, 3)}
    layers |= {"narrow5": (shape[1], narrow5, 1), "five": (narrow5, five, 5), "after": (shape[1], pooled, 1)}
    parameters = {}
    for name, (in_channels, out_channels, k) in layers.items():
        parameters[f"{name}.W"] = rng.normal(0, 0.5, (out_channels, in_channels, k, k))
        parameters[f"{name}.b"] = rng.normal(size=out_channels)

    def function(x: torch.Tensor, **p: torch.Tensor) -> torch.Tensor:
        def after(name: str, h: torch.Tensor, padding: int = 0) -> torch.Tensor:
            return F.relu(F.conv2d(h, p[f"{name}_W"], p[f"{name}_b"], padding=padding))

        branches = [
            after("one", x),
            after("three", after("narrow3", x), 1),
            after("five", after("narrow5", x), 2),
            after("after", F.max_pool2d(x, 3, 1, 1)),
        ]
        return torch.cat(branches, dim=1)

    names = ("one", "narrow3", "three", "narrow5", "five", "pooled")
    arguments = {"in_channels": shape[1], **dict(zip(names, channels, strict=True))}
    return Call("InceptionBlock", function, {"x": rng.normal(size=shape)}, arguments, parameters)
