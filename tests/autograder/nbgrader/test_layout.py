"""``autograder release --nbgrader``: what it writes, and what it leaves alone when it runs again."""

import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.cli import main
from autograder.course.answers import StoredAnswers, read_stored, store
from tests.sampling import some

EXERCISES = ("activations", "linear", "sequential", "spirals")
FILES = (
    "nbgrader_config.py", "source/header.ipynb", "source/02_layers/layers.ipynb", "source/02_layers/assignment.py",
    *(f"source/02_layers/exercises/{topic}.py" for topic in EXERCISES),
    "source/02_layers/support/stacks.py", "source/02_layers/hints.json", "source/02_layers/cases.npz",
)  # fmt: skip


@pytest.fixture
def lay_out(own_course, tmp_path, capsys):
    """Run the command; return the folder and the output, one line per file."""
    target = tmp_path / "dl 101"

    def run(*options, expected=0):
        assert main(["release", "--nbgrader", str(target), "--course", str(own_course), *options]) == expected
        said = capsys.readouterr()
        return target, said.out + said.err

    return run


def state(target):
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_a_course_is_laid_out(lay_out):
    target, said = lay_out()
    assert set(state(target)) == {*FILES, ".autograder-release.json"}
    assert [line for line in said.splitlines() if line.startswith("wrote")] == [f"wrote {target / f}" for f in FILES]
    assert "nbgrader generate_assignment 02_layers" in said


def test_the_source_is_the_solution_with_nbgraders_metadata(lay_out):
    target, _ = lay_out()
    notebook = nbformat.read(target / "source/02_layers/layers.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}
    assert {name for name in cells if name.startswith("check_")} == {"check_Tanh", "check_Flatten"}
    assert "### BEGIN SOLUTION" in cells["Tanh"].source
    assert cells["check_Tanh"].metadata["nbgrader"]["points"] == 3


def test_the_configuration_names_what_there_is(lay_out, own_course):
    import importlib

    from traitlets.config import Config

    target, _ = lay_out("--exchange", "ex")
    config = Config()
    exec((target / "nbgrader_config.py").read_text(), {"get_config": lambda: config})  # noqa: S102 - as traitlets does
    assert config.CourseDirectory.course_id == "dl 101"
    assert config.Exchange.root == str(Path("ex").resolve())
    assert Path(config.GradeOutside.course).samefile(own_course)
    named = [*config.Autograde.sanitize_preprocessors, *config.Autograde.autograde_preprocessors]
    for name in [*named, config.Autograde.exporter_class]:
        module, _, attribute = name.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), attribute), type)


def test_every_choice_that_the_configuration_speaks_of_is_one(lay_out):
    from autograder.nbgrader import GradeOutside

    target, _ = lay_out()
    text = (target / "nbgrader_config.py").read_text()
    spoken = {line.partition("GradeOutside.")[2].split()[0] for line in text.splitlines() if "c.GradeOutside." in line}
    assert spoken == set(GradeOutside.class_own_traits(config=True))


def test_without_an_exchange_nbgraders_own_is_left(lay_out):
    target, _ = lay_out()
    [line] = [line for line in (target / "nbgrader_config.py").read_text().splitlines() if "Exchange.root" in line]
    assert line.startswith("# ")


def test_again_nothing_changes(lay_out):
    target, _ = lay_out()
    before = state(target)
    _, said = lay_out()
    assert state(target) == before
    assert said == "Nothing changed.\n"


def test_a_changed_solution_is_written_anew(lay_out, own_course):
    target, _ = lay_out()
    path = own_course / "solutions/02_layers/layers.py"
    path.write_text(path.read_text().replace("# ## 2.9 Flatten", "# ## 2.9 Flatten, and no more"))
    _, said = lay_out()
    assert said.splitlines()[0] == f"wrote {target / 'source/02_layers/layers.ipynb'}"
    assert "Flatten, and no more" in (target / "source/02_layers/layers.ipynb").read_text()


@pytest.mark.parametrize("file", some(FILES, of=3))
def test_what_the_instructor_changed_is_kept(lay_out, own_course, file):
    target, _ = lay_out()
    path = target / file
    if file.endswith(".npz"):
        answers = read_stored(path)
        (_, expected), *_ = answers.found["Tanh", "forward matches the reference"]
        expected["y"] = expected["y"] + 1
        store(path, StoredAnswers(answers.found, answers.seed, answers.assignment))
    else:
        path.write_text(path.read_text() + "\n")
    mine = path.read_bytes()
    source = own_course / "solutions/02_layers/layers.py"
    source.write_text(source.read_text().replace("# ## 2.9 Flatten", "# ## 2.9 Flat"))
    for _ in range(2):
        _, said = lay_out("--exchange", "elsewhere")
        assert f"kept {path}, which was changed by hand: delete it to have it written again." in said.splitlines()
        assert path.read_bytes() == mine
    path.unlink()
    _, said = lay_out()
    assert f"wrote {path}" in said.splitlines()


def test_submissions_and_the_gradebook_are_not_touched(lay_out):
    target, _ = lay_out()
    for name in ("submitted/ada/02_layers/layers.ipynb", "gradebook.db", "source/02_layers/notes.md", "release/x"):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    before = state(target)
    lay_out()
    assert state(target) == before


def test_what_was_measured_for_assignments_goes_along(lay_out, own_course):
    (own_course / "assignments/02_layers/yardsticks.json").write_text('{"format": 1, "exercises": {}}')
    target, _ = lay_out()
    assert (target / "source/02_layers/yardsticks.json").read_text() == '{"format": 1, "exercises": {}}'


def test_nothing_of_it_changes_assignments(lay_out, own_course):
    before = state(own_course / "assignments")
    lay_out()
    assert state(own_course / "assignments") == before


def test_an_invalid_source_is_reported_before_anything_is_written(lay_out, own_course):
    path = own_course / "solutions/02_layers/layers.py"
    path.write_text(path.read_text().replace("check(Flatten)", "pass"))
    target, said = lay_out(expected=1)
    assert "cells: the notebook has ['Tanh']" in said
    assert not target.exists()


def test_without_nbgrader_the_extra_is_named(lay_out, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "nbgrader"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    target, said = lay_out(expected=2)
    assert said == "autograder: Releasing needs nbgrader: install the extra dlkit-course[course].\n"
    assert not target.exists()


def test_checking_is_about_assignments_alone(lay_out):
    target, said = lay_out("--check", expected=2)
    assert said == "autograder: --check compares assignments/ and cannot be combined with --nbgrader.\n"
    assert not target.exists()


# --- what a student has: the folder of an assignment, and others beside it -------------------


@pytest.fixture
def home(lay_out, tmp_path, monkeypatch):
    """A student's home with one assignment fetched, the current folder in it."""
    target, _ = lay_out()
    home = tmp_path / "home"
    shutil.copytree(target / "source/02_layers", home / "02_layers")
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    monkeypatch.chdir(home / "02_layers")
    return home


def test_check_finds_its_cases_beside_the_notebook(home, capsys):
    from autograder.learner.notebook_check import check
    from dlkit import course

    assert course.root() == home
    assert list(course.assignments(home)) == ["02_layers"]

    def Tanh():  # noqa: N802 - as a student would name it
        """Not written yet."""

    assert check(Tanh) == 0.0
    assert "Tanh" in capsys.readouterr().out


def test_earlier_work_is_found_beside_the_assignment(home):
    from dlkit.course import earlier

    assert earlier("layers.Tanh").__doc__.startswith("Hyperbolic tangent")
