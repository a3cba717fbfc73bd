"""From the author's solution to what students get: notebook, Python file, public checks and cases.

Clearing, locking and checksums are nbgrader's own preprocessors; their metadata is derived here: a
cell with a solution region becomes a solution cell, a cell that calls ``check(...)`` a locked grade
cell with the points of the spec, a marked markdown cell a written answer; a repair is released with its published code.
"""

from __future__ import annotations

import ast
import hashlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.authoring import calibration
from autograder.course import catalogue
from autograder.course.answers import Answers, read_stored, store
from autograder.course.repairs import as_published
from autograder.diagnosis.diagnose import Fingerprints
from autograder.diagnosis.planted import same_data
from autograder.measuring import yardstick
from autograder.report.verdict import grade_cell, write_atomically
from autograder.spec import SpecError
from autograder.spec.comparison import agree

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.spec import Assignment, Exercise

__all__ = [
    "PUBLIC_SEED",
    "MissingExtraError",
    "author_version",
    "public_checks",
    "release",
    "stale",
    "student_version",
    "texts",
    "write_cases",
]

PUBLIC_SEED = 1
_Keyed = dict[tuple[str, str], list[Any]]
CHECK_CALL = re.compile(r"^check\((\w+)\)\s*$", re.MULTILINE)
SECRET = ("mistakes", "slow", "plain", "bulky", "steep")


class MissingExtraError(Exception):
    """The command needs an optional part that is not installed."""


def release(root: Path, name: str) -> list[Path]:
    """Write ``assignments/NAME/`` from ``solutions/NAME/``; return the files that changed.

    Raises SpecError where the source is wrong, MissingExtraError where nbgrader is not installed.
    """
    loaded = catalogue.load(name, root)
    changed = []
    for file, content in texts(loaded).items():
        path = loaded.released / file
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            write_atomically(path, content, within=root)
            changed.append(path)
    path = loaded.released / "cases.npz"
    changed += [path] if write_cases(loaded, path, root) else []
    return [*changed, loaded.released / yardstick.FILE] if calibration.refresh(loaded) else changed


def write_cases(loaded: Loaded, path: Path, within: Path) -> bool:
    """Write the public cases with their answers; return False where the file holds them already.

    within: the folder that somebody named, below which nothing may be a link.
    """
    answers, known, matters = _public_answers(loaded)
    if _same_answers(path, answers, known, matters):
        return False
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / path.name
        store(part, answers, PUBLIC_SEED, known, matters)
        write_atomically(path, part.read_bytes(), within=within)
    return True


def stale(root: Path, name: str) -> list[str]:
    """One sentence for every generated file that is not what ``release`` would write."""
    loaded = catalogue.load(name, root)
    found = []
    for file, content in texts(loaded).items():
        path = loaded.released / file
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            found.append(f"{name}: {file} is not what its source gives: run autograder release {name}")
    if not _same_answers(loaded.released / "cases.npz", *_public_answers(loaded)):
        found.append(f"{name}: cases.npz is not what its source gives: run autograder release {name}")
    if calibration.is_stale(loaded):
        found.append(f"{name}: {yardstick.FILE} is not of these references: run autograder release {name}")
    return found


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
        "checks.py": public_checks(loaded),
    }


# --- the notebook ----------------------------------------------------------------------------


