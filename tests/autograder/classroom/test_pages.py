"""Pages are drawn where what they show has changed, by one process or several, and never through a link."""

import io
import json
import os

import msgspec
import pytest
from rich.console import Console

from autograder.classroom import pages, student_pages
from autograder.classroom.class_record import ClassRecord
from autograder.classroom.pages import draw, entries_of
from autograder.classroom.student_pages import is_current, stamp_of
from autograder.cli import main
from autograder.course.catalogue import UsageError
from autograder.report import ExerciseResult, NotGraded, Report, Status, Verdict, read_report
from autograder.writing import LinkedPathError, write_atomically


def report(student, assignment="02_layers", points=2.0, **more):
    status = Status.PASSED if points else Status.FAILED
    exercise = ExerciseResult("Tanh", [Verdict("forward", "forward", status, points, 2.0)])
    more = {"title": "Layers", "submission_sha256": "ab", "exercises": [exercise], **more}
    return Report(student=student, assignment=assignment, **more)


def put(out, *reports):
    for one in reports:
        write_atomically(out / "reports" / one.student / f"{one.assignment}.json", one)


@pytest.fixture
def out(tmp_path):
    """A run of ada and bob, graded and not drawn."""
    put(tmp_path / "out", report("ada"), report("bob", points=0.0))
    return tmp_path / "out"


@pytest.fixture
def redraw(out):
    """Draw; return which pages were written, and what was printed."""

    def run(record=None, **options):
        before = stamps(out)
        console = Console(file=io.StringIO(), width=200)
        run.status = draw(console, out, entries_of(out), record or ClassRecord(), **options)
        run.printed = console.file.getvalue()
        return sorted(path for path, stamp in stamps(out).items() if before.get(path) != stamp)

    return run


def stamps(out):
    found = {path: path.stat() for path in out.rglob("*.html")}
    return {path.relative_to(out).as_posix(): (stat.st_ino, stat.st_mtime_ns) for path, stat in found.items()}


ADA, BOB, CLASS = "pages/ada/02_layers.html", "pages/bob/02_layers.html", "02_layers.html"
INDEX = "index.html"
"""Made from the totals alone, and written every time."""


def test_all_is_drawn_once_and_then_only_what_is_missing(out, redraw):
    assert redraw() == [CLASS, INDEX, ADA, BOB]
    assert redraw() == [INDEX]
    (out / BOB).unlink()
    assert redraw() == [INDEX, BOB]
    (out / CLASS).unlink()
    assert redraw() == [CLASS, INDEX]


def test_a_changed_report_draws_its_page_and_that_of_the_class(out, redraw):
    redraw()
    put(out, report("bob"))
    assert redraw() == [CLASS, INDEX, BOB]
    assert "2</b> <span>of 2 points" in (out / BOB).read_text()


def test_a_changed_name_draws_its_page_and_that_of_the_class(out, redraw):
    redraw()
    assert redraw(ClassRecord({"ada": "Ada Lovelace"})) == [CLASS, INDEX, ADA]
    assert "Ada Lovelace" in (out / ADA).read_text()
    assert "Ada Lovelace" in (out / INDEX).read_text()


def test_what_was_not_graded_draws_the_page_of_the_class(out, redraw):
    redraw()
    assert redraw(ClassRecord({}, [NotGraded("x.rar", "is an archive.")])) == [CLASS, INDEX]
    assert redraw.status == 1


def test_other_code_draws_everything(out, redraw, monkeypatch):
    redraw()
    monkeypatch.setattr(student_pages, "code_sha256", lambda: "other")
    assert redraw() == [CLASS, INDEX, ADA, BOB]


@pytest.mark.parametrize(
    "content", ["", "<!doctype html>\n", "<!doctype html>\n<!-- drawn from " + "0" * 64 + " -->\n"]
)
def test_a_page_with_another_stamp_or_none_is_drawn(out, redraw, content):
    redraw()
    (out / ADA).write_text(content)
    assert redraw() == [INDEX, ADA]


