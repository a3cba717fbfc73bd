"""Any file becomes a notebook that nbformat accepts, with nothing in it but texts and pictures."""

import json

import nbformat
import pytest
from nbgrader.utils import determine_grade

from autograder.nbgrader import SubmissionExporter
from autograder.nbgrader.reading import harmless, rebuilt

SMALL = {"cells": [{"cell_type": "code", "source": "x = 1"}]}
CELL = {"cell_type": "code", "source": ["def f():\n", "    pass"], "outputs": [{"output_type": "execute_result"}]}
TAGS = {"tags": ["skip-execution", "raises-exception"], "nbgrader": {"grade_id": "a"}, "jupyter": {"x": 1}}


def read(tmp_path, content):
    path = tmp_path / "layers.ipynb"
    path.write_bytes(content)
    text, resources = SubmissionExporter().from_filename(str(path), resources={"nbgrader": {"student": "ada"}})
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert resources["nbgrader"] == {"student": "ada"}
    assert resources["metadata"]["name"] == "layers"
    return notebook


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "layers.ipynb is empty"),
        (b"{", "its JSON does not parse"),
        (b"[1, 2]", "it has no list of cells"),
        (b'{"cells": 3}', "it has no list of cells"),
        (b'{"worksheets": [], "nbformat": 3}', "it has no list of cells"),
        (b'{"cells": ["\xe9"]}', "is not UTF-8 text"),
        (b"[" * 200_000, "its JSON does not parse"),
        (json.dumps({"cells": [{"cell_type": "code", "source": "x = 1\n" * 100_000}]}).encode(), "kB of code"),
        (b" " * (21 << 20), "MB are read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, sentence):
    [cell] = read(tmp_path, content).cells
    assert cell.cell_type == "markdown"
    assert sentence in cell.source


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "other.ipynb").write_text(json.dumps(SMALL))
    (tmp_path / "layers.ipynb").symlink_to(tmp_path / "other.ipynb")
    text, _ = SubmissionExporter().from_filename(str(tmp_path / "layers.ipynb"), resources={})
    assert "not an ordinary file" in nbformat.reads(text, as_version=4).cells[0].source


@pytest.mark.parametrize(
    "cell",
    [
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": 3, "metadata": [], "outputs": "x"},
        {"cell_type": "heading", "source": "a", "id": "a b c"},
        {"cell_type": "markdown", "source": ["a", 3, "b"], "attachments": [1]},
        {"cell_type": "markdown", "source": "\ud800", "attachments": {"a": {"image/png": 3}}},
        {"cell_type": "code", "metadata": {"nbgrader": [1]}},
        "text",
        None,
    ],
)
def test_every_cell_becomes_a_valid_one(tmp_path, cell):
    notebook = read(tmp_path, json.dumps({**SMALL, "cells": [*SMALL["cells"], cell, cell]}).encode())
    assert notebook.cells[0].source == "x = 1"
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)


def test_outputs_tags_and_foreign_metadata_stay_behind(tmp_path):
    metadata = {"dlkit": {"assignment": "02_layers", "x": 1}, "kernelspec": {"name": "evil"}, "jupytext": {}}
    found = {"cells": [{**CELL, "metadata": TAGS, "attachments": {}}], "metadata": metadata}
    notebook = read(tmp_path, json.dumps(found).encode())
    [cell] = notebook.cells
    assert (cell.source, cell.outputs, cell.metadata) == ("def f():\n    pass", [], {"nbgrader": {"grade_id": "a"}})
    assert notebook.metadata["dlkit"] == {"assignment": "02_layers"}
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert "jupytext" not in notebook.metadata


def test_reading_twice_changes_nothing(tmp_path):
    picture = {"a.png": {"image/png": "aGVsbG8="}}
    cells = [CELL, {"cell_type": "markdown", "source": "<script>", "attachments": picture}, {"cell_type": "raw"}]
    once = read(tmp_path, json.dumps({"cells": cells}).encode())
    assert rebuilt(once) == once
    assert once.cells[1].attachments == picture


def test_of_attachments_only_pictures_stay():
    forms = {"image/png": "aGVsbG8=", "image/svg+xml": "<svg onload=alert(1)>", "text/html": "<script>"}
    cells = [{"cell_type": "markdown", "attachments": {"a": forms, "b": {"image/png": "<script>"}, "c": "x"}}]
    assert rebuilt({"cells": cells}).cells[0].attachments == {"a": {"image/png": "aGVsbG8="}}


@pytest.mark.parametrize(
    "text",
    [
        "a < b and $x<1$", "`i <<= 1`", "x <- 3", "<b>bold</b><br/><br>", "<sub>i</sub>", "<https://a.org/b?c=d>",
        "a <= b", "# a <3",
    ],
)  # fmt: skip
def test_ordinary_text_is_left_alone(text):
    assert harmless(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<SCRIPT SRC=//x>", "<img src=x onerror=alert(1)>", "<b onclick=alert(1)>",
        "</div>", "<!--", "<svg/onload=alert(1)>", "<iframe srcdoc='x'>", "<https://a onmouseover=alert(1)>",
        "<a\nhref='javascript:alert(1)'>", "<?xml", "<br onload=x>", "<<script>",
    ],
)  # fmt: skip
def test_a_tag_that_does_something_is_text(text):
    """A browser's own parser takes ``<`` before a space for text."""
    from html.parser import HTMLParser

    seen = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, _):
            seen.append(tag)

        def handle_endtag(self, tag):
            seen.append(tag)

        def handle_comment(self, data):
            seen.append(data)

        def handle_pi(self, data):
            seen.append(data)

    assert harmless(text) != text
    parser = Tags()
    parser.feed(harmless(text))
    parser.close()
    assert seen == []


def test_a_notebook_of_the_course_is_read_whole(root, tmp_path):
    path = root / "assignments/02_layers/layers.ipynb"
    ours = nbformat.read(path, as_version=4)
    text, _ = SubmissionExporter().from_filename(str(path), resources={})
    theirs = nbformat.reads(text, as_version=4)
    assert [(c.cell_type, c.source) for c in theirs.cells] == [(c.cell_type, c.source) for c in ours.cells]
    graded = [cell for cell in theirs.cells if cell.metadata.get("nbgrader", {}).get("points")]
    assert graded
    assert {determine_grade(cell)[1] > 0 for cell in graded} == {True}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (json.dumps({"cells": [{"cell_type": "code", "source": f"X = 1; Y = 0x{'f' * 5000}"}]}).encode(), None),
        (json.dumps(SMALL).encode(), RecursionError("deep")),
        (json.dumps(SMALL).encode(), MemoryError()),
        (json.dumps(SMALL).encode(), ValueError("/root/secret")),
    ],
)
def test_no_file_stops_the_exporter(tmp_path, monkeypatch, content, error):
    from autograder.nbgrader import reading

    def fail(_path):
        raise error

    if error:
        monkeypatch.setattr(reading.extraction, "extract", fail)
    [cell] = read(tmp_path, content).cells
    if error:
        assert cell.source == (
            f"The grader failed to read layers.ipynb ({type(error).__name__}). Your instructor has the details."
        )
    else:
        assert cell.source.startswith("X = 1")
