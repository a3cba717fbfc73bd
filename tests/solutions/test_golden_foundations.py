"""Every reference of 01_foundations agrees with PyTorch, or with a second formula where PyTorch has none.

The golden values were computed by ``tests/golden/foundations.py``; no PyTorch is needed here.
"""

import math

import numpy as np
import pytest

import dlkit
from dlkit import asarray, to_numpy
from tests.solutions.golden import read_golden

ASSIGNMENT = "01_foundations"
TOLERANCE = {"float64": {"rtol": 1e-10, "atol": 1e-13}, "float32": {"rtol": 2e-4, "atol": 2e-5}}
HEADER, GOLDEN = read_golden(ASSIGNMENT)
of_both_dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def of_every(exercise):
    return pytest.mark.parametrize("n", range(HEADER["calls"][exercise]))


@pytest.fixture
def golden(array_library, request):
    """One call's arrays by name, on the array library and in the dtype of this run; expected ones in CPU memory."""
    dtype = request.node.callspec.params.get("dtype", "float64")

    def read(exercise, n):
        found = {key.split(".")[2]: value for key, value in GOLDEN.items() if key.startswith(f"{exercise}.{n}.")}
        return {name: asarray(x.astype(dtype) if x.dtype.kind == "f" else x) for name, x in found.items()}

    with dlkit.use(array_library):
        yield read


def agree(seen, expected, dtype="float64", **tolerance):
    assert to_numpy(seen).dtype == dtype
    np.testing.assert_allclose(to_numpy(seen), to_numpy(expected), **(tolerance or TOLERANCE[dtype]))


@of_every("one_hot")
def test_one_hot_is_that_of_pytorch(n, names, golden):
    call = golden("one_hot", n)
    agree(names["one_hot"](call["labels"], call["result"].shape[-1]), call["result"])


@of_both_dtypes
@of_every("pairwise_distances")
def test_distances_are_those_of_pytorch(n, dtype, names, golden):
    call = golden("pairwise_distances", n)
    agree(names["pairwise_distances"](call["a"], call["b"]), call["result"], dtype)


@of_both_dtypes
@of_every("standardize")
def test_standardized_columns_are_those_of_pytorch(n, dtype, names, golden):
    call = golden("standardize", n)
    for seen, part in zip(names["standardize"](call["train"], call["test"]), ("train", "test"), strict=True):
        agree(seen, call[f"{part}_result"], dtype)


@of_every("numerical_gradient")
def test_numerical_gradients_are_near_those_of_autograd(n, names, golden):
    call = golden("numerical_gradient", n)
    xp = dlkit.array_module(call["x"])
    found = names["numerical_gradient"](lambda x: xp.sin(x).sum() * xp.exp(x * x / 4).sum(), call["x"], 1e-5)
    agree(found, call["result"], rtol=1e-8, atol=1e-8)
    assert float(to_numpy(names["relative_error"](found, call["result"]))) < 1e-7


@of_both_dtypes
@of_every("SimpleNetwork")
def test_the_repaired_simple_network_trains_as_pytorch_does(n, dtype, names, golden):
    call = golden("SimpleNetwork", n)
    network = names["SimpleNetwork"](len(call["start_weights"]), rng=np.random.default_rng(0))
    network.weights = call["start_weights"]
    rate = float(GOLDEN[f"SimpleNetwork.{n}.lr"])
    network.train(call["inputs"], call["targets"], epochs=1, learning_rate=rate)
    agree(network.weights, call["start_weights"] - rate * call["dweights"], dtype)
    network.train(call["inputs"], call["targets"], epochs=HEADER["steps"] - 1, learning_rate=rate)
    agree(network.weights, call["end_weights"], dtype)


@of_both_dtypes
@of_every("TwoLayerNet")
def test_the_repaired_two_layer_net_has_the_gradients_of_pytorch_and_trains_as_it_does(n, dtype, names, golden):
    call = golden("TwoLayerNet", n)
    network = names["TwoLayerNet"](*call["start_W1"].shape, rng=np.random.default_rng(0))
    network.params = {name: call[f"start_{name}"] for name in network.params}
    agree(network.loss(call["x"], call["y"]), call["loss"], dtype)
    gradients = network.gradients(call["x"], call["y"])
    assert gradients.keys() == network.params.keys()
    for name, gradient in gradients.items():
        agree(gradient, call[f"d{name}"], dtype)
    rate = float(GOLDEN[f"TwoLayerNet.{n}.lr"])
    network.train(call["x"], call["y"], epochs=HEADER["steps"], learning_rate=rate)
    for name, value in network.params.items():
        agree(value, call[f"end_{name}"], dtype)


