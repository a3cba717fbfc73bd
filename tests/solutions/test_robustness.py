"""References of 13 beside PyTorch and second formulas."""

import numpy as np
import pytest

from dlkit import Layer, Parameter
from tests.solutions.golden import GoldenCalls, agree
from tests.solutions.references import names_of

ASSIGNMENT = "13_robustness"
GOLDEN = GoldenCalls(ASSIGNMENT)
subject_of, calls_of, arrays_of = GOLDEN.subject_of, GOLDEN.calls_of, GOLDEN.arrays_of


@pytest.fixture(scope="module")
def names():
    return names_of(ASSIGNMENT)


class Network(Layer):
    """tanh(x V + a) W + b"""

    def __init__(self, arrays):
        self.V, self.a, self.W, self.b = (Parameter(arrays[name].copy()) for name in "VaWb")

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.V.data + self.a.data)
        return self.h @ self.W.data + self.b.data

    def backward(self, dy):
        self.W.grad += self.h.T @ dy
        self.b.grad += dy.sum(axis=0)
        dh = (dy @ self.W.data.T) * (1 - self.h**2)
        self.V.grad += self.x.T @ dh
        self.a.grad += dh.sum(axis=0)
        return dh @ self.V.data.T


class CrossEntropy:
    def forward(self, scores, y):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.p, self.y = e / e.sum(axis=1, keepdims=True), y
        return -np.log(self.p[np.arange(len(y)), y]).mean()

    def backward(self):
        return (self.p - np.eye(self.p.shape[1])[self.y]) / len(self.y)


class Drawn:
    """A generator that gives numbers which were drawn elsewhere."""

    def __init__(self, u):
        self.u = u

    def uniform(self, low, high, size):
        assert (self.u >= low).all()
        assert (self.u <= high).all()
        assert self.u.shape == size
        return self.u


@calls_of("pgd")
def test_attacks_lead_where_pytorchs_gradients_lead(number, call, names):
    arrays, arguments = arrays_of(number, call), dict(call["arguments"])
    given, eps = {"model": Network(arrays), "loss": CrossEntropy()}, arguments.pop("eps")
    x, y = arrays["x"], arrays["y"]
    agree(names["input_gradient"](x, y, **given), arrays["dx"])
    agree(names["fgsm"](x, y, eps, **given), arrays["fgsm"])
    agree(names["pgd"](x, y, eps, **given, **arguments, rng=Drawn(arrays["u"])), arrays["pgd"])


@calls_of("magnitude_pruning")
def test_masks_are_those_of_pytorchs_pruning(number, call, array_library):
    arrays = arrays_of(number, call)
    subject = subject_of("magnitude_pruning", array_library)
    for name, per_layer in (("global", False), ("layer", True)):
        weights = [arrays["w0"], arrays["w1"]]
        found = subject.run("magnitude_pruning", weights, **call["arguments"], per_layer=per_layer)
        for i, mask in enumerate(found):
            np.testing.assert_array_equal(mask, arrays[f"{name}{i}"])


@calls_of("quantize_int8")
def test_integers_are_those_of_pytorchs_quantized_tensors(number, call, array_library):
    arrays = arrays_of(number, call)
    q, scale = subject_of("quantize_int8", array_library).run("quantize_int8", arrays["x"], **call["arguments"])
    np.testing.assert_array_equal(q, arrays["q"])
    agree(scale, arrays["scale"], "float32")


@calls_of("quantized_matmul")
def test_the_product_of_integers_is_pytorchs(number, call, array_library):
    arrays = arrays_of(number, call)
    found = subject_of("quantized_matmul", array_library).run("quantized_matmul", arrays["a"], arrays["b"])
    np.testing.assert_array_equal(found, arrays["y"])
    assert found.dtype == arrays["y"].dtype == np.int32


@calls_of("DistillationLoss")
def test_the_divergence_of_softened_scores_is_pytorchs(number, call, array_library):
    arrays = arrays_of(number, call)
    loss = subject_of("DistillationLoss", array_library).make("DistillationLoss", **call["arguments"])
    agree(loss.call("forward", arrays["prediction"], arrays["target"]), arrays["y"])
    agree(loss.call("backward"), arrays["dprediction"])


@calls_of("clipped_sum")
def test_clipped_rows_add_up_as_pytorchs_per_row_gradients_do(number, call, names):
    arrays = arrays_of(number, call)
    found = names["clipped_sum"](
        arrays["x"], arrays["y"], model=Network(arrays), loss=CrossEntropy(), **call["arguments"]
    )
    for name, total in zip("VaWb", found, strict=True):
        agree(total, arrays[f"d{name}"])


