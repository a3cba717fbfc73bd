"""Incorrect implementations that nobody planted get true diagnoses, in the author's tree and on a student's machine."""

import shutil
from collections import Counter

import pytest

from autograder.authoring.release import write_cases
from autograder.course import catalogue
from autograder.diagnosis.diagnose import Diagnostics
from autograder.isolation.launcher import open_launcher
from autograder.report import Status
from tests.diagnosis.judging import ASSIGNMENTS, HELD_OUT, OPEN_TO_SEE, ROOT, ROWS, SETS, Judges, variant
from tests.diagnosis.unseen import UNSEEN
from tests.sampling import THOROUGH, one_of_each

pytestmark = pytest.mark.slow
SEEDS = (1,)
EARLIEST = UNSEEN["02_layers"] + UNSEEN["03_losses"]
LEAST_TRUE, MOST_FALSE = 0.70, 0.02
SAMPLE = one_of_each(ROWS, lambda row: row.exercise, lambda row: f"{row.exercise}: {row.name}")
CHOSEN = ROWS if THOROUGH else tuple(SAMPLE[::3])
"""What is judged: all, or one of every third exercise."""
FALSE_AT_MOST = 0 if THOROUGH else 1
"""In a sample, so many false ones are no more than that share of all."""


@pytest.fixture(scope="module")
def launcher():
    with open_launcher() as launcher:
        yield launcher


@pytest.fixture(scope="module")
def failures():
    """Errors of the diagnosis itself, which a session keeps from the student."""
    found = []
    diagnose = Diagnostics.diagnose

    def watched(self, failure):
        try:
            return diagnose(self, failure)
        except Exception as error:
            found.append((failure.exercise.name, failure.check.name, error))
            raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Diagnostics, "diagnose", watched)
        yield found


@pytest.fixture(scope="module")
def judged(launcher, failures):
    return [one for seed in SEEDS for one in Judges(launcher, seed=seed).judge(CHOSEN)]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """What students get: no solution, and cases with fingerprints; as they were released, or every night drawn anew."""
    root = tmp_path_factory.mktemp("course")
    for name in ASSIGNMENTS:
        shutil.copytree(ROOT / "assignments" / name, root / "assignments" / name)
        if THOROUGH:
            write_cases(catalogue.load(name, ROOT), root / "assignments" / name / "cases.npz", root)
    return root


@pytest.fixture(scope="module")
def judged_elsewhere(launcher, course):
    return list(Judges(launcher, seed=0, course=course).judge(CHOSEN if THOROUGH else CHOSEN[::2]))


def shares(judged):
    counts = Counter(one.truth for one in judged)
    return {truth: counts[truth] / len(judged) for truth in ("true", "false", "silent")}


