"""Questions on a student's own code: every answer was run, and what nobody passed is not asked about."""

import ast
from random import Random

import pytest

from autograder.authorship.changes import changes_of
from autograder.authorship.viva import questions_for
from autograder.cli import main
from autograder.course import catalogue
from autograder.report import Status
from tests.authorship.authors import filled_in, hand_ins
from tests.solutions.implementations import ROOT

ASSIGNMENT = "02_layers"


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """Two authors, one whose only work is wrong, and one with nothing but the stub."""
    folder = tmp_path_factory.mktemp("in")
    stub = (ROOT / "assignments" / ASSIGNMENT / "layers.py").read_text(encoding="utf-8")
    forward = "    def forward(self, x):\n        return 2 * x\n"
    wrong = f"class Tanh(Layer):\n{forward}\n    def backward(self, dy):\n        return dy"
    one, two = hand_ins(ASSIGNMENT, 2)
    for student, text in {"ada": one, "bo": two, "wrong": filled_in(stub, {"Tanh": wrong}), "idle": stub}.items():
        path = folder / student / ASSIGNMENT / "layers.py"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def asked(handed_in):
    return questions_for("ada", handed_in, ROOT, seed=4, isolation="none")


def test_three_questions_are_asked_and_the_same_for_a_seed(asked, handed_in):
    who, questions = asked
    assert who == "ada"
    assert len({(question.exercise, question.line) for question in questions}) == 3
    assert questions_for("ada", handed_in, ROOT, seed=4, isolation="none") == asked


def test_another_student_is_asked_something_else(asked, handed_in):
    _, others = questions_for("bo", handed_in, ROOT, seed=4, isolation="none")
    assert {(one.exercise, one.new) for one in others}.isdisjoint({(one.exercise, one.new) for one in asked[1]})


def test_the_named_check_fails_on_the_changed_line_alone(asked):
    """Run again here, without the code that asked."""
    loaded = catalogue.load(ASSIGNMENT, ROOT)
    for question in asked[1]:
        exercise = loaded.assignment.exercise(question.exercise)
        lines = question.source.split("\n")
        at = question.line - 1
        margin = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at : at + len(question.old)] = [margin + line for line in question.new]
        assert _failing(loaded, exercise, question.source) == []
        assert question.check in _failing(loaded, exercise, "\n".join(lines))


def _failing(loaded, exercise, source):
    """Names of the checks that fail, in this process."""
    from autograder.grading.grader import Grader
    from autograder.grading.options import Options
    from autograder.isolation.worker import Zygote
    from tests.diagnosis.judging import result_of

    with Zygote() as zygote:
        grader = Grader(loaded, zygote, Options(seed=9, only=frozenset({exercise.name})))
        result = result_of(grader, exercise.name, source)
    skipped = {check.name for check in exercise.checks if check.budget or check.capstone or check.device_only}
    return [v.check for v in result.verdicts if v.status is Status.FAILED and v.check not in skipped]


@pytest.mark.parametrize(
    ("student", "sentence"),
    [
        ("nobody", "No student is called 'nobody'. Choose one of: ada, bo, idle, wrong."),
        ("wrong", "There is nothing to ask wrong: no exercise of 02_layers passes its checks"),
        ("idle", "There is nothing to ask idle: no exercise of 02_layers passes its checks"),
    ],
)
def test_who_cannot_be_asked_is_refused_with_one_sentence(student, sentence, handed_in, tmp_path, capsys):
    arguments = ["viva", student, str(handed_in), "--out", str(tmp_path / "out"), "--course", str(ROOT)]
    assert main([*arguments, "--isolation", "none"]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_sheet_of_the_student_has_no_answer(asked, handed_in, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--seed", "4", "--isolation", "none", "--out", str(out), "--course", str(ROOT)]
    assert main(["viva", "ada", str(handed_in), *options]) == 0
    printed = capsys.readouterr().out
    questions, answers = (
        (out / "ada" / f"{name}.html").read_text(encoding="utf-8") for name in ("questions", "answers")
    )
    for question in asked[1]:
        assert question.exercise in questions
        assert question.check in answers
        assert question.check not in questions
        assert question.exercise in printed


def test_a_planted_mistake_fits_code_with_other_names():
    exercise = catalogue.load(ASSIGNMENT, ROOT).assignment.exercise("Linear")
    source = (
        "class Linear(Layer):\n    def forward(self, rows):\n        self.rows = rows\n"
        "        out = rows @ self.W.data\n        out += self.b.data\n        return out\n"
    )
    changed = [change for change in changes_of(source, exercise, Random(0)) if change.hint]  # noqa: S311
    assert ("out = rows @ self.W.data.T",) in [change.new for change in changed]
    assert all(ast.parse(change.source) for change in changed)
    assert all(source.split("\n")[change.line - 1].strip() == change.old[0] for change in changed)
