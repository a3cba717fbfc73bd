import shutil

import pytest

from autograder.course.catalogue import UsageError, names
from autograder.learner import originals, state
from autograder.learner.originals import start
from dlkit import course
from tests.autograder.conftest import write_assignment


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder that is the current one, and no course but the one that is named."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    monkeypatch.setattr(course, "installed", lambda: None)
    monkeypatch.setattr(course, "_CLONE", tmp_path / "no clone")
    return folder


def test_an_assignment_lies_in_my_own_folder_which_is_then_a_course(autograder, elsewhere, handed_out):
    status, out, err = autograder("start", "layers", "--course", handed_out)
    assert (status, err) == (0, "")
    assert out.endswith("  autograder watch 02_layers\n")
    assert sorted(p.name for p in (elsewhere / "assignments/02_layers").iterdir()) == sorted(
        p.name for p in (handed_out / "assignments/02_layers").iterdir()
    )
    assert course.root() == elsewhere
    status, out, _ = autograder("check", "Tanh")
    assert status == 0
    assert "not attempted" in out


def test_what_is_there_is_never_overwritten(autograder, mine, handed_out):
    file = mine / "assignments/02_layers/layers.py"
    file.write_text("my work\n")
    for arguments in (["02_layers"], ["02", "--course", handed_out], ["layers", "--into", mine]):
        status, out, err = autograder("start", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "exists already and was not changed" in err or "is already in" in err
        assert file.read_text() == "my work\n"


def test_a_second_assignment_comes_from_where_the_first_came_from(elsewhere, tmp_path, handed_out):
    place = tmp_path / "course"
    shutil.copytree(handed_out, place)
    (place / "assignments/02_layers").rename(place / "assignments/07_again")
    write_assignment(place / "assignments/07_again", "", title="", points={})
    shutil.copytree(handed_out / "assignments/02_layers", place / "assignments/02_layers")
    for suffix in (".py", ".ipynb"):
        file = place / f"assignments/07_again/layers{suffix}"
        file.rename(file.with_name(f"again{suffix}"))
    write_assignment(place / "assignments/07_again", "", title="", points={}, earlier=("02_layers",))
    start("02_layers", elsewhere, place)
    assert state.read(elsewhere).source == str(place)
    assert originals.available(elsewhere) == ["02_layers", "07_again"]


def test_earlier_assignments_come_along(elsewhere, tmp_path, trimmed):
    place = tmp_path / "course"
    shutil.copytree(trimmed("Tanh") / "assignments", place / "assignments")
    later = place / "assignments/05_later"
    shutil.copytree(place / "assignments/02_layers", later)
    for suffix in (".py", ".ipynb"):
        text = (later / f"layers{suffix}").read_text().replace("02_layers", "05_later")
        (later / f"layers{suffix}").unlink()
        (later / f"later{suffix}").write_text(text)
    outline = (later / "assignment.py").read_text()
    (later / "assignment.py").write_text(outline.replace("points=", 'earlier=("02_layers",),\n    points='))
    new = start("05_later", elsewhere, place)
    assert [folder.name for folder in new] == ["02_layers", "05_later"]
    assert names(elsewhere) == ["02_layers", "05_later"]


@pytest.mark.parametrize("fails", ["copytree", "write_atomically"])
def test_no_half_assignment_is_left_where_the_folder_cannot_be_written(elsewhere, handed_out, monkeypatch, fails):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil if fails == "copytree" else originals, fails, fail)
    with pytest.raises(UsageError, match="cannot be written"):
        start("02_layers", elsewhere, handed_out)
    assert names(elsewhere) == []
    assert not any((elsewhere / "assignments").iterdir())


def test_work_is_not_handed_on_as_an_untouched_assignment(elsewhere, tmp_path, handed_out, solution):
    place = tmp_path / "course"
    shutil.copytree(handed_out, place)
    file = place / "assignments/02_layers/layers.py"
    file.write_text(file.read_text() + "\n\n# %%\n" + solution("Tanh"))
    with pytest.raises(UsageError, match=r"layers\.py holds somebody's work, but a start needs untouched files"):
        start("02_layers", elsewhere, place)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["99"], "There is no assignment '99' to start. Choose one of: 02_layers."),
        (["Tanh"], "There is no assignment 'Tanh' to start. Choose one of: 02_layers."),
        ([], "issing argument"),
    ],
)
def test_wrong_usage_is_one_sentence(autograder, elsewhere, handed_out, arguments, sentence):
    status, out, err = autograder("start", *arguments, "--course", handed_out)
    assert (status, out) == (2, "")
    assert sentence in err
    assert names(elsewhere) == []


def test_without_any_course_the_sentence_says_how_to_name_one(autograder, elsewhere):
    status, _, err = autograder("start", "02")
    assert status == 2
    assert "Name its folder with --course." in err


def test_inside_the_course_a_folder_of_ones_own_is_asked_for(autograder, handed_out, monkeypatch, tmp_path):
    monkeypatch.setattr(course, "installed", lambda: None)
    monkeypatch.chdir(handed_out)
    status, _, err = autograder("start", "02")
    assert status == 2
    assert "02 is already in" in err
    status, out, err = autograder("start", "02", "--into", tmp_path / "own")
    assert (status, out) == (2, "")
    assert f"autograder trust {handed_out}".replace(" ", "") in err.replace("'", "").replace(" ", "")
    assert autograder("trust", handed_out)[0] == 0
    assert autograder("start", "02", "--into", tmp_path / "own")[0] == 0
    assert names(tmp_path / "own") == ["02_layers"]
    assert autograder("trust", "--forget", handed_out)[0] == 0


def test_the_installed_course_is_found_without_a_word(root):
    assert course.installed() == root
