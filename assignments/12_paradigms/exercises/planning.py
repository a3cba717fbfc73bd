"""Known worlds: action_values, value_iteration and policy_values."""

import numpy as np

from autograder.checks import Case, FunctionExercise

TABLE = "A world of few states is a table in CPU memory, and after every sweep a program looks at it."


def drawn_world(rng, states, actions, *, certain=False):
    """Transitions (states, actions, states), sparse and uneven, or to one state each; rewards of both signs."""
    if certain:
        transitions = np.eye(states)[rng.integers(states, size=(states, actions))]
    else:
        transitions = rng.random((states, actions, states)) ** 6
        transitions /= transitions.sum(axis=2, keepdims=True)
    return transitions, rng.normal(0, 1, (states, actions))


def with_goal(transitions, rewards):
    """The last state ends everything."""
    transitions[-1], rewards[-1] = np.eye(len(transitions))[-1], 0
    return transitions, rewards


def backups(rng):
    """As many states as actions, one of either, many; no discount and a full one."""
    for states, actions, gamma in [(4, 4, 0.9), (6, 3, 0.5), (1, 5, 0.99), (5, 1, 0.0), (3, 7, 1.0)]:
        transitions, rewards = drawn_world(rng, states, actions)
        values = rng.normal(0, 3, states)
        yield Case({"gamma": gamma}, values=values, transitions=transitions, rewards=rewards)


backup = FunctionExercise("action_values", cases=backups, cpu_only=TABLE)


def changing_world(rng, gamma):
    """A world in which the best actions by the values after the first sweep are others than by the values before it."""
    while True:
        transitions, rewards = drawn_world(rng, 5, 3)
        later = rewards + gamma * transitions @ rewards.max(axis=1)
        if (later.argmax(axis=1) != rewards.argmax(axis=1)).any():
            return transitions, rewards


def worlds(rng):
    """Few sweeps and many, a tolerance that is loose, tight, met exactly, a goal, negative rewards, equal actions."""
    for states, actions, gamma, tolerance in [
        (5, 5, 0.9, 0.1),
        (7, 3, 0.8, 1e-3),
        (4, 2, 0.95, 1e-9),
        (1, 3, 0.5, 0.01),
    ]:
        transitions, rewards = drawn_world(rng, states, actions)
        yield Case({"gamma": gamma, "tolerance": tolerance}, transitions=transitions, rewards=rewards)
    transitions, rewards = with_goal(*drawn_world(rng, 6, 4))
    yield Case({"gamma": 0.7}, transitions=transitions, rewards=-abs(rewards))
    transitions, rewards = with_goal(*drawn_world(rng, 8, 3, certain=True))
    rewards[2] = rewards[3] = 0.25  # states whose actions are alike
    transitions[2:4] = transitions[2:4, :1]
    yield Case({"gamma": 0.9, "tolerance": 0.02}, transitions=transitions, rewards=rewards)
    transitions, rewards = drawn_world(rng, 5, 3)
    yield Case({"gamma": 0.5, "tolerance": 0.125}, transitions=np.ones((1, 1, 1)), rewards=np.ones((1, 1)))
    alone = np.eye(10)  # one of ten states changes, so that the mean of the changes is a tenth of the greatest
    yield Case({"gamma": 0.5, "tolerance": 0.125}, transitions=alone[:, None], rewards=alone[:, :1])
    yield Case({"gamma": 0.9, "sweeps": 3}, transitions=transitions, rewards=rewards)
    changing, rewarded = changing_world(rng, 0.9)
    yield Case({"gamma": 0.9, "sweeps": 1}, transitions=changing, rewards=rewarded)
    yield Case({"gamma": 0.0, "tolerance": 0.3}, transitions=transitions, rewards=rewards)


iteration = FunctionExercise(
    "value_iteration",
    cases=worlds,
    outputs=("the values", "the policy"),
    depends=("action_values",),
    cpu_only=TABLE,
)


def policies(rng):
    """Policies that draw and that never do, one state, one action, a discount of nothing and nearly all."""
    for states, actions, gamma in [(4, 4, 0.9), (6, 3, 0.99), (1, 4, 0.5), (5, 1, 0.8), (7, 2, 0.0)]:
        transitions, rewards = drawn_world(rng, states, actions)
        policy = rng.dirichlet(np.ones(actions), states)
        yield Case({"gamma": gamma}, policy=policy, transitions=transitions, rewards=rewards)
    transitions, rewards = with_goal(*drawn_world(rng, 6, 4, certain=True))
    policy = np.eye(4)[rng.integers(4, size=6)]
    yield Case({"gamma": 0.95}, policy=policy, transitions=transitions, rewards=rewards)


evaluation = FunctionExercise("policy_values", cases=policies, cpu_only=TABLE)
