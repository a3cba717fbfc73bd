"""From the author's solution to what students get: notebook, Python file, public checks and cases.

Clearing, locking and checksums are nbgrader's own preprocessors; their metadata is derived here: a
cell with a solution region becomes a solution cell, a cell that calls ``check(...)`` a locked grade
cell with the points of the spec, a marked markdown cell a written answer; a repair is released with its published code.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.authoring import calibration
from autograder.checks.slopes import SLOPES
from autograder.course import catalogue
from autograder.course.answers import Answers, StoredAnswers, read_stored, store
from autograder.course.assignment_folder import released_files, specified
from autograder.course.hint_files import HINTS, written_hints
from autograder.course.model_answers import ANSWERS, model_answers
from autograder.course.released_solutions import SOLUTIONS, solutions_in
from autograder.course.repairs import as_published
from autograder.course.text_files import json_text
from autograder.diagnosis.diagnose import Diagnostics
from autograder.diagnosis.planted import same_data
from autograder.measuring import yardstick
from autograder.report import grade_cell
from autograder.spec import SpecError
from autograder.spec.comparison import agree
from autograder.writing import write_atomically

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.spec import Assignment, Exercise, Observations

__all__ = [
    "PUBLIC_SEED",
    "MissingExtraError",
    "author_version",
    "public_files",
    "release",
    "stale",
    "student_version",
    "texts",
    "write_cases",
]

PUBLIC_SEED = 1
CHECK_CALL = re.compile(r"^check\((\w+)\)\s*$", re.MULTILINE)


class MissingExtraError(Exception):
    """The command needs an optional part that is not installed."""


def release(root: Path, name: str, *, answers: bool = False, solutions: bool = False) -> list[Path]:
    """Write ``assignments/NAME/`` from ``solutions/NAME/``; return the files that changed.

    answers: whether with ``answers.json``, the model answers of written questions, which is removed otherwise;
    solutions: whether with ``solutions.json``, which is removed otherwise.
    Raises SpecError if the source is invalid, MissingExtraError if nbgrader is not installed.
    """
    loaded = catalogue.load(name, root)
    changed = []
    wanted = {ANSWERS: answers, SOLUTIONS: solutions}
    told = {file: content for file, content in _told(loaded).items() if wanted[file]}
    for file, content in {**texts(loaded), **told}.items():
        path = loaded.released / file
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            write_atomically(path, content, within=root)
            changed.append(path)
    for path in [*_left_over(loaded), *(path for path in _told_before(loaded) if not wanted[path.name])]:
        path.unlink()
        changed.append(path)
    path = loaded.released / "cases.npz"
    changed += [path] if write_cases(loaded, path, root) else []
    return [*changed, loaded.released / yardstick.FILE] if calibration.refresh(loaded) else changed


def write_cases(loaded: Loaded, path: Path, within: Path) -> bool:
    """Write the public cases with their answers; return False if the file already holds them.

    within: the folder named by the user, below which links are refused.
    """
    public = _public_answers(loaded)
    if _same_answers(path, public):
        return False
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / path.name
        store(part, public)
        write_atomically(path, part.read_bytes(), within=within)
    return True


def stale(root: Path, name: str) -> list[str]:
    """One sentence for every generated file that is out of date."""
    loaded = catalogue.load(name, root)
    found = []
    for file, content in texts(loaded).items():
        path = loaded.released / file
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            found.append(f"{name}: {file} is out of date: run autograder release {name}")
    found += [
        f"{name}: {path.relative_to(loaded.released)} no longer has a source: run autograder release {name}"
        for path in _left_over(loaded)
    ]
    found += [
        f"{name}: {path.name} is out of date: run autograder release --{path.stem} {name}"
        for path in _told_before(loaded)
        if path.read_text(encoding="utf-8") != _told(loaded)[path.name]
    ]
    if not _same_answers(loaded.released / "cases.npz", _public_answers(loaded)):
        found.append(f"{name}: cases.npz is out of date: run autograder release {name}")
    if calibration.is_stale(loaded):
        found.append(f"{name}: {yardstick.FILE} belongs to other references: run autograder release {name}")
    return found


def _left_over(loaded: Loaded) -> list[Path]:
    """Files of an earlier release that no longer have a source."""
    sources = {path.relative_to(loaded.folder) for path in released_files(loaded.folder)}
    there = [*released_files(loaded.released), loaded.released / "checks.py"]
    return [path for path in there if path.is_file() and path.relative_to(loaded.released) not in sources]


def _told(loaded: Loaded) -> dict[str, str]:
    """Files that only some releases have, with what belongs in them."""
    source, names = loaded.folder / f"{loaded.assignment.module}.py", [e.name for e in loaded.assignment.exercises]
    return {
        ANSWERS: json_text(model_answers(source)),
        SOLUTIONS: json_text(solutions_in(source, names)),
    }


def _told_before(loaded: Loaded) -> list[Path]:
    """Those of them that this release has."""
    return [path for path in (loaded.released / ANSWERS, loaded.released / SOLUTIONS) if path.is_file()]


def texts(loaded: Loaded) -> dict[str, str]:
    """Generate every text file of the student's version."""
    import jupytext
    import nbformat

    module = loaded.assignment.module
    notebook = student_version(author_version(loaded))
    script = _without_metadata(notebook)
    return {
        f"{module}.ipynb": nbformat.writes(notebook, indent=1) + "\n",
        f"{module}.py": jupytext.writes(script, fmt="py:percent"),
        **public_files(loaded),
    }


