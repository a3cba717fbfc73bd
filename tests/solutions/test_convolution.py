"""The convolutions of 06 compared with second formulas: the definitions, index by index, as in the notebook's sums."""

import itertools

import numpy as np
import pytest

from autograder.isolation.tree import Rng

ASSIGNMENT = "06_convolution"
WINDOWS = [
    ((1, 1, 3, 3), {"kernel_size": 2}),
    ((2, 3, 6, 5), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
    ((3, 2, 7, 6), {"kernel_size": (2, 3), "stride": (3, 1), "padding": 2, "dilation": 2}),
    ((2, 1, 4, 5), {"kernel_size": (1, 5), "padding": 1}),
]
of_every_window = pytest.mark.parametrize(("shape", "window"), WINDOWS, ids=str)
IMAGE = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])
"""The image of the text's example by hand."""


def seen(shape, kernel_size, stride=1, padding=0, dilation=1):
    """Every (row, place, pixel) that a kernel meets, by the definition; cells that meet the padding are left out."""
    _, channels, height, width = shape
    (kh, kw), (down, right) = np.broadcast_to(kernel_size, 2), np.broadcast_to(stride, 2)
    tops = range(-padding, height + padding - dilation * (kh - 1), down)
    lefts = range(-padding, width + padding - dilation * (kw - 1), right)
    for place, (top, left) in enumerate(itertools.product(tops, lefts)):
        for row, (c, i, j) in enumerate(np.ndindex(channels, kh, kw)):
            h, w = top + i * dilation, left + j * dilation
            if 0 <= h < height and 0 <= w < width:
                yield row, place, (c, h, w)
    yield None, None, (channels * kh * kw, len(tops) * len(lefts))


def matrix(shape, **window):
    """The linear map im2col of one image as a matrix of zeros and ones: (rows · places, pixels)"""
    *entries, (_, _, (rows, places)) = seen(shape, **window)
    a = np.zeros((rows, places, *shape[1:]))
    for row, place, pixel in entries:
        a[row, place, *pixel] = 1
    return a


@of_every_window
def test_im2col_writes_down_what_the_kernel_sees(subject, rng, shape, window):
    x = rng.normal(size=shape)
    expected = np.einsum("rpchw,nchw->nrp", matrix(shape, **window), x)
    np.testing.assert_array_equal(subject.run("im2col", x, **window), expected)


@of_every_window
def test_col2im_is_the_transposed_matrix(subject, rng, shape, window):
    a = matrix(shape, **window)
    columns = rng.normal(size=(shape[0], *a.shape[:2]))
    expected = np.einsum("rpchw,nrp->nchw", a, columns)
    np.testing.assert_allclose(subject.run("col2im", columns, shape, **window), expected, rtol=1e-12, atol=1e-13)


@of_every_window
def test_im2col_and_col2im_are_adjoint(subject, rng, shape, window):
    x = rng.normal(size=shape)
    there = subject.run("im2col", x, **window)
    u = rng.normal(size=there.shape)
    assert (there * u).sum() == pytest.approx((x * subject.run("col2im", u, shape, **window)).sum(), rel=1e-10)


def test_the_examples_by_hand_are_right(subject):
    columns = subject.run("im2col", IMAGE[None, None], 2)
    np.testing.assert_array_equal(columns[0], [[1, 2, 0, 1], [2, 0, 1, 3], [0, 1, 2, 0], [1, 3, 0, 1]])
    counts = subject.run("col2im", np.ones((1, 4, 4)), (1, 1, 3, 3), 2)
    np.testing.assert_array_equal(counts[0, 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])

    conv = subject.make("Conv2d", 1, 1, 2, rng=Rng(0))
    conv.set("W.data", np.array([[[[1.0, 0], [-1, 2]]]]))
    conv.set("b.data", np.array([1.0]))
    np.testing.assert_array_equal(conv.call("forward", IMAGE[None, None])[0, 0], [[4, 8], [-1, 4]])
    dx = conv.call("backward", np.array([[[[1.0, 0], [0, 2]]]]))
    np.testing.assert_array_equal(dx[0, 0], [[1, 0, 0], [-1, 4, 0], [0, -2, 4]])
    np.testing.assert_array_equal(conv.get("W.grad")[0, 0], [[3, 8], [0, 3]])
    np.testing.assert_array_equal(conv.get("b.grad"), [3])

    x = np.array([[[[1.0, 5, 2, 2], [3, 4, 0, 2]]]])
    pool = subject.make("MaxPool2d", 2)
    np.testing.assert_array_equal(pool.call("forward", x), [[[[5, 2]]]])
    dx = pool.call("backward", np.array([[[[10.0, 7]]]]))
    np.testing.assert_array_equal(dx[0, 0], [[0, 10, 7, 0], [0, 0, 0, 0]])
    mean = subject.make("AvgPool2d", 2)
    np.testing.assert_array_equal(mean.call("forward", x), [[[[3.25, 1.5]]]])
    np.testing.assert_array_equal(mean.call("backward", np.array([[[[4.0, 8]]]]))[0, 0], [[1, 1, 2, 2], [1, 1, 2, 2]])

    local = subject.make("LocallyConnected2d", 1, 1, (1, 3), (1, 2), rng=Rng(0))
    local.set("W.data", np.array([[1.0, 0], [0, -1]]).reshape(1, 2, 1, 1, 1, 2))
    np.testing.assert_array_equal(local.call("forward", np.array([[[[1.0, 2, 3]]]])), [[[[1, -3]]]])
    np.testing.assert_array_equal(local.call("backward", np.array([[[[1.0, 10]]]])), [[[[1, 0, -10]]]])
    np.testing.assert_array_equal(local.get("W.grad").reshape(2, 2), [[1, 2], [20, 30]])


