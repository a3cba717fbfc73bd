"""A hand-in: its content, warnings about it, and its zip file."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path

import msgspec

from autograder.learner import state
from autograder.learner.records import HandedFile, Manifest, WrittenExercise
from autograder.learner.work import Work
from autograder.report import Status
from autograder.writing import write_atomically

__all__ = ["describe", "pack", "write"]

MANIFEST = "hand-in.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time stamp of every file in the zip: the same work gives the same bytes."""


def describe(work: Work) -> Manifest:
    """Describe what would be handed in, with a warning for everything that may be unintended."""
    from autograder.grading.grader import versions

    data = work.path.read_bytes()
    written = [WrittenExercise(e.name, _written(work, e.name)) for e in work.assignment.exercises]
    return Manifest(
        assignment=work.assignment.name,
        course=versions()["dlkit-course"],
        files=[HandedFile(f"{work.assignment.module}{work.path.suffix}", len(data), hashlib.sha256(data).hexdigest())],
        exercises=written,
        answers={answer.name: answer.answered for answer in work.submission.written},
        warnings=_warnings(work, written),
    )


def _written(work: Work, name: str) -> str:
    exercise = work.assignment.exercise(name)
    unwritten = work.submission.unwritten(exercise)
    if work.submission.broken_cell(exercise) or not unwritten:
        return "written"
    return "not written" if len(unwritten) == len(exercise.parts) else "partly written"


def _warnings(work: Work, written: list[WrittenExercise]) -> list[str]:
    found = [problem.sentence for problem in work.submission.problems]
    used = " ".join(work.sources.values())
    found += [
        f"{name} comes from {package}, which an exercise may not import."
        for name, package in work.submission.extraction.refused.items()
        if re.search(rf"\b{re.escape(name)}\b", used)
    ]
    for exercise in work.assignment.exercises:
        missing = sorted(work.submission.unwritten(exercise) - {exercise.name})
        if missing and len(missing) < len(exercise.parts):
            what = (
                "is still as published" if exercise.published else "still raises NotImplementedError, or does nothing"
            )
            found.append(f"{exercise.name}.{missing[0]} {what}.")
    optional = {exercise.name for exercise in work.assignment.exercises if exercise.optional}
    if empty := [one.name for one in written if one.state == "not written" and one.name not in optional]:
        found.append(f"Not written: {', '.join(empty)}.")
    if unanswered := [answer.name for answer in work.submission.written if not answer.answered]:
        found.append(f"No answer yet to the questions: {', '.join(unanswered)}.")
    return found + _unproved(work, written)


def _unproved(work: Work, written: list[WrittenExercise]) -> list[str]:
    """What the last checks say about the current text."""
    known = state.read(work.loaded.root)
    results = {one.name: state.last(known, work, one.name) for one in written if one.state != "not written"}
    wrong = [name for name, result in results.items() if result and result.status in (Status.FAILED, Status.BROKEN)]
    unknown = [name for name, result in results.items() if result is None]
    found = [f"Not correct when last checked: {', '.join(wrong)}."] if wrong else []
    return found + ([f"Not checked since the last change: {', '.join(unknown)}."] if unknown else [])


def pack(work: Work, manifest: Manifest) -> bytes:
    """Pack the work: ``ASSIGNMENT/FILE`` and ``ASSIGNMENT/hand-in.json``, stored, always to the same bytes."""
    entries = {
        manifest.files[0].name: work.path.read_bytes(),
        MANIFEST: msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n",
    }
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(entries.items()):
            member = zipfile.ZipInfo(f"{manifest.assignment}/{name}", LONG_AGO)
            member.create_system = 3  # as on Unix, wherever it is packed
            member.external_attr = 0o100644 << 16
            archive.writestr(member, data)
    return whole.getvalue()


def write(to: Path, content: bytes) -> bool:
    """Write the whole zip or nothing; return whether this changed anything."""
    if to.is_file() and to.read_bytes() == content:
        return False
    write_atomically(to, content)
    return True
