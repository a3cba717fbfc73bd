"""Data of the learner's commands: the state file, progress, a hand-in."""

from __future__ import annotations

import msgspec

from autograder.report import FORMAT, ExerciseResult, Report

__all__ = [
    "AssignmentProgress",
    "Checked",
    "ExerciseProgress",
    "HandedFile",
    "Hint",
    "Hinted",
    "Manifest",
    "Next",
    "Progress",
    "State",
    "View",
    "WrittenExercise",
]


class Checked(msgspec.Struct, frozen=True):
    """The last verdict of one exercise; identity: hash of everything that it depends on."""

    identity: str
    result: ExerciseResult
    checked_at: str = ""


class Hinted(msgspec.Struct, frozen=True):
    """How many hints were shown; about: the verdict that they belong to."""

    about: str
    shown: int


class State(msgspec.Struct):
    """What is stored beside the learner's work; keys of exercises are like ``02_layers/Linear``.

    format: version of the schema, which is that of reports, since it holds verdicts; source: the course that
    assignments were copied from.
    """

    format: int = FORMAT
    source: str = ""
    checked: dict[str, Checked] = {}
    hinted: dict[str, Hinted] = {}


class Hint(msgspec.Struct, frozen=True):
    """One hint: its number and the total, its kind (where to look, the formula, the step), and its text."""

    exercise: str
    level: int
    of: int
    kind: str
    text: str


class ExerciseProgress(msgspec.Struct, frozen=True):
    """One exercise as it was last checked; status "" if its text was never checked.

    stale: whether its text, or something that it uses, has changed since; bonus: whether its points are extra.
    """

    name: str
    status: str
    points: float
    max_points: float
    stale: bool = False
    depends: list[str] = []
    bonus: bool = False


class AssignmentProgress(msgspec.Struct, frozen=True):
    """One assignment: its exercises, and the automatically graded points; problem: why it cannot be read.

    done: how many exercises are correct, bonus exercises aside; points: bonus points among them; max_points: without
    those.
    """

    name: str
    title: str
    exercises: list[ExerciseProgress]
    earlier: list[str] = []
    done: int = 0
    points: float = 0.0
    max_points: float = 0.0
    answered: int = 0
    questions: int = 0
    problem: str = ""

    @property
    def of(self) -> int:
        """How many exercises there are, bonus exercises aside."""
        return sum(not exercise.bonus for exercise in self.exercises)


class Next(msgspec.Struct, frozen=True):
    """The exercise to continue with, and why."""

    assignment: str
    exercise: str
    why: str


class Progress(msgspec.Struct, frozen=True):
    """Every assignment in the learner's folder, what is next, and what can be started."""

    assignments: list[AssignmentProgress]
    next: Next | None = None
    not_begun: list[str] = []


class HandedFile(msgspec.Struct, frozen=True):
    """A file of a hand-in."""

    name: str
    size: int
    sha256: str


class WrittenExercise(msgspec.Struct, frozen=True):
    """An exercise of a hand-in: ``written``, ``partly written`` or ``not written``."""

    name: str
    state: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a hand-in; lies in the zip as ``hand-in.json``."""

    format: int = 1
    assignment: str
    course: str
    files: list[HandedFile]
    exercises: list[WrittenExercise]
    answers: dict[str, bool]
    warnings: list[str]


class View(msgspec.Struct):
    """Everything that ``watch`` shows.

    statuses: of every exercise, "" if unknown; report: of all exercises, in place of one; problem: why the file
    cannot be read; notice: the answer to a key; running: what is being checked, if that takes long.
    """

    assignment: str
    title: str
    file: str = ""
    current: str = ""
    statuses: dict[str, str] = {}
    result: ExerciseResult | None = None
    report: Report | None = None
    hints: list[Hint] = []
    problem: str = ""
    notice: str = ""
    running: str = ""
    help: bool = False
    keys: bool = False
    seconds: float = 0.0
