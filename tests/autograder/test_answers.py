"""A check passes on what it compared: where there is nothing to compare, it is broken."""

import shutil
from dataclasses import replace

import pytest

from autograder.authoring.audit import audit
from autograder.authoring.release import release
from autograder.checks.standard import FORWARD
from autograder.course import catalogue
from autograder.course.answers import Answers, StoredAnswers, read_stored, store
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.report import Status
from autograder.spec import Assignment, Case, SpecError
from autograder.subject import SubjectRaisedError
from autograder.submission import Submission

NAME = "02_layers"


@pytest.fixture
def copy(own_course):
    """A learner's copy of the course, without the references."""
    catalogue.load.cache_clear()
    references = catalogue.load(NAME, own_course).reference
    shutil.rmtree(own_course / "solutions")
    catalogue.load.cache_clear()
    yield own_course, Submission("layers.py", references, "")
    catalogue.load.cache_clear()


def without_cases(folder, change):
    path = folder / "assignments" / NAME / "cases.npz"
    answers = read_stored(path)
    change(answers.found)
    store(path, answers)


def verdicts_of(folder, submission, zygote):
    grader = Grader(catalogue.load(NAME, folder), zygote, Options(seed=1))
    report = grader.grade(submission)
    return report, {(e.name, v.check): v for e in report.exercises for v in e.verdicts}


def test_with_its_cases_a_copy_passes_what_is_correct(copy, zygote):
    _, verdicts = verdicts_of(*copy, zygote)
    assert {verdict.status for verdict in verdicts.values()} == {Status.PASSED}


@pytest.mark.parametrize("change", [lambda found: found.pop(("Tanh", FORWARD)),
                                    lambda found: found.update({("Tanh", FORWARD): []})])  # fmt: skip
def test_a_check_whose_stored_cases_are_missing_is_broken_and_never_passed(copy, zygote, change):
    without_cases(copy[0], change)
    _, verdicts = verdicts_of(*copy, zygote)
    verdict = verdicts["Tanh", FORWARD]
    assert (verdict.status, verdict.points) == (Status.BROKEN, 0.0)
    assert "has no cases, so it proves nothing (cases.npz holds none: get the file from the course again)" in (
        verdict.sentence
    )
    assert {v.status for (name, _), v in verdicts.items() if name == "Flatten"} == {Status.PASSED}


def test_the_stored_answers_of_a_check_without_cases_cannot_be_had(layers):
    exercise = layers.assignment.exercise("Tanh")
    with pytest.raises(SpecError, match="Tanh: “forward matches the reference” has no cases"):
        StoredAnswers({}, 1).of(exercise, exercise.checks[0])


# --- an author's check that compares nothing -------------------------------------------------


def changed(loaded, **fields):
    """The assignment with other fields of the first check of its first exercise."""
    first, *others = loaded.assignment.exercises
    checks = [replace(first.checks[0], **fields), *first.checks[1:]]
    exercises = [replace(first, checks=checks), *others]
    return replace(loaded, assignment=Assignment(NAME, title="Layers", exercises=exercises))


EMPTY = [
    ({"cases": lambda _rng, _reference: []}, "has no cases, so it proves nothing (its cases draw none)"),
    ({"observe": lambda _subject, _case: {"_only": 1}}, "expects no value in any case, so it proves nothing"),
]


@pytest.mark.parametrize(("fields", "sentence"), EMPTY)
def test_an_authors_check_that_compares_nothing_is_broken(layers, zygote, hand_in, fields, sentence):
    loaded = changed(layers, **fields)
    exercise = loaded.assignment.exercises[0]
    grader = Grader(loaded, zygote, Options(seed=1, only=frozenset({exercise.name})))
    verdict = grader.grade(hand_in()).exercises[0].verdicts[0]
    assert (verdict.status, verdict.points) == (Status.BROKEN, 0.0)
    assert sentence in verdict.sentence
    with pytest.raises(SpecError, match="so it proves nothing"):
        Answers(loaded, 1).of(exercise, exercise.checks[0])


def test_the_audit_reports_a_check_without_cases_and_release_refuses_it(own_course):
    path = own_course / "solutions" / NAME / "exercises/activations.py"
    path.write_text(path.read_text() + "\nobject.__setattr__(tanh.checks[0], 'cases', lambda rng, reference: [])\n")
    catalogue.load.cache_clear()
    failures = audit(own_course, [NAME], seed=1).failures
    assert any("has no cases, so it proves nothing" in failure for failure in failures)
    with pytest.raises(SpecError, match="has no cases, so it proves nothing"):
        release(own_course, NAME)


# --- a solution that raises ------------------------------------------------------------------


def raising(*_):
    raise SubjectRaisedError({"type": "ValueError", "message": "no room", "where": "layers.py, line 9"})


RAISED = "the solution raises ValueError: no room (layers.py, line 9) in “forward matches the reference”, "
RAISING = [
    ({"cases": raising}, RAISED + "before its first case"),
    ({"cases": lambda *_: [Case({"axis": 1}, x=1)], "observe": raising}, RAISED + "axis=1, x 1"),
    (
        {"cases": lambda *_: [Case(x=1).with_changes(hidden={"first": {"x": 2}})], "observe": raising},
        RAISED + "x 1, called before with x 2: the first axis of an input is the batch, of any size",
    ),
]


@pytest.mark.parametrize(("fields", "sentence"), RAISING)
def test_where_the_solution_raises_check_and_case_are_named(layers, fields, sentence):
    loaded = changed(layers, **fields)
    exercise = loaded.assignment.exercises[0]
    answers = Answers(loaded, 1)
    for _ in range(2):
        with pytest.raises(SpecError) as raised:
            answers.of(exercise, exercise.checks[0])
        assert str(raised.value) == f"{exercise.name}: {sentence}"


def test_the_audit_says_once_that_the_solution_raises(own_course):
    path = own_course / "solutions" / NAME / "layers.py"
    text = path.read_text()
    path.write_text(text.replace("self.y = array_module(x).tanh(x)", "self.y = array_module(x).tanh(x).lost"))
    assert path.read_text() != text
    catalogue.load.cache_clear()
    (failure,) = (each for each in audit(own_course, [NAME], seed=1).failures if "Tanh" in each)
    assert "has no attribute 'lost' (layers.py, line" in failure
    catalogue.load.cache_clear()


def test_an_exercise_that_cannot_be_defined_fails_in_every_case_of_a_check(grade):
    """The cases after the first are not run, and count as what the first one raised."""
    found = grade(Tanh="class Tanh(Missing):\n    def forward(self, x):\n        return x\n")
    assert found.Tanh.verdicts[0].status is Status.FAILED
    assert "Tanh could not be defined: raised NameError" in found.Tanh.verdicts[0].sentence
