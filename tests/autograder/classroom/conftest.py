"""What the tests of a class share: hand-ins laid out by name, found, and read."""

import json
import zipfile
from pathlib import Path

import pytest

from autograder.classroom.finding import find_hand_ins, submission_of
from autograder.course import catalogue
from autograder.submission import SubmissionError


@pytest.fixture(scope="session")
def right(small_course):
    """The text of a correct hand-in."""
    return (small_course / "solutions/02_layers/layers.py").read_text()


@pytest.fixture(scope="session")
def notebook(right):
    """The same as a notebook."""
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": right}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="session")
def stub(small_course):
    """The notebook as it is handed out."""
    return (small_course / "assignments/02_layers/layers.ipynb").read_text()


def write(folder, files):
    """Write files by their names; the folder."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            path.write_bytes(packed(content))
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def packed(files):
    """The bytes of a zip of these files."""
    import io

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.fixture
def found(small_course, tmp_path):
    """Find hand-ins among files by name, in the course of Tanh and Flatten."""

    def find(files, assignment=None, **options):
        (tmp_path / "in").mkdir(exist_ok=True)
        return find_hand_ins(write(tmp_path / "in", files), small_course, assignment, **options)

    return find


@pytest.fixture
def taken(small_course):
    """What counts of each entry: by student, the file's name or the sentence."""

    def take(found):
        chosen = {}
        for entry in found.entries:
            try:
                chosen[entry.student] = submission_of(entry, catalogue.load(entry.assignment, small_course)).file
            except SubmissionError as error:
                chosen[entry.student] = str(error)
        return chosen

    return take


def to_look_at(found):
    """Paths of what needs the instructor's attention."""
    return sorted(one.path for one in found.not_graded if one.kind == "hand-in")
