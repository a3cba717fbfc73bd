import copy
import operator
import pickle

import numpy as np
import pytest

import dlkit
from dlkit import Layer, Parameter
from dlkit.stand_in import DeviceArray


class Scale(Layer):
    def __init__(self, factor=2.0):
        self.W = Parameter(np.array([factor]))

    def forward(self, x):
        self.x = x
        return x * self.W.data

    def backward(self, dy):
        self.W.grad += (dy * self.x).sum()
        return dy * self.W.data


class Nest(Layer):
    def __init__(self):
        self.first = Scale(1.0)
        self.layers = [Scale(2.0), (Scale(3.0),)]
        self.named = {"head": Scale(4.0)}
        self.again = self.first
        self.b = Parameter(np.zeros(3))
        self.width = 3


def test_a_parameter_starts_with_a_gradient_of_zero():
    parameter = Parameter(np.ones((2, 3), np.float32))
    assert parameter.shape == (2, 3)
    assert parameter.size == 6
    assert parameter.grad.dtype == np.float32
    assert not parameter.grad.any()
    assert repr(parameter) == "Parameter(shape=(2, 3), dtype=float32)"


def test_zero_grad_clears_in_place():
    parameter = Parameter(np.ones(2))
    kept = parameter.grad
    kept += 5
    parameter.zero_grad()
    assert parameter.grad is kept
    assert not kept.any()


def test_a_parameter_lives_on_the_backend_of_its_context():
    with dlkit.use("stand-in"):
        parameter = Parameter(np.ones(2))
    assert isinstance(parameter.data, DeviceArray)
    assert isinstance(parameter.grad, DeviceArray)
    parameter.zero_grad()


OPERATORS = [
    (operator.add, "+"),
    (operator.sub, "-"),
    (operator.mul, "*"),
    (operator.matmul, "@"),
    (operator.truediv, "/"),
    (operator.pow, "**"),
    (operator.isub, "-"),
]


@pytest.mark.parametrize(("apply", "sign"), OPERATORS)
@pytest.mark.parametrize("device", ["numpy", "stand-in"])
@pytest.mark.parametrize("array_is_left", [True, False])
def test_arithmetic_with_a_parameter_names_the_cure(apply, sign, device, array_is_left):
    with dlkit.use(device):
        x, parameter = dlkit.ones((2, 2)), Parameter(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"is not an array.*write self\.W\.data") as caught:
        apply(x, parameter) if array_is_left else apply(parameter, x)
    assert f"so {sign} does not work" in str(caught.value)


@pytest.mark.parametrize(
    "use",
    [
        lambda p: 2 * p,
        lambda p: np.float64(2) * p,
        lambda p: -p,
        abs,
        lambda p: p[0],
        lambda p: p > 0,
        lambda p: np.ones(2) > p,
        np.exp,
        np.sum,
        np.zeros_like,
        np.linalg.norm,
        np.asarray,
        lambda p: np.ones(2).dot(p),
        lambda p: np.array([p, p]),
    ],
)
def test_whatever_takes_a_parameter_for_an_array_names_the_cure(use):
    with pytest.raises(TypeError, match=r"\.data"):
        use(Parameter(np.ones(2)))


def test_writing_to_entries_of_a_parameter_names_the_cure():
    parameter = Parameter(np.ones(2))
    with pytest.raises(TypeError, match=r"\.data"):
        parameter[0] = 3
    assert parameter.data[0] == 1


@pytest.mark.parametrize("name", ["T", "reshape", "sum", "dtype"])
def test_an_attribute_of_arrays_names_the_cure(name):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'.*write self\.W\.data\.{name}"):
        getattr(Parameter(np.ones((2, 2))), name)


def test_another_attribute_is_an_attribute_error_without_that_cure():
    with pytest.raises(AttributeError, match=r"no attribute 'weights'\. Its values are in \.data") as caught:
        _ = Parameter(np.ones(2)).weights
    assert ".data.weights" not in str(caught.value)
    assert not hasattr(Parameter(np.ones(2)), "__float__")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])  # noqa: S301
def test_a_parameter_can_be_copied_and_pickled(copied):
    parameter = Parameter(np.arange(3.0))
    parameter.grad += 1
    made = copied(parameter)
    assert made is not parameter
    assert np.array_equal(made.data, parameter.data)
    assert np.array_equal(made.grad, parameter.grad)


def test_parameters_are_compared_by_identity_and_are_true():
    first, second = Parameter(np.zeros(2)), Parameter(np.zeros(2))
    assert first == first  # noqa: PLR0124
    assert first != second
    assert first in [second, first]
    assert len({first, second}) == 2
    assert bool(first)


def test_parameters_are_found_by_path_each_once_in_order():
    found = Nest().named_parameters()
    assert list(found) == ["first.W", "layers.0.W", "layers.1.0.W", "named.head.W", "b"]
    assert [p.data[0] for p in found.values()] == [1, 2, 3, 4, 0]


def test_a_shared_parameter_is_counted_once():
    nest = Nest()
    nest.tied = Scale()
    nest.tied.W = nest.first.W
    assert len(nest.parameters()) == 5


def test_a_layer_that_holds_itself_is_walked_once():
    layer = Scale()
    layer.parent = layer
    assert list(layer.named_parameters()) == ["W"]


def test_the_mode_reaches_every_layer():
    nest = Nest()
    everyone = [nest, nest.first, nest.layers[0], nest.layers[1][0], nest.named["head"]]
    assert all(layer.training for layer in everyone)
    nest.eval()
    assert not any(layer.training for layer in everyone)
    nest.train()
    assert all(layer.training for layer in everyone)


def test_the_mode_of_one_model_is_not_that_of_another():
    one, other = Nest(), Nest()
    one.eval()
    assert other.training


def test_zero_grad_and_astype_reach_every_parameter():
    nest = Nest()
    for parameter in nest.parameters():
        parameter.grad += 1
    nest.zero_grad()
    nest.astype(np.float32)
    assert all(p.data.dtype == p.grad.dtype == np.float32 and not p.grad.any() for p in nest.parameters())


def test_a_call_is_forward():
    np.testing.assert_array_equal([2.0, 4.0], Scale()(np.array([1.0, 2.0])))


def test_gradients_add_up_until_they_are_cleared():
    layer = Scale()
    for _ in range(2):
        layer(np.array([1.0, 2.0]))
        layer.backward(np.ones(2))
    assert layer.W.grad[0] == 6


@pytest.mark.parametrize("call", [lambda layer: layer(1.0), lambda layer: layer.backward(1.0)])
def test_a_layer_without_methods_says_which_is_missing(call):
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no (forward|backward) yet"):
        call(Empty())


def test_astype_reaches_arrays_that_are_no_parameters():
    class Running(Layer):
        def __init__(self):
            self.mean, self.count, self.steps = np.zeros(3), np.arange(3), 4

    class Outer(Layer):
        def __init__(self):
            self.inner = [Running()]

    outer = Outer()
    outer.astype(np.float32)
    assert outer.inner[0].mean.dtype == np.float32
    assert outer.inner[0].count.dtype == np.arange(3).dtype
    assert outer.inner[0].steps == 4
