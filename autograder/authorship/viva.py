"""Questions for a viva: one line of a student's own code is changed, and the student says what then fails, and why.

Nothing is claimed that was not run: the student's code passes, and the changed code fails the check that is named.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from autograder.authorship.changes import Changed, changes_of
from autograder.classroom.finding import Entry, find_hand_ins, submission_of
from autograder.classroom.grading import chosen, unpacked
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.grading.session import Session
from autograder.grading.workplace import Workplace
from autograder.isolation.launcher import Launcher, Limits, open_launcher
from autograder.render.reading import NAME, clean
from autograder.render.viva import Question
from autograder.report import ExerciseResult, Status
from autograder.spec import Exercise, Scope
from autograder.submission import Submission, SubmissionError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["QUESTIONS", "questions_for"]

QUESTIONS = 3
TRIES = 12
"""Changes of one exercise that are run for one question."""
RAISED = "raised "
"""The beginning of a verdict on code that does not run: what it computes is the better question."""
LIMITS = Limits(cpu_s=1.0, wall_s=60.0, memory_mb=1024)


def questions_for(
    student: str,
    folder: Path,
    root: Path,
    *,
    assignment: str | None = None,
    seed: int = 0,
    isolation: str = "full",
) -> tuple[str, list[Question]]:
    """At most three questions on a student's own code; with them, the student's id.

    seed: draws the questions and the inputs; a student always gets the same ones for a seed.
    Raises UsageError if the student is unknown, handed in nothing, or no exercise passes; IsolationError below the
    level.
    """
    name = catalogue.find(assignment, root) if assignment else None
    with unpacked(folder) as (place, packed, _):
        found = find_hand_ins(place, root, name, packed=packed)
        entries = [entry for entry in chosen(found, [student]) if entry.files or entry.files is None]
        if not entries:
            message = f"{clean(student, NAME)} handed in nothing for {name}."
            raise UsageError(message)
        with open_launcher() as launcher:
            questions = _asked(entries, root, launcher, Options(seed=seed, isolation=isolation, limits=LIMITS))
    if not questions:
        names = ", ".join(entry.assignment for entry in entries)
        message = (
            f"There is nothing to ask {clean(student, NAME)}: no exercise of {names} passes its checks, or none can be "
            "changed so that a check fails. Name another --assignment."
        )
        raise UsageError(message)
    return entries[0].student, questions


def _asked(entries: list[Entry], root: Path, launcher: Launcher, options: Options) -> list[Question]:
    """One question of each exercise in turn, in an order by chance, until there are three."""
    random = Random(int.from_bytes(_digest(options.seed, entries[0].student)))  # noqa: S311 - draws no secret
    sources = []
    for entry in entries:
        loaded = catalogue.load(entry.assignment, root)
        try:
            submission = submission_of(entry, loaded)
        except SubmissionError:
            continue
        examined = _Examined(loaded, submission, launcher, options)
        written = [e for e in loaded.assignment.exercises if submission.source_of(e) and not submission.unwritten(e)]
        sources += [(examined, exercise) for exercise in written if not exercise.capstone]
    random.shuffle(sources)
    waiting = [examined.questions(exercise, random) for examined, exercise in sources]
    found: list[Question] = []
    while waiting and len(found) < QUESTIONS:
        asker = waiting.pop(0)
        question = next(asker, None)
        if question is not None:
            found.append(question)
            waiting.append(asker)
    return found


def _digest(seed: int | None, student: str) -> bytes:
    return hashlib.sha256(json.dumps([seed, student]).encode()).digest()


class _Examined:
    """A hand-in, and the grader that runs its code."""

    def __init__(self, loaded: Loaded, submission: Submission, launcher: Launcher, options: Options) -> None:
        self.loaded, self.submission = loaded, submission
        self._launcher, self._options = launcher, options
        self._made: Grader | None = None

    @property
    def _grader(self) -> Grader:
        if self._made is None:
            self._made = Grader(self.loaded, self._launcher, self._options)
        return self._made

    def questions(self, exercise: Exercise, random: Random) -> Iterator[Question]:
        """Questions on one exercise that passes, each on other lines."""
        source = self.submission.source_of(exercise) or ""
        if not self._passes(exercise):
            return
        asked: set[int] = set()
        tries = 0
        for change in changes_of(source, exercise, random):
            if change.line in asked:
                continue
            tries += 1
            if tries > TRIES:
                return
            question = self._question(exercise, source, change)
            if question is not None:
                asked.add(change.line)
                tries = 0
                yield question

    def _passes(self, exercise: Exercise) -> bool:
        verdicts = self._run(exercise, self.submission).verdicts
        return bool(verdicts) and all(verdict.status is Status.PASSED for verdict in verdicts)

    def _question(self, exercise: Exercise, source: str, change: Changed) -> Question | None:
        """The question, if the changed code runs and fails a check; it is run here."""
        result = self._run(exercise, self._with(exercise, source, change.source))
        failed = next((verdict for verdict in result.verdicts if verdict.status is Status.FAILED), None)
        if failed is None or failed.sentence.startswith(RAISED):
            return None
        return Question(
            assignment=self.loaded.assignment.name,
            exercise=exercise.name,
            source=source,
            line=change.line,
            old=change.old,
            new=change.new,
            check=failed.check,
            sentence=failed.sentence,
            hint=change.hint,
        )

    def _with(self, exercise: Exercise, old: str, new: str) -> Submission:
        """The hand-in with another text of one exercise."""
        found = self.submission.extraction
        chunks = tuple(
            dataclasses.replace(chunk, source=new) if chunk.source == old and exercise.name in chunk.defines else chunk
            for chunk in found.chunks
        )
        return Submission(self.submission.file, dataclasses.replace(found, chunks=chunks), "")

    def _run(self, exercise: Exercise, submission: Submission) -> ExerciseResult:
        """Run the checks in order, up to the first that fails; none of them trains or measures."""
        checks = [c for c in Scope(capstones=False).checks(exercise) if not c.budget and not c.device_only]
        place = Workplace(self._grader.context, exercise, submission, self.loaded.earlier)
        try:
            session = Session(place, self._grader.diagnostics, checks=checks, explains=False, ends_at_failure=True)
            return session.grade()
        finally:
            place.end()
