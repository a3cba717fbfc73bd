"""Every notebook, the solution's and the student's version, runs from top to bottom in a real kernel.

``make test`` trains for one epoch in each, without checking the capstones, and runs the solutions of one in six and the
student's version of half of them; ``make notebooks`` runs all as they are.
"""

import ast
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

from autograder.course import catalogue
from tests.sampling import THOROUGH, some

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    # Jupyter's own machinery, not ours, leaves sockets and event loops to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


FEW = 4


def title(name):
    """An assignment without its number."""
    return name[3:]


class _Shortened(ast.NodeTransformer):
    """One epoch wherever a number of epochs is written down, and a hundred steps where there are a thousand or more."""

    def visit_Assign(self, node):
        for target in node.targets:
            pairs = (
                zip(target.elts, node.value.elts, strict=False)
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                else [(target, node.value)]
            )
            for one, value in pairs:
                self._shorten(getattr(one, "id", ""), value)
        return self.generic_visit(node)

    def visit_keyword(self, node):
        self._shorten(node.arg, node.value, few=FEW)  # a picture of few epochs is drawn with their number
        return self.generic_visit(node)

    def visit_arguments(self, node):
        for argument, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            self._shorten(argument.arg, value)
        return self.generic_visit(node)

    def visit_Dict(self, node):
        for key, value in zip(node.keys, node.values, strict=True):
            self._shorten(getattr(key, "value", ""), value)
        return self.generic_visit(node)

    @staticmethod
    def _shorten(name, value, few=0):
        if isinstance(value, ast.Constant) and isinstance(value.value, int):
            if name == "epochs" and value.value > few:
                value.value = 1
            if name == "steps" and value.value >= 1000:
                value.value = 100


FEW_DIGITS = """
import dataclasses, dlkit.datasets
def few(mnist=dlkit.datasets.mnist):
    data = mnist()
    parts = {name: getattr(data, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    return dataclasses.replace(data, **{name: part[: len(part) // 5] for name, part in parts.items()})
dlkit.datasets.mnist = few
"""


def shortened(notebook, capstones):
    """The notebook with short trainings, on a fifth of the digits, that are not checked."""
    unproved = [f"check({name})" for name in capstones]
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip() not in unproved]
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FEW_DIGITS))
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.source.startswith(("check(", "%")):
            cell.source = ast.unparse(_Shortened().visit(ast.parse(cell.source)))
    return notebook


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


@pytest.fixture
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


@pytest.mark.parametrize("loaded", some(catalogue.names(ROOT), of=8, name=title), indirect=True)
def test_the_solution_passes_every_check_in_its_own_notebook(loaded, solved_course):
    source = loaded.folder / f"{loaded.assignment.module}.py"
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    exercises = [e for e in loaded.assignment.exercises if THOROUGH or not e.capstone]
    capstones = [exercise.name for exercise in loaded.assignment.exercises if exercise not in exercises]
    notebook = notebook if THOROUGH else shortened(notebook, capstones)
    shown, values, printed = run(notebook, solved_course / "assignments" / loaded.assignment.name)
    assert list(shown) == [exercise.name for exercise in exercises]
    here = [e for e in exercises if not all(check.device_only for check in e.checks)]
    assert [shown[e.name] for e in here if "passed" not in shown[e.name] or "failed" in shown[e.name]] == []
    assert all(values[e.name] for e in here if not e.optional)
    assert [name for name, text in shown.items() if "not attempted" in text] == []
    assert [text for text in printed if "waits for" in text] == []


@pytest.mark.parametrize("loaded", some(catalogue.names(ROOT), of=4), indirect=True)
def test_the_student_version_runs_through_and_says_what_it_waits_for(loaded):
    notebook = nbformat.read(loaded.released / f"{loaded.assignment.module}.ipynb", as_version=4)
    shown, values, printed = run(notebook, loaded.released)
    assert list(shown) == [exercise.name for exercise in loaded.assignment.exercises]
    assert [name for name, text in shown.items() if "not attempted" not in text] == []
    assert set(values.values()) == {0.0}
    assert any("waits for" in text for text in printed)
