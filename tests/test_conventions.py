"""Every line of docs/conventions.md that golden values do not hold already."""

import re
from pathlib import Path

import numpy as np
import pytest

import dlkit
from autograder import catalogue
from autograder.isolation.protocol import Rng

ROOT = Path(__file__).resolve().parents[1]


def names_of(assignment):
    """The reference implementations of an assignment, by name."""
    loaded = catalogue.load(assignment, ROOT)
    subject = loaded.subject(loaded.assignment.exercises[0])
    return subject._executor.names


@pytest.fixture(scope="module")
def layers():
    return names_of("02_layers")


@pytest.fixture(scope="module")
def losses():
    return names_of("03_losses")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_sheet_has_a_line_for_every_test_here():
    rows = re.findall(
        r"^\| (?!what|---)([^|]+?) \|", (ROOT / "docs/conventions.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    held_here = {
        "Linear",
        "gradients",
        "dtype",
        "inputs",
        "a loss",
        "KLDivergence",
        "label smoothing",
        "GELU",
        "Parameter",
    }
    held_by_golden_values_or_signatures = {"shapes", "ReLU at 0", "randomness"}
    assert set(rows) == held_here | held_by_golden_values_or_signatures


def test_linear_keeps_its_weights_as_in_features_by_out_features(layers, rng):
    layer = layers["Linear"](4, 3, rng=rng)
    x = rng.normal(size=(5, 4))
    assert layer.W.shape == (4, 3)
    assert layer.b.shape == (3,)
    np.testing.assert_allclose(layer(x), x @ layer.W.data + layer.b.data)


def test_backward_adds_to_the_gradient_and_zero_grad_clears_it(layers, rng):
    layer = layers["Linear"](4, 3, rng=rng)
    x, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    for _ in range(2):
        layer(x)
        layer.backward(dy)
    np.testing.assert_allclose(layer.W.grad, 2 * x.T @ dy)
    layer.zero_grad()
    assert not layer.W.grad.any()


def test_dtype_in_is_dtype_out_once_the_parameters_are_converted(layers, rng):
    layer = layers["Linear"](4, 3, rng=rng)
    assert layer.W.data.dtype == np.float64
    layer.astype("float32")
    assert layer(np.ones((2, 4), np.float32)).dtype == np.float32


def test_inputs_are_never_written_to(layers, rng):
    x = rng.normal(size=(3, 4))
    kept = x.copy()
    for name in ("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "GELU", "Softmax"):
        layer = layers[name]()
        layer(x)
        layer.backward(np.ones_like(x))
        np.testing.assert_array_equal(x, kept)


def test_an_elementwise_loss_is_the_mean_over_all_elements(losses):
    assert float(losses["MeanSquaredError"]()(np.full((2, 3), 2.0), np.zeros((2, 3)))) == pytest.approx(4.0)


def test_a_class_loss_is_the_mean_over_the_batch(losses):
    scores, labels = np.zeros((4, 5)), np.zeros(4, int)
    assert float(losses["SoftmaxCrossEntropy"]()(scores, labels)) == pytest.approx(np.log(5))


def test_kl_divergence_takes_log_probabilities_and_divides_by_the_batch(losses):
    target = np.full((2, 4), 0.25)
    assert float(losses["KLDivergence"]()(np.log(target), target)) == pytest.approx(0)
    uneven = np.log([[0.5, 0.5 / 3, 0.5 / 3, 0.5 / 3]] * 2)
    expected = (target[0] * (np.log(target[0]) - uneven[0])).sum()
    assert float(losses["KLDivergence"]()(uneven, target)) == pytest.approx(expected)


def test_label_smoothing_spreads_its_share_over_all_classes(losses):
    scores, s = np.array([[2.0, -1.0, 0.5]]), 0.3
    log_p = scores - np.log(np.exp(scores).sum())
    target = (1 - s) * np.array([[0, 1, 0]]) + s / 3
    loss = losses["SoftmaxCrossEntropy"](label_smoothing=s)
    assert float(loss(scores, np.array([1]))) == pytest.approx(-float((target * log_p).sum()))


def test_gelu_is_the_tanh_form(layers):
    x = np.array([-1.5, 0.3, 2.0])
    expected = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(layers["GELU"]()(x), expected)


def test_parameters_are_found_by_attribute_in_lists_tuples_and_dicts(layers, rng):
    model = dlkit.Layer()
    model.body = [layers["Linear"](2, 3, rng=rng), (layers["Linear"](3, 3, rng=rng),)]
    model.heads = {"a": layers["Linear"](3, 1, rng=rng)}
    assert list(model.named_parameters()) == [
        "body.0.W", "body.0.b", "body.1.0.W", "body.1.0.b", "heads.a.W", "heads.a.b",
    ]  # fmt: skip


def test_a_seed_draws_the_same_parameters_everywhere(layers):
    first = layers["Linear"](4, 3, rng=np.random.default_rng(7)).W.data
    loaded = catalogue.load("02_layers", ROOT)
    again = loaded.subject(loaded.assignment.exercise("Linear")).make("Linear", 4, 3, rng=Rng(7)).get("W.data")
    np.testing.assert_array_equal(first, again)
