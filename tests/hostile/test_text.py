"""Class 43: text that Python's parser or a traversal of its tree cannot handle, with and without the scan."""

import ast
import json
import sys

import pytest

from autograder.classroom import processes
from autograder.classroom.finding import discover, report_path
from autograder.classroom.runs import prepare_run
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.report import Status, read_report
from autograder.spec import Scope
from dlkit import source_limits
from dlkit.extraction import take
from tests.autograder.conftest import small_course, zygote  # noqa: F401 - fixtures

TEXTS = {
    "a hexadecimal number of 5,000 digits": "X = 1; Y = 0x" + "f" * 5000,
    "a sum of 2,500 terms": "X = 1; Y = 1" + " + 1" * 2500,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_such_text_is_not_parsed(text):
    found = take([("cell 1", 1, text), ("cell 2", 1, "A = 1")])
    assert found.chunks[0].source == "A = 1"
    assert found.broken[0].label == "cell 1"
    assert found.broken[0].too_large


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_without_the_scan_python_fails_on_it(text, monkeypatch):
    monkeypatch.setattr(source_limits, "problem", lambda *_: "")
    with pytest.raises((ValueError, RecursionError)):
        ast.unparse(ast.parse(text))
    found = take([("cell 1", 1, text), ("cell 2", 1, "A = 1")])
    assert "A" in found.defined  # nothing else is lost, whatever became of that cell


@pytest.fixture
def a_class(small_course, tmp_path, zygote, monkeypatch):  # noqa: F811
    """Mallory between two who are honest, graded in this process; the reports that were written."""
    right = (small_course / "solutions/02_layers/layers.py").read_text()

    def run(text):
        for student in ("ada", "mallory", "zoe"):
            cells = [right, text] if student == "mallory" else [right]
            made = [{"cell_type": "code", "metadata": {}, "source": cell, "outputs": []} for cell in cells]
            path = tmp_path / "in" / student / "02_layers/layers.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        entries = discover(tmp_path / "in", small_course, "02_layers")
        monkeypatch.setattr(processes, "_PROCESS", [processes._Process(processes.Grading(zygote), tmp_path / "note")])
        done = prepare_run(
            small_course, tmp_path / "out", tmp_path / "in", entries, Options(seed=1, scope=Scope(capstones=False))
        )
        for number, entry in enumerate(entries):
            processes._grade_one(done, entry, number)
        return {entry.student: read_report(report_path(tmp_path / "out", entry)) for entry in entries}

    return run


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_class_is_graded_to_its_end(a_class, text):
    reports = a_class(text)
    assert [report.points for report in reports.values()] == [5, 5, 5]
    assert "is not read: line 1 has" in reports["mallory"].problems[0].sentence


def fails_on_mallory(monkeypatch):
    grade = Grader.grade

    def fail(self, submission, student="", earlier=None):
        if student == "mallory":
            raise RecursionError
        return grade(self, submission, student, earlier)

    monkeypatch.setattr(Grader, "grade", fail)


def test_what_the_grader_raises_all_the_same_stops_nobody(a_class, monkeypatch):
    fails_on_mallory(monkeypatch)
    reports = a_class("A = 1")
    assert {student: report.status for student, report in reports.items()} == {
        "ada": Status.PASSED,
        "mallory": Status.BROKEN,
        "zoe": Status.PASSED,
    }


def test_without_the_net_below_it_that_ends_the_run(a_class, monkeypatch):
    def raise_it(*_, **__):
        raise sys.exception()

    fails_on_mallory(monkeypatch)
    monkeypatch.setattr(processes, "broken", raise_it)
    with pytest.raises(RecursionError):
        a_class("A = 1")
