"""Incorrect implementations by strangers lose a point, and nothing false is said of those that were judged."""

import pytest

from autograder.isolation.launcher import open_launcher
from tests.diagnosis.judging import Judges, claims, is_among, result_of
from tests.diagnosis.wrong import WRONG
from tests.sampling import parameters

CASES = [(name, wrong) for name, wrongs in WRONG.items() for wrong in wrongs]
NAMES = sorted({wrong.exercise for _, wrong in CASES})
FEWER = {name: number // 4 for number, name in enumerate(NAMES)}
"""Of every four exercises one mistake is tried every time."""


@pytest.fixture(scope="module")
def graders():
    """One for every assignment, without training and timing."""
    with open_launcher() as launcher:
        yield Judges(launcher, seed=3).graders


@pytest.mark.parametrize(
    ("name", "wrong"),
    parameters(CASES, lambda case: FEWER[case[1].exercise], lambda case: f"{case[1].exercise}: {case[1].name}"),
)
def test_a_wrong_implementation_loses_points_and_nothing_false_is_said_of_it(graders, name, wrong):
    result = result_of(graders[name], wrong.exercise, wrong.source)
    assert (result.points == result.max_points) == bool(wrong.missed)
    if wrong.true is not None:
        assert [claim for claim in claims(result) if not is_among(claim, wrong.true)] == []


def test_a_claim_with_brackets_is_among_itself():
    true = ("factor *", "mistake: computes the variance as E[x²] − E[x]²")
    assert is_among("factor 2", true)
    assert is_among(true[1], true)
    assert not is_among("stale", true)
