"""Every pattern has examples: wrong code gets exactly the sentence that the example states, from that pattern."""

from types import SimpleNamespace

import numpy as np
import pytest

from autograder.checks import FORWARD
from autograder.course.answers import Answers
from autograder.diagnosis import contrasts, probe
from autograder.diagnosis.contrasts import CONTRASTS
from autograder.diagnosis.diagnose import Diagnosis, Diagnostics, Failure, Raised, observe
from autograder.diagnosis.evidence import Evidence, Pair
from autograder.diagnosis.examples import COURSE, SEED
from autograder.diagnosis.patterns import PATTERNS
from autograder.diagnosis.properties import PROPERTIES
from autograder.diagnosis.shapes import summed_too_far
from autograder.diagnosis.values import nearly_right
from autograder.spec import Case

REGISTRY = (*PATTERNS, *PROPERTIES, *CONTRASTS)
EXAMPLES = [
    pytest.param(pattern, example, id=f"{pattern.name}: {example.exercise} {number}")
    for pattern in REGISTRY
    for number, example in enumerate(pattern.examples, 1)
]


@pytest.fixture(autouse=True)
def enough_time(monkeypatch):
    monkeypatch.setattr(probe, "MOST_SECONDS", 600)


@pytest.fixture(scope="module")
def fingerprints():
    return Diagnostics(COURSE, Answers(COURSE, SEED))


def run(check, subject, answers):
    """What is observed in every case of a check, and the first mismatch or error."""
    on = subject.on(check.backend or "numpy")
    with np.errstate(all="ignore"):
        outcomes = [observe(check, on, case) for case, _ in answers]
        found = [
            seen if isinstance(seen, Raised) else check.judge(seen, expected, case)
            for seen, (case, expected) in zip(outcomes, answers, strict=True)
        ]
    subject.forget()
    return outcomes, next((one for one in found if one), None)


def graded(fingerprints, exercise, subject):
    """The first check that fails, with its diagnosis, as in a session; no check and no diagnosis if all pass."""
    for check in exercise.checks:
        outcomes, mismatch = run(check, subject, fingerprints.answers.of(exercise, check))
        if mismatch is not None:
            forward = exercise.checks[0] if exercise.checks[0].part != check.part else None
            shown = None if isinstance(mismatch, Raised) else mismatch
            failure = Failure(exercise, check, outcomes, shown, lambda: subject, forward)
            assert fingerprints.match(exercise, check, outcomes) == []
            with np.errstate(all="ignore"):
                return check.name, fingerprints.diagnose(failure)
    return "", Diagnosis()


@pytest.mark.parametrize("exercise", COURSE.assignment.exercises, ids=lambda exercise: exercise.name)
def test_the_correct_code_passes_every_check(fingerprints, exercise):
    assert graded(fingerprints, exercise, COURSE.subject(exercise)) == ("", Diagnosis())


@pytest.mark.parametrize(("pattern", "example"), EXAMPLES)
def test_an_example_gets_its_sentence_from_its_pattern(fingerprints, pattern, example):
    exercise = COURSE.assignment.exercise(example.exercise)
    wrong = COURSE.variant(exercise, example.apply(COURSE.source_of(exercise)))
    check, diagnosis = graded(fingerprints, exercise, COURSE.subject(exercise, wrong))
    found = diagnosis.findings[0] if diagnosis.findings else None
    assert (check, diagnosis.as_fields()["hint"], found and found.pattern) == (
        example.check,
        example.said,
        pattern.name,
    )


def keys(exercise, seed, *edits):
    """The check that fails where these edits are made, and what is found there."""
    exercise = COURSE.assignment.exercise(exercise)
    source = COURSE.source_of(exercise)
    for correct, wrong in edits:
        assert source.count(correct) == 1
        source = source.replace(correct, wrong)
    subject = COURSE.subject(exercise, COURSE.variant(exercise, source))
    check, diagnosis = graded(Diagnostics(COURSE, Answers(COURSE, seed)), exercise, subject)
    return check, [finding.key for finding in diagnosis.findings]


@pytest.mark.parametrize(("times", "found"), [(contrasts.TIMES, []), (1.0, ["only where width is larger than 1"])])
def test_what_is_decided_by_the_size_of_numbers_is_not_put_down_to_an_argument(monkeypatch, times, found):
    monkeypatch.setattr(contrasts, "TIMES", times)
    limits = [
        ("return sum((k + 1)", "return array_module(x).clip(sum((k + 1)"),
        ("range(self.width))\n", "range(self.width)), -4.5, 4.5)\n"),
    ]
    assert keys("MovingSum", 3, *limits) == (FORWARD, found)


def test_what_is_decided_by_the_numbers_of_an_input_is_seen_although_views_are_tried_too():
    edit = ("return a * b", "return a * b + (b < 0).any() * array_module(a).cumsum(a, axis=0)")
    assert keys("Product", SEED, edit) == (FORWARD, ["only where b has negative entries"])


def test_what_is_not_a_number_is_not_nearly_correct():
    expected = np.array([1.0, 2.0, 3.0])
    close, broken = (
        Evidence("y", (Pair(seen, expected, Case(), {}, {}),)) for seen in (expected * 1.0001, expected * np.nan)
    )
    assert nearly_right(close, None) is not None
    assert nearly_right(broken, None) is None


def test_every_pattern_has_a_name_of_its_own_and_an_example():
    assert len({pattern.name for pattern in REGISTRY}) == len(REGISTRY)
    assert [pattern.name for pattern in REGISTRY if not pattern.examples or not pattern.summary] == []


def test_every_exercise_is_in_an_example():
    used = {example.exercise for pattern in REGISTRY for example in pattern.examples}
    assert used == {exercise.name for exercise in COURSE.assignment.exercises}


def test_a_result_without_entries_has_no_mean():
    """Packing no integers gives no bytes: patterns of the other cases are found, and nothing warns."""
    full = SimpleNamespace(expected=np.array([1.0, 2, 3]), seen=np.full(3, 2.0))
    none = SimpleNamespace(expected=np.zeros(0), seen=np.zeros(0))
    found = summed_too_far.examine(SimpleNamespace(pairs=[none, full], name="y"), None)
    assert found.sentence == "every entry of y holds the mean over all entries of the expected values"
    assert summed_too_far.examine(SimpleNamespace(pairs=[none], name="y"), None) is None
