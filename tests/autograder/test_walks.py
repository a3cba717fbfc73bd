"""Diagnoses of an optimizer's trajectory, and of overlapping shares, are given only where the numbers prove them."""

import numpy as np
import pytest

from autograder.diagnosis.evidence import Evidence, Pair
from autograder.diagnosis.order import ORDER
from autograder.diagnosis.pattern import first
from autograder.diagnosis.patterns import PATTERNS
from autograder.diagnosis.shares import among_equals, one_share
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

    forward, matters, laboratory = None, frozenset(), None

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
    assert evidence.is_trajectory
    found = first(PATTERNS, evidence, Asked(wrong))
    return found.key if found else ""


def drifts(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return after + 0.01 * p, v


def decays_late(p, v, g, t, *, lr, weight_decay=0.0):
    after, v = momentum(p, v, g, t, lr=lr)
    return after * (1 - lr * weight_decay), v


def is_noisy(p, v, g, t, **more):
    after, v = momentum(p, v, g, t, **more)
    return after + 0.1 * np.cos(g + p), v


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (drifts, "step: term θ"),
        (decays_late, "only the weight decay, which belongs in the gradient"),
        (is_noisy, ""),
        (momentum, ""),
    ],
)
def test_a_walk_is_named(rule, key):
    assert said(rule) == key


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


def to_the_first(ties):
    return (np.arange(ties.size) == ties.argmax()).astype(float)


@pytest.mark.parametrize(
    ("divide", "key"),
    [
        (lambda ties: to_the_first(ties[::-1])[::-1], "divided otherwise among equal numbers"),
        (lambda ties: ties * 1.0, ""),
        (lambda ties: np.roll(to_the_first(ties), 1), ""),
    ],
)
def test_equal_numbers_share(divide, key):
    rng = np.random.default_rng(1)
    pairs = []
    for shape in [(6, 8), (5, 9)]:
        x, dy = rng.integers(0, 3, shape).astype(float), rng.normal(size=len(np.zeros(shape)))
        case = Case(x=x[:, None]).with_changes(upstream=dy)
        seen, wanted = (pooled(dy, x, one)[:, None] for one in (divide, to_the_first))
        pairs.append(Pair(seen, wanted, case, {}, {"dx": wanted}))
    found = among_equals(Evidence("dx", tuple(pairs)), Asked(None))
    assert (found.key if found else "") == key


def test_where_windows_overlap_another_number_is_no_share():
    x, dy = np.arange(6.0), np.array([1.0, -2.0, 0.5, 3.0, 0.7])

    class Sums:
        """Sums of neighbours."""

        forward = True

        @staticmethod
        def output(case):
            x = case.inputs["x"]
            return x[1:] + 2 * x[:-1]

    wanted = np.append(2 * dy, 0) + np.append(0, dy)
    pair = Pair(wanted + 0.1, wanted, Case(x=x).with_changes(upstream=dy), {}, {"dx": wanted})
    assert one_share(Evidence("dx", (pair,)), Sums()) is None


# --- order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [lambda y: y[1:], lambda y: np.roll(y, 2, axis=-1)])
def test_neither_a_missing_beginning_nor_a_shift_by_two_is_named(change):
    rng = np.random.default_rng(2)
    pairs = []
    for shape in [(7, 5), (6, 4), (3, 2, 6)]:
        wanted = rng.integers(1, 5, shape).astype(float)
        pairs.append(Pair(change(wanted), wanted, Case(), {}, {"y": wanted}))
    assert first(ORDER, Evidence("y", tuple(pairs)), Asked(None)) is None
