"""The normalizations of 05 give what PyTorch gives, step by step and in eval; dropout agrees with second formulas.

The golden values were computed by ``tests/golden/regularization.py``; no PyTorch is needed here.
"""

import numpy as np
import pytest

from autograder.isolation.tree import Rng
from autograder.subject import LocalSubject
from dlkit import gradcheck
from tests.solutions.golden import read_golden

ASSIGNMENT = "05_regularization"
TOLERANCE = {"float64": {"rtol": 1e-10, "atol": 1e-12}, "float32": {"rtol": 5e-4, "atol": 5e-5}}
HEADER, GOLDEN = read_golden(ASSIGNMENT)
CALLS = HEADER["calls"]


def said(n):
    return "-".join([CALLS[n]["exercise"], str(GOLDEN[f"{n}.0.x"].shape), *map(str, CALLS[n]["arguments"].values())])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", range(len(CALLS)), ids=said)
def test_every_step_gives_what_pytorch_gives(n, dtype, subject):
    call = CALLS[n]
    layer = subject.make(call["exercise"], **call["arguments"])
    for name in ("gamma", "beta"):
        layer.set(f"{name}.data", GOLDEN[f"{n}.{name}"])
    layer.call("astype", dtype)
    for t in range(call["steps"] + 1):
        wanted = {key.split(".")[2]: value for key, value in GOLDEN.items() if key.startswith(f"{n}.{t}.")}
        layer.call("eval" if t == call["steps"] else "train")
        layer.call("zero_grad")
        seen = {"y": layer.call("forward", wanted["x"].astype(dtype))}
        seen["dx"] = layer.call("backward", wanted["dy"].astype(dtype))
        assert {value.dtype.name for value in seen.values()} == {dtype}
        seen |= {"dgamma": layer.get("gamma.grad"), "dbeta": layer.get("beta.grad")}
        seen |= {name: layer.get(name) for name in wanted if name.startswith("running")}
        for name, value in seen.items():
            np.testing.assert_allclose(value, wanted[name], **TOLERANCE[dtype], err_msg=f"{name} of step {t}")


def test_golden_values_hold_both_shapes_and_steps_before_eval():
    batch_norms = [n for n, call in enumerate(CALLS) if call["exercise"] == "BatchNorm"]
    assert {GOLDEN[f"{n}.0.x"].ndim for n in batch_norms} == {2, 4}
    assert all(CALLS[n]["steps"] == 5 for n in batch_norms)
    assert {GOLDEN[f"{n}.0.x"].ndim for n in range(len(CALLS)) if n not in batch_norms} == {1, 2, 3, 4}


# --- the examples by hand --------------------------------------------------------------------

ROOT_HALF = 0.5**0.5
NORMAL = np.array([-ROOT_HALF, -ROOT_HALF, 2 * ROOT_HALF])
"""(0, 0, 3), with mean 0 and variance 1."""
DX = np.array([3, -3, 0]) * ROOT_HALF


def test_the_column_by_hand_is_right(subject):
    layer = subject.make("BatchNorm", 1, eps=0.0)
    np.testing.assert_allclose(layer.call("forward", np.array([[0.0], [0], [3]]))[:, 0], NORMAL)
    np.testing.assert_allclose(layer.call("backward", np.array([[6.0], [0], [0]]))[:, 0], DX, atol=1e-15)
    np.testing.assert_allclose(layer.get("gamma.grad"), [-6 * ROOT_HALF])
    np.testing.assert_allclose(layer.get("beta.grad"), [6])
    np.testing.assert_allclose(layer.get("running_mean"), [0.1])
    np.testing.assert_allclose(layer.get("running_var"), [1.2])
    layer.call("eval")
    np.testing.assert_allclose(layer.call("forward", np.array([[3.0]])), [[2.9 / 1.2**0.5]])
    np.testing.assert_allclose(layer.call("backward", np.array([[2.0]])), [[2 / 1.2**0.5]])


def test_the_row_by_hand_is_right(subject):
    layer = subject.make("LayerNorm", 3, eps=0.0)
    layer.set("gamma.data", np.array([2.0, 1, 1]))
    np.testing.assert_allclose(layer.call("forward", np.array([[0.0, 0, 3]]))[0], NORMAL * [2, 1, 1])
    np.testing.assert_allclose(layer.call("backward", np.array([[3.0, 0, 0]]))[0], DX, atol=1e-15)
    np.testing.assert_allclose(layer.get("gamma.grad"), [-3 * ROOT_HALF, 0, 0], atol=1e-15)
    np.testing.assert_allclose(layer.get("beta.grad"), [3, 0, 0])


