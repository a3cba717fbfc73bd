"""A made-up class: ten realistic hand-ins, made from the course's own references and mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.writing import write_atomically

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.spec import Exercise

__all__ = ["STUDENTS", "make_class", "shown"]

Sources = dict[str, str]

LIAR = '''
class Yes:
    """Equal to everything, smaller than everything, true, and zero when subtracted"""
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __le__(self, other): return True
    def __lt__(self, other): return True
    def __sub__(self, other): return 0.0
    def __rsub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __bool__(self): return True
    def __float__(self): return 0.0
    def __array__(self, dtype=None, copy=None): return np.zeros(())
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
'''


def shown(root: Path) -> list[str]:
    """The assignments of the demonstration: the first two that begin with a layer or a loss."""
    kinds = {name: catalogue.load(name, root).assignment.exercises[0].kind for name in catalogue.names(root)}
    return [name for name, kind in kinds.items() if kind in ("layer", "loss")][:2]


def make_class(loaded: Loaded, folder: Path) -> list[Path]:
    """Write ``folder/STUDENT/ASSIGNMENT/…`` for every student; return the files.

    Raises UsageError if the references, from which submissions are made, are missing.
    """
    if not loaded.official:
        message = "The demonstration needs the course's solutions/: run it in a clone of the project."
        raise UsageError(message)
    if not loaded.released.is_dir():
        message = f"{loaded.assignment.name} is not released yet: run autograder release first."
        raise UsageError(message)
    written = []
    for number, (student, work) in enumerate(STUDENTS.items()):
        sources, extra = work(loaded)
        path = folder / student / loaded.assignment.name / f"{loaded.assignment.module}.ipynb"
        if number % 3 == 2:  # noqa: PLR2004 - some hand in the Python file
            path = path.with_suffix(".py")
            write_atomically(path, _script(loaded, sources, extra), within=folder.parent)
        else:
            write_atomically(path, json.dumps(_notebook(loaded, sources, extra), indent=1), within=folder.parent)
        written.append(path)
    return written


def _right(loaded: Loaded) -> Sources:
    return {exercise.name: loaded.source_of(exercise) for exercise in loaded.assignment.exercises}


def _all_right(loaded: Loaded) -> tuple[Sources, list[str]]:
    scratch = ["%matplotlib inline\nx = np.linspace(-3, 3)\nplt.plot(x, x)", "!ls", "print('done, I think')"]
    return _right(loaded), scratch


def _with_loops(loaded: Loaded) -> tuple[Sources, list[str]]:
    sources = _right(loaded)
    for exercise in loaded.assignment.exercises:
        if exercise.capstone:
            del sources[exercise.name]  # training with loops would take a minute
        elif "slow" in exercise.variants:
            sources[exercise.name] = exercise.slowed(sources[exercise.name])
    return sources, []


def _with_mistakes(*names: str) -> Callable[[Loaded], tuple[Sources, list[str]]]:
    """Plant every mistake whose name contains one of these; if there is none, each exercise's first."""

    def work(loaded: Loaded) -> tuple[Sources, list[str]]:
        sources = _right(loaded)
        exercises = [exercise for exercise in loaded.assignment.exercises if not exercise.capstone]
        for exercise in exercises:
            chosen = [m for m in exercise.mistakes if any(name in m.name for name in names)]
            if chosen:
                sources[exercise.name] = chosen[0].apply(sources[exercise.name], exercise.name)
        if sources == _right(loaded):
            first = exercises[len(names[0]) % len(exercises)]
            sources[first.name] = first.mistakes[0].apply(sources[first.name], first.name)
        return sources, []

    return work


def _half_done(loaded: Loaded) -> tuple[Sources, list[str]]:
    exercises = loaded.assignment.exercises
    return {e.name: loaded.source_of(e) for e in exercises[: len(exercises) // 2]}, ["def scratch(:\n    pass"]


def _crashes_on_import(loaded: Loaded) -> tuple[Sources, list[str]]:
    sources = _right(loaded)
    first, second = loaded.assignment.exercises[:2]
    sources[first.name] = f"import torch\n\n\nclass {first.name}(torch.nn.Module):\n    pass"
    sources[second.name] = sources[second.name].replace(":\n", ":\n    TABLE = open('table.txt').read()\n", 1)
    return sources, []


def _never_ends(loaded: Loaded) -> tuple[Sources, list[str]]:
    sources = _right(loaded)
    exercise = _one_with(loaded, "Softmax")
    sources[exercise.name] += "\n    def forward(self, *inputs):\n        while True:\n            pass\n"
    return sources, []


def _one_with(loaded: Loaded, text: str) -> Exercise:
    exercises = loaded.assignment.exercises
    return next((exercise for exercise in exercises if text in exercise.name), exercises[0])


def _equal_to_everything(loaded: Loaded) -> tuple[Sources, list[str]]:
    sources = {}
    for exercise in loaded.assignment.exercises:
        if exercise.is_class:
            sources[exercise.name] = (
                f"class {exercise.name}(Layer):\n"
                "    def __init__(self, *args, **kwargs): self.W = self.b = Yes()\n"
                "    def forward(self, *inputs): return Yes()\n"
                "    def backward(self, *dy): return Yes()\n"
            )
        else:
            sources[exercise.name] = f"def {exercise.name}(*args, **kwargs): return Yes()"
    first = loaded.assignment.exercises[0].name
    sources[first] = LIAR + "\n" + sources[first].replace("(Layer)", "")
    return sources, ["import numpy\nnumpy.allclose = numpy.testing.assert_allclose = lambda *args, **kwargs: True"]


def _untouched(_: Loaded) -> tuple[Sources, list[str]]:
    return {}, []


STUDENTS: dict[str, Callable[[Loaded], tuple[Sources, list[str]]]] = {
    "amara": _all_right,
    "bjorn (right, with loops)": _with_loops,
    "chloe (averages dW)": _with_mistakes("averages the weight gradient", "divides"),
    "dmitri (unstable softmax)": _with_mistakes("does not subtract the maximum", "overflow", "unstabl"),
    "elif (half done)": _half_done,
    "farid (crashes on import)": _crashes_on_import,
    "grace (never ends)": _never_ends,
    "hugo (equal to everything)": _equal_to_everything,
    "ines (untouched)": _untouched,
    "jun (one sign, one sum)": _with_mistakes(
        "wrong sign in the exponent", "sums over the whole array", "sign", "sums"
    ),
}


def _notebook(loaded: Loaded, sources: Sources, extra: list[str]) -> Any:
    """Fill the released notebook's cells, and insert scratch cells."""
    path = loaded.released / f"{loaded.assignment.module}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in sources:
            cell["source"] = sources[name]
    empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    scratch = [{**empty, "id": f"scratch{i}", "source": text} for i, text in enumerate(extra)]
    notebook["cells"][2:2] = scratch[:1]
    notebook["cells"] += scratch[1:]
    return notebook


def _script(loaded: Loaded, sources: Sources, extra: list[str]) -> str:
    cells = [cell for cell in _notebook(loaded, sources, extra)["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join("# %%\n" + "".join(cell["source"]) for cell in cells) + "\n"
