"""Policies that climb: discounted_returns, policy_gradient and the exercise Reinforce."""

import numpy as np

from autograder.checks import (
    Case,
    Claim,
    Exercise,
    FunctionExercise,
    Mean,
    Mismatch,
    Ref,
    judge_words,
    new_rng,
    seeded,
    statistics,
)

from .episodes import cut, follow, life, lived, lives, steps_of

TABLE = "A world of few states is a table in CPU memory."


def reward_series(rng):
    """One step and many, no discount and all, thousands of steps, after which a power of the discount is zero."""
    for steps, gamma in [(1, 0.9), (7, 0.95), (4, 0.0), (6, 1.0), (12, 0.5)]:
        yield Case({"gamma": gamma}, rewards=rng.normal(size=steps))
    yield Case({"gamma": 0.5}, rewards=rng.normal(size=2500))
    yield Case({"gamma": 0.9}, rewards=rng.normal(size=9))


returns = FunctionExercise("discounted_returns", cases=reward_series, float32=True, cpu_only=TABLE)


def scored_episodes(rng):
    """States that occur often, once, never; one step; scores near each other, far apart, and beyond the exponential."""
    for states, actions, steps, size in [
        (3, 4, 20, 1.0),
        (5, 2, 4, 0.0),
        (4, 3, 1, 2.0),
        (1, 3, 9, 1.0),
        (2, 5, 6, 400.0),
    ]:
        yield Case(
            theta=rng.normal(0, size, (states, actions)),
            states=rng.integers(states, size=steps),
            actions=rng.integers(actions, size=steps),
            advantages=rng.normal(size=steps),
        )
    theta = np.array([[1000.0, -1000.0, 999.0], [-2000.0, -2001.0, -2000.5]])
    places = {"states": np.array([0, 1, 0, 1, 1]), "actions": np.array([0, 1, 2, 1, 2])}
    yield Case(theta=theta, **places, advantages=rng.normal(size=5))


gradient = FunctionExercise("policy_gradient", cases=scored_episodes, cpu_only=TABLE)


# --- Reinforce -------------------------------------------------------------------------------

FORM, CERTAIN = "the action", "where only one is probable"
CHOICE = "an action is a number from 0 to actions − 1"
LAW = "actions have the probabilities of the softmax"
UPDATED = "the policy and the baseline after one episode, and after two"
EPISODES = "episodes begin at the start and end at the goal or after limit steps"
REPLAYED = "the policy is what the steps of the episodes make of it"
CHOSEN = "learn chooses as act does"

climber = Exercise(
    "Reinforce",
    "class",
    ("act", "update", "learn"),
    support_files=("lived",),
    depends=("discounted_returns", "policy_gradient"),
)


def scored_agents(rng):
    """Scores of which one leaves no choice, of one action, beyond the exponential."""
    for row in ([0.0, 900.0, -900.0], [-1000.0, -1800.0], [3.0]):
        theta = rng.normal(0, 1, (3, len(row)))
        theta[2] = row
        yield Case({"states": 3, "actions": len(row)}, state=2).with_changes(
            hidden={"theta": theta, "rng": new_rng(rng), "times": 30}
        )


def choices(subject, case):
    made = subject.make("Reinforce", **case.arguments)
    made.set("theta", case.hidden["theta"])
    return subject.run(
        "support.chosen", Ref(made.handle), case.inputs["state"], case.hidden["times"], case.hidden["rng"]
    )


@climber.check(
    CHOICE,
    cases=scored_agents,
    part="act",
    needs=("act",),
    weight=3,
    expect=lambda _: {FORM: "an action", CERTAIN: "that one"},
    judge=judge_words({"no integer": "act: expected an integer, the number of one action"}),
)
def certain(subject, case):
    numbers = np.asarray(choices(subject, case))
    row = case.hidden["theta"][case.inputs["state"]]
    if numbers.dtype.kind not in "iu" or numbers.shape != (case.hidden["times"],):
        return {FORM: "no integer"}
    return {FORM: "an action", CERTAIN: "that one" if (numbers == row.argmax()).all() else "another one"}


def many_choices(rng):
    for row in ([1.5, -1.0, 1.2, 0.0], [2.0, 2.6]):
        theta = rng.normal(0, 2, (2, len(row)))
        theta[1] = row
        yield Case({"states": 2, "actions": len(row)}, state=1).with_changes(
            hidden={"theta": theta, "rng": new_rng(rng), "times": 3000}
        )


def softmax(row):
    e = np.exp(row - row.max())
    return e / e.sum()


def probability(case, action):
    return float(softmax(case.hidden["theta"][case.inputs["state"]])[action])


