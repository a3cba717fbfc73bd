"""From a handed-in file or folder to source text: what is there, what is written, what cannot be read."""

from __future__ import annotations

import ast
import hashlib
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.archive import ArchiveError, members
from autograder.catalogue import load, wire
from autograder.repairs import is_published
from autograder.spec import Exercise
from autograder.verdict import Problem, WrittenAnswer
from dlkit import extraction

if TYPE_CHECKING:
    from autograder.catalogue import Loaded

__all__ = ["Submission", "SubmissionError", "handed_in", "own_earlier", "read_submission"]

NO_ANSWER = "YOUR ANSWER HERE"


class SubmissionError(Exception):
    """A submission that cannot be read: one sentence for its author."""


@dataclass
class Submission:
    """One student's source text, and what is known of it before it runs.

    poisoned: chunks that ended the worker while loading, with the sentence; left out from then on.
    """

    file: str
    extraction: extraction.Extraction
    sha256: str
    written: list[WrittenAnswer] = field(default_factory=list)
    poisoned: dict[int, str] = field(default_factory=dict)

    @property
    def chunks(self) -> list[Any]:
        """Every statement, as it is sent to a worker."""
        return wire(self.extraction.chunks)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the file itself."""
        broken = [
            Problem(
                f"{self.file}: {cell.label} does not parse ({cell.reason}). "
                "Fix the cell, or delete it if it is scratch.",
                cell.label,
            )
            for cell in self.extraction.broken
        ]
        return broken + [Problem(sentence) for sentence in self.poisoned.values()]

    def broken_cell(self, exercise: Exercise) -> str | None:
        """Why the exercise is missing, where a cell that does not parse would have defined it."""
        if exercise.name in self.extraction.defined:
            return None
        for cell, problem in zip(self.extraction.broken, self.problems, strict=False):
            if exercise.name in cell.defines:
                return problem.sentence
        return None

    def begun(self, exercises: Iterable[Exercise]) -> bool:
        """Whether any part of any of these is written, be it in a cell that does not parse."""
        return any(self.broken_cell(e) or set(e.parts) - self.unwritten(e) for e in exercises)

    def unwritten(self, exercise: Exercise) -> set[str]:
        """Parts that nobody has written yet: absent with the whole exercise, still the stub, or still as published."""
        if exercise.name not in self.extraction.defined:
            return set(exercise.parts)
        source = [chunk.source for chunk in self.extraction.chunks if exercise.name in chunk.defines][-1]
        functions = {part: _function(source, exercise, part) for part in exercise.parts}
        return {
            part
            for part, function in functions.items()
            if _is_stub(function) or is_published(function, exercise.published.get(part))
        }


def _function(source: str, exercise: Exercise, part: str) -> ast.stmt | None:
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and exercise.is_class:
            return next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == part), None)
        if isinstance(node, ast.FunctionDef) and node.name == part:
            return node
    return None


def _is_stub(function: ast.stmt | None) -> bool:
    """A body that does nothing, or that raises NotImplementedError whatever comes before."""
    if not isinstance(function, ast.FunctionDef):
        return False
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if all(isinstance(statement, ast.Pass) for statement in body):
        return True
    raised = (node for s in body if isinstance(s, ast.Raise) and s.exc for node in ast.walk(s.exc))
    return any("NotImplementedError" in (getattr(node, "id", ""), getattr(node, "attr", "")) for node in raised)


def read_submission(path: Path, loaded: Loaded, home: Path | None = None) -> Submission:
    """Read a file, or the assignment's file in a folder or in a zip file that ``autograder submit`` packed.

    home: the student's own folder, without links; what lies elsewhere by way of a link is somebody else's.
    Raises SubmissionError with one sentence where there is nothing to grade.
    """
    try:
        if home is not None and path.exists() and not path.resolve().is_relative_to(home):
            message = f"{path.name} is a link to another place. Hand in the folder itself, with the file in it."
            raise SubmissionError(message)
        if path.suffix == ".zip":
            return _read_packed(path, loaded)
        file = _choose(path, loaded) if path.is_dir() else path
        if file.suffix == ".zip":
            return read_submission(file, loaded, home)
        if not file.exists():
            message = f"{file.name} is not there. Check the name and the folder."
            raise SubmissionError(message)
        found = extraction.extract(file)
    except extraction.ExtractionError as error:
        raise SubmissionError(str(error)) from error
    except OSError as error:
        message = f"{path.name} cannot be read ({error.strerror}). Check who may read it."
        raise SubmissionError(message) from error
    _refuse_other_assignment(file, found, loaded)
    digest = hashlib.sha256(found.text.encode()).hexdigest()
    return Submission(file.name, found, digest, _written_answers(file, found, loaded))


def _read_packed(path: Path, loaded: Loaded) -> Submission:
    """Read the assignment's file out of a zip, where it lies in a folder of the assignment's name."""
    assignment = loaded.assignment
    wanted = [f"{assignment.name}/{assignment.module}{suffix}" for suffix in (".ipynb", ".py")]
    try:
        found = members(path, wanted)
    except ArchiveError as error:
        raise SubmissionError(str(error)) from error
    if not found:
        message = f"There is no {wanted[0]} and no {wanted[1]} in {path.name}. Pack it anew with autograder submit."
        raise SubmissionError(message)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in found.items():
            Path(folder, name.rpartition("/")[2]).write_bytes(data)
        return read_submission(Path(folder), loaded)


def handed_in(folder: Path, assignment: str) -> Path:
    """Where an assignment lies in a student's folder: in a folder of its name, or in a zip file of its name."""
    unpacked, packed = folder / assignment, folder / f"{assignment}.zip"
    try:
        return packed if packed.is_file() and not unpacked.exists() else unpacked
    except OSError:  # where nobody may look
        return unpacked


