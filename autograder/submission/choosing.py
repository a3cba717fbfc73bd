"""From a handed-in file, folder or zip to the one file that counts."""

from __future__ import annotations

import ast
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.archive import ArchiveError, members
from autograder.catalogue import load
from autograder.submission.source import Submission, SubmissionError
from autograder.submission.written import written_answers
from dlkit import extraction

if TYPE_CHECKING:
    from autograder.catalogue import Loaded

__all__ = ["handed_in", "own_earlier", "read_submission"]


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
    return Submission(file.name, found, digest, written_answers(file, found, loaded))


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
    except (SyntaxError, ValueError, RecursionError, MemoryError):
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
