"""The same course in PostgreSQL, and the reports of its grading written into the gradebook that nbgrader filled."""

import inspect

import pytest

from autograder.export.gradebook import write_gradebook
from autograder.report import read_report
from tests.autograder.export.test_gradebook import dump
from tests.autograder.nbgrader import test_course
from tests.autograder.nbgrader.classroom import ROOT, handed_in, hold_course


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, about nbgrader
def test_postgresql_holds_the_same_course(postgres, tmp_path):
    course = hold_course(tmp_path, postgres())
    tests = [test for name, test in vars(test_course).items() if name.startswith("test_") and requires_no_more(test)]
    assert len(tests) > 10
    for test in tests:
        test(course)

    before = dump(course.db_url)
    reports = [read_report(path) for path in sorted((course.folder / "graded/reports").glob("*/*.json"))]
    summary = write_gradebook(reports, ROOT, course.db_url, course.folder / "submitted")
    assert (summary.added, summary.changed, summary.unchanged) == (0, 0, len(handed_in()))
    assert dump(course.db_url) == before


def requires_no_more(test):
    return list(inspect.signature(test).parameters) == ["course"]