def _choose(folder: Path, loaded: Loaded) -> Path:
    """Find the file that holds the work; where two do and differ, say so and ask for one."""
    module = loaded.assignment.module
    named = [path for suffix in (".ipynb", ".py") if (path := folder / f"{module}{suffix}").is_file()]
    if not named:
        others = sorted(path for path in folder.iterdir() if path.is_file())
        named = [path for path in others if path.suffix in {".ipynb", ".py"}]
        named = named or [path for path in others if path.suffix == ".zip"]
        if len(named) == 1:
            return named[0]
        what = f"{len(named)} other files" if named else "no file of the kind"
        message = f"There is no {module}.ipynb and no {module}.py here, but {what}. Hand in one of the two names."
        raise SubmissionError(message)
    if len(named) == 1:
        return named[0]
    worked_on = [path for path in named if _holds_work(path, loaded)]
    if len(worked_on) < len(named):
        return worked_on[0] if worked_on else named[0]
    if _meaning(named[0], loaded) == _meaning(named[1], loaded):
        return named[0]
    message = (
        f"Both {module}.ipynb and {module}.py hold work, and they differ. Keep the one that counts, delete the other."
    )
    raise SubmissionError(message)


def _holds_work(path: Path, loaded: Loaded) -> bool:
    """Whether some exercise was begun; a file that cannot be read may hold anything."""
    try:
        work = Submission(path.name, extraction.extract(path), "")
    except extraction.ExtractionError:
        return True
    return work.begun(loaded.assignment.exercises)


def _meaning(path: Path, loaded: Loaded) -> str:
    """The exercises of a file without layout and comments; an unreadable file means nothing but itself."""
    try:
        found = extraction.extract(path)
    except extraction.ExtractionError as error:
        return f"unreadable: {error}"
    names = {exercise.name for exercise in loaded.assignment.exercises}
    try:
        kept = [ast.dump(ast.parse(c.source)) for c in found.chunks if names & set(c.defines)]
    except RecursionError:
        return found.text
    return "\n".join(kept + [cell.reason for cell in found.broken])


def _refuse_other_assignment(file: Path, found: extraction.Extraction, loaded: Loaded) -> None:
    own = loaded.assignment
    stamp = found.metadata.get("dlkit")
    stamped = stamp.get("assignment") if isinstance(stamp, dict) else None
    defined = found.defined | {name for cell in found.broken for name in cell.defines}
    if any(exercise.name in defined for exercise in own.exercises) and stamped in (None, own.name):
        return
    if isinstance(stamped, str) and stamped != own.name:
        other = stamped[:60].encode("utf-8", "replace").decode()
        message = f"{file.name} belongs to {other}, not to {own.name}. Hand in {own.module}.ipynb."
    else:
        message = f"{file.name} defines none of the exercises of {own.name}. Hand in {own.module}.ipynb."
    raise SubmissionError(message)


def own_earlier(folder: Path, loaded: Loaded, home: Path | None = None) -> dict[str, list[Any]]:
    """Source of a student's own earlier assignments, which lie in ``folder`` by name, ready to be sent.

    home: as ``read_submission`` takes it.
    The reference's stands in for one that is not there or cannot be read, where there is a reference.
    """
    found = dict(loaded.earlier)
    for name in loaded.assignment.earlier:
        other = load(name, loaded.root)
        try:
            found[other.assignment.module] = read_submission(handed_in(folder, name), other, home).chunks
        except SubmissionError:
            continue
    return found


def _written_answers(file: Path, found: extraction.Extraction, loaded: Loaded) -> list[WrittenAnswer]:
    """Whether each written question has an answer: its cell in a notebook, its comment in a Python file."""
    texts = _notebook_answers(found.text) if file.suffix == ".ipynb" else _script_answers(found.text, loaded)
    return [
        WrittenAnswer(question.name, question.points, _is_answer(texts.get(question.name, "")))
        for question in loaded.assignment.questions
    ]


def _is_answer(text: str) -> bool:
    return bool(text.strip()) and NO_ANSWER not in text


def _notebook_answers(text: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for cell in json.loads(text).get("cells", []):
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        grade = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        name = grade.get("grade_id") if isinstance(grade, dict) else None
        if isinstance(name, str):
            source = cell.get("source", "")
            texts[name] = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return texts


def _script_answers(text: str, loaded: Loaded) -> dict[str, str]:
    """Answers follow the questions in order: the markdown cell after each that begins with **Question."""
    cells = text.split("\n# %% [markdown]\n")[1:]
    after = [answer for question, answer in pairwise(cells) if question.startswith("# **Question")]
    names = [question.name for question in loaded.assignment.questions]
    return {name: cell.partition("\n# %%")[0] for name, cell in zip(names, after, strict=False)}
