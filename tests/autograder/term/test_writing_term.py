"""The pages of a term are written where something changed, never through a link, and nobody's text is markup."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from tests.autograder.render.conftest import HOSTILE
from tests.autograder.term.made_up import START, course, put, report, run
from tests.autograder.term.test_marks import marks


@pytest.fixture
def written(tmp_path, capsys):
    """Run the command over a course; the status, what was printed, and which students' pages were written."""

    def call(*options, text=START, at="2026-04-01T12:00:00"):
        before = stamps(tmp_path)
        status, told = run(capsys, course(tmp_path, text), *options, at=at)
        return status, told, sorted(name for name, stamp in stamps(tmp_path).items() if before.get(name) != stamp)

    return call


def stamps(folder):
    found = {path.name: path.stat() for path in (folder / "term" / "students").glob("*")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def test_only_pages_whose_numbers_changed_are_written_again(tmp_path, written):
    put(tmp_path / "graded", report("amara", 8.0), report("bo", 9.0))
    assert written()[2] == ["amara.html", "bo.html"]
    assert written()[2] == []
    put(tmp_path / "graded", report("bo", 10.0))
    assert written()[2] == ["bo.html"]
    assert marks(tmp_path)["bo"]["mark"] == "100"


def test_a_page_of_somebody_who_is_gone_is_removed_and_nothing_else(tmp_path, written):
    put(tmp_path / "graded", report("amara", 8.0), report("bo", 9.0))
    written()
    (tmp_path / "term/students/notes.html").write_text("mine")
    (tmp_path / "graded/reports/bo/02_layers.json").unlink()
    written()
    assert sorted(stamps(tmp_path)) == ["amara.html", "notes.html"]


def test_a_students_page_names_nobody_else(tmp_path, written):
    put(tmp_path / "graded", report("amara", 8.0), report("bo", 9.0), names={"amara": "Amara Diop", "bo": "Bo Li"})
    written()
    text = (tmp_path / "term/students/amara.html").read_text()
    assert "Amara Diop" in text
    assert "Bo Li" not in text.split("</style>")[1]


def test_the_table_links_every_page_and_holds_every_mark(tmp_path, written):
    put(tmp_path / "graded", *(report(f"s {number:03}", number / 20) for number in range(200)))
    written()
    page = (tmp_path / "term/index.html").read_text()
    [data] = re.findall(r'id="table-data">(.*?)</script>', page)
    table = json.loads(data)
    assert [(row[0], row[2]) for row in table["rows"]] == [(f"s {number:03}", number / 2) for number in range(200)]
    for name, place, *_ in table["rows"]:
        assert (tmp_path / "term" / unquote(f"{table['prefix']}{place}{table['headings'][0]['page']}")).is_file(), name


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_is_shown_and_never_run(tmp_path, written, text):
    reason = json.dumps(text.replace("\0", "").encode("utf-8", "replace").decode())
    if re.search(r"\\u00[01]|\x7f", reason):
        reason = json.dumps("<script>alert(1)</script>")
    row = f"[[excused]]\nassignment = '02_layers'\nstudents = 'amara'\nreason = {reason}\n"
    put(tmp_path / "graded", report("amara", 8.0), names={"amara": text.encode("utf-8", "replace").decode()})
    status, told, _ = written(text=START + row)
    assert status == 0, told
    for path, scripts in (("index.html", 2), ("students/amara.html", 0)):  # the data of the table, and its script
        seen = Tags()
        seen.feed((tmp_path / "term" / path).read_text())
        assert seen.tags.count("script") == scripts
        assert not {"img", "iframe", "object", "form", "svg"} & set(seen.tags)
        assert [name for name in seen.attributes if name.startswith("on")] == []


class Tags(HTMLParser):
    """The tags and the attributes of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_cells_of_the_table_are_no_formulas(tmp_path, written):
    put(tmp_path / "graded", report("=1+1", 8.0), names={"=1+1": "@SUM(A1)"})
    written()
    row = marks(tmp_path)["'=1+1"]
    assert row["name"] == "'@SUM(A1)"


def test_decimal_commas_are_written_where_they_are_expected(tmp_path, written):
    put(tmp_path / "graded", report("amara", 8.25))
    written("--semicolons")
    assert "amara;;82,5;0;8,25;10;counts;" in (tmp_path / "term/marks.csv").read_text(encoding="utf-8-sig")


def test_an_id_that_is_too_long_for_a_page_gets_a_shorter_name(tmp_path, written):
    put(tmp_path / "graded", report("a" * 250, 8.0), report("a" * 249, 8.0))
    status, told, pages = written()
    assert (status, len(pages)) == (0, 2), told


@pytest.mark.parametrize("place", ["term/students", "term/students/amara.html", "term/index.html", "term/marks.csv"])
def test_nothing_is_written_through_a_link(tmp_path, written, place):
    put(tmp_path / "graded", report("amara", 8.0))
    elsewhere = tmp_path / "elsewhere"
    if place.endswith("students"):
        elsewhere.mkdir()
    else:
        elsewhere.write_text("theirs")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).symlink_to(elsewhere)
    status, told, _ = written()
    assert status == 2
    assert "is a symbolic link" in told
    assert elsewhere.is_dir() or elsewhere.read_text() == "theirs"


def test_the_folder_of_a_run_is_not_written_over(tmp_path, written):
    put(tmp_path / "graded", report("amara", 8.0))
    status, told, _ = written("--out", tmp_path / "graded")
    assert status == 2
    assert "holds a run of autograder grade, whose pages would be overwritten. Name another --out." in told


def test_a_folder_without_reports_is_named(written):
    status, told, _ = written()
    assert (status, "There are no reports in" in told) == (2, True)


@pytest.mark.parametrize("at", ["tomorrow", "2026-13-01", "2026-03-29T02:30:00"])
def test_a_date_that_is_none_is_refused(tmp_path, written, at):
    put(tmp_path / "graded", report("amara", 8.0))
    status, told, _ = written(at=at)
    assert (status, "--at: " in told) == (2, True)


def test_a_course_file_that_is_not_there_is_named(tmp_path, capsys):
    status, told = run(capsys, tmp_path / "course.toml")
    assert (status, "cannot be read (No such file or directory)" in told) == (2, True)
