"""Nothing is written through a symbolic link that lies below the folder that somebody named."""

import os
import shutil
from contextlib import nullcontext

import pytest

from autograder import writing
from autograder.classroom.finding import Entry
from autograder.classroom.runs import prepare_run
from autograder.grading.options import Options
from autograder.writing import LinkedPathError, make_folder, refuse_links, write_atomically, write_file


@pytest.fixture(params=["by descriptor", "by name"])
def way(request, monkeypatch):
    """With folders opened one from the other, and as on systems that cannot do so."""
    if request.param == "by name":
        monkeypatch.setattr(writing, "BY_DESCRIPTOR", False)


@pytest.fixture
def victim(tmp_path):
    """Somebody else's folder with a file in it."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/file.json").write_text("theirs")
    return tmp_path / "victim"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("link", ["out/reports/amara/file.json", "out/reports/amara", "out/reports"])
def test_a_link_on_the_way_is_refused_and_nothing_is_written(tmp_path, victim, link):
    out, path = tmp_path / "out", tmp_path / "out/reports/amara/file.json"
    place = tmp_path / link
    place.parent.mkdir(parents=True)
    place.symlink_to(victim / "file.json" if place == path else victim)
    with pytest.raises(LinkedPathError) as error:
        write_file(path, b"ours", within=out)
    assert str(error.value) == (
        f"{place} is a symbolic link, which is not followed for writing: remove it, or name another folder."
    )
    with pytest.raises(LinkedPathError):
        refuse_links(path, out)
    assert [file.name for file in victim.iterdir()] == ["file.json"]
    assert (victim / "file.json").read_text() == "theirs"
    assert not list(out.rglob("*.part"))


@pytest.mark.usefixtures("way")
def test_a_link_that_leads_nowhere_is_refused_as_well(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/reports").symlink_to(tmp_path / "not there")
    with pytest.raises(LinkedPathError):
        make_folder(tmp_path / "out/reports/amara", tmp_path / "out")
    (tmp_path / "out/file").symlink_to(tmp_path / "not there")
    with pytest.raises(LinkedPathError):
        write_file(tmp_path / "out/file", b"ours")
    assert not (tmp_path / "not there").exists()


@pytest.mark.usefixtures("way")
def test_the_folder_that_was_named_may_be_a_link(tmp_path):
    (tmp_path / "really").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "really")
    write_file(tmp_path / "out/reports/amara/file.json", b"ours", within=tmp_path / "out")
    assert (tmp_path / "really/reports/amara/file.json").read_bytes() == b"ours"


@pytest.mark.usefixtures("way")
def test_a_file_is_written_over_and_no_part_of_it_is_left(tmp_path):
    path = tmp_path / "new/folder/file.txt"
    write_file(path, b"first", within=tmp_path)
    write_file(path, b"second", within=tmp_path)
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("way")
def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_leads_out_of_the_folder_is_a_bug(tmp_path):
    with pytest.raises(ValueError, match="leads out of"):
        write_file(tmp_path / "out/../other", b"", within=tmp_path / "out")


@pytest.mark.skipif(not writing.BY_DESCRIPTOR, reason="this system opens no folder from another")
@pytest.mark.parametrize("when", ["before it is opened", "after it was opened"])
def test_a_folder_that_is_exchanged_for_a_link_meanwhile_is_not_followed(tmp_path, victim, monkeypatch, when):
    folder, aside, go_into = tmp_path / "out/reports", tmp_path / "aside", writing._go_into
    folder.mkdir(parents=True)

    def exchange():
        folder.rename(aside)
        folder.symlink_to(victim)

    def exchanged_before(place, above):
        exchange()
        return go_into(place, above)

    def exchanged_after(place, above):
        descriptor = go_into(place, above)
        exchange()
        return descriptor

    before = when.startswith("before")
    monkeypatch.setattr(writing, "_go_into", exchanged_before if before else exchanged_after)
    with pytest.raises(LinkedPathError) if before else nullcontext():
        write_file(folder / "file.json", b"ours", within=tmp_path / "out")
    assert (victim / "file.json").read_text() == "theirs"
    assert [file.name for file in aside.iterdir()] == ([] if before else ["file.json"])


# --- who writes ------------------------------------------------------------------------------


@pytest.fixture
def solved(small_course, tmp_path):
    """A class of one who handed in the solution."""
    folder = tmp_path / "in/amara/02_layers"
    folder.mkdir(parents=True)
    shutil.copy(small_course / "solutions/02_layers/layers.py", folder)
    return tmp_path / "in"


@pytest.mark.parametrize("link", ["reports/amara", "reports", "pages/amara", "pages", "reports/amara/02_layers.json"])
def test_a_run_is_refused_before_it_begins(autograder, small_course, solved, tmp_path, victim, link):  # noqa: PLR0917 - fixtures
    place = tmp_path / "graded" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(victim / "file.json" if place.suffix else victim)
    options = ["--out", tmp_path / "graded", "--course", small_course, "--isolation", "none", "--jobs", "1"]
    status, out, err = autograder("grade", solved, *options)
    assert status == 2
    assert err == f"autograder: {LinkedPathError(str(place))}\n"
    assert "amara" not in out
    assert (victim / "file.json").read_text() == "theirs"
    assert len(list(victim.iterdir())) == 1
    assert not (tmp_path / "graded/run.json").exists()


def test_the_page_of_the_class_is_not_written_through_a_link(small_course, tmp_path, victim):
    from rich.console import Console

    from autograder.classroom.class_record import ClassRecord
    from autograder.classroom.pages import draw
    from autograder.course.catalogue import load
    from autograder.grading.grader import unreadable

    out = tmp_path / "graded"
    entry = Entry("amara", "02_layers", "")
    write_atomically(
        out / "reports/amara/02_layers.json", unreadable(load("02_layers", small_course), "amara", "", "x", seed=1)
    )
    (out / "02_layers.html").symlink_to(victim / "file.json")
    with pytest.raises(LinkedPathError):
        draw(Console(quiet=True), out, [entry], ClassRecord())
    assert (victim / "file.json").read_text() == "theirs"


def test_a_run_record_is_not_written_through_a_link(small_course, tmp_path, victim):
    (tmp_path / "graded").mkdir()
    (tmp_path / "graded/run.json").symlink_to(victim / "new.json")
    with pytest.raises(LinkedPathError):
        prepare_run(small_course, tmp_path / "graded", tmp_path, [Entry("a", "02_layers", "")], Options(seed=1))
    assert not (victim / "new.json").exists()


@pytest.mark.parametrize("form", ["gradescope", "classroom", "prairielearn", "junit", "csv", "gradebook"])
def test_an_export_is_not_written_through_a_link(autograder, small_course, tmp_path, victim, form):
    from autograder.course.catalogue import load
    from autograder.grading.grader import unreadable

    out = tmp_path / "graded"
    report = unreadable(load("02_layers", small_course), "amara", "", "x", seed=1)
    write_atomically(out / "reports/amara/02_layers.json", report)
    place = {"csv": out / "02_layers.csv", "gradebook": tmp_path / "gradebook.db"}.get(form, out / form / "amara")
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(victim / "file.json" if place.suffix else victim)
    to = ["--to", f"sqlite:///{place}"] if form == "gradebook" else []
    status, _, err = autograder("export", form, out, *to, "--course", small_course)
    assert status == 2
    assert f"{place.name} is a symbolic link, which is not" in err
    assert err.count("\n") == 1
    assert (victim / "file.json").read_text() == "theirs"
    assert len(list(victim.iterdir())) == 1


def test_a_journal_that_is_a_link_is_refused(autograder, small_course, tmp_path, victim, solved):
    (tmp_path / "gradebook.db-journal").symlink_to(victim / "file.json")
    options = ["--out", tmp_path / "graded", "--course", small_course, "--gradebook"]
    status, _, err = autograder("grade", solved, *options, f"sqlite:///{tmp_path}/gradebook.db")
    assert status == 2
    assert "gradebook.db-journal is a symbolic link" in err


@pytest.mark.parametrize("link", ["", "source", "source/02_layers"])
def test_an_nbgrader_course_is_not_laid_out_through_a_link(autograder, small_course, tmp_path, victim, link):
    """Where the folder that was named is itself the link, it is followed."""
    place = tmp_path / "dl101" / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(victim)
    status, _, err = autograder("release", "--nbgrader", tmp_path / "dl101", "--course", small_course)
    assert status == (2 if link else 0)
    assert ("is a symbolic link" in err) == bool(link)
    assert len(list(victim.iterdir())) == (1 if link else 4)
