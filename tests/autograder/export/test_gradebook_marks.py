"""Marks of nbgrader's formgrader in every export, and marks of the page in the gradebook: the same totals."""

import csv

import pytest
from nbgrader.api import Gradebook

from autograder.classroom.marking.store import Store
from autograder.cli import main
from autograder.report import Status, read_marked
from autograder.report.marks import Mark, read_marks
from autograder.writing import write_atomically
from tests.autograder.export.test_gradebook import ROOT, report_of

NAME = "02_layers"


@pytest.fixture
def out(tmp_path):
    """Two graded students, whose reports are in the gradebook."""
    folder = tmp_path / "graded"
    for student, status in (("amara", Status.PASSED), ("björn", Status.FAILED)):
        write_atomically(folder / "reports" / student / f"{NAME}.json", report_of(student, status=status))
    return folder


@pytest.fixture
def url(out, tmp_path):
    address = f"sqlite:///{tmp_path / 'gradebook.db'}"
    assert main(["export", "gradebook", str(out), "--to", address, "--course", str(ROOT)]) == 0
    return address


def give(url, student, cell, manual=None, *, extra=None, comment=None):
    """What a person gives in the formgrader."""
    with Gradebook(url) as gradebook:
        grade = gradebook.find_grade(cell, "layers", NAME, student)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = manual, extra, False
        if comment:
            solution = cell.removeprefix("check_")
            gradebook.find_comment(solution, "layers", NAME, student).manual_comment = comment
        gradebook.db.commit()


def totals(url):
    with Gradebook(url) as gradebook:
        submissions = gradebook.assignment_submissions(NAME)
        return {one.student.id: (one.score, one.max_score) for one in submissions}


def waiting(url):
    with Gradebook(url) as gradebook:
        grades = (g for s in gradebook.assignment_submissions(NAME) for n in s.notebooks for g in n.grades)
        return sorted((g.notebook.assignment.student.id, g.name) for g in grades if g.needs_manual_grade)


def csv_totals(out):
    assert main(["export", "csv", str(out)]) == 0
    with (out / f"{NAME}.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: (float(row["points"]), float(row["max points"])) for row in csv.DictReader(file)}


def take(out, url, *options):
    return main(["mark", str(out), "--from-gradebook", url, *options])


def fill(out, url):
    assert main(["export", "gradebook", str(out), "--to", url, "--course", str(ROOT)]) == 0


def test_marks_of_the_formgrader_are_in_the_table_and_no_round_trip_counts_them_twice(out, url, capsys):
    give(url, "amara", "vanishing_gradients", 1.0, extra=0.5, comment="Good, but why?")
    give(url, "amara", "why_nonlinear", 0.0)
    give(url, "björn", "check_Linear", extra=2.0, comment="for the idea")
    assert totals(url) == {"amara": (50.5, 54), "björn": (2, 54)}
    assert take(out, url) == 0
    assert "3 marks of the gradebook taken" in capsys.readouterr().out
    assert csv_totals(out) == totals(url)
    mark = read_marked(out, "amara", NAME).written[0].mark
    assert (mark.points, mark.comment, mark.imported) == (1.5, "Good, but why?", True)
    for _ in range(2):
        fill(out, url)
        assert take(out, url) == 0
        assert "0 marks of the gradebook taken, 3 unchanged" in capsys.readouterr().out
        assert csv_totals(out) == totals(url) == {"amara": (50.5, 54), "björn": (2, 54)}
    assert waiting(url) == [("björn", "vanishing_gradients"), ("björn", "why_nonlinear")]


def test_marks_of_the_page_are_in_the_gradebook_and_are_not_read_back(out, url, capsys):
    give(url, "amara", "why_nonlinear", 2.0)
    take(out, url)
    Store(out).save("amara", NAME, "question", "vanishing_gradients", Mark(2.5, by="Mo"))
    Store(out).save("björn", NAME, "exercise", "Linear", Mark(3.0, "right idea", "Mo", automatic=0.0))
    fill(out, url)
    assert csv_totals(out) == totals(url) == {"amara": (53.5, 54), "björn": (3, 54)}
    capsys.readouterr()
    assert take(out, url) == 0
    assert "0 marks of the gradebook taken, 1 unchanged" in capsys.readouterr().out
    assert read_marks(out, "amara").assignments[NAME].questions["vanishing_gradients"].by == "Mo"
    with Gradebook(url) as gradebook:
        assert gradebook.find_comment("Linear", "layers", NAME, "björn").comment == "By hand: right idea"


def test_a_mark_of_the_page_stands_until_it_is_replaced(out, url, capsys):
    give(url, "amara", "vanishing_gradients", 1.0)
    take(out, url)
    Store(out).save("amara", NAME, "question", "vanishing_gradients", Mark(3.0, by="Mo", revision=1))
    assert take(out, url) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "another mark was given here: amara, 02_layers, vanishing_gradients" in told
    assert read_marked(out, "amara", NAME).written[0].points == 3
    assert take(out, url, "--replace") == 0
    assert read_marked(out, "amara", NAME).written[0].points == 1


def test_marks_of_strangers_are_named_and_change_nothing(out, url, tmp_path, capsys):
    give(url, "björn", "vanishing_gradients", 1.0)
    (out / "reports" / "björn" / f"{NAME}.json").unlink()
    assert take(out, url) == 0
    assert "Without a report" in capsys.readouterr().out
    assert not (out / "marks").exists()


@pytest.mark.parametrize("address", ["sqlite:///nowhere.db", "grades.csv"])
def test_no_gradebook_is_a_sentence_and_creates_nothing(out, address, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert take(out, address) == 2
    assert capsys.readouterr().err.startswith("autograder: ")
    assert not (tmp_path / "nowhere.db").exists()
