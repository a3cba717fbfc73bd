import json
import os
import traceback

import matplotlib.pyplot as plt
import pytest

from dlkit import course
from dlkit.course import CourseError, assignments, earlier, providing, root, when_written


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course with two assignments, the current folder within the first."""
    for name in ("02_layers", "03_losses", "notes", "3_bad", "04_Upper"):
        (tmp_path / "assignments" / name).mkdir(parents=True)
    (tmp_path / "assignments/file.txt").write_text("")
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    monkeypatch.chdir(tmp_path / "assignments/02_layers")
    return tmp_path


def write(folder, text, name="layers.py", assignment="02_layers"):
    path = folder / "assignments" / assignment / name
    path.write_text(text)
    return path


def test_the_course_is_the_nearest_folder_above_with_assignments(folder):
    assert root() == folder
    assert root(folder / "assignments" / "03_losses") == folder


def test_the_environment_comes_before_the_current_folder(folder, monkeypatch, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "assignments").mkdir()
    monkeypatch.setenv("DLKIT_COURSE", str(other))
    assert root() == other
    assert root(folder) == folder


def test_elsewhere_the_clone_is_the_course(monkeypatch, tmp_path):
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert (root() / "dlkit" / "course.py").samefile(course.__file__)


def test_a_folder_that_is_no_course_is_named(tmp_path):
    with pytest.raises(
        CourseError, match=f"There is no course at or above {tmp_path}: name the folder that holds assignments/."
    ):
        root(tmp_path)
    with pytest.raises(CourseError, match="no course at or above"):
        root(tmp_path / "nowhere")


def test_assignments_that_lie_side_by_side_are_a_course(monkeypatch, folder):
    """As nbgrader hands them out: in a student's home, without assignments/ around them."""
    home = folder / "home"
    for name in ("02_layers", "03_losses", "notes"):
        (home / name / "deeper").mkdir(parents=True)
        (home / name / "assignment.py").write_text("")
    monkeypatch.chdir(home / "03_losses/deeper")
    assert root() == home
    assert list(assignments(home)) == ["02_layers", "03_losses"]
    (home / "02_layers/layers.py").write_text("class Linear: pass\n")
    assert earlier("layers.Linear").__name__ == "Linear"
    (home / "03_losses/assignment.py").unlink()
    assert root() == folder


def test_assignments_are_listed_in_order(folder):
    assert list(assignments(folder)) == ["02_layers", "03_losses"]
    assert assignments(folder)["03_losses"] == folder / "assignments/03_losses"


def test_earlier_work_is_the_students_own(folder):
    write(folder, "# %%\nSIZE = 3\n# %%\nclass Linear:\n    size = SIZE\n# %%\nraise ValueError('a cell that runs')\n")
    assert earlier("layers.Linear").size == 3


def test_of_notebook_and_file_the_newer_is_read(folder):
    script = write(folder, "class Linear:\n    which = 'script'")
    cells = [{"cell_type": "code", "source": "class Linear:\n    which = 'notebook'"}]
    notebook = write(folder, json.dumps({"cells": cells}), "layers.ipynb")
    os.utime(notebook, (1, 1))
    assert earlier("layers.Linear").which == "script"
    os.utime(script, (0, 0))
    assert earlier("layers.Linear").which == "notebook"


def test_earlier_work_that_is_not_there_is_named(folder):
    write(folder, "class Linear: pass")
    with pytest.raises(CourseError, match=r"layers.ReLU is missing: write ReLU in the assignment 'layers' first."):
        earlier("layers.ReLU")
    with pytest.raises(CourseError, match=r"There is no assignment 'convolution' in this course."):
        earlier("convolution.Conv2d")
    with pytest.raises(
        CourseError, match=r"losses.CrossEntropy is missing: write CrossEntropy in the assignment 'losses' first."
    ):
        earlier("losses.CrossEntropy")


def test_an_error_in_earlier_work_names_its_place(folder):
    write(folder, "A = 1\n\n\nclass Linear(Missing):\n    pass\n")
    with pytest.raises(NameError, match="Missing") as error:
        earlier("layers.Linear")
    last = traceback.extract_tb(error.value.__traceback__)[-1]
    assert (last.filename, last.lineno) == ("02_layers: layers.py", 4)


def test_a_grader_provides_earlier_work_for_a_block(folder):
    write(folder, "class Linear:\n    whose = 'own'")
    with providing({"layers": {"Linear": "the reference's"}}):
        assert earlier("layers.Linear") == "the reference's"
        with pytest.raises(CourseError, match=r"layers.ReLU is missing"):
            earlier("layers.ReLU")
        with providing({}), pytest.raises(CourseError, match=r"layers.Linear is missing"):
            earlier("layers.Linear")
        assert earlier("layers.Linear") == "the reference's"
    assert earlier("layers.Linear").whose == "own"


class Unwritten:
    def forward(self):
        raise NotImplementedError


def test_a_cell_that_waits_says_for_what(capsys):
    with when_written():
        Unwritten().forward()
    assert capsys.readouterr().out == "This cell waits for Unwritten.forward: write it above, then run this again.\n"


def test_a_cell_that_does_not_wait_runs_and_fails_as_usual(capsys):
    done = []
    with when_written():
        done.append(1)
    with pytest.raises(ZeroDivisionError), when_written():
        done.append(1 / 0)
    assert done == [1]
    assert capsys.readouterr().out == ""


def test_a_cell_that_waits_leaves_no_empty_figure(capsys):
    kept = plt.figure()
    try:
        with course.when_written():
            plt.figure()
            raise NotImplementedError
        assert plt.get_fignums() == [kept.number]
        assert "waits for" in capsys.readouterr().out
    finally:
        plt.close(kept)