def test_a_stamp_is_read_without_the_page(tmp_path):
    stamp = stamp_of("a")
    path = tmp_path / "page.html"
    path.write_bytes(f"<!doctype html>\n<!-- drawn from {stamp} -->\n".encode() + b"\xff" * 100)
    os.truncate(path, 1 << 40)  # a file with a hole: reading it whole would take a terabyte
    assert is_current(path, stamp, within=tmp_path)
    assert not is_current(path, stamp_of("b"), within=tmp_path)


def test_parts_of_a_stamp_cannot_be_moved_from_one_to_the_next():
    assert len({stamp_of("ab", "c"), stamp_of("a", "bc"), stamp_of("abc"), stamp_of("ab", "c", "")}) == 4


@pytest.mark.parametrize("link", [ADA, "pages/ada", "pages", CLASS, INDEX, "totals"])
def test_a_link_is_refused_where_a_page_would_be_up_to_date_and_where_not(out, redraw, tmp_path, link):
    redraw()
    target = tmp_path / "theirs"
    (out / link).rename(target)
    (out / link).symlink_to(target)
    for _ in range(2):
        with pytest.raises(LinkedPathError):
            redraw()
        put(out, report("ada", points=0.0))


def test_a_page_of_which_only_the_points_can_be_drawn_is_tried_again(out, redraw, monkeypatch):
    whole = student_pages.student_page

    def fail(given):
        if given.student == "bob" and given.exercises[0].verdicts[0].sentence == "":
            raise ZeroDivisionError
        return whole(given)

    with monkeypatch.context() as patch:
        patch.setattr(student_pages, "student_page", fail)
        redraw()
        assert "ZeroDivisionError" in (out / "errors/bob/02_layers.txt").read_text()
        assert "cannot be shown" in (out / BOB).read_text()
        assert redraw() == [INDEX, BOB]
        assert "The grader itself failed on 1 hand-in" in redraw.printed
    assert redraw() == [CLASS, INDEX, BOB]
    assert "cannot be shown" not in (out / BOB).read_text()


def test_of_a_class_that_cannot_be_drawn_each_report_at_fault_is_found(out, redraw, monkeypatch):
    put(out, *[report(f"s{i}") for i in range(9)])
    whole, drawn = pages.class_page, []

    def fail(title, reports, **more):
        drawn.append(len(reports))
        if any(one.student in ("s3", "s7") and one.exercises[0].verdicts[0].sentence == "" for one in reports):
            raise ZeroDivisionError
        return whole(title, reports, **more)

    monkeypatch.setattr(pages, "class_page", fail)
    redraw()
    assert all(name in (out / CLASS).read_text() for name in ("ada", "s3", "s7"))
    assert CLASS in redraw(), "without a stamp it is tried again"


# --- several processes -----------------------------------------------------------------------


@pytest.mark.slow
def test_several_processes_draw_the_same_pages(out, redraw, monkeypatch):
    put(out, *[report(f"s{i} é", points=i % 2 * 2.0) for i in range(6)])
    redraw()
    alone = {path: path.read_bytes() for path in out.rglob("*.html")}
    for path in alone:
        path.unlink()
    monkeypatch.setattr(student_pages, "FEWEST", 1)
    redraw(jobs=2)
    assert {path: path.read_bytes() for path in out.rglob("*.html")} == alone


@pytest.mark.slow
def test_errors_of_another_process_are_raised_here(out, redraw, monkeypatch, tmp_path):
    monkeypatch.setattr(student_pages, "FEWEST", 1)
    monkeypatch.setattr(pages, "is_current", lambda *_args, **_more: False)
    (out / "pages").symlink_to(tmp_path)
    with pytest.raises(LinkedPathError):
        redraw(jobs=2)


def dies(*_args):
    os._exit(3)


@pytest.mark.slow
def test_this_process_draws_what_killed_ones_left(out, redraw, monkeypatch):
    monkeypatch.setattr(student_pages, "FEWEST", 1)
    monkeypatch.setattr(student_pages, "_begin", dies)
    assert redraw(jobs=2) == [CLASS, INDEX, ADA, BOB]


