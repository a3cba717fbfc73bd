"""A class that is graded again and again: renamed students, other folders, single students, full disks, no terminal."""

import errno
import io
import json
import os
import re
import shutil
import stat
import threading
import zipfile
from types import SimpleNamespace

import msgspec
import pytest
from rich.console import Console

from autograder.classroom import progress
from autograder.classroom.class_record import ClassRecord, read_record
from autograder.cli import main
from autograder.course.catalogue import UsageError
from autograder.report import NotGraded, Status, read_report
from autograder.writing import write_atomically
from tests.autograder.classroom.conftest import packed, write


@pytest.fixture
def grade(small_course, tmp_path, capsys):
    """Run ``autograder grade`` on ``in`` into ``out``; exit status, stdout, stderr."""

    def run(*options, folder="in", out="out"):
        where = ["--out", str(tmp_path / out), "--course", str(small_course), "--jobs", "1", "--isolation", "none"]
        status = main(["grade", str(tmp_path / folder), *where, *map(str, options)])
        printed = capsys.readouterr()
        return status, " ".join(printed.out.split()) if "--json" not in options else printed.out, printed.err

    return run


@pytest.fixture
def hand_in(tmp_path, right):
    """Write hand-ins below ``in``: by name, this text or the correct one."""

    def lay(*names, **more):
        return write(tmp_path / "in", {**dict.fromkeys(names, right), **more})

    return lay


OWN = "from autograder.checks import Outline"
"""How a file of the course's own begins."""


def reports(tmp_path, out="out"):
    return sorted(
        str(path.relative_to(tmp_path / out / "reports")) for path in (tmp_path / out).glob("reports/*/*.json")
    )


# --- again into the same folder --------------------------------------------------------------


def test_a_report_of_nobody_who_hands_in_any_more_is_set_aside(grade, hand_in, tmp_path, capsys):
    hand_in("amy/02_layers/layers.py", "bo/02_layers/layers.py")
    assert grade()[0] == 0
    (tmp_path / "in/bo").rename(tmp_path / "in/bob")
    status, out, _ = grade()
    assert status == 0
    assert "Set aside, because their hand-ins are gone: bo/02_layers. They are in" in out
    assert reports(tmp_path) == ["amy/02_layers.json", "bob/02_layers.json"]
    assert not (tmp_path / "out/pages/bo").exists()
    aside = sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.glob("out/set-aside/*/*/*/*"))
    assert [path.partition("/")[2].partition("/")[2] for path in aside] == [
        "pages/bo/02_layers.html",
        "reports/bo/02_layers.json",
    ]
    assert main(["report", str(tmp_path / "out")]) == 0
    assert main(["export", "csv", str(tmp_path / "out"), "--to", str(tmp_path / "marks.csv")]) == 0
    table = (tmp_path / "marks.csv").read_text()
    assert "bob" in table
    assert table.count("\n") == 3
    assert ">bo<" not in (tmp_path / "out/02_layers.html").read_text()


def test_what_is_set_aside_is_listed_in_json(grade, hand_in, tmp_path):
    hand_in("amy/02_layers/layers.py", "bo/02_layers/layers.py")
    grade()
    shutil.rmtree(tmp_path / "in/bo")
    result = json.loads(grade("--json")[1])
    (aside,) = result["set_aside"]
    assert aside.endswith("reports/bo/02_layers.json")
    assert [report["student"] for report in result["reports"]] == ["amy"]


def test_reports_of_another_assignment_are_left_where_they_are(own_course, tmp_path, right, capsys):
    shutil.copytree(own_course / "solutions/02_layers", own_course / "solutions/03_more")
    (own_course / "solutions/03_more/layers.py").rename(own_course / "solutions/03_more/more.py")
    write(tmp_path / "in", {"amy/02_layers/layers.py": right, "amy/03_more/more.py": right})
    where = ["--out", str(tmp_path / "out"), "--course", str(own_course), "--jobs", "1", "--isolation", "none"]
    for name in ("02_layers", "03_more", "02_layers"):
        assert main(["grade", str(tmp_path / "in"), *where, "--assignment", name]) == 0
    assert reports(tmp_path) == ["amy/02_layers.json", "amy/03_more.json"]
    assert not (tmp_path / "out/set-aside").exists()
    record = read_record(tmp_path / "out")
    assert {one.assignment for one in record.not_graded} == {"02_layers", "03_more"}