@pytest.mark.parametrize(("stride", "expected"), [(2, [[1, 0, 2, 0], [-1, 2, -2, 4]]), (1, [[1, 2, 0], [-1, 0, 4]])])
def test_a_transposed_convolution_lays_kernels_down(subject, stride, expected):
    layer = subject.make("ConvTranspose2d", 1, 1, 2, stride, rng=Rng(0))
    layer.set("W.data", np.array([[[[1.0, 0], [-1, 2]]]]))
    np.testing.assert_array_equal(layer.call("forward", np.array([[[[1.0, 2]]]]))[0, 0], expected)


def test_a_residual_block_adds_what_its_convolutions_learn(subject):
    block = subject.make("ResidualBlock", 1, 1, rng=Rng(0))
    for name, weight in (("conv1", 2.0), ("conv2", -0.25)):
        W = np.zeros((1, 1, 3, 3))
        W[0, 0, 1, 1] = weight
        block.set(f"{name}.W.data", W)
    np.testing.assert_array_equal(block.call("forward", np.full((1, 1, 1, 1), 3.0)), [[[[1.5]]]])
    np.testing.assert_array_equal(block.call("backward", np.ones((1, 1, 1, 1))), [[[[0.5]]]])


@of_every_window
def test_a_convolution_is_the_sum_of_its_definition(subject, rng, shape, window):
    conv = subject.make("Conv2d", shape[1], 3, **window, rng=Rng(1))
    W, b, x = rng.normal(size=conv.get("W.data").shape), rng.normal(size=3), rng.normal(size=shape)
    conv.set("W.data", W)
    conv.set("b.data", b)
    y = conv.call("forward", x)
    a = matrix(shape, **window)
    flat = np.einsum("or,rpchw,nchw->nop", W.reshape(3, -1), a, x) + b[:, None]
    np.testing.assert_allclose(y.reshape(flat.shape), flat, rtol=1e-12, atol=1e-12)
    dy = rng.normal(size=y.shape)
    dx = conv.call("backward", dy)
    dy = dy.reshape(flat.shape)
    expected = np.einsum("or,rpchw,nop->nchw", W.reshape(3, -1), a, dy)
    np.testing.assert_allclose(dx, expected, rtol=1e-11, atol=1e-12)
    expected = np.einsum("nop,rpchw,nchw->or", dy, a, x)
    np.testing.assert_allclose(conv.get("W.grad").reshape(3, -1), expected, rtol=1e-11, atol=1e-12)


@of_every_window
def test_weights_of_each_place_are_used_at_that_place(subject, rng, shape, window):
    if {"padding", "dilation"} & window.keys():
        window = {key: window[key] for key in window.keys() - {"padding", "dilation"}}
        window["kernel_size"] = (2, 2)
    layer = subject.make("LocallyConnected2d", shape[1], 2, shape[2:], **window, rng=Rng(1))
    W, b = (rng.normal(size=layer.get(f"{name}.data").shape) for name in "Wb")
    layer.set("W.data", W)
    layer.set("b.data", b)
    x = rng.normal(size=shape)
    y = layer.call("forward", x)
    expected = np.zeros(y.shape)
    (down, right), (kh, kw) = np.broadcast_to(window.get("stride", 1), 2), W.shape[-2:]
    for n, o, h, w in np.ndindex(y.shape):
        seen_here = x[n, :, h * down : h * down + kh, w * right : w * right + kw]
        expected[n, o, h, w] = (W[h, w, o] * seen_here).sum() + b[o, h, w]
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_a_batch_larger_than_a_portion_is_worked_off_whole(reference, rng):
    shape = (7, 8, 40, 40)  # 9 · 8 · 1600 numbers per image: three portions
    conv = reference.make("Conv2d", 8, 2, 3, padding=1, rng=Rng(1))
    x, W = rng.normal(size=shape), conv.get("W.data")
    y = conv.call("forward", x)
    alone = [reference.make("Conv2d", 8, 2, 3, padding=1, rng=Rng(1)).call("forward", x[n : n + 1]) for n in range(7)]
    np.testing.assert_allclose(y, np.concatenate(alone), rtol=1e-12)
    dy = rng.normal(size=y.shape)
    conv.call("backward", dy)
    larger = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(larger, (3, 3), axis=(2, 3))
    np.testing.assert_allclose(conv.get("W.grad"), np.einsum("nohw,nchwij->ocij", dy, windows), rtol=1e-9)
    assert W.shape == (2, 8, 3, 3)
