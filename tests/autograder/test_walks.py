"""Diagnoses of an optimizer's trajectory, and of overlapping shares, are given only where the numbers prove them."""

import numpy as np
import pytest

from autograder.diagnosis.arrangement import ARRANGEMENTS
from autograder.diagnosis.evidence import Evidence, Pair
from autograder.diagnosis.shares import MEETING, SHARES
from autograder.diagnosis.steps import TRAJECTORIES, is_trajectory
from autograder.spec import Case

NAMES = ("parameter 0", "parameter 1")
CASES = [{"lr": 0.1}, {"lr": 0.03, "weight_decay": 0.7}, {"lr": 0.05, "weight_decay": 0.1}]


def momentum(p, v, g, t, *, lr, weight_decay=0.0):
    del t
    v = 0.9 * v + g + weight_decay * p
    return p - lr * v, v


def walk(rule, case):
    """Every parameter after every step, as a check sees them."""
    seen = {}
    for name, start, gradients in zip(NAMES, case.inputs["start"], case.hidden["gradients"], strict=True):
        p, v, places = start, 0 * start, []
        for t, g in enumerate(gradients, start=1):
            p, v = rule(p, v, g, t, **case.arguments)
            places.append(p)
        seen[name] = np.stack(places)
    return seen


class Asked:
    """A probe of a rule."""

    matters = frozenset()

    def __init__(self, rule):
        self.rule = rule

    def show(self, case):
        return walk(self.rule, case)


def said(wrong, right=momentum):
    rng = np.random.default_rng(0)
    pairs = []
    for arguments in CASES:
        start = [rng.normal(size=shape) for shape in [(3, 4), (5,)]]
        gradients = [rng.normal(size=(20, *s.shape)) for s in start]
        case = Case(arguments, start=start).with_changes(hidden={"gradients": gradients})
        seen, wanted = walk(wrong, case), walk(right, case)
        pairs.append(Pair(seen["parameter 0"], wanted["parameter 0"], case, seen, wanted))
    evidence = Evidence("parameter 0", tuple(pairs))
    assert is_trajectory(evidence)
    return next((found.key for ask in TRAJECTORIES if (found := ask(evidence, Asked(wrong)))), "")


def stays(p, v, g, t, **_):
    del g, t
    return p, v


def climbs(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return 2 * p - after, v


def drifts(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return after + 0.01 * p, v


def forgets(p, v, g, t, **more):
    return momentum(p, 0 * v, g, t, **more)[0], v


def is_late(p, v, g, t, *, lr, **more):
    return p - lr * v, momentum(p, v, g, t, lr=lr, **more)[1]


def decays_in_full(p, v, g, t, *, lr, weight_decay=0.0):
    after, v = momentum(p, v, g, t, lr=lr, weight_decay=weight_decay)
    return after - weight_decay * p, v


def decays_late(p, v, g, t, *, lr, weight_decay=0.0):
    after, v = momentum(p, v, g, t, lr=lr)
    return after * (1 - lr * weight_decay), v


def decays_beside(p, v, g, t, *, lr, weight_decay=0.0):
    after, v = momentum(p, v, g, t, lr=lr)
    return after - lr * weight_decay * p, v


def corrects_the_start(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return p + (after - p) / (1 - 0.9**t), v


def keeps_too_much(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return after, 1.1 * v


def is_noisy(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return after + 0.1 * np.cos(g + p), v


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (stays, "does not move"),
        (climbs, "step: sign"),
        (drifts, "step: term θ"),
        (forgets, "keeps no state"),
        (is_late, "a step late"),
        (decays_in_full, "only the weight decay, which belongs in the gradient"),
        (decays_late, "only the weight decay, which belongs in the gradient"),
        (corrects_the_start, "factor of the step's number"),
        (keeps_too_much, "after the first step"),
        (is_noisy, ""),
        (momentum, ""),
    ],
)
def test_a_walk_is_named(rule, key):
    assert said(rule) == key


def test_where_decay_belongs_beside_the_step_that_is_said():
    assert said(decays_late, right=decays_beside) == "only the weight decay, which belongs beside the step"


def test_a_rule_without_state_does_not_hear_that_it_keeps_none():
    def plain(p, v, g, t, *, lr, weight_decay=0.0):
        del t
        return p - lr * (g + weight_decay * p), v

    def cosine(p, v, g, t, *, lr, weight_decay=0.0):
        del t, weight_decay
        return p - lr * np.cos(g), v

    assert said(cosine, right=plain) == ""


# --- shares ----------------------------------------------------------------------------------


def pooled(dy, x, divide):
    """The gradient of the maximum over each row of x, divided by ``divide`` among equal ones."""
    return np.stack([dy[i] * divide(row == row.max()) for i, row in enumerate(x)])


def first(ties):
    return (np.arange(ties.size) == ties.argmax()).astype(float)


@pytest.mark.parametrize(
    ("divide", "key"),
    [
        (lambda ties: ties / ties.sum(), "divided otherwise among equal numbers"),
        (lambda ties: first(ties[::-1])[::-1], "divided otherwise among equal numbers"),
        (lambda ties: ties * 1.0, ""),
        (lambda ties: np.roll(first(ties), 1), ""),
    ],
)
def test_equal_numbers_share(divide, key):
    rng = np.random.default_rng(1)
    pairs = []
    for shape in [(6, 8), (5, 9)]:
        x, dy = rng.integers(0, 3, shape).astype(float), rng.normal(size=len(np.zeros(shape)))
        case = Case(x=x[:, None]).with_changes(upstream=dy)
        seen, wanted = (pooled(dy, x, one)[:, None] for one in (divide, first))
        pairs.append(Pair(seen, wanted, case, {}, {"dx": wanted}))
    assert next((found.key for pattern in SHARES if (found := pattern(Evidence("dx", tuple(pairs))))), "") == key


@pytest.mark.parametrize(("last_wins", "key"), [(True, "one share of several"), (False, "")])
def test_where_windows_overlap_one_share_is_not_the_sum(last_wins, key):
    x, dy = np.arange(6.0), np.array([1.0, -2.0, 0.5, 3.0, 0.7])

    class Sums:
        """Sums of neighbours."""

        forward = True

        @staticmethod
        def output(case):
            x = case.inputs["x"]
            return x[1:] + 2 * x[:-1]

    wanted = np.append(2 * dy, 0) + np.append(0, dy)
    seen = np.append(2 * dy, dy[-1]) if last_wins else wanted + 0.1
    pair = Pair(seen, wanted, Case(x=x).with_changes(upstream=dy), {}, {"dx": wanted})
    assert next((f.key for ask in MEETING if (f := ask(Evidence("dx", (pair,)), Sums()))), "") == key


# --- arrangement -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda y: y[:-1], "cut short"),
        (lambda y: y[1:], ""),
        (lambda y: np.roll(y, 1, axis=-1), "shifted along axis -1"),
        (lambda y: np.roll(y, 2, axis=-1), ""),
    ],
)
def test_an_end_is_missing_or_comes_first(change, key):
    rng = np.random.default_rng(2)
    pairs = []
    for shape in [(7, 5), (6, 4), (3, 2, 6)]:
        wanted = rng.integers(1, 5, shape).astype(float)
        pairs.append(Pair(change(wanted), wanted, Case(), {}, {"y": wanted}))
    found = (pattern(Evidence("y", tuple(pairs))) for pattern in ARRANGEMENTS)
    assert next((one.key for one in found if one), "") == key