def test_every_layerless_thing_that_pytorch_has_is_held_by_it(loaded):
    without = {"relative_error", "minibatches", "train_setosa"}
    assert HEADER["calls"].keys() == {exercise.name for exercise in loaded.assignment.exercises} - without
    assert min(HEADER["calls"].values()) > 1


# --- second formulas -------------------------------------------------------------------------


def test_the_relative_error_entry_by_entry(names):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(4, 5)) * 10.0 ** rng.integers(-9, 9, size=(4, 5))
    b = a * rng.choice([-1, 0, 0.5, 1, 1.001], size=a.shape)
    a[0, :2] = b[0, 0] = 0
    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    by_hand = max(0.0 if p == q else abs(p - q) / max(abs(p), abs(q)) for p, q in pairs)
    assert names["relative_error"](a, b) == pytest.approx(by_hand, rel=1e-12)
    assert names["relative_error"](b, a) == names["relative_error"](a, b)
    assert names["relative_error"](0 * a, 0 * a) == 0
    assert names["relative_error"](a[1:], -a[1:]) == 2


def test_central_differences_are_wrong_by_a_sixth_of_h_squared_times_the_third_derivative(names):
    x, h = np.array([2.0, -1.0, 0.5]), 0.1
    agree(names["numerical_gradient"](lambda v: (v**3).sum(), x, h), 3 * x**2 + h**2)


def test_epochs_deal_all_rows_in_orders_that_look_drawn(names):
    """Over many epochs every row comes first about as often: 5 standard deviations, so one seed in a million fails."""
    rng, epochs, rows = np.random.default_rng(3), 2000, 8
    firsts = np.zeros(rows)
    for _ in range(epochs):
        batches = list(names["minibatches"](np.arange(rows), np.arange(rows), 3, rng))
        assert sorted(np.concatenate([x for x, _ in batches])) == list(range(rows))
        firsts[batches[0][0][0]] += 1
    spread = math.sqrt(epochs / rows * (1 - 1 / rows))
    assert abs(firsts - epochs / rows).max() < 5 * spread


def test_distances_of_nearly_equal_rows_are_numbers(names):
    a = 1e3 * np.random.default_rng(4).normal(size=(50, 3))
    table = names["pairwise_distances"](a, a + 1e-10)
    assert np.isfinite(table).all()
    assert table.diagonal().max() < 1e-3
    exact = [[math.dist(p, q) for q in a + 1e-10] for p in a]
    np.testing.assert_allclose(table, exact, rtol=1e-9, atol=1e-4)


def test_the_examples_by_hand_of_the_text(names):
    agree(names["numerical_gradient"](lambda v: (v**3).sum(), np.array([2.0]), 0.1), [12.01])
    assert names["relative_error"](np.array([2.0, 0, -1]), np.array([2.2, 0, 1])) == 2
    agree(names["one_hot"](np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]])
    train, test = names["standardize"](np.array([[1.0, 3], [3, 3], [5, 3]]), np.array([[7.0, 5]]))
    agree(train, [[-math.sqrt(1.5), 0], [0, 0], [math.sqrt(1.5), 0]])
    agree(test, [[4 / math.sqrt(8 / 3), 2]])
    agree(names["pairwise_distances"](np.array([[1.0, 2]]), np.array([[4.0, 6]])), [[5]])
    simple = names["SimpleNetwork"](1, rng=np.random.default_rng(0))
    road = []
    for start in (1.0, 1.8, 2.28):
        simple.weights = np.array([[start]])
        simple.train(np.array([[2.0]]), np.array([[6.0]]), epochs=1, learning_rate=0.1)
        road.append(float(simple.weights[0, 0]))
    assert road == pytest.approx([1.8, 2.28, 2.568])
    net = names["TwoLayerNet"](2, 1, rng=np.random.default_rng(0))
    net.params = {"W1": np.array([[1.0], [5]]), "b1": np.zeros(1), "W2": np.array([[2.0]]), "b2": np.zeros(1)}
    x, y = np.array([[1.0, 0]]), np.array([1.0])
    assert float(net.loss(x, y)) == pytest.approx(0.197, abs=5e-4)
    gradients = net.gradients(x, y)
    assert gradients["b2"] == pytest.approx(-0.179, abs=5e-4)
    assert gradients["W2"] == pytest.approx(-0.136, abs=5e-4)
    np.testing.assert_allclose(gradients["W1"], [[-0.150], [0]], atol=5e-4)