@pytest.mark.parametrize("other", ["hand-ins", "course", "run.json lost"])
def test_the_folder_of_another_run_is_refused_before_anything_is_written(
    grade, hand_in, tmp_path, small_course, other
):  # fmt: skip
    hand_in("amy/02_layers/layers.py")
    grade()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    if other == "hand-ins":
        status, _, err = grade(folder="in/amy")
        assert f"out holds a run of other hand-ins ({tmp_path / 'in'}). Name another --out, or that folder" in err
    elif other == "course":
        shutil.copytree(small_course, tmp_path / "copy")
        status, _, err = grade("--course", tmp_path / "copy")
        assert f"out holds a run of another course ({small_course}). Name another --out" in err
    else:
        del before[tmp_path / "out/run.json"]
        (tmp_path / "out/run.json").unlink()
        status, _, err = grade()
        assert "out holds reports, but no run.json that describes them. Name another --out." in err
    assert (status, err.count("\n")) == (2, 1)
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


# --- one student -----------------------------------------------------------------------------


def test_one_student_is_graded_again_within_the_class(grade, hand_in, tmp_path):
    hand_in("amy/02_layers/layers.py", "bo/02_layers/layers.py", "cy/02_layers/layers.py")
    grade()
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("out/reports/*/*.json")}
    status, out, _ = grade("--student", "bo")
    assert status == 0
    changed = [path.parent.name for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert changed == ["bo"]
    assert "3 students" in out
    assert (tmp_path / "out/02_layers.html").read_text().count("pages/") >= 3


def test_who_has_no_report_yet_is_listed_where_one_student_is_graded_first(grade, hand_in, tmp_path):
    hand_in("amy/02_layers/layers.py", "bo/02_layers/layers.py")
    status, out, _ = grade("--student", "bo", "--json")
    result = json.loads(out)
    assert (status, [report["student"] for report in result["reports"]]) == (0, ["bo"])
    assert [(one["path"], one["student"], one["reason"]) for one in result["not_graded"]] == [
        ("amy/02_layers/layers.py", "amy", "has no report yet: this run was limited by --student.")
    ]


def test_an_unknown_student_is_refused_with_the_names_of_those_there(grade, hand_in, tmp_path):
    hand_in("amy/02_layers/layers.py", "bo/02_layers/layers.py")
    status, _, err = grade("--student", "zoe")
    assert (status, err) == (2, "autograder: No student is called 'zoe'. Choose one of: amy, bo.\n")
    assert not (tmp_path / "out").exists()


# --- what is not graded ----------------------------------------------------------------------


def test_the_table_at_the_end_the_page_and_json_list_what_was_not_graded(grade, hand_in, tmp_path, right):
    other = right.replace("1 - ", "2 - ")
    hand_in("amy/02_layers/layers (1).py", "loose/02_layers/layers.py",
            **{"amy/02_layers/layers.py": other, "bo/02_layers/layers.ipynb": "{", "cy/02_layers/layers.rar": "x",
               "cy/02_layers/.DS_Store": "x", "amy/02_layers/assignment.py": OWN})  # fmt: skip
    status, out, _ = grade()
    assert status == 1
    assert "Seen and not graded (3)" in out
    for row in (
        "amy/02_layers/layers.py: holds different work from layers (1).py, which was graded.",
        "bo, layers.ipynb: is not a notebook: its JSON does not parse",
        "cy, layers.rar: is an archive of an unsupported kind. Hand in the notebook itself, or a zip file.",
    ):
        assert row in out
    assert "Other files, which need no attention: 1 unchanged from the course, 1 kept by programs" in out
    assert "4 students, median 5, mean 5 of 5 points, 2 all correct, 2 not readable and not counted" in out
    page = (tmp_path / "out/02_layers.html").read_text()
    assert "Seen and not graded" in page
    assert "cy, layers.rar" in page
    assert "<dt>not readable</dt><dd>2</dd>" in page
    assert "<dt>mean</dt><dd>5</dd>" in page
    result = json.loads(grade("--json")[1])
    kinds = {one["path"]: (one["kind"], one["student"]) for one in result["not_graded"]}
    assert kinds == {
        "amy/02_layers/layers.py": ("hand-in", "amy"),
        "amy/02_layers/assignment.py": ("handed out", "amy"),
        "layers.ipynb": ("hand-in", "bo"),
        "layers.rar": ("hand-in", "cy"),
        "cy/02_layers/.DS_Store": ("system", "cy"),
    }
    before = (tmp_path / "out/02_layers.html").read_text()
    assert main(["report", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/02_layers.html").read_text() == before


def test_the_status_is_0_where_nothing_needs_a_look(grade, hand_in, stub):
    hand_in("amy/02_layers/layers.py", **{"amy/02_layers/layers.ipynb": stub, "amy/02_layers/plot.png": "x",
                                         "amy/.DS_Store": "x", "bo/notes.txt": "x"})  # fmt: skip
    status, out, _ = grade("--assignment", "02_layers")
    assert status == 0
    assert "Seen and not graded" not in out
    assert "Other files, which need no attention" in out


def test_a_verdict_that_is_broken_is_status_1(grade, hand_in, tmp_path):
    hand_in("amy/02_layers/layers.py")
    assert grade()[0] == 0
    path = tmp_path / "out/reports/amy/02_layers.json"
    path.write_text(path.read_text().replace('"passed"', '"broken"', 1))
    assert grade()[0] == 1


def test_an_additional_file_is_reported_although_the_work_is_the_same(grade, hand_in, tmp_path, right):
    hand_in("amy/02_layers/layers (1).py")
    assert grade()[0] == 0
    hand_in(**{"amy/02_layers/layers.py": right.replace("1 - ", "2 - ")})
    assert grade()[0] == 1
    report = read_report(tmp_path / "out/reports/amy/02_layers.json")
    assert [one.path for one in report.set_aside] == ["amy/02_layers/layers.py"]


# --- names -----------------------------------------------------------------------------------


def test_a_roster_names_students_and_lists_who_handed_in_nothing(grade, hand_in, tmp_path):
    hand_in("a12/02_layers/layers.py", "a14/02_layers/layers.py")
    (tmp_path / "class.csv").write_text("id,name\na12,Ada Lovelace\na13,Zoë Müller\n")
    status, out, _ = grade("--assignment", "02", "--roster", tmp_path / "class.csv")
    assert status == 0
    assert "Ada Lovelace" in out
    assert "Zoë Müller" in out
    assert "Graded, but not on the roster: a14." in out
    report = read_report(tmp_path / "out/reports/a13/02_layers.json")
    assert [problem.sentence for problem in report.problems] == ["nothing was handed in for 02_layers"]
    assert "Ada Lovelace" in (tmp_path / "out/pages/a12/02_layers.html").read_text()
    assert grade("--assignment", "02", "--roster", tmp_path / "class.csv", "--student", "Ada Lovelace")[0] == 0


def test_two_students_of_one_name_are_distinguished():
    record = ClassRecord({"1": "Ada", "2": "Ada", "3": "Zoë"})
    assert [record.label(student) for student in ("1", "2", "3", "4")] == ["Ada (1)", "Ada (2)", "Zoë", "4"]


def test_a_roster_that_is_none_is_refused_before_anything_is_written(grade, hand_in, tmp_path):
    hand_in("amy/02_layers/layers.py")
    status, _, err = grade("--roster", tmp_path / "nowhere.csv")
    assert (status, err.count("\n")) == (2, 1)
    assert not (tmp_path / "out").exists()


def test_a_record_that_cannot_be_read_is_reported(tmp_path):
    (tmp_path / "class.json").write_text("[")
    with pytest.raises(UsageError, match=r"class.json cannot be read .* Delete that file and grade again."):
        read_record(tmp_path)


# --- a class in a zip ------------------------------------------------------------------------


def test_a_zip_of_a_class_is_graded_and_resumed(grade, tmp_path, right):
    files = {"submitted/amy/02_layers/layers.py": right, "submitted/bo/02_layers.zip": packed({"layers.py": right})}
    (tmp_path / "class.zip").write_bytes(packed(files))
    assert grade(folder="class.zip")[0] == 0
    assert reports(tmp_path) == ["amy/02_layers.json", "bo/02_layers.json"]
    assert "2 of 2 reports from an earlier run are up to date and were kept." in grade(folder="class.zip")[1]


def test_nobodys_file_in_a_zip_of_a_class_stops_the_class(grade, tmp_path, right):
    link = zipfile.ZipInfo("bo/02_layers/layers.py")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    odd = {"../../evil/02_layers/layers.py": right, "/evil/02_layers/layers.py": right, "cy/..\\..\\x.py": right,
           "di/" + "é" * 200 + ".py": right, "em": "x", "em/02_layers/layers.py": right}  # fmt: skip
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("amy/02_layers/layers.py", right)
        archive.writestr("zoe/02_layers/layers.py", right)
        archive.writestr(link, "../amy/02_layers/layers.py")
        for name, content in odd.items():
            archive.writestr(name, content)
    before = sorted(path for path in tmp_path.rglob("*"))
    status, out, _ = grade("--json", folder="class.zip")
    result = json.loads(out)
    assert status == 1
    assert {report["student"] for report in result["reports"]} == {"amy", "zoe"}
    assert all(read_report(path).status is Status.PASSED for path in tmp_path.glob("out/reports/*/*.json"))
    listed = {one["path"] for one in result["not_graded"]}
    assert listed >= {*list(odd)[:2], "cy/../../x.py", "bo/02_layers/layers.py", "em/02_layers/layers.py"}
    written = [path for path in tmp_path.rglob("*") if path not in before]
    assert all(path.relative_to(tmp_path).parts[0] == "out" for path in written)


def test_a_file_that_is_not_a_zip_is_reported(grade, tmp_path):
    (tmp_path / "class.zip").write_text("x")
    status, _, err = grade(folder="class.zip")
    assert (status, err.count("\n")) == (2, 1)
    assert "class.zip cannot be read as a zip file" in err


# --- disks and terminals ---------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch):
    """No file can be written to the disk any more."""

    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "fsync", fail)


def test_a_file_that_does_not_fit_leaves_the_old_one_and_no_part(tmp_path, full_disk):
    write_atomically(tmp_path / "report.json", "first")
    full_disk()
    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(tmp_path / "report.json", "second")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.json", "first")]


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(grade, hand_in, tmp_path, full_disk):
    hand_in("amy/02_layers/layers.py")
    grade()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    full_disk()
    status, _, err = grade()
    assert (status, err.count("\n")) == (2, 1)
    assert "run.json cannot be written (No space left on device). Free space there or name another --out;" in err
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}


def test_a_disk_that_fills_while_pages_are_drawn_is_one_sentence(grade, hand_in, tmp_path, monkeypatch):
    hand_in("amy/02_layers/layers.py")
    fsync = os.fsync
    calls = []

    def fail_at_last(number):
        calls.append(number)
        if len(calls) > 3:  # the run, the record, and a page
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(number)

    monkeypatch.setattr(os, "fsync", fail_at_last)
    status, _, err = grade()
    assert (status, err.count("\n")) == (2, 1)
    assert "02_layers.html cannot be written (No space left on device)" in err
    assert not list((tmp_path / "out").rglob("*.part"))


ONE = SimpleNamespace(machines=1)
LINE = r"Grading: 1 of 7 after 0\.\d min, \d+ a minute on 3 machines"


def test_without_a_terminal_a_line_now_and_then_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.001)
    file = io.StringIO()
    with progress.progress(Console(file=file, force_terminal=False), "Grading", 7, lambda: 3) as advance:
        advance("amy")
        for _ in range(10_000):
            if re.search(LINE, file.getvalue()):
                break
            threading.Event().wait(0.01)
        assert re.search(LINE, file.getvalue())
    ended = file.getvalue()
    threading.Event().wait(0.02)
    assert file.getvalue() == ended


def test_at_a_terminal_there_is_a_bar_and_no_such_line(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.001)
    file = io.StringIO()
    with progress.progress(Console(file=file, force_terminal=True, width=80), "Grading", 7) as advance:
        advance("amy")
        threading.Event().wait(0.05)
    assert "Grading: " not in file.getvalue()
    assert "1/7" in file.getvalue()


def test_a_record_is_what_its_schema_says():
    record = ClassRecord({"1": "Ada"}, [NotGraded("amy/x.rar", "is an archive.")])
    assert msgspec.json.decode(msgspec.json.encode(record), type=ClassRecord) == record
