"""With nbgrader's stock Execute the same notebooks grade in the kernel: unofficially, without what is measured."""

import json

import pytest

from tests.autograder.nbgrader.classroom import ROOT, catalogue, prepare_course, solved, untouched

pytestmark = [pytest.mark.nightly, pytest.mark.slow, pytest.mark.notebook, pytest.mark.filterwarnings("ignore")]


def noisy(notebook, assignment):
    """Everything correct, and lines on stderr at each call of Linear: nbgrader treats that as a failure."""
    source = catalogue.load(assignment, ROOT)
    linear = source.source_of(source.assignment.exercise("Linear"))
    says = "import sys, warnings; print('called', file=sys.stderr); warnings.warn('careful')"
    speaks = linear.replace("self.x = x", f"{says}\n        self.x = x")
    assert speaks != linear
    return solved(notebook, assignment, {"Linear"}, Linear=speaks)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("executed")
    course = prepare_course(folder, folder / "exchange")
    config = course.folder / "nbgrader_config.py"
    text = config.read_text()
    assert text.count('    "autograder.nbgrader.GradeOutside",\n') == 1
    config.write_text(text.replace("autograder.nbgrader.GradeOutside", "nbgrader.preprocessors.Execute"))
    course.run("generate_assignment 02_layers")
    released = json.loads((course.folder / "release/02_layers/layers.ipynb").read_text())
    for student, made in {"ada": solved, "noisy": noisy, "stub": untouched}.items():
        path = course.folder / "submitted" / student / "02_layers" / "layers.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(made(released, "02_layers")))
    course.run("autograde 02_layers")
    return course


def unmeasured(exercise):
    """Points of the checks that need no reference beside them."""
    return round(sum(exercise.points_of(check) for check in exercise.checks if not check.budget), 2)


def test_right_work_earns_what_can_be_checked_in_a_kernel(executed):
    scores = executed.scores("ada", "02_layers")
    for exercise in catalogue.load("02_layers", ROOT).assignment.exercises:
        assert scores[f"check_{exercise.name}"] == (unmeasured(exercise), False)


def test_lines_on_stderr_cost_nothing(executed):
    linear = catalogue.load("02_layers", ROOT).assignment.exercise("Linear")
    assert executed.scores("noisy", "02_layers")["check_Linear"] == (unmeasured(linear), False)


def test_an_untouched_notebook_earns_nothing(executed):
    assert {points for points, _ in executed.scores("stub", "02_layers").values()} == {0.0}


def test_nbgrader_took_every_value_for_a_score(executed):
    said = executed.logs["autograde 02_layers"]
    assert "| WARNING]" not in said
    assert "cannot be converted" not in said
