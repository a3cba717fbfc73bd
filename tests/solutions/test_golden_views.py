"""Every reference of part two of 12 gives what PyTorch gives, or what a second formula does.

The golden values were computed by ``tests/golden/views.py``; no PyTorch is needed here.
"""

import numpy as np
import pytest

from autograder.checks import Ref, Rng
from dlkit.worlds import GridWorld
from tests.solutions.golden import GoldenCalls, agree
from tests.solutions.references import names_of

ASSIGNMENT = "12_paradigms"
GOLDEN = GoldenCalls(ASSIGNMENT, "12_views")
subject_of, calls_of, arrays_of = GOLDEN.subject_of, GOLDEN.calls_of, GOLDEN.arrays_of
RATE, GAMMA = 0.1, 0.95


@pytest.fixture(scope="module")
def names():
    return names_of(ASSIGNMENT)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@calls_of("UnitLength")
def test_rows_of_unit_length_are_pytorch_s(number, call, array_library, dtype):
    arrays = {name: x.astype(dtype) for name, x in arrays_of(number, call).items()}
    layer = subject_of("UnitLength", array_library).make("UnitLength")
    agree(layer.call("forward", arrays["x"]), arrays["y"], dtype)
    agree(layer.call("backward", arrays["dy"]), arrays["dx"], dtype)


def test_a_row_of_zeros_has_neither_a_direction_nor_a_gradient(array_library):
    layer = subject_of("UnitLength", array_library).make("UnitLength")
    agree(layer.call("forward", np.array([[0.0, 0.0], [3.0, 4.0]])), np.array([[0, 0], [0.6, 0.8]]))
    agree(layer.call("backward", np.array([[5.0, 7.0], [1.0, 0.0]])), np.array([[0, 0], [0.128, -0.096]]))


@calls_of("NTXent")
def test_views_find_their_partners_as_in_pytorch(number, call, array_library):
    arrays = arrays_of(number, call)
    loss = subject_of("NTXent", array_library).make("NTXent", **call["arguments"])
    agree(loss.call("forward", arrays["a"], arrays["b"]), arrays["loss"])
    for name, gradient in zip("ab", loss.call("backward"), strict=True):
        agree(gradient, arrays[f"d{name}"])


@calls_of("CLIPLoss")
def test_images_and_texts_find_each_other_as_in_pytorch(number, call, array_library):
    arrays = arrays_of(number, call)
    loss = subject_of("CLIPLoss", array_library).make("CLIPLoss")
    loss.set("log_scale.data", arrays["log_scale"])
    agree(loss.call("forward", arrays["images"], arrays["texts"]), arrays["loss"])
    for name, gradient in zip(("images", "texts"), loss.call("backward"), strict=True):
        agree(gradient, arrays[f"d{name}"])
    agree(loss.get("log_scale.grad"), arrays["dlog_scale"])


@calls_of("dpo_loss")
def test_preferences_are_those_of_automatic_differentiation(number, call, array_library):
    arrays = arrays_of(number, call)
    given = [arrays[name] for name in ("chosen", "rejected", "first", "second")]
    found = subject_of("dpo_loss", array_library).run("dpo_loss", *given, **call["arguments"])
    for value, name in zip(found, ("loss", "dchosen", "drejected"), strict=True):
        agree(value, arrays[name])


@calls_of("policy_gradient")
def test_the_policy_gradient_is_that_of_automatic_differentiation(number, call, names):
    arrays = arrays_of(number, call)
    given = [arrays[name] for name in ("theta", "states", "actions", "advantages")]
    agree(names["policy_gradient"](*given), arrays["gradient"])


@calls_of("dqn_step")
def test_a_step_of_deep_q_learning_is_that_of_automatic_differentiation(number, call, array_library):
    arrays, subject = arrays_of(number, call), subject_of("dqn_step", array_library)
    networks = {name: subject.make("support.Perceptron", 3, 5, 4, rng=Rng(0)) for name in ("network", "target")}
    for name, network in networks.items():
        for path in ("V", "w"):
            network.set(f"{path}.data", arrays[f"{name}.{path}"])
    refs = {name: Ref(network.handle) for name, network in networks.items()}
    optimizer = subject.make("support.Log", refs).keep("optimizer", "optimizer", [refs["network"]], RATE)
    given = [arrays[name] for name in ("states", "actions", "rewards", "next_states", "done")]
    found = subject.run("dqn_step", *given, **refs, optimizer=Ref(optimizer.handle), **call["arguments"])
    agree(found, arrays["loss"])
    for path in ("V", "w"):
        agree(networks["network"].get(f"{path}.data"), arrays[f"end.network.{path}"])
        agree(networks["target"].get(f"{path}.data"), arrays[f"target.{path}"])


@pytest.fixture(scope="module")
def world():
    return GridWorld()


def test_the_best_values_are_those_of_their_own_policy(world, names):
    """Values by sweeps, and the policy's by a linear system."""
    values, policy = names["value_iteration"](world.transitions, world.rewards, GAMMA, tolerance=1e-12)
    exact = names["policy_values"](np.eye(4)[policy], world.transitions, world.rewards, GAMMA)
    np.testing.assert_allclose(values, exact, atol=1e-9)
    assert values[world.start] == pytest.approx(0.471, abs=5e-4)


