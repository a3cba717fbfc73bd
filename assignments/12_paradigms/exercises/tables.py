"""The exercise QLearning: choices by their law, corrections one by one, and whole episodes step by step."""

import numpy as np

from autograder.checks import Case, Claim, Exercise, Mean, Mismatch, Ref, judge_words, new_rng, seeded, statistics

from .episodes import among_the_best, explored_lives, follow, lived, some_lives, steps_of, undirected_lives

CHOICE = "an action is a number from 0 to actions − 1, and without exploring one of the best"
LAW = "any action with probability epsilon, else one of the best, evenly"
CORRECTED = "each step corrects one entry of the table"
EPISODES = "episodes begin at the start and end at the goal or after limit steps"
REPLAYED = "the table is what the steps of the episodes make of it"
CHOSEN = "learn chooses as act does"
TABLE = "A world of few states is a table in CPU memory."

table = Exercise("QLearning", "class", ("act", "update", "learn"), support_files=("lived",))

FORM, BEST = "the action", "with epsilon = 0"


# --- act -------------------------------------------------------------------------------------


def agents(rng):
    """Tables with one best action and with several, values of both signs and all alike, sometimes exploring."""
    for row, epsilon in [
        ([0.3, -1.0, 0.9, 0.1], 0.0),
        ([-5.0, -2.0, -2.0], 0.0),
        ([0.0] * 5, 0.0),
        ([1.0, 7.0], 0.0),
        ([4.0], 0.5),
        ([0.1, 0.4, -0.2], 1.0),
    ]:
        Q = rng.normal(0, 0.1, (3, len(row))) - 10 * np.array(row)  # other states prefer other actions
        Q[1] = row
        yield Case({"states": 3, "actions": len(row), "epsilon": epsilon}, state=1).with_changes(
            hidden={"Q": Q, "rng": new_rng(rng), "times": 40}
        )


def choices(subject, case):
    made = subject.make("QLearning", **case.arguments)
    made.set("Q", case.hidden["Q"])
    return subject.run(
        "support.chosen", Ref(made.handle), case.inputs["state"], case.hidden["times"], case.hidden["rng"]
    )


def described(found, case):
    """In words: the form of what was chosen, and whether it is one of the best."""
    row = case.hidden["Q"][case.inputs["state"]]
    numbers = np.asarray(found)
    if numbers.dtype.kind not in "iu" or numbers.shape != (case.hidden["times"],):
        return {FORM: "no integer"}
    if numbers.min() < 0 or numbers.max() >= len(row):
        return {FORM: "a number that is no action"}
    best = row[numbers] == row.max()
    if case.arguments["epsilon"] > 0 or best.all():
        return {FORM: "an action", BEST: "one of the best"}
    return {FORM: "an action", BEST: "sometimes another one" if best.any() else "never one of the best"}


@table.check(
    CHOICE,
    cases=agents,
    part="act",
    needs=("act",),
    weight=3,
    expect=lambda _: {FORM: "an action", BEST: "one of the best"},
    judge=judge_words(
        {
            "no integer": "act: expected an integer, the number of one action",
            "a number that is no action": "act returns a number that is no action: they are 0 to actions − 1",
            "sometimes another one": "with epsilon = 0, act sometimes returns an action whose value is not the "
            "greatest of its state",
            "never one of the best": "with epsilon = 0, act never returns an action with the greatest value",
        }
    ),
)
def chosen(subject, case):
    return described(choices(subject, case), case)


def many_choices(rng):
    """One best action and two, seldom and often exploring."""
    for row, epsilon in [([0.3, -1.0, 0.9, 0.1], 0.8), ([-1.0, 2.0, -3.0, 2.0, 0.5], 0.5), ([0.0, 0.0, -1.0], 0.6)]:
        Q = np.tile(np.arange(len(row), dtype=float), (2, 1))
        Q[1] = row
        yield Case({"states": 2, "actions": len(row), "epsilon": epsilon}, state=1).with_changes(
            hidden={"Q": Q, "rng": new_rng(rng), "times": 8000}
        )


def shares(case):
    """The probability of every action."""
    row, epsilon = case.hidden["Q"][case.inputs["state"]], case.arguments["epsilon"]
    best = row == row.max()
    return epsilon / len(row) + (1 - epsilon) * best / best.sum()


def shares_of_others(case):
    """Where exploring leaves out the best."""
    row, epsilon = case.hidden["Q"][case.inputs["state"]], case.arguments["epsilon"]
    best = row == row.max()
    return (1 - epsilon) * best / best.sum() + epsilon * ~best / (~best).sum()


def share_of(i):
    """Of the first action that is among the best, of the last, of the first that is not."""

    def place(case):
        row = case.hidden["Q"][case.inputs["state"]]
        best = np.flatnonzero(row == row.max())
        return (best[0], best[-1], np.flatnonzero(row < row.max())[0])[i]

    return place