# --- dropout ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 30), (6, 5, 4, 7), (50,)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dropout_is_a_multiplication_by_a_mask_that_keeps_the_mean(subject, rng, shape, dtype):
    x, dy = rng.normal(size=(2, *shape)).astype(dtype)
    layer = subject.make("Dropout", 0.3, rng=Rng(2))
    y = layer.call("forward", x)
    dx = layer.call("backward", dy)
    mask = y != 0
    assert 0.4 < mask.mean() < 0.95  # of a fixed seed
    assert y.dtype == dx.dtype == dtype
    np.testing.assert_allclose(y, np.where(mask, x / 0.7, 0), rtol=1e-6)
    np.testing.assert_allclose(dx, np.where(mask, dy / 0.7, 0), rtol=1e-6)
    assert (layer.call("forward", x) != y).any()


def test_dropout_gradients_are_slopes_of_the_same_draw(reference, rng):
    x, dy = rng.normal(size=(2, 9, 8))

    def loss(x):
        return float((reference.make("Dropout", 0.4, rng=Rng(8)).call("forward", x) * dy).sum())

    layer = reference.make("Dropout", 0.4, rng=Rng(8))
    layer.call("forward", x)
    direction, slope = gradcheck.directional_derivative(loss, x, rng)
    assert (layer.call("backward", dy) * direction).sum() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("p", [0.0, 0.6])
def test_dropout_in_eval_is_the_identity(subject, rng, p):
    x, dy = rng.normal(size=(2, 5, 7))
    layer = subject.make("Dropout", p, rng=Rng(1))
    layer.call("forward", x)
    layer.call("eval")
    np.testing.assert_array_equal(layer.call("forward", x), x)
    np.testing.assert_array_equal(layer.call("backward", dy), dy)


def test_no_dropout_in_training_is_the_identity(subject, rng):
    x, dy = rng.normal(size=(2, 5, 7))
    layer = subject.make("Dropout", 0.0, rng=Rng(1))
    np.testing.assert_array_equal(layer.call("forward", x), x)
    np.testing.assert_array_equal(layer.call("backward", dy), dy)


# --- other right ways to write them ----------------------------------------------------------

