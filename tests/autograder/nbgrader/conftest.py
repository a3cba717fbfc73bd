"""One course for all tests: laid out, handed out, handed in, graded, given back, by nbgrader's own commands."""

import os

import pytest

from tests.autograder.nbgrader.classroom import hold_course


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """The course after everything; on the database that DLKIT_GRADEBOOK_URL names, or on SQLite."""
    return hold_course(tmp_path_factory.mktemp("nbgrader"), os.environ.get("DLKIT_GRADEBOOK_URL", ""))