def test_no_other_choice_in_a_single_state_is_better(world, names):
    values, policy = names["value_iteration"](world.transitions, world.rewards, GAMMA)
    for state in range(world.states):
        for action in range(4):
            other = np.eye(4)[policy]
            other[state] = np.eye(4)[action]
            found = names["policy_values"](other, world.transitions, world.rewards, GAMMA)
            assert (found <= values + 1e-7).all()


def test_the_value_of_a_policy_is_the_mean_return_of_its_episodes(names):
    small = GridWorld(("S.", ".G"), slip=0.3, limit=200)
    policy = np.full((4, 4), 0.25)
    expected = names["policy_values"](policy, small.transitions, small.rewards, 0.9)[small.start]
    rng, returns = np.random.default_rng(0), []
    for _ in range(4000):
        state, done, total, factor = small.start, False, 0.0, 1.0
        while not done:
            state, reward, done = small.step(state, int(rng.integers(4)), rng=rng)
            total, factor = total + factor * reward, 0.9 * factor
        returns.append(total)
    assert np.mean(returns) == pytest.approx(expected, abs=4 * np.std(returns) / len(returns) ** 0.5)


def test_the_policy_gradient_climbs_in_the_mean(names):
    """Averaged over episodes of one step, it is the gradient of the mean reward, with any baseline."""
    theta, rewards = np.array([[0.3, -0.2, 0.5]]), np.array([1.0, -2.0, 0.5])
    p = np.exp(theta[0]) / np.exp(theta[0]).sum()
    for baseline in (0.0, 3.0):
        mean = sum(
            p[a] * names["policy_gradient"](theta, np.array([0]), np.array([a]), np.array([rewards[a] - baseline]))
            for a in range(3)
        )
        np.testing.assert_allclose(mean[0], p * (rewards - p @ rewards), atol=1e-12)


@pytest.mark.parametrize("agent", ["QLearning", "Reinforce"])
def test_agents_learn_a_good_policy(agent, world, names):
    made = names[agent](world.states, world.actions)
    made.learn(world, 500, rng=np.random.default_rng(0))
    actions = (made.Q if agent == "QLearning" else made.theta).argmax(axis=1)
    value = names["policy_values"](np.eye(4)[actions], world.transitions, world.rewards, GAMMA)[world.start]
    assert value > -0.351 + 0.95 * (0.471 + 0.351)


def test_returns_and_corrections_are_those_of_the_text(names):
    np.testing.assert_allclose(names["discounted_returns"](np.array([-1.0, 0, 2]), 0.5), [-0.5, 1, 2])
    table = names["QLearning"](2, 2, gamma=0.5)
    table.Q[:] = [[0, 0.5], [0.2, 0.4]]
    table.visits[0, 1] = 1
    table.update(0, 1, -0.1, 1, done=False)
    assert table.Q[0, 1] == pytest.approx(0.236, abs=5e-4)
    climber = names["Reinforce"](1, 2, gamma=1, lr=1)
    climber.baseline[:] = 0.5
    climber.update(np.array([0, 0]), np.array([0, 1]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(climber.theta, [[0.5, -0.5]])
    np.testing.assert_allclose(climber.baseline, [0.685])


def test_losses_are_those_of_the_text(names):
    axes = np.eye(2)
    assert names["NTXent"](1.0).forward(axes, axes) == pytest.approx(0.551, abs=5e-4)
    loss = names["CLIPLoss"]()
    loss.log_scale.data[:] = 0
    assert loss.forward(axes, axes) == pytest.approx(0.313, abs=5e-4)
    loss.backward()
    assert loss.log_scale.grad[0] == pytest.approx(-0.269, abs=5e-4)
    found = names["dpo_loss"](*np.array([[-10.0], [-9.0], [-10.0], [-10.0]]), beta=1.0)
    np.testing.assert_allclose([found[0], found[1][0], found[2][0]], [1.313, -0.731, 0.731], atol=5e-4)


def test_relative_rewards_have_mean_zero_and_variance_one(rng, names):
    found = names["grpo_advantages"](rng.normal(3, 5, (6, 8)))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(axis=1), 1)
    assert names["grpo_advantages"](np.full((1, 3), 0.1)).tolist() == [[0, 0, 0]]


def test_sure_rows_are_those_of_the_text(names):
    p = np.array([[0.7, 0.3], [0.45, 0.55], [0.1, 0.9]])
    rows, labels = names["pseudo_label"](np.log(p), 0.7 - 1e-12)
    assert (rows.tolist(), labels.tolist()) == ([0, 2], [0, 1])


def test_an_image_is_turned_as_in_the_text(names):
    image = np.array([[1, 2], [3, 4]])
    images, turns = names["rotation_pretext"](np.stack([image] * 200), rng=np.random.default_rng(0))
    for k, right in enumerate(([[1, 2], [3, 4]], [[2, 4], [1, 3]], [[4, 3], [2, 1]], [[3, 1], [4, 2]])):
        assert (images[turns == k] == right).all()
        assert (turns == k).sum() > 20