statistics(
    climber,
    LAW,
    cases=many_choices,
    claims=[
        Claim(
            f"the share of action {a}",
            lambda seen, _, a=a: np.asarray(seen["y"]) == a,
            lambda case, a=a: Mean(probability(case, a)),
            {"every action evenly": lambda case: Mean(1 / case.arguments["actions"])},
        )
        for a in (0, 1)
    ],
    part="act",
    needs=("act",),
    weight=4,
    after=(CHOICE,),
)(lambda subject, case: {"y": choices(subject, case)})


def two_episodes(rng):
    """Episodes with states that occur again, of one step, other constants, no baseline."""
    for arguments, states, actions, lengths in [
        ({}, 3, 4, (12, 5)),
        ({"gamma": 0.5, "lr": 0.2, "baseline_lr": 0.7}, 2, 3, (6, 9)),
        ({"gamma": 1.0, "lr": 1.5, "baseline_lr": 0.0}, 4, 2, (7, 7)),
        ({"gamma": 0.8, "baseline_lr": 1.0}, 1, 3, (1, 4)),
    ]:
        episodes = [
            [rng.integers(states, size=steps), rng.integers(actions, size=steps), rng.normal(size=steps)]
            for steps in lengths
        ]
        yield Case({"states": states, "actions": actions, **arguments}).with_changes(hidden={"episodes": episodes})


@climber.check(UPDATED, cases=two_episodes, part="update", needs=("update",))
def updated(subject, case):
    made, seen = subject.make("Reinforce", **case.arguments), {}
    for number, episode in enumerate(case.hidden["episodes"], 1):
        made.call("update", *episode)
        seen[f"theta after episode {number}"] = made.get("theta")
        seen[f"the baseline after episode {number}"] = made.get("baseline")
    return seen


def climbing_lives(rng):
    return lives(rng, gamma=0.9, lr=0.4, baseline_lr=0.2)


@climber.check(
    EPISODES, cases=climbing_lives, weight=3, judge=lambda seen, _, case: follow(seen, case), expect=lambda _: {}
)
def episodes(subject, case):
    return lived(subject, "Reinforce", case, ("theta", "baseline"))


def judge_learned(observed, expected, case):
    """What the formulas make of the episodes that were lived through."""
    del expected
    arguments = case.arguments
    theta, baseline = np.zeros((arguments["states"], arguments["actions"])), np.zeros(arguments["states"])
    found = cut(steps_of(observed), case)
    if isinstance(found, str):
        return Mismatch("value", "the episodes", f"learn: {found}")
    for steps in found:
        states, actions = steps[:, 0].astype(int), steps[:, 1].astype(int)
        returned = [sum(arguments["gamma"] ** k * r for k, r in enumerate(steps[t:, 2])) for t in range(len(steps))]
        push = np.zeros(theta.shape)
        for s, a, G in zip(states, actions, returned, strict=True):
            push[s] += (G - baseline[s]) * (np.eye(arguments["actions"])[a] - softmax(theta[s]))
        theta += arguments["lr"] * push
        for s, G in zip(states, returned, strict=True):
            baseline[s] += arguments["baseline_lr"] * (G - baseline[s])
    for name, right in (("theta", theta), ("baseline", baseline)):
        seen = observed[name]
        if not isinstance(seen, np.ndarray) or seen.shape != right.shape or not np.allclose(seen, right, atol=1e-7):
            text = f"{name} is not what update makes of the episodes that were lived through, one after the other"
            return Mismatch("value", name, text)
    return None


climber.check(REPLAYED, cases=climbing_lives, weight=4, judge=judge_learned, expect=lambda _: {}, after=(EPISODES,))(
    episodes
)


def decided_lives(rng):
    """A policy that stays as it is, the same in every state."""
    case = life(rng, "two rooms", [40], lr=0.0, baseline_lr=0.0)
    theta = np.tile([0.9, 0.0, -0.5, 0.4], (case.arguments["states"], 1))
    yield case.with_changes(hidden={**case.hidden, "known": {"theta": theta}})


def actions_drawn(subject, case):
    return steps_of(lived(subject, "Reinforce", case, ()))[:, 1]


statistics(
    climber,
    CHOSEN,
    cases=decided_lives,
    claims=[
        Claim(
            f"the share of action {a}",
            lambda seen, _, a=a: seen["y"] == a,
            lambda case, a=a: Mean(float(softmax(case.hidden["known"]["theta"][0])[a])),
        )
        for a in range(4)
    ],
    part="learn",
    weight=2,
    after=(REPLAYED,),
)(lambda subject, case: {"y": actions_drawn(subject, case)})
seeded(climber, cases=decided_lives, after=(EPISODES,))(actions_drawn)