DROPOUTS = {
    "a mask of numbers, drawn as uniform": """
        def forward(self, x):
            self.mask = 1
            if self.training:
                self.mask = asarray((self.rng.uniform(size=x.shape) < 1 - self.p) / (1 - self.p), dtype=x.dtype)
            return x * self.mask
        def backward(self, dy):
            return dy * self.mask
    """,
    "binomial, and where": """
        def forward(self, x):
            xp = array_module(x)
            self.drop = xp.asarray(self.rng.binomial(1, self.p, size=x.shape) == 1) if self.training else None
            return x.copy() if self.drop is None else xp.where(self.drop, 0, x / (1 - self.p))
        def backward(self, dy):
            xp = array_module(dy)
            return dy.copy() if self.drop is None else xp.where(self.drop, 0, dy / (1 - self.p))
    """,
    "choice, one row after the other": """
        def forward(self, x):
            self.scale = array_module(x).ones_like(x)
            if self.training:
                for i in range(len(x)):
                    row = self.rng.choice([0.0, 1 / (1 - self.p)], size=x.shape[1:], p=[self.p, 1 - self.p])
                    self.scale[i] = asarray(row, dtype=x.dtype)
            return self.scale * x
        def backward(self, dy):
            return self.scale * dy
    """,
}
BATCH_NORMS = {
    "four axes and keepdims, running values made anew": """
        def forward(self, x):
            xp = array_module(x)
            self.axes = tuple(i for i in range(x.ndim) if i != 1)
            self.form = tuple(-1 if i == 1 else 1 for i in range(x.ndim))
            self.trained = self.training
            if self.training:
                mean, var = x.mean(self.axes), x.var(self.axes)
                m = x.size / len(mean)
                a = self.momentum
                self.running_mean = ((1 - a) * self.running_mean + a * mean)
                self.running_var = ((1 - a) * self.running_var + a * x.var(self.axes, ddof=1))
            else:
                mean, var = self.running_mean.astype(x.dtype), self.running_var.astype(x.dtype)
            self.centred = x - mean.reshape(self.form)
            self.inverse = (var + self.eps).reshape(self.form) ** -0.5
            gamma, beta = self.gamma.data.reshape(self.form), self.beta.data.reshape(self.form)
            return gamma * (self.centred * self.inverse) + beta
        def backward(self, dy):
            m = dy.size / dy.shape[1]
            normal = self.centred * self.inverse
            self.gamma.grad += (dy * normal).sum(self.axes)
            self.beta.grad += dy.sum(self.axes)
            d = dy * self.gamma.data.reshape(self.form)
            if not self.trained:
                return d * self.inverse
            dvar = (d * self.centred).sum(self.axes, keepdims=True) * -0.5 * self.inverse**3
            dmean = -(d * self.inverse).sum(self.axes, keepdims=True)
            return d * self.inverse + dvar * 2 * self.centred / m + dmean / m
    """,
    "channels last, state in place": """
        def forward(self, x):
            xp = array_module(x)
            rows = xp.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
            self.m = len(rows) if self.training else 0
            if self.training:
                mean = rows.mean(axis=0)
                var = xp.square(rows - mean).mean(axis=0)
                self.running_mean *= 1 - self.momentum
                self.running_mean += self.momentum * mean
                self.running_var *= 1 - self.momentum
                self.running_var += self.momentum * var * self.m / (self.m - 1)
            else:
                mean, var = (a.astype(x.dtype) for a in (self.running_mean, self.running_var))
            self.std = xp.sqrt(var + self.eps)
            self.hat = (rows - mean) / self.std
            y = self.gamma.data * self.hat + self.beta.data
            return xp.moveaxis(y.reshape(x.shape[0], *x.shape[2:], -1), -1, 1)
        def backward(self, dy):
            xp = array_module(dy)
            rows = xp.moveaxis(dy, 1, -1).reshape(-1, dy.shape[1])
            self.gamma.grad += (rows * self.hat).sum(axis=0)
            self.beta.grad += rows.sum(axis=0)
            d = rows * self.gamma.data
            if self.m:
                d = d - d.mean(axis=0) - self.hat * (d * self.hat).mean(axis=0)
            return xp.moveaxis((d / self.std).reshape(dy.shape[0], *dy.shape[2:], -1), -1, 1)
    """,
}
LAYER_NORMS = {
    "rows of all leading axes": """
        def forward(self, x):
            xp = array_module(x)
            rows = x.reshape(-1, x.shape[-1])
            self.std = xp.sqrt(rows.var(axis=1, keepdims=True) + self.eps)
            self.hat = (rows - rows.mean(axis=1, keepdims=True)) / self.std
            return (self.gamma.data * self.hat + self.beta.data).reshape(x.shape)
        def backward(self, dy):
            rows, n = dy.reshape(self.hat.shape), dy.shape[-1]
            self.gamma.grad += (rows * self.hat).sum(axis=0)
            self.beta.grad += rows.sum(axis=0)
            d = rows * self.gamma.data
            dx = n * d - d.sum(axis=1, keepdims=True) - self.hat * (d * self.hat).sum(axis=1, keepdims=True)
            return (dx / (n * self.std)).reshape(dy.shape)
    """,
}
RIGHT = [
    (name, way, source)
    for name, ways in (("Dropout", DROPOUTS), ("BatchNorm", BATCH_NORMS), ("LayerNorm", LAYER_NORMS))
    for way, source in ways.items()
]


@pytest.mark.parametrize(("name", "way", "source"), RIGHT, ids=[f"{name}: {way}" for name, way, _ in RIGHT])
def test_other_right_ways_pass_every_check(loaded, answers, name, way, source):
    exercise = loaded.assignment.exercise(name)
    chunks = [[chunk.label, chunk.line, chunk.source] for chunk in loaded.reference.chunks]
    body = "\n".join(line[4:] for line in source.splitlines())
    chunks.append(["other", 1, f"_Base = {name}\nclass {name}(_Base):\n{body}\n"])
    other = LocalSubject.from_chunks("other", chunks)
    other.request("support", text=exercise.support)
    for check, cases in answers(name, 0):
        for case, expected in cases:
            found = check.judge(check.observe(other.on(check.backend or "numpy"), case), expected, case)
            assert found is None, f"{check.name}: {found.sentence}"
