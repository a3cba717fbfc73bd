"""Judges that several kinds of exercises share, and answers that are none."""

import numpy as np
import pytest

from autograder.checks import Case, judge_mean, judge_words, seeds_alone
from autograder.checks.updates import judge_modes, judge_turns

CASE = Case({})


def test_a_mean_decides_and_words_say_what_is_wrong_with_the_form():
    judge = judge_mean(0.7, "scores", "reached {reached:.2f}, {percent:.0f} %; 70 % required")
    assert judge({"drawing 1": 0.9, "drawing 2": 0.5}, {}, CASE) is None
    missed = judge({"drawing 1": 0.9, "drawing 2": 0.3}, {}, CASE)
    assert (missed.kind, missed.sentence) == ("accuracy", "reached 0.60, 60 %; 70 % required")
    assert missed.error == pytest.approx(0.1)
    form = judge({"drawing 1": 0.9, "drawing 2": "no array"}, {}, CASE)
    assert (form.kind, form.name, form.sentence) == ("shape", "scores", "no array")


def test_every_case_has_a_seed_of_its_own():
    seeds = [case.hidden["seed"] for case in seeds_alone(3)(np.random.default_rng(1))]
    assert len(set(seeds)) == 3


@pytest.mark.parametrize("seen", [np.ones(3), np.array(["as it was", "as it was"]), None, ["as it was"]])
def test_an_array_where_a_word_is_expected_is_wrong_and_no_fault_of_the_grader(seen):
    assert judge_words({})({"x": seen}, {"x": "as it was"}, CASE).name == "x"
    expected = {"model computes in": "training mode", "_given": "training"}
    assert judge_modes({"model computes in": seen}, expected, CASE).name == "model computes in"


@pytest.mark.parametrize("changed", [[np.ones(2)], [3], "model"])
def test_turns_that_name_no_networks_cannot_be_read(changed):
    found = judge_turns({"_turns": [["", changed]]}, {"_turns": [["", []]]}, CASE)
    assert found.sentence == "the order of the updates cannot be read"
