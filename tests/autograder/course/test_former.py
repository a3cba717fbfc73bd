"""A course of version 0.1 is refused with one sentence and the cure; an nbgrader course of it is brought up to date."""

import shutil

import pytest

from autograder.cli import main
from autograder.nbgrader.course import lay_out

OLD = "is an assignment of version 0.1: its checks are in checks.py."


@pytest.mark.parametrize(
    ("place", "cure"),
    [
        ("solutions/02_layers", "Write it in the new form, which docs/writing-exercises.md describes"),
        ("assignments/02_layers", "Type autograder start 02_layers in an empty folder"),
        ("02_layers", "Type autograder start 02_layers in an empty folder"),
    ],
)
def test_a_course_of_0_1_is_refused_with_the_cure(place, cure, tmp_path, monkeypatch, capsys):
    folder = tmp_path / place
    folder.mkdir(parents=True)
    if place.startswith("solutions"):
        (tmp_path / "assignments").mkdir()
    (folder / "checks.py").write_text("raise SystemExit('must not run')\n")
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    monkeypatch.chdir(folder)
    for named in ([], ["--course", str(folder)]):
        assert main(["progress", *named]) == 2
        said = capsys.readouterr().err
        assert f"{folder} {OLD}" in said
        assert cure in said
        assert "\n" not in said.strip()


def test_a_file_called_checks_beside_an_assignment_is_nobodys_business(small_course, monkeypatch, capsys):
    own = small_course / "assignments/02_layers/checks.py"
    own.write_text("")
    try:
        monkeypatch.setenv("DLKIT_COURSE", str(small_course))
        assert main(["progress"]) == 0
    finally:
        own.unlink()


def test_an_nbgrader_course_is_brought_up_to_date(small_course, tmp_path):
    pytest.importorskip("nbgrader")
    lay_out(small_course, ["02_layers"], tmp_path)
    folder = tmp_path / "source/02_layers"
    # What an earlier version wrote, and this one does not: one file as it was written, one that was changed since.
    shutil.copy(folder / "assignment.py", folder / "checks.py")
    shutil.copy(folder / "assignment.py", folder / "more.py")
    record = tmp_path / ".autograder-release.json"
    text = record.read_text()
    line = next(line for line in text.splitlines() if "assignment.py" in line)
    record.write_text(
        text.replace(line, "\n".join([line, *(line.replace("assignment.py", n) for n in ("checks.py", "more.py"))]))
    )
    (folder / "more.py").write_text("# mine\n")
    laid = lay_out(small_course, ["02_layers"], tmp_path)
    assert laid.removed == [folder / "checks.py"]
    assert laid.kept == [folder / "more.py"]
    assert not (folder / "checks.py").exists()
    assert (folder / "more.py").read_text() == "# mine\n"
    assert lay_out(small_course, ["02_layers"], tmp_path).removed == []