def author_version(loaded: Loaded) -> Any:
    """Make the notebook of a solution, with the metadata that nbgrader needs.  SpecError where there is none."""
    import jupytext

    if not loaded.official:
        message = f"{loaded.assignment.name} has no solution here to release from"
        raise SpecError(message)
    source = (loaded.folder / f"{loaded.assignment.module}.py").read_text(encoding="utf-8")
    notebook = jupytext.reads(source, fmt="py:percent")
    _derive_metadata(notebook, loaded)
    return notebook


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
                message = f"{assignment.name}: the notebook asks '{question}', which the spec does not list"
                raise SpecError(message)
            cell.metadata = {"nbgrader": _cell(question, grade=True, solution=True, points=questions[question].points)}
        elif "### BEGIN SOLUTION" in cell.source:
            name = _defined(cell.source)
            repair = name in exercises and bool(exercises[name].published)
            if repair:  # no solution cell: nbgrader would put a stub in place of the published code
                cell.source = as_published(cell.source, exercises[name])
            cell.metadata = {"nbgrader": _cell(name, grade=False, solution=not repair)}
        else:
            cell.metadata = {}
    for kind, wanted, found in (("check(…) cells", list(exercises), checked), ("questions", list(questions), asked)):
        if wanted != found:
            message = f"{assignment.name}: {kind} of the notebook are {found}, of the spec {wanted}"
            raise SpecError(message)
    notebook.metadata = {
        "dlkit": {"assignment": assignment.name},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def _grade_cell(exercises: dict[str, Exercise], name: str) -> dict[str, Any]:
    if name not in exercises:
        message = f"the notebook checks {name}, which is no exercise of the spec"
        raise SpecError(message)
    return _cell(grade_cell(name), grade=True, solution=False, points=exercises[name].total)


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
    """Run nbgrader's own preprocessors on the author's notebook, in its order, without its database."""
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


# --- the public checks -----------------------------------------------------------------------


def public_checks(loaded: Loaded) -> str:
    """The checks without what gives solutions away: mistakes, slow variants, and names only they use."""
    tree = ast.parse((loaded.folder / "checks.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in SECRET]
    while _drop_unused(tree):
        pass
    header = f"# Generated by `autograder release` from the checks of {loaded.assignment.name}: do not edit.\n"
    text = header + ast.unparse(tree) + "\n"
    _must_ask_the_same(loaded, text)
    return text


def _must_ask_the_same(loaded: Loaded, text: str) -> None:
    """SpecError where these checks do not load by themselves, or ask for other things than the author's."""
    name = loaded.assignment.name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checks.py"
        path.write_text(text, encoding="utf-8")
        try:
            assignment = catalogue.specified(name, path)
        except SpecError as error:
            message = f"{error} once mistakes and slow variants are cut out: give what holds them a default"
            raise SpecError(message) from error
    if _asked(assignment) != _asked(loaded.assignment):
        message = f"{name}/checks.py asks for other things once mistakes and slow variants are cut out"
        raise SpecError(message)


def _asked(assignment: Assignment) -> list[tuple[str, list[tuple[str, float]]]]:
    return [(e.name, [(check.name, e.points_of(check)) for check in e.checks]) for e in assignment.exercises]


def _drop_unused(tree: ast.Module) -> bool:
    """Drop imports and top-level names that nothing refers to any more; say whether anything was dropped."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    used.add("ASSIGNMENT")
    before = ast.dump(tree)
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [a for a in statement.names if (a.asname or a.name.partition(".")[0]) in used]
    tree.body = [statement for statement in tree.body if _is_used(statement, used)]
    return ast.dump(tree) != before


def _is_used(statement: ast.stmt, used: set[str]) -> bool:
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return bool(names)
        case ast.FunctionDef(name=name, decorator_list=[]):
            return name in used
        case ast.Assign(targets=targets):
            return any(isinstance(n, ast.Name) and n.id in used for target in targets for n in ast.walk(target))
    return True


# --- the public cases ------------------------------------------------------------------------


def _public_answers(loaded: Loaded) -> tuple[_Keyed, _Keyed, _Keyed]:
    """Cases and expected results of one fixed seed, and what explains wrong ones; capstones and speed need none."""
    answers = Answers(loaded, PUBLIC_SEED)
    found = {
        (exercise.name, check.name): answers.of(exercise, check)
        for exercise in loaded.assignment.exercises
        for check in exercise.checks
        if not check.capstone and not check.budget
    }
    with np.errstate(all="ignore"):  # mistakes may overflow
        return found, *Fingerprints(loaded, answers).explained()


def _same_answers(path: Path, answers: _Keyed, known: _Keyed, matters: _Keyed) -> bool:
    """Whether a stored file holds these answers, up to rounding (another machine's last bit is no news)."""
    if not path.is_file():
        return False
    try:
        stored = read_stored(path)
    except catalogue.UsageError:
        return False
    if set(stored.found) != set(answers) or stored.matters != matters or set(stored.known) != set(known):
        return False
    if not all(same_data(one, stored.known[key]) for key, one in known.items()):
        return False
    for key, found in answers.items():
        ours = [[_comparable(case.as_data()), expected] for case, expected in found]
        theirs = [[_comparable(case.as_data()), expected] for case, expected in stored.found[key]]
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
