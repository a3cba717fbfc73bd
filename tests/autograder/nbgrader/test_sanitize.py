"""Changed cells are repaired: the graded cells of what was handed in are the release's, each once, with their texts."""

import copy
import json

import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import CheckCellMetadata, DeduplicateIds, OverwriteCells, SaveCells

from autograder.nbgrader import Sanitize
from benchmarks.tricks_submissions import double_tests, drop_tests, retype_tests, skip_tests

pytestmark = pytest.mark.filterwarnings("ignore")  # SQLAlchemy's and alembic's, about nbgrader
WHERE = {"notebook": "layers", "assignment": "02_layers", "student": "ada"}


@pytest.fixture(scope="module")
def released(root):
    import nbformat

    return nbformat.read(root / "assignments/02_layers/layers.ipynb", as_version=4)


@pytest.fixture(scope="module")
def resources(released, tmp_path_factory):
    """A gradebook that knows the released notebook."""
    url = f"sqlite:///{tmp_path_factory.mktemp('gradebook') / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("02_layers")
    resources = {"nbgrader": {**WHERE, "db_url": url}}
    SaveCells().preprocess(copy.deepcopy(released), resources)
    return resources


@pytest.fixture
def repaired(released, resources, caplog):
    """Change the cells of the released notebook, sanitize it; nbgrader's own steps must find nothing after it."""

    def run(change):
        handed_in = json.loads(json.dumps(released))
        handed_in["cells"] = change(handed_in["cells"])
        nb, _ = Sanitize().preprocess(handed_in, resources)
        before = copy.deepcopy(nb.cells)
        for step in (DeduplicateIds, OverwriteCells, CheckCellMetadata):
            nb, _ = step().preprocess(nb, resources)
        assert nb.cells == before
        assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []
        return nb

    return run


def graded(notebook):
    """Kind, source of locked cells and metadata by grade id, in order."""
    found = [
        (c.metadata["nbgrader"]["grade_id"], (c.cell_type, c.metadata["nbgrader"])) for c in notebook.cells
        if c.metadata.get("nbgrader")
    ]  # fmt: skip
    assert len(dict(found)) == len(found)
    return dict(found)


def locked(notebook):
    return {
        c.metadata["nbgrader"]["grade_id"]: c.source
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("locked")
    }


def wreck(cells):
    for cell in cells:
        cell["metadata"]["nbgrader"] = {"grade_id": [1], "schema_version": -1}
    return cells


def claim_points(cells):
    for cell in cells:
        if cell["metadata"].get("nbgrader"):
            cell["metadata"]["nbgrader"].update(points=1000, grade=True, solution=True, locked=False, extra=1)
    return cells


def claim_schema(cells):
    for cell in cells:
        if cell["metadata"].get("nbgrader"):
            cell["metadata"]["nbgrader"]["schema_version"] = 99
    return cells


def invent(cells):
    about = {"grade_id": "bonus", "grade": True, "solution": False, "locked": False, "points": 9, "schema_version": 3}
    return [*cells, {"cell_type": "code", "metadata": {"nbgrader": about}, "source": "9.0", "outputs": []}]


def rewrite_tests(cells):
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("locked"):
            cell.update(source="1000.0", cell_type="raw")
    return cells


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells, skip_tests, drop_tests, double_tests, retype_tests, wreck, claim_points, claim_schema,
        invent, rewrite_tests, lambda cells: cells[::-1], lambda cells: [*cells, *copy.deepcopy(cells)],
        lambda _: [],
    ],
    ids=[
        "untouched", "skip_tests", "drop_tests", "double_tests", "retype_tests", "wreck", "claim_points",
        "claim_schema", "invent", "rewrite_tests", "reversed", "doubled", "empty",
    ],
)  # fmt: skip
def test_the_graded_cells_are_the_releases(repaired, released, change):
    nb = repaired(change)
    ours = {name: kind for name, kind in graded(released).items() if kind[1]["grade"]}
    theirs = {name: kind for name, kind in graded(nb).items() if kind[1]["grade"]}
    assert theirs == ours
    assert locked(nb) == locked(released)
    assert not any(cell.get("outputs") or cell.metadata.get("tags") for cell in nb.cells)


def test_an_untouched_notebook_keeps_every_text_and_its_order(repaired, released):
    nb = repaired(lambda cells: cells)
    assert [(c.cell_type, c.source) for c in nb.cells] == [(c.cell_type, c.source) for c in released.cells]
    assert list(graded(nb)) == list(graded(released))


def test_missing_cells_come_back_in_their_place(repaired, released):
    assert list(graded(repaired(drop_tests))) == list(graded(released))


def test_of_two_answers_with_one_id_the_last_counts(repaired):
    def twice(cells):
        first = next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == "why_nonlinear")
        second = {**copy.deepcopy(first), "source": "the second"}
        first["source"] = "the first"
        return [*cells, second]

    nb = repaired(twice)
    [answer] = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "why_nonlinear"]
    assert answer.source == "the second"
    assert any(cell.source == "the first" and not cell.metadata for cell in nb.cells)


def test_what_a_student_wrote_stays(repaired):
    def write(cells):
        for cell in cells:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "Linear":
                cell["source"] = "class Linear:\n    pass"
        return cells

    assert any(cell.source == "class Linear:\n    pass" for cell in repaired(write).cells)