def test_few_pages_start_no_process(out, redraw, monkeypatch):
    monkeypatch.setattr(student_pages, "isolated_processes", None)
    assert redraw(jobs=8) == [CLASS, INDEX, ADA, BOB]


# --- JSON ------------------------------------------------------------------------------------


def test_json_is_one_object_of_all_reports_in_order(out, redraw, capsys):
    put(out, report("ada", "01_first"), report("bob", "01_first", set_aside=[NotGraded("y.rar", "is an archive.")]))
    redraw(ClassRecord({"ada": "Ada"}, [NotGraded("x", "is.", "other")]), json=True, stale=[out / "old.json"])
    printed = capsys.readouterr().out
    order = [("ada", "01_first"), ("bob", "01_first"), ("ada", "02_layers"), ("bob", "02_layers")]
    stored = [read_report(out / "reports" / student / f"{name}.json") for student, name in order]
    aside = [NotGraded("x", "is.", "other"), NotGraded("y.rar", "is an archive.", student="bob")]
    expected = {"reports": stored, "not_graded": aside, "set_aside": [str(out / "old.json")]}
    assert printed == msgspec.json.encode(expected).decode() + "\n"
    assert redraw.printed == ""


def test_json_of_nothing_is_an_object(out, capsys):
    draw(Console(quiet=True), out, [], ClassRecord(), json=True)
    assert json.loads(capsys.readouterr().out) == {"reports": [], "not_graded": [], "set_aside": []}


# --- the index -------------------------------------------------------------------------------


def test_the_index_is_named_where_there_are_several_assignments(out, redraw):
    redraw()
    assert "Index of all assignments" not in redraw.printed
    put(out, report("ada", "03_losses"))
    redraw()
    assert f"Index of all assignments: {out / INDEX}" in redraw.printed
    assert 'href="index.html"' in (out / CLASS).read_text()


def test_the_index_keeps_assignments_that_are_not_drawn_now(out, redraw):
    redraw()
    put(out, report("ada", "03_losses", title="Losses"))
    draw(Console(quiet=True), out, [one for one in entries_of(out) if one.assignment == "03_losses"], ClassRecord())
    index = (out / INDEX).read_text()
    assert 'href="02_layers.html"' in index
    assert '["ada","ada",4,4,100,2,2]' in index
    assert '["bob","bob",0,4,0,0,null]' in index


def test_the_index_leaves_out_an_assignment_whose_page_is_gone(out, redraw):
    put(out, report("ada", "03_losses"))
    redraw()
    (out / "03_losses.html").unlink()
    draw(Console(quiet=True), out, [one for one in entries_of(out) if one.assignment == "02_layers"], ClassRecord())
    assert "03_losses" not in (out / INDEX).read_text()


def test_an_id_that_is_no_text_is_in_the_index(out, redraw):
    one = report("s?")
    write_atomically(out / "reports" / "s\udcff" / "02_layers.json", one)
    redraw(ClassRecord({"s?": "Sam"}))
    assert '["Sam","s%FF",2,2,100,2]' in (out / INDEX).read_text()
    assert (out / "pages" / "s\udcff" / "02_layers.html").is_file()


def test_totals_that_cannot_be_read_are_reported(out, redraw):
    redraw()
    (out / "01_x.html").touch()
    (out / "totals/01_x.json").write_text("[")
    with pytest.raises(UsageError, match=r"01_x.json cannot be read .* Delete that file, then run autograder report"):
        redraw()


# --- the command -----------------------------------------------------------------------------


def test_report_takes_jobs_and_keeps_what_is_up_to_date(out, capsys):
    assert main(["report", str(out), "--jobs", "2"]) == 0
    before = stamps(out)
    assert main(["report", str(out)]) == 0
    assert {path for path, stamp in stamps(out).items() if before[path] != stamp} == {INDEX}
    assert main(["report", str(out), "--jobs", "0"]) == 2


def test_a_large_class_is_shortened_at_the_terminal(out, redraw):
    put(out, *[report(f"s{i:03d}") for i in range(600)])
    redraw()
    assert "and 102 more, on the page of the class" in redraw.printed
    assert "s497 " in redraw.printed
    assert "s498 " not in redraw.printed