# --- the notebook ----------------------------------------------------------------------------


def author_version(loaded: Loaded) -> Any:
    """Make the notebook of a solution, with the metadata that nbgrader needs.  SpecError if there is none."""
    import jupytext

    if not loaded.official:
        message = f"{loaded.assignment.name} has no solution to release from"
        raise SpecError(message)
    source = (loaded.folder / f"{loaded.assignment.module}.py").read_text(encoding="utf-8")
    notebook = jupytext.reads(source, fmt="py:percent")
    notebook.cells = [cell for cell in notebook.cells if "hints" not in cell.metadata]
    _derive_metadata(notebook, loaded)
    notebook.cells.insert(1, _rules())
    return notebook


def _rules() -> Any:
    """The cell on what every check asks, the same in each notebook."""
    from nbformat import v4

    text = (resources.files("autograder.authoring") / "rules.md").read_text(encoding="utf-8")
    return v4.new_markdown_cell(text.strip(), id="rules")


def _derive_metadata(notebook: Any, loaded: Loaded) -> None:
    assignment = loaded.assignment
    exercises = {exercise.name: exercise for exercise in assignment.exercises}
    questions = {question.name: question for question in assignment.questions}
    checked, asked = [], []
    for number, cell in enumerate(notebook.cells):
        digest = hashlib.sha256(f"{assignment.name}/{number}".encode()).hexdigest()
        cell["id"] = digest[:12]
        question = cell.metadata.pop("question", None)
        call = CHECK_CALL.search(cell.source) if cell.cell_type == "code" else None
        if call:
            checked.append(call[1])
            cell.metadata = {"nbgrader": _grade_cell(exercises, call[1])}
        elif question is not None:
            asked.append(question)
            if question not in questions:
                what = f"the notebook has the question '{question}', which assignment.py does not list"
                message = f"{assignment.name}: {what}"
                raise SpecError(message)
            cell.metadata = {"nbgrader": _cell(question, grade=True, solution=True, points=questions[question].points)}
        elif "### BEGIN SOLUTION" in cell.source:
            name = _defined(cell.source)
            repair = name in exercises and bool(exercises[name].published)
            if repair:  # no solution cell: nbgrader would replace the published code by a stub
                cell.source = as_published(cell.source, exercises[name])
            cell.metadata = {"nbgrader": _cell(name, grade=False, solution=not repair)}
        else:
            cell.metadata = {}
    for kind, wanted, found in (("check(…) cells", list(exercises), checked), ("questions", list(questions), asked)):
        if wanted != found:
            message = f"{assignment.name}: {kind}: the notebook has {found}, assignment.py {wanted}"
            raise SpecError(message)
    notebook.metadata = {
        "dlkit": {"assignment": assignment.name},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def _grade_cell(exercises: dict[str, Exercise], name: str) -> dict[str, Any]:
    if name not in exercises:
        message = f"the notebook checks {name}, which assignment.py does not list"
        raise SpecError(message)
    points = 0.0 if exercises[name].bonus else exercises[name].total  # bonus points are no part of nbgrader's maximum
    return _cell(grade_cell(name), grade=True, solution=False, points=points)


def _cell(grade_id: str, *, grade: bool, solution: bool, points: float | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": grade and not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return fields if points is None else {**fields, "points": points}


def _defined(source: str) -> str:
    match = re.search(r"^(?:class|def) (\w+)", source, re.MULTILINE)
    return match[1] if match else "solution"


def student_version(notebook: Any) -> Any:
    """Run nbgrader's own preprocessors on the author's notebook, in their order, without its database."""
    try:
        from nbgrader import preprocessors
    except ImportError as error:
        message = "Releasing needs nbgrader: install the extra dlkit-course[course]."
        raise MissingExtraError(message) from error
    steps = [
        preprocessors.LockCells(),
        preprocessors.ClearSolutions(),
        preprocessors.ClearOutput(),
        preprocessors.CheckCellMetadata(),
        preprocessors.ClearHiddenTests(),
        preprocessors.ClearMarkScheme(),
        preprocessors.ComputeChecksums(),
        preprocessors.CheckCellMetadata(),
    ]
    resources: dict[str, Any] = {}
    for step in steps:
        notebook, resources = step.preprocess(notebook, resources)
    return notebook


def _without_metadata(notebook: Any) -> Any:
    import copy

    plain = copy.deepcopy(notebook)
    plain.metadata = {"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}}
    return plain


# --- files that are released unchanged -------------------------------------------------------


def public_files(loaded: Loaded) -> dict[str, str]:
    """The files that students get unchanged, and the hints from the notebook's source."""
    folder = loaded.folder
    files = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in released_files(folder)}
    hints = {exercise.name: exercise.hints for exercise in loaded.assignment.exercises if exercise.hints}
    files[HINTS] = written_hints(hints)
    _must_specify_the_same(loaded, files)
    return files


def _must_specify_the_same(loaded: Loaded, files: dict[str, str]) -> None:
    """SpecError if these files do not load by themselves, or specify different checks from the author's."""
    name = loaded.assignment.name
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            path = Path(folder, name, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assignment = specified(name, Path(folder, name), official=False)
    if _specified(assignment) != _specified(loaded.assignment):
        message = f"{name}: its checks differ when mistakes and variants are not available"
        raise SpecError(message)


def _specified(assignment: Assignment) -> list[tuple[str, list[tuple[str, float]]]]:
    return [(e.name, [(check.name, e.points_of(check)) for check in e.checks]) for e in assignment.exercises]


# --- the public cases ------------------------------------------------------------------------


def _public_answers(loaded: Loaded) -> StoredAnswers:
    """Cases and expected results of one fixed seed, and what explains incorrect ones.

    Capstones, budgets, and checks whose cases are drawn where they are needed have none.
    """
    answers = Answers(loaded, PUBLIC_SEED, alike=True)
    found = {
        (exercise.name, check.name): [
            (case, _without_proof(expected)) for case, expected in answers.of(exercise, check)
        ]
        for exercise in loaded.assignment.exercises
        for check in exercise.checks
        if not (check.capstone or check.budget or check.redrawn)
    }
    with np.errstate(all="ignore"):  # mistakes may overflow
        return StoredAnswers(found, PUBLIC_SEED, loaded.assignment.name, *Diagnostics(loaded, answers).explained())


def _without_proof(expected: Observations) -> Observations:
    """What is expected without the slopes that prove it, which have two more arrays for every gradient."""
    return {**expected, SLOPES: []} if SLOPES in expected else expected


def _same_answers(path: Path, public: StoredAnswers) -> bool:
    """Whether a stored file holds these answers, up to rounding, which differs between machines."""
    if not path.is_file():
        return False
    try:
        stored = read_stored(path)
    except catalogue.UsageError:
        return False
    if (
        (stored.seed, stored.assignment) != (public.seed, public.assignment)
        or set(stored.found) != set(public.found)
        or stored.matters != public.matters
        or set(stored.known) != set(public.known)
    ):
        return False
    if not all(same_data(one, stored.known[key]) for key, one in public.known.items()):
        return False
    for key, found in public.found.items():
        ours = [[_comparable(case.as_data()), expected] for case, expected in found]
        theirs = [[_comparable(case.as_data()), _without_proof(expected)] for case, expected in stored.found[key]]
        if not agree(_comparable(ours), _comparable(theirs)):
            return False
    return True


def _comparable(value: Any) -> Any:
    """Markers as text, so that two trees can be compared; tuples and lists alike."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    if hasattr(value, "array"):
        return _comparable(value.array)
    return value if isinstance(value, np.ndarray | np.generic | float) else repr(value)
