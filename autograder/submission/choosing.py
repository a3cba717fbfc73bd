"""From a handed-in file, folder or zip to the one file that counts.

Content decides: of all files that could be the assignment, the one that holds work.  If several hold different work,
the newest counts, by the number in its name or by its time, and the report says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.course import catalogue
from autograder.report import NotGraded, Problem
from autograder.submission.filenames import assignment_of_file, kind_of
from autograder.submission.files import File, files_in, shown, unpack
from autograder.submission.look import Look
from autograder.submission.source import Submission, SubmissionError
from autograder.submission.walk import flaw
from autograder.submission.written import written_answers

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["handed_in", "own_earlier", "read_files", "read_submission"]

SAME_TIME_S = 2.0
"""Zip files keep times to two seconds."""
MOST_NAMED = 3
MOST_LOOKED_AT = 40
"""Most files of one hand-in that are read, the likeliest first: each may take seconds."""


def read_submission(path: Path, loaded: Loaded, home: Path | None = None) -> Submission:
    """Read a file, or the assignment's file in a folder or in a zip file.

    home: the student's own folder, without links; links that leave it are not followed.
    Raises SubmissionError with one sentence if there is nothing to grade.
    """
    if home is not None and path.exists() and (reason := flaw(path, home)):
        message = f"{path.name} {reason}"
        raise SubmissionError(message)
    if not path.is_dir():
        if not path.exists():
            message = f"{path.name} does not exist. Check the name and the folder."
            raise SubmissionError(message)
        return read_files([File(path, path.name)], loaded)
    return read_files(files_in(path, loaded, home or path.resolve()), loaded)


def read_files(files: Sequence[File], loaded: Loaded) -> Submission:
    """Choose among the files that could be the assignment, and read the one that counts.

    Raises SubmissionError with one sentence where there is nothing to grade.
    """
    own = loaded.assignment
    with tempfile.TemporaryDirectory() as folder:
        unpacked: list[File] = []
        aside: list[NotGraded] = []
        for number, file in enumerate(files):
            if kind_of(file.path.name) == "zip" and not file.reason:
                inside, others = unpack(file, Path(folder, str(number)), loaded)
                unpacked += inside
                aside += others
            else:
                unpacked.append(file)
        every = sorted((Look(file, loaded) for file in unpacked), key=lambda look: look.preference)
        looks, beyond = every[:MOST_LOOKED_AT], every[MOST_LOOKED_AT:]
        if not looks:
            zips = [file.path.name for file in files]
            where = f" in {', '.join(zips[:MOST_NAMED])}" if zips else " here"
            message = f"There is no notebook and no Python file{where}. Hand in {own.module}.ipynb or {own.module}.py."
            raise SubmissionError(message)
        chosen, why = _choose(looks, loaded)
        submission = chosen.submission
        aside += [_aside(look, chosen, loaded) for look in looks if look is not chosen]
        reason = f"was not read: more than {MOST_LOOKED_AT} files could be the assignment."
        submission.set_aside = aside + [NotGraded(look.file.shown, reason, assignment=own.name) for look in beyond]
        submission.notes = _notes(looks, chosen, why)
        submission.written = written_answers(submission.extraction, loaded)
    return submission


def handed_in(folder: Path, assignment: str) -> Path:
    """The place of an assignment in a student's folder: a folder or a zip file of its name."""
    unpacked, packed = folder / assignment, folder / f"{assignment}.zip"
    try:
        return packed if packed.is_file() and not unpacked.exists() else unpacked
    except OSError:  # no permission to look
        return unpacked


def own_earlier(
    folder: Path, loaded: Loaded, home: Path | None = None, found: Mapping[str, Sequence[File]] | None = None
) -> dict[str, list[Any]]:
    """Source of a student's own earlier assignments, found in ``folder`` by name, ready to be sent.

    home: as in ``read_submission``; found: the files of each earlier assignment, if they were searched for.
    The reference replaces one that is missing or cannot be read, if there is a reference.
    """
    sources = dict(loaded.earlier)
    for name in loaded.assignment.earlier:
        other = catalogue.load(name, loaded.root)
        try:
            if found is None:
                submission = read_submission(handed_in(folder, name), other, home)
            else:
                submission = read_files(found.get(name, ()), other)
        except SubmissionError:
            continue
        sources[other.assignment.module] = submission.as_earlier(other.assignment.exercises)
    return sources


