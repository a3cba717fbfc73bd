"""What is done, what is next and why, from the verdicts of the last checks; nothing is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import catalogue
from autograder.learner import state
from autograder.learner.originals import available
from autograder.learner.records import AssignmentProgress, ExerciseProgress, Next, Progress, State
from autograder.learner.work import open_work
from autograder.render.reading import RIGHT
from autograder.report import Status
from autograder.submission import SubmissionError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.learner.work import Work
    from autograder.spec import Exercise

__all__ = ["progress"]


def progress(root: Path, names: list[str]) -> Progress:
    """Gather the progress of some assignments, in order."""
    known = state.read(root)
    every = [_of_assignment(catalogue.load(name, root), known) for name in names]
    not_begun = [name for name in available(root) if name not in catalogue.names(root)]
    return Progress(every, _next(every), not_begun)


def _of_assignment(loaded: Loaded, known: State) -> AssignmentProgress:
    assignment = loaded.assignment
    work, problem = None, ""
    try:
        work = open_work(loaded)
    except SubmissionError as error:
        problem = str(error)
    exercises = [_of_exercise(exercise, assignment.name, work, known) for exercise in assignment.exercises]
    written = work.submission.written if work else []
    return AssignmentProgress(
        assignment.name,
        assignment.title,
        exercises,
        list(assignment.earlier),
        sum(one.status in RIGHT for one in exercises if not one.bonus),
        round(sum(one.points for one in exercises), 2),
        round(sum(one.max_points for one in exercises if not one.bonus), 2),
        sum(answer.answered for answer in written),
        len(assignment.questions),
        problem,
    )


def _of_exercise(exercise: Exercise, assignment: str, work: Work | None, known: State) -> ExerciseProgress:
    """What the last check said, or what the text alone shows: an untouched stub needs no check."""
    checked = known.checked.get(state.key(assignment, exercise.name))
    status, points, stale = "", 0.0, False
    if work and work.submission.unwritten(exercise) == set(exercise.parts):
        status = Status.NOT_ATTEMPTED
    elif checked is not None:
        status, points = checked.result.status, checked.result.points
        stale = work is None or checked.identity != work.identity(exercise.name)
    depends = list(exercise.depends)
    return ExerciseProgress(exercise.name, status, points, exercise.total, stale, depends, exercise.bonus)


def _next(assignments: list[AssignmentProgress]) -> Next | None:
    """The first exercise that is not correct, preceded by whatever it uses; bonus exercises come last of all."""
    unfinished = {one.name for one in assignments if one.done < one.of}
    for assignment, bonus in [(one, bonus) for bonus in (False, True) for one in assignments]:
        wrong = {one.name: one for one in assignment.exercises if one.status not in RIGHT}
        for exercise in [one for one in wrong.values() if one.bonus is bonus and one.max_points]:
            missing = [name for name in exercise.depends if name in wrong]
            first = wrong[missing[0]] if missing else exercise
            return Next(assignment.name, first.name, _why(assignment, first, wrong, unfinished))
    return None


def _why(
    assignment: AssignmentProgress, exercise: ExerciseProgress, wrong: dict[str, ExerciseProgress], unfinished: set[str]
) -> str:
    """Why this one is next: its verdict, what uses it, what it builds on."""
    was = {Status.NOT_ATTEMPTED: "is still to be written", "": "has not been checked"}
    said = was.get(exercise.status, "is not correct yet")
    reasons = [f"it {said}{', for bonus points' if exercise.bonus else ''}"]
    if users := [one.name for one in assignment.exercises if exercise.name in one.depends]:
        reasons.append(f"{', '.join(users)} {'uses' if len(users) == 1 else 'use'} it")
    if own := [name for name in exercise.depends if name not in wrong]:
        reasons.append(f"what it uses is correct: {', '.join(own)}")
    if open_earlier := [name for name in assignment.earlier if name in unfinished]:
        reasons.append(f"{assignment.name} builds on {', '.join(open_earlier)}, which is not finished")
    return "; ".join(reasons)
