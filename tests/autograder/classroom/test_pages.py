"""The pages of a class: drawn where something has changed, by one process or several, from excerpts of reports."""

import msgspec
import pytest

from autograder.classroom import pages
from autograder.cli import main
from autograder.render.excerpt import Excerpts
from autograder.render.html import class_page
from autograder.report import read_report
from tests.autograder.classroom.conftest import write

NAMES = ["amy", "bo", "cy"]


@pytest.fixture(scope="module")
def graded(tmp_path_factory, small_course, right, stub):
    """A class of three, graded: correct, with a mistake, and untouched."""
    folder = tmp_path_factory.mktemp("class")
    wrong = right.replace("xp.tanh", "xp.sin").replace(".tanh(", ".sin(")
    texts = {"amy": right, "bo": wrong, "cy": stub}
    files = {f"in/{n}/02_layers/layers.{'ipynb' if n == 'cy' else 'py'}": text for n, text in texts.items()}
    where = ["--out", str(write(folder, files) / "out"), "--course", str(small_course), "--jobs", "1"]
    assert main(["grade", str(folder / "in"), "--seed", "7", "--isolation", "none", *where]) == 0
    return folder / "out"


@pytest.fixture
def out(graded, tmp_path):
    """A copy of that run, which a test may change."""
    import shutil

    return shutil.copytree(graded, tmp_path / "out")


def drawn(out):
    """Every student's page with the time when it was written."""
    return {path.parent.name: (path.stat().st_mtime_ns, path.read_text()) for path in out.glob("pages/*/*.html")}


def report(out, *options):
    assert main(["report", str(out), *options]) == 0


def test_a_page_that_is_up_to_date_is_left_alone(out):
    before = drawn(out)
    report(out)
    assert drawn(out) == before
    assert set(before) == set(NAMES)


def test_a_page_is_drawn_where_its_report_has_changed(out):
    before = drawn(out)
    path = out / "reports/bo/02_layers.json"
    changed = msgspec.structs.replace(read_report(path), title="Layers, again")
    path.write_bytes(msgspec.json.encode(changed))
    report(out)
    after = drawn(out)
    assert {name for name in NAMES if after[name] != before[name]} == {"bo"}
    assert "Layers, again" in after["bo"][1]


def test_a_page_is_drawn_where_its_student_has_another_name(out):
    before = drawn(out)
    (out / "class.json").write_text('{"names": {"amy": "Amélie"}}')
    report(out)
    after = drawn(out)
    assert {name for name in NAMES if after[name] != before[name]} == {"amy"}
    assert "Amélie" in after["amy"][1]


@pytest.mark.parametrize("text", [None, "", "<html>", "\0" * 1000])
def test_a_page_that_is_missing_or_damaged_is_drawn(out, text):
    before, page = drawn(out), out / "pages/bo/02_layers.html"
    page.unlink() if text is None else page.write_text(text)
    report(out)
    assert drawn(out)["bo"][1] == before["bo"][1]


def test_all_pages_are_drawn_when_what_draws_has_changed(out, monkeypatch):
    before = drawn(out)
    monkeypatch.setattr(pages, "_drawing", lambda: b"another version")
    report(out, "--jobs", "1")
    after = drawn(out)
    assert all(after[name][0] != before[name][0] for name in NAMES)
    monkeypatch.undo()
    report(out)
    assert {name: text for name, (_, text) in drawn(out).items()} == {n: text for n, (_, text) in before.items()}


def test_several_processes_draw_what_one_does(out, monkeypatch):
    before = {name: text for name, (_, text) in drawn(out).items()}
    for page in out.glob("pages/*/*.html"):
        page.unlink()
    monkeypatch.setattr(pages, "WORTH_PROCESSES", 2)
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    report(out, "--jobs", "2")
    assert {name: text for name, (_, text) in drawn(out).items()} == before


def test_the_page_of_a_class_is_the_same_from_excerpts(graded):
    reports = [read_report(path) for path in sorted(graded.glob("reports/*/*.json"))]
    excerpts = Excerpts()
    assert class_page("Layers", list(map(excerpts.of, reports)), {}) == class_page("Layers", reports, {})


def test_excerpts_share_what_is_equal_and_hold_no_evidence(graded):
    path = graded / "reports/bo/02_layers.json"
    excerpts = Excerpts()
    one, other = (excerpts.of(read_report(path)) for _ in range(2))
    assert one == other
    pairs = [
        pair
        for results in zip(one.exercises, other.exercises, strict=True)
        for pair in zip(*(result.verdicts for result in results), strict=True)
    ]
    assert all(mine is theirs for mine, theirs in pairs if mine.measurement is None)
    assert not any(mine.heat or mine.snippet or mine.places for mine, _ in pairs)
    assert any(verdict.snippet for result in read_report(path).exercises for verdict in result.verdicts)


def test_json_is_the_same_object_as_ever(out, capsys, small_course, graded):
    where = ["--out", str(out), "--course", str(small_course), "--json", "--isolation", "none", "--jobs", "1"]
    assert main(["grade", str(graded.parent / "in"), *where]) == 0
    printed = msgspec.json.decode(capsys.readouterr().out)
    assert list(printed) == ["reports", "not_graded", "set_aside"]
    stored = [msgspec.json.decode(path.read_bytes()) for path in sorted(out.glob("reports/*/*.json"))]
    assert [one["student"] for one in printed["reports"]] == NAMES == [one["student"] for one in stored]
    assert [len(one["exercises"]) for one in printed["reports"]] == [len(one["exercises"]) for one in stored]
