import numpy as np
import pytest

import dlkit
from dlkit import Loss, Optimizer, Parameter


class Descent(Optimizer):
    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad


def test_a_loss_without_methods_says_which_is_missing():
    class Empty(Loss):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no forward yet"):
        Empty()(np.zeros(1), np.zeros(1))
    with pytest.raises(NotImplementedError, match="Empty has no backward yet"):
        Empty().backward()


def test_calling_a_loss_is_forward():
    class Difference(Loss):
        def forward(self, prediction, target):
            return (prediction - target).mean()

    assert Difference()(np.array([3.0, 5.0]), np.array([1.0, 1.0])) == 3


def test_an_optimizer_keeps_its_parameters_from_any_iterable():
    parameters = [Parameter(np.ones(2)), Parameter(np.ones(3))]
    assert Descent(iter(parameters), lr=0.1).parameters == parameters


@pytest.mark.parametrize("name", ["numpy", "stand-in"])
def test_a_step_updates_in_place_on_either_backend(name):
    with dlkit.use(name):
        parameter = Parameter(np.ones(2))
    kept = parameter.data
    parameter.grad += 2.0
    optimizer = Descent([parameter], lr=0.25)
    optimizer.step()
    optimizer.zero_grad()
    assert parameter.data is kept
    np.testing.assert_array_equal([0.5, 0.5], dlkit.to_numpy(kept))
    assert not dlkit.to_numpy(parameter.grad).any()


@pytest.mark.parametrize("lr", [0, -1.0, float("nan")])
def test_a_learning_rate_that_is_not_positive_is_refused(lr):
    with pytest.raises(ValueError, match="greater than zero"):
        Optimizer([Parameter(np.ones(1))], lr=lr)


def test_an_optimizer_without_parameters_is_refused():
    with pytest.raises(ValueError, match=r"pass model\.parameters\(\)"):
        Optimizer([], lr=0.1)


def test_an_optimizer_without_a_step_says_so():
    with pytest.raises(NotImplementedError, match="Optimizer has no step yet"):
        Optimizer([Parameter(np.ones(1))], lr=0.1).step()