class Same(Layer):
    def forward(self, x):
        return x


class Reader(Layer):
    """Scores tanh(features) W"""

    def __init__(self, matrix):
        self.W = Parameter(matrix)

    def forward(self, x):
        self.shape, self.h = x.shape, np.tanh(x.reshape(len(x), -1))
        return self.h @ self.W.data

    def backward(self, dy):
        return ((dy @ self.W.data.T) * (1 - self.h**2)).reshape(self.shape)


@calls_of("grad_cam")
def test_maps_are_weighted_by_pytorchs_gradients(number, call, names):
    arrays = arrays_of(number, call)
    head = Reader(arrays["W"])
    agree(names["grad_cam"](arrays["x"], arrays["classes"], body=Same(), head=head), arrays["heat"])


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_the_error_of_a_factorization_is_that_of_the_dropped_singular_values(rng, rank, names):
    W = rng.normal(size=(8, 5))
    A, B = names["low_rank_factorize"](W, rank)
    assert (A.shape, B.shape) == ((8, rank), (rank, 5))
    dropped = np.linalg.svd(W, compute_uv=False)[rank:]
    agree(((W - A @ B) ** 2).sum() + 1, (dropped**2).sum() + 1)


@pytest.mark.parametrize("bits", range(2, 9))
def test_packed_integers_are_bits_written_one_after_the_other(rng, bits, names):
    half = 2 ** (bits - 1)
    q = rng.integers(-half, half, size=13).astype(np.int8)
    packed = names["pack_integers"](q, bits)
    written = "".join(np.binary_repr(each, bits) for each in q)
    assert "".join(f"{byte:08b}" for byte in packed) == written.ljust(-(-len(written) // 8) * 8, "0")
    np.testing.assert_array_equal(names["unpack_integers"](packed, bits, 13), q)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_layer_that_is_loaded_differs_from_what_was_stored_by_half_a_scale_at_most(rng, bits, names):
    W, b, mask = (
        rng.normal(size=(9, 7)).astype("float32"),
        rng.normal(size=7).astype("float32"),
        rng.random((9, 7)) < 0.4,
    )
    stored = names["store_layer"](W, b, mask, bits=bits)
    loaded, bias = names["load_layer"](stored, W.shape)
    assert (loaded[~mask] == 0).all()
    assert (abs(loaded - W)[mask] <= np.broadcast_to(stored["scale"], W.shape)[mask] / 2 + 1e-6).all()
    np.testing.assert_array_equal(bias, b)
    assert len(stored["mask"]) == 8
    assert len(stored["values"]) == -(-int(mask.sum()) * bits // 8)


def test_integers_in_a_layer_give_nearly_what_floats_give(rng, names):
    x, W, b = rng.normal(size=(20, 50)), rng.normal(size=(50, 8)), rng.normal(size=8)
    q, scale = names["quantize_int8"](W, axis=1)
    y, exact = names["quantized_linear"](x, q, scale, b), x @ W + b
    assert abs(y - exact).max() < 0.02 * abs(exact).max()
    rounded = scale * q
    q_x, scale_x = names["quantize_int8"](x)
    agree(y, (scale_x * q_x) @ rounded + b)


def test_worked_examples(names):
    agree(names["project"](np.array([-0.2, 0.55, 1.2]), np.array([0.05, 0.5, 0.95]), 0.1), np.array([0, 0.55, 1]))
    (mask,) = names["magnitude_pruning"]([np.array([[3.0, -1], [1, 0]])], 0.5)
    assert mask.tolist() == [[True, False], [True, False]]
    q, scale = names["quantize_int8"](np.array([63.5, -127, 0.5, 1.5]))
    assert (q.tolist(), scale.tolist()) == ([64, -127, 0, 2], [1.0])
    assert names["pack_integers"](np.array([1, -2, 3, -1], np.int8), 3).tolist() == [57, 240]
    loss = names["DistillationLoss"](2.0)
    assert abs(loss.forward(np.zeros((1, 2)), np.array([[2 * np.log(3), 0]])) - 0.523) < 1e-3
    agree(loss.backward(), np.array([[-0.5, 0.5]]))
    agree(
        names["quantized_linear"](np.array([[1, 0.5]]), np.array([[2], [-1]], np.int8), np.array([[0.1]]), np.ones(1)),
        np.array([[190 * 0.1 / 127 + 1]]),
    )
