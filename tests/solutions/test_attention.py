"""Layers of 09 that PyTorch lacks agree with second formulas: the definitions, number by number."""

import math

import numpy as np
import pytest

from autograder.checks import Rng
from tests.solutions.references import names_of

ASSIGNMENT = "09_attention"


def made(subject, name, parameters=(), **arguments):
    layer = subject.make(name, **arguments)
    for path, value in dict(parameters).items():
        layer.set(f"{path}.data", value)
    return layer


def directional(f, x, rng):
    """The slope of f at x along a random direction, and the direction."""
    direction, step = rng.normal(size=x.shape), 1e-6
    return (f(x + step * direction) - f(x - step * direction)) / (2 * step), direction


# --- softmax ---------------------------------------------------------------------------------


def softmax_by_hand(scores, mask):
    """Every row with Python's own numbers."""
    rows = []
    for row, allowed in zip(scores.tolist(), mask.tolist(), strict=True):
        seen = [math.exp(score) if yes else 0.0 for score, yes in zip(row, allowed, strict=True)]
        rows.append([e / (math.fsum(seen) or 1.0) for e in seen])
    return np.array(rows)


def test_a_masked_softmax_is_the_share_of_the_allowed_exponentials(reference, rng):
    scores, mask = rng.normal(size=(6, 5)), rng.random((6, 5)) < 0.5
    mask[2] = False
    found = reference.run("masked_softmax", scores, mask)
    np.testing.assert_allclose(found, softmax_by_hand(scores, mask), rtol=1e-14, atol=0)
    assert not found[2].any()


def test_the_worked_examples_of_softmax(reference):
    p = reference.run("masked_softmax", np.array([[0, math.log(3), 7]]), np.array([[True, True, False]]))
    np.testing.assert_allclose(p, [[0.25, 0.75, 0]], rtol=1e-15)
    ds = reference.run("softmax_backward", np.array([0.0, 4.0]), np.array([0.25, 0.75]))
    np.testing.assert_allclose(ds, [-0.75, 0.75], rtol=1e-15)


def test_the_gradient_of_softmax_is_that_of_the_table_of_derivatives(reference, rng):
    p = np.exp(rng.normal(size=(3, 4)))
    p /= p.sum(axis=1, keepdims=True)
    dp = rng.normal(size=(3, 4))
    tables = np.stack([np.diag(row) - np.outer(row, row) for row in p])
    np.testing.assert_allclose(
        reference.run("softmax_backward", dp, p), np.einsum("nij,nj->ni", tables, dp), atol=1e-15
    )


# --- attention -------------------------------------------------------------------------------


def test_the_worked_example_of_attention(reference):
    layer = made(reference, "ScaledDotProductAttention")
    q, k, v = np.array([[[1.0]]]), np.array([[[0.0], [math.log(3)]]]), np.array([[[0.0], [4.0]]])
    np.testing.assert_allclose(layer.call("forward", q, k, v), [[[3.0]]], rtol=1e-15)
    dq, dk, dv = layer.call("backward", np.ones((1, 1, 1)))
    np.testing.assert_allclose(dq, [[[0.75 * math.log(3)]]], rtol=1e-14)
    np.testing.assert_allclose(dk, [[[-0.75], [0.75]]], rtol=1e-14)
    np.testing.assert_allclose(dv, [[[0.25], [0.75]]], rtol=1e-14)


def test_the_worked_example_of_additive_attention(reference):
    one = np.ones((1, 1))
    layer = made(
        reference, "AdditiveAttention", {"W": one, "U": one, "v": np.ones(1)},
        state_features=1, memory_features=1, hidden=1, rng=Rng(0),
    )  # fmt: skip
    context = layer.call("forward", np.zeros((1, 1)), np.array([[[0.0], [2.0]]]))
    dstate, dmemory = layer.call("backward", one)
    np.testing.assert_allclose(context, [[1.448]], atol=5e-4)
    np.testing.assert_allclose(dstate, [[-0.371]], atol=5e-4)
    np.testing.assert_allclose(dmemory[0, :, 0], [-0.124, 0.752], atol=5e-4)
    np.testing.assert_allclose(layer.get("v.grad"), [0.385], atol=5e-4)


