import numpy as np
import pytest

import dlkit
from dlkit import Loss, Optimizer, Parameter, Schedule, blocks


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


@pytest.mark.parametrize("name", ["numpy", "stand-in"])
def test_new_state_is_zero_and_like_the_parameters(name):
    with dlkit.use(name):
        parameters = [Parameter(np.ones((2, 3), np.float32)), Parameter(np.ones(4))]
        state = Optimizer(parameters, lr=0.1).new_state()
    assert [type(array) for array in state] == [type(parameter.data) for parameter in parameters]
    host = [dlkit.to_numpy(array) for array in state]
    assert [(array.shape, array.dtype) for array in host] == [((2, 3), np.float32), ((4,), np.float64)]
    assert not any(array.any() for array in host)


class Halved(Schedule):
    def rate(self, t):
        return self.base / 2**t


def test_a_schedule_sets_the_rate_when_made_and_at_every_step():
    optimizer = Descent([Parameter(np.ones(1))], lr=0.8)
    schedule = Halved(optimizer)
    assert optimizer.lr == 0.8
    schedule.step()
    schedule.step()
    assert (optimizer.lr, schedule.base, schedule.t) == (0.2, 0.8, 2)


def test_a_schedule_without_a_rate_says_so():
    with pytest.raises(NotImplementedError, match="Schedule has no rate yet"):
        Schedule(Descent([Parameter(np.ones(1))], lr=0.1))


@pytest.mark.parametrize("shape", [(3, 5), (20_000,), (300, 7, 11)])
def test_blocks_reach_every_number_once_and_write_through(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, *shape))
    expected = x + 2 * y
    sizes = []
    for a, b in blocks(x, y):
        np.add(a, 2 * b, out=a)
        sizes.append(a.size)
    np.testing.assert_array_equal(x, expected)
    assert sum(sizes) == x.size
    assert max(sizes) <= 1 << 14


def test_blocks_come_whole_where_a_line_of_views_is_not_to_be_had():
    wide = np.zeros((200, 200))
    every_other = wide[:, ::2]
    for view, other in blocks(every_other, np.ones((200, 100))):
        np.add(view, other, out=view)
    assert wide.sum() == every_other.size
    with dlkit.use("stand-in"):
        device = dlkit.zeros((200, 200))
        [(same,)] = blocks(device)
    assert same is device


def test_blocks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"the same shape, not \(2,\), \(3,\)"):
        list(blocks(np.zeros(2), np.zeros(3)))