def test_there_are_enough_of_every_exercise():
    exercises = {
        exercise.name
        for name in UNSEEN
        for exercise in catalogue.load(name, ROOT).assignment.exercises
        if not (exercise.capstone or exercise.optional or exercise.bonus)
    }
    count = Counter(row.exercise for row in ROWS)
    assert set(count) == exercises
    assert min(count.values()) >= 3
    assert len(ROWS) >= 60
    assert sum(row.double for row in ROWS) >= 10
    assert len(HELD_OUT) == sum(len(rows) // 3 for rows in SETS)
    assert set(HELD_OUT) | set(OPEN_TO_SEE) == set(ROWS)
    assert not set(HELD_OUT) & set(OPEN_TO_SEE)


def test_each_is_wrong(judged):
    right = [one.row.name for one in judged if all(v.status is Status.PASSED for v in one.result.verdicts)]
    assert right == []


@pytest.mark.parametrize("which", [OPEN_TO_SEE, HELD_OUT], ids=["open to see", "held out"])
def test_most_get_a_true_sentence_and_hardly_any_a_false_one(judged, which):
    found = shares([one for one in judged if one.row in which])
    false = [(one.row.exercise, one.row.name, one.claims) for one in judged if one.truth == "false"]
    assert found["true"] >= LEAST_TRUE, found
    assert found["false"] <= MOST_FALSE or len(false) <= FALSE_AT_MOST, false


def test_so_they_do_on_a_machine_without_the_solutions(judged_elsewhere):
    found = shares(judged_elsewhere)
    false = [(one.row.exercise, one.row.name, one.claims) for one in judged_elsewhere if one.truth == "false"]
    assert found["true"] >= LEAST_TRUE, found
    assert found["false"] <= MOST_FALSE or len(false) <= FALSE_AT_MOST, false


def test_the_diagnosis_itself_never_fails(judged, judged_elsewhere, failures):
    assert judged
    assert judged_elsewhere
    assert failures == []


def test_a_planted_mistake_is_found_without_the_solutions_as_with_them(launcher, course):
    missed = []
    judges = Judges(launcher, seed=0, course=course)
    for name, grader in judges.graders.items():
        loaded = catalogue.load(name, ROOT)
        exercises = grader.loaded.assignment.exercises
        for exercise in exercises if THOROUGH else exercises[::8]:
            if all(check.device_only for check in exercise.checks):
                continue
            planted = loaded.assignment.exercise(exercise.name).mistakes
            chosen = planted if THOROUGH else one_of_each(planted, lambda _: None, lambda one: one.name)
            for mistake in chosen:
                _, submission = variant_of(loaded, exercise, mistake)
                grader.limit_to({exercise.name})
                verdicts = grader.grade(submission, earlier=loaded.earlier).exercises[0].verdicts
                first = next(v for v in verdicts if v.status is Status.FAILED)
                if first.mistake != mistake.name:
                    missed.append((exercise.name, mistake.name, first.mistake, first.pattern))
    assert missed == []


def variant_of(loaded, exercise, mistake):
    from autograder.submission import Submission
    from dlkit.extraction import Extraction

    source = mistake.apply(loaded.source_of(exercise), exercise.name)
    chunks = loaded.variant(exercise, source)
    return loaded.assignment.name, Submission("planted.py", Extraction(chunks), "")


# --- what is shown beside the sentence -------------------------------------------------------


def test_a_snippet_runs_in_a_notebook_and_holds_no_expected_number(judged):
    import numpy as np

    shown = [(one, verdict) for one in judged for verdict in one.result.verdicts if verdict.snippet]
    assert len(shown) > len({*EARLIEST} & {*CHOSEN}) // 2
    on_others = {"ResidualBlock", "TCNBlock"}  # are made of earlier work, which a notebook has
    for one, verdict in [pair for pair in shown if pair[0].row.exercise not in on_others]:
        assert verdict.snippet.count("\n") <= 2
        _, submission = variant(one.row)
        namespace = {"np": np, "__name__": "notebook"}
        for chunk in submission.extraction.chunks:
            if any(word in chunk.source for word in ("when_written", "earlier(")):
                continue
            exec(chunk.source, namespace)  # noqa: S102 - what a notebook does with it
        with np.errstate(all="ignore"):
            try:
                exec(verdict.snippet, namespace)  # noqa: S102 - the lines that the report shows
            except Exception as error:
                if type(error).__name__ not in verdict.sentence:
                    raise


def test_what_is_not_recognised_is_placed(judged):
    silent = [
        (one.row.exercise, verdict)
        for one in judged
        if one.truth == "silent"
        for verdict in one.result.verdicts
        if verdict.status is Status.FAILED
    ]
    placed = [verdict for _, verdict in silent if verdict.places]
    assert placed
    for verdict in placed:
        assert 1 <= len(verdict.heat) <= 12
        assert all(1 <= len(row) <= 12 for row in verdict.heat)
        assert max(max(row) for row in verdict.heat) > 0
    borrowed = {"Sequential", "gradient_norms"}  # their cases are made of layers that only the checks have
    typed = {row.exercise for row in EARLIEST} - borrowed
    assert [(name, v.check) for name, v in silent if not v.snippet and name in typed] == []