def test_the_worked_example_of_heads(reference):
    same = dict.fromkeys(("Wq", "Wk", "Wv", "Wo"), np.eye(2))
    layer = made(reference, "MultiHeadAttention", same, features=2, heads=2, rng=Rng(0))
    y = layer.call("forward", np.array([[[1.0, 0.0]]]), np.array([[[0.0, 0.0], [math.log(3), 2.0]]]))
    np.testing.assert_allclose(y, [[[0.75 * math.log(3), 1.0]]], rtol=1e-14)


def test_heads_are_shares_of_the_features(reference):
    x = np.arange(1.0, 9.0).reshape(1, 2, 4)
    heads = reference.run("split_heads", x, heads=2)
    np.testing.assert_array_equal(heads, [[[[1, 2], [5, 6]], [[3, 4], [7, 8]]]])
    np.testing.assert_array_equal(reference.run("merge_heads", heads), x)


# --- a decoder's step ------------------------------------------------------------------------


class Doubling:
    """An attention that reads twice the state: of the worked example."""

    def forward(self, state, *_memory_and_mask):
        return 2 * state

    def backward(self, dcontext):
        return 2 * dcontext, np.zeros((1, 1, 1))


class Adding:
    """A cell whose new state is x + context + state."""

    def forward(self, x, state=None):
        new = x.sum(axis=2) + state
        return new[:, None], new

    def backward(self, dh, dlast=None):
        total = dh[:, 0] + dlast
        return np.repeat(total, 2, axis=1)[:, None], total


def test_the_worked_example_of_a_step(reference):
    step = reference._executor.names["DecoderStep"](Doubling(), Adding())
    new, context = step.forward(np.array([[5.0]]), np.array([[7.0]]), np.zeros((1, 1, 1)))
    assert (new.item(), context.item()) == (5 + 3 * 7, 14)
    dx, dstate, _ = step.backward(np.array([[1.0]]), np.array([[10.0]]))
    assert (dx.item(), dstate.item()) == (1, 23)


def test_a_step_over_the_gru_of_07_has_the_slopes_of_its_own_forward(reference, rng):
    names = reference._executor.names
    gru = names_of("07_recurrent")["GRU"](3 + 4, 5, rng=rng)
    step = names["DecoderStep"](names["AdditiveAttention"](5, 4, 6, rng=rng), gru)
    mask = np.array([[1, 1, 1, 0], [0, 1, 0, 0]], bool)
    inputs = [rng.normal(size=shape) for shape in ((2, 3), (2, 5), (2, 4, 4))]
    upstream = [rng.normal(size=shape) for shape in ((2, 5), (2, 4))]

    def objective():
        return sum(float((y * dy).sum()) for y, dy in zip(step.forward(*inputs, mask), upstream, strict=True))

    objective()
    gradients = step.backward(*upstream)
    for place, gradient in enumerate(gradients):
        before = inputs[place]

        def moved(x, place=place):
            inputs[place] = x
            return objective()

        slope, direction = directional(moved, before, rng)
        inputs[place] = before
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-6, abs=1e-8)


# --- positions -------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [1, 2, 5, 8])
@pytest.mark.parametrize("start", [0, 17])
def test_every_number_of_the_table_is_a_wave(reference, features, start):
    found = made(reference, "PositionalEncoding", features=features).call("forward", np.zeros((1, 6, features)), start)
    for t in range(6):
        for feature in range(features):
            angle = (start + t) / 10000 ** ((feature - feature % 2) / features)
            assert found[0, t, feature] == pytest.approx((math.sin, math.cos)[feature % 2](angle), abs=1e-14)


@pytest.mark.parametrize("start", [0, 17])
def test_a_rotation_is_a_product_of_complex_numbers(reference, rng, start):
    x, dy = rng.normal(size=(2, 3, 2, 5, 8))
    layer = made(reference, "RoPE", head_dim=8, base=50.0)
    angles = (np.arange(5) + start)[:, None] * 50.0 ** (-np.arange(4) / 4)
    for method, arguments, sign in (("forward", (x, start), 1j), ("backward", (dy,), -1j)):
        turned = (arguments[0][..., :4] + 1j * arguments[0][..., 4:]) * np.exp(sign * angles)
        expected = np.concatenate([turned.real, turned.imag], axis=-1)
        np.testing.assert_allclose(layer.call(method, *arguments), expected, atol=1e-14)


def test_the_worked_example_of_pairs(reference):
    cos, sin = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    found = reference.run("rotate_pairs", np.array([[[1.0, 2.0, 3.0, 4.0]]]), cos, sin)
    np.testing.assert_array_equal(found, [[[-3, 2, 1, 4]]])
