"""Which diagnoses an incorrect implementation gets, and whether they are true: for the tests and the benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import Launcher
from autograder.report import ExerciseResult, Status
from autograder.spec import Assignment
from autograder.submission import Submission
from dlkit.extraction import Extraction
from tests.diagnosis.unseen import UNSEEN, Unseen, held_out, open_to_see

__all__ = [
    "ASSIGNMENTS",
    "HELD_OUT",
    "OPEN_TO_SEE",
    "ROWS",
    "SETS",
    "Judged",
    "Judges",
    "claims",
    "is_among",
    "result_of",
    "variant",
]

ROOT = Path(__file__).resolve().parents[2]
TOGETHER = ("02_layers", "03_losses", "01_foundations", "04_optimizers", "06_convolution")
SETS = (
    tuple(row for name in TOGETHER for row in UNSEEN[name]),
    *(rows for name, rows in UNSEEN.items() if name not in TOGETHER),
)
"""As they were written; of each a third is held out."""
ROWS = tuple(row for rows in SETS for row in rows)
HELD_OUT = tuple(row for rows in SETS for row in held_out(rows))
OPEN_TO_SEE = tuple(row for rows in SETS for row in open_to_see(rows))
ASSIGNMENTS = tuple(catalogue.names(ROOT))


@dataclass(frozen=True)
class Judged:
    """One implementation with what was claimed of it.

    truth: true, false or silent; as_foreseen: every claim is one that was written down beforehand.
    """

    row: Unseen
    claims: list[str]
    result: ExerciseResult

    @property
    def truth(self) -> str:
        if not self.claims:
            return "silent"
        return "true" if all(is_among(claim, self.row.true + self.row.also) for claim in self.claims) else "false"

    @property
    def as_foreseen(self) -> bool:
        return all(is_among(claim, self.row.true) for claim in self.claims)


def result_of(grader: Grader, name: str, source: str) -> ExerciseResult:
    """What this grader says of another text of one exercise, the rest of the reference being as it is."""
    loaded = catalogue.load(grader.loaded.assignment.name, ROOT)  # whole, with what its capstones bring along
    chunks = loaded.variant(loaded.assignment.exercise(name), source)
    grader.limit_to({name})
    (result,) = grader.grade(Submission("hand_in.py", Extraction(chunks), "")).exercises
    _refuse_broken(result)
    return result


def _refuse_broken(result: ExerciseResult) -> None:
    """A verdict that the grader failed to make shows nothing of the code."""
    broken = [verdict.sentence for verdict in result.verdicts if verdict.status is Status.BROKEN]
    assert not broken, broken


def is_among(claim: str, allowed: tuple[str, ...]) -> bool:
    """Whether a claim is one of these, or fits one of them as a pattern of file names."""
    return any(claim == pattern or fnmatchcase(claim, pattern) for pattern in allowed)


class Judges:
    """Graders of these assignments, without training and timing; earlier work is correct.

    course: where the checks come from: the author's tree, or a folder with what students get.
    """

    def __init__(self, launcher: Launcher, *, seed: int, course: Path = ROOT) -> None:
        self.graders = {}
        for name in ASSIGNMENTS:
            loaded = catalogue.load(name, course)
            self.graders[name] = Grader(
                replace(loaded, assignment=_untimed(loaded.assignment)), launcher, Options(seed=seed)
            )

    def judge(self, rows: tuple[Unseen, ...]) -> Iterator[Judged]:
        """Grade each, and judge the diagnoses."""
        for row in rows:
            name, submission = variant(row)
            grader = self.graders[name]
            grader.limit_to({row.exercise})
            result = grader.grade(submission, earlier=catalogue.load(name, ROOT).earlier).exercises[0]
            _refuse_broken(result)
            yield Judged(row, list(claims(result)), result)


def claims(result: ExerciseResult) -> Iterator[str]:
    """What was claimed of an implementation: planted mistakes by their names, and patterns."""
    for verdict in result.verdicts:
        if verdict.status is Status.FAILED:
            yield from (f"mistake: {name}" for name in verdict.mistakes)
            yield from filter(None, verdict.pattern.split("; "))


def _untimed(assignment: Assignment) -> Assignment:
    exercises = [
        replace(exercise, checks=[check for check in exercise.checks if not check.budget])
        for exercise in assignment.exercises
        if not exercise.capstone
    ]
    return Assignment(
        assignment.name,
        title=assignment.title,
        exercises=exercises,
        questions=assignment.questions,
        earlier=assignment.earlier,
    )


def variant(row: Unseen) -> tuple[str, Submission]:
    """The assignment's name, and the reference with this exercise in it as the submission."""
    for name in ASSIGNMENTS:
        loaded = catalogue.load(name, ROOT)
        exercise = next((e for e in loaded.assignment.exercises if e.name == row.exercise), None)
        if exercise:
            source = exercise.varied(loaded.source_of(exercise), row.source)
            return name, Submission("unseen.py", Extraction(loaded.variant(exercise, source)), "")
    message = f"no assignment has {row.exercise}"
    raise LookupError(message)