def claims_of_shares():
    for i, words in enumerate(("the first best action", "the last best action", "an action that is not the best")):
        place = share_of(i)
        yield Claim(
            f"the share of {words}",
            lambda seen, case, place=place: np.asarray(seen["y"]) == place(case),
            lambda case, place=place: Mean(float(shares(case)[place(case)])),
            {"explores others only": lambda case, place=place: Mean(float(shares_of_others(case)[place(case)]))},
        )


statistics(
    table,
    LAW,
    cases=many_choices,
    claims=list(claims_of_shares()),
    part="act",
    needs=("act",),
    weight=4,
    after=(CHOICE,),
)(lambda subject, case: {"y": choices(subject, case)})


# --- update ----------------------------------------------------------------------------------


def corrections(rng):
    """Steps of all kinds: entries visited again and again, to the goal, to the same state, other constants."""
    for arguments, actions, count in [
        ({}, 4, 30),
        ({"gamma": 0.5, "power": 1.0}, 3, 25),
        ({"gamma": 1.0, "power": 0.51}, 1, 9),
        ({"gamma": 0.0}, 2, 12),
    ]:
        steps = [
            [
                int(rng.integers(3)),
                int(rng.integers(actions)),
                float(rng.normal()),
                int(rng.integers(3)),
                bool(rng.random() < 0.3),
            ]
            for _ in range(count)
        ]
        steps[1][:2] = steps[0][:2]  # the same entry twice in a row
        steps[2][3], steps[2][4] = steps[2][0], False  # a wall
        yield Case({"states": 3, "actions": actions, **arguments}).with_changes(hidden={"steps": steps})


@table.check(CORRECTED, cases=corrections, part="update", needs=("update",))
def corrected(subject, case):
    """The table after a first step, a second, and all of them."""
    made = subject.make("QLearning", **case.arguments)
    seen = {}
    for name, steps in [
        ("the first step", case.hidden["steps"][:1]),
        ("the second step", case.hidden["steps"][1:2]),
        ("all steps", case.hidden["steps"][2:]),
    ]:
        subject.run("support.update_in_order", Ref(made.handle), steps)
        seen[f"Q after {name}"] = made.get("Q")
        seen[f"visits after {name}"] = made.get("visits")
    return seen


# --- learn -----------------------------------------------------------------------------------


def judge_episodes(observed, expected, case):
    del expected
    return follow(observed, case)


@table.check(EPISODES, cases=some_lives, weight=3, judge=judge_episodes, expect=lambda _: {})
def episodes(subject, case):
    return lived(subject, "QLearning", case, ("Q",))


def replayed(steps, case):
    """The table before every step, and at the end, by the formula."""
    arguments = case.arguments
    Q = np.zeros((arguments["states"], arguments["actions"]))
    visits = np.zeros(Q.shape, int)
    tables = [Q.copy()]
    for s, a, reward, following, done in steps:
        state, action = int(s), int(a)
        visits[state, action] += 1
        target = reward + (0 if done else arguments["gamma"] * Q[int(following)].max())
        Q[state, action] += visits[state, action] ** -0.6 * (target - Q[state, action])
        tables.append(Q.copy())
    return tables


def judge_table(observed, expected, case):
    """What the formula makes of the steps that were taken, and without exploring only the best actions."""
    del expected
    steps = steps_of(observed)
    tables = replayed(steps, case)
    Q = observed["Q"]
    if not isinstance(Q, np.ndarray) or Q.shape != tables[-1].shape or not np.allclose(Q, tables[-1], atol=1e-7):
        text = f"after {len(steps)} steps, Q is not what update makes of these steps, one after the other"
        return Mismatch("value", "Q", text)
    if case.arguments["epsilon"] == 0:
        return among_the_best(steps, tables)
    return None


@table.check(REPLAYED, cases=some_lives, weight=4, judge=judge_table, expect=lambda _: {}, after=(EPISODES,))
def tables(subject, case):
    return lived(subject, "QLearning", case, ("Q",))


def actions_drawn(subject, case):
    return steps_of(lived(subject, "QLearning", case, ()))[:, 1]


statistics(
    table,
    CHOSEN,
    cases=undirected_lives,
    claims=[
        Claim(f"the share of action {a} with epsilon = 1", lambda seen, _, a=a: seen["y"] == a, lambda _: Mean(0.25))
        for a in range(4)
    ],
    part="learn",
    weight=2,
    after=(REPLAYED,),
)(lambda subject, case: {"y": actions_drawn(subject, case)})
seeded(table, cases=explored_lives, after=(EPISODES,))(actions_drawn)
