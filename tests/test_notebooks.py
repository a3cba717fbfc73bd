"""Every notebook, the solution's and the student's version, runs from top to bottom in a real kernel."""

import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from autograder.course import catalogue

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    # Jupyter's own machinery, not ours, leaves sockets and event loops to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def run(notebook, folder):
    """Run a notebook in a fresh kernel; returns what each cell calling check(…) showed, as text, and its value."""
    client = NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    shown, values = {}, {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith("check("):
            name = cell.source.partition("(")[2].rstrip(")\n")
            table, value = cell.outputs
            assert (table.output_type, value.output_type) == ("display_data", "execute_result")
            assert "<" in table.data["text/html"]
            shown[name], values[name] = table.data["text/plain"], float(value.data["text/plain"])
    printed = [o.text for c in notebook.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream"]
    return shown, values, printed


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """Kernels beside each other spend half of the processors' time waiting for their own threads."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


@pytest.fixture(params=catalogue.names(ROOT))
def loaded(request):
    return catalogue.load(request.param, ROOT)


@pytest.fixture
def solved_course(tmp_path, monkeypatch):
    """A course whose owner has solved every assignment: later notebooks find this earlier work."""
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    for name in catalogue.names(ROOT):
        module = catalogue.load(name, ROOT).assignment.module
        folder = tmp_path / "assignments" / name
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "solutions" / name / f"{module}.py", folder)
    monkeypatch.setenv("DLKIT_COURSE", str(tmp_path))
    return tmp_path


def test_the_solution_passes_every_check_in_its_own_notebook(loaded, solved_course):
    source = loaded.folder / f"{loaded.assignment.module}.py"
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    shown, values, printed = run(notebook, solved_course / "assignments" / loaded.assignment.name)
    assert list(shown) == [exercise.name for exercise in loaded.assignment.exercises]
    assert [name for name, text in shown.items() if "passed" not in text or "failed" in text] == []
    assert all(values.values())
    assert [text for text in printed if "waits for" in text] == []


def test_the_student_version_runs_through_and_says_what_it_waits_for(loaded):
    notebook = nbformat.read(loaded.released / f"{loaded.assignment.module}.ipynb", as_version=4)
    shown, values, printed = run(notebook, loaded.released)
    assert list(shown) == [exercise.name for exercise in loaded.assignment.exercises]
    assert [name for name, text in shown.items() if "not attempted" not in text] == []
    assert set(values.values()) == {0.0}
    assert any("waits for" in text for text in printed)
