"""The model answer of a written question, for a learner who has answered it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.course import catalogue
from autograder.course.catalogue import Loaded, UsageError
from autograder.course.model_answers import ANSWERS, ModelAnswer, model_answers, released_answers
from autograder.learner.originals import came_from
from autograder.learner.work import open_work
from autograder.spec import Question
from dlkit import course

__all__ = ["Answered", "answered"]


@dataclass(frozen=True)
class Answered:
    """A question that has been answered, with its model answer."""

    assignment: str
    question: Question
    model: ModelAnswer


def answered(target: str, root: Path) -> Answered:
    """Find a question (``valley``, ``foundations.valley``, ``foundations.1``) and its model answer.

    Raises UsageError where there is no such question, where it has no answer yet, or where the course that the
    assignment came from has no model answer.
    """
    loaded, question = _question(target, root)
    name = loaded.assignment.name
    own = next(one for one in open_work(loaded).submission.written if one.name == question.name)
    if not own.answered:
        message = f"Write your own answer to “{question.name}” of {name} first, and save; then ask again."
        raise UsageError(message)
    for place in came_from(loaded.root):
        released = released_answers(course.shelf(place) / name / ANSWERS)
        found = {**released, **model_answers(place / "solutions" / name / f"{loaded.assignment.module}.py")}
        if question.name in found:
            return Answered(name, question, found[question.name])
    message = f"The course that {name} comes from was handed out without model answers: ask whoever gave it to you."
    raise UsageError(message)


def _question(target: str, root: Path) -> tuple[Loaded, Question]:
    """The question of this name, or of this number in a named assignment."""
    wanted, _, name = target.rpartition(".")
    every = [catalogue.load(one, root) for one in catalogue.names(root)]
    own = [one for one in every if wanted in ("", one.assignment.module, one.assignment.name, one.assignment.name[:2])]
    found = [
        (one, question)
        for one in own
        for number, question in enumerate(one.assignment.questions, 1)
        if name == question.name or (wanted and name == str(number))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f"{one.assignment.module}.{name}" for one, _ in found)
        message = f"Several assignments have a question '{name}': say {names}."
    else:
        known = (
            f"{one.assignment.module}.{question.name}" for one in own or every for question in one.assignment.questions
        )
        message = f"There is no written question '{target}'. Questions are: {', '.join(known)}."
    raise UsageError(message)
