"""Results of another form than the text asks for, in every exercise: they never break a check.

What the author's checks and the standard ones read of a result is whatever a student returned.
"""

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.grading.unreadable import is_unreadable
from autograder.isolation.launcher import open_launcher
from autograder.report import Status
from autograder.spec import Scope
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.hostile.conftest import ROOT
from tests.sampling import some

FORMS = {
    "nothing": "None",
    "a number": "3.0",
    "a nest": "[[1.0], [2.0, [3.0]]]",
    "one more": "(found if isinstance(found, tuple) else (found,)) + (found,)",
    "a dict": "{'y': found}",
    "text": "'y'",
}
"""What every function and method returns in place of ``found``."""
WRAPPER = """
def other_form(call):
    def wrapped(*args, **kwargs):
        found = call(*args, **kwargs)
        return FORM
    return wrapped
"""
METHODS = """
for name, call in list(vars(NAME).items()):
    if callable(call) and not name.startswith("__") and not isinstance(call, type):
        setattr(NAME, name, other_form(call))
"""
EXERCISES = [
    f"{name} {exercise.name}"
    for name in catalogue.names(ROOT)
    for exercise in catalogue.load(name, ROOT).assignment.exercises
    if not exercise.capstone
]


@pytest.fixture(scope="module")
def graders():
    """The grader of an assignment, without trainings."""
    made = {}
    with open_launcher() as launcher:

        def grader_of(name):
            if name not in made:
                options = Options(seed=1, scope=Scope(capstones=False))
                made[name] = Grader(catalogue.load(name, ROOT), launcher, options)
            return made[name]

        yield grader_of


def returning(source, exercise, form):
    """The exercise's source, with another form of everything that it returns."""
    name = exercise.name
    wrapped = METHODS.replace("NAME", name) if exercise.is_class else f"{name} = other_form({name})\n"
    return f"{source}{WRAPPER.replace('FORM', form)}{wrapped}"


@pytest.mark.parametrize("where", some(EXERCISES, of=80))
def test_another_form_breaks_no_check(graders, where):
    name, _, of = where.partition(" ")
    grader = graders(name)
    loaded = catalogue.load(name, ROOT)
    exercise = loaded.assignment.exercise(of)
    grader.limit_to({of})
    for what, form in FORMS.items():
        source = returning(loaded.source_of(exercise), exercise, form)
        submission = Submission("work.py", Extraction(loaded.variant(exercise, source)), "")
        (result,) = grader.grade(submission, earlier=loaded.earlier).exercises
        broken = [(verdict.check, verdict.sentence) for verdict in result.verdicts if verdict.status is Status.BROKEN]
        assert broken == [], what


def test_what_the_kit_itself_raises_is_its_own_fault(tmp_path):
    check = tmp_path / "exercises" / "check.py"
    check.parent.mkdir()
    check.write_text("def observe(found):\n    a, b = found\n    return a\n\ndef ask(kit):\n    return kit()\n")
    names = {}
    exec(compile(check.read_text(), str(check), "exec"), names)  # noqa: S102 - as an assignment's own file is loaded

    def raised(call, *args):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
            call(*args)
        return is_unreadable(caught.value, tmp_path)

    assert raised(names["observe"], None)
    assert raised(names["observe"], (1, 2, 3))
    assert not raised(names["ask"], lambda: catalogue.load("99_none", ROOT))  # raised by the kit, asked by a check
    assert not raised(names["ask"], lambda: exec("raise MemoryError"))  # noqa: S102 - no kind of such an error