# --- which of them counts --------------------------------------------------------------------


def _choose(looks: Sequence[Look], loaded: Loaded) -> tuple[Look, str]:
    """The file that counts, and why it is the newest.  SubmissionError if none does.

    looks: the likeliest first.
    """
    by_state: dict[str, list[Look]] = {}
    for look in looks:
        by_state.setdefault(look.state, []).append(look)
    if works := by_state.get("work"):
        return _newest([look for look in works if not look.file.vague] or works)
    unreadable = by_state.get("unreadable", [])
    if stubs := by_state.get("stub"):
        if damaged := [look for look in unreadable if look.may_be_work]:
            raise SubmissionError(damaged[0].sentence)
        return _newest(stubs)
    foreign = by_state.get("foreign", [])
    first = [*[look for look in unreadable if look.may_be_work], *foreign, *unreadable][0]
    if len(looks) == 1 or first.state == "unreadable" or assignment_of_file(first.name, [loaded.assignment.name]):
        raise SubmissionError(first.sentence)
    own = loaded.assignment
    named = ", ".join(look.name for look in foreign[:MOST_NAMED]) + (", …" if len(foreign) > MOST_NAMED else "")
    message = f"None of the files defines an exercise of {own.name} ({named}). Hand in {own.module}.ipynb."
    raise SubmissionError(message)


def _newest(looks: Sequence[Look]) -> tuple[Look, str]:
    """The highest number of each name, then the latest time, then the best name; and which of these decided."""
    highest: dict[str, tuple[int, ...]] = {}
    for look in looks:
        name, numbers = look.attempt
        highest[name] = max(highest.get(name, ()), numbers)
    left = [look for look in looks if look.attempt[1] == highest[look.attempt[0]]]
    why = "the highest number in its name" if len(left) < len(looks) else ""
    last = max(look.time for look in left)
    latest = [look for look in left if last - look.time <= SAME_TIME_S]
    if len(latest) < len(left):
        why = "the latest time"
    chosen = min(latest, key=lambda look: look.preference)
    return chosen, why or "the simplest name, at the same time"


def _aside(look: Look, chosen: Look, loaded: Loaded) -> NotGraded:
    """Why a file was not graded, and whether it needs attention."""
    name, reason = loaded.assignment.name, shown(look.sentence.removeprefix(f"{look.name} "))
    if look.state == "unreadable":
        return NotGraded(look.file.shown, reason, "hand-in" if look.may_be_work else "other", name)
    if look.state == "foreign":
        return NotGraded(look.file.shown, reason, "hand-in" if reason.startswith("belongs to ") else "other", name)
    if look.state == "stub":
        return NotGraded(look.file.shown, "is unchanged from the course.", "handed out", name)
    if look.meaning == chosen.meaning:
        reason = f"holds the same work as {chosen.name}, which was graded."
        return NotGraded(look.file.shown, shown(reason), "other", name)
    reason = f"holds different work from {chosen.name}, which was graded."
    return NotGraded(look.file.shown, shown(reason), "other" if look.file.vague else "hand-in", name)


def _notes(looks: Sequence[Look], chosen: Look, why: str) -> list[Problem]:
    """What the report says about the choice: nothing if there was none."""
    rest = [look for look in looks if look is not chosen]
    rivals = [look for look in rest if look.state == "work" and not look.file.vague]
    other = [look for look in rivals if look.meaning != chosen.meaning]
    notes = []
    if other:
        names = ", ".join(look.name for look in other[:MOST_NAMED]) + (", …" if len(other) > MOST_NAMED else "")
        hold = "holds" if len(other) == 1 else "hold"
        notes.append(
            Problem(
                f"{chosen.name} was graded, which has {why}; {names} {hold} different work. "
                "To have another file graded, hand it in alone."
            )
        )
    notes += [Problem(f"{chosen.name} was graded. In addition, {look.sentence}") for look in rest if look.may_be_work]
    return notes[:MOST_NAMED]
