"""Whether speed limits let every implementation without a slow loop pass, and no loop over elements, rows or places.

Every implementation in ``tests/solutions/strangers`` of an exercise that is graded for speed, and the exercise's own
variants ``Plain`` and ``Slow``, are graded as a hand-in is.  The slowest honest one should stay 1.25 × below the
limit, and the fastest loop 1.25 × above.  A loop over a few classes, gates, channels or cells of a
kernel, and over time steps that depend on each other, is not a slow one.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.course import catalogue
from autograder.course.catalogue import Loaded
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.measuring import Speed
from autograder.report import Status
from autograder.spec import Exercise
from autograder.submission import Submission
from benchmarks.table import ROOT, Grid
from dlkit.extraction import Extraction
from tests.solutions.strangers import RIGHT

SEED = 4
PLAIN, SLOW = "the variant Plain", "the variant Slow"
LOOPING = {
    ("pairwise_distances", "takes differences row by row"),
    ("Linear", "row by row"),
    ("ReLU", "row by row"),
    ("Softmax", "explicit jacobian"),
    ("SoftmaxCrossEntropy", "sample loop"),
    ("Dropout", "row by row"),
    ("BatchNorm", "one feature after the other"),
    ("BatchNorm", "channel loop"),
    ("LayerNorm", "one row after the other"),
    ("LayerNorm", "row loop"),
    ("Conv2d", "place loops"),
    ("MaxPool2d", "window by window with unravel_index"),
    ("LSTM", "sequence by sequence"),
    ("CausalConv1d", "time by time"),
    ("LocallyConnected1d", "place by place"),
    ("LocallyConnected1d", "place loop"),
}
"""Exercise and name of the implementations that loop over elements, rows, features or places."""
WASTEFUL = {
    ("pairwise_distances", "takes all differences at once"),
    ("pairwise_distances", "hypot over columns"),
    ("Softmax", "a stack of Jacobians"),
    ("LocallyConnected1d", "one large matrix with weights on a band"),
}
"""Those whose time or memory grows faster than it has to: they may fail, and set no limit."""


@dataclass(frozen=True)
class Graded:
    """What grading one implementation gave; failed: the checks that it did not pass, speed among them."""

    name: str
    ratio: float
    failed: tuple[str, ...]


def tables(*, quick: bool) -> Iterator[Grid]:
    """Grade everything, one exercise after the other; quick: the first exercise only."""
    header = ["exercise", "limit", "slowest honest", "ratio", "limit / ratio", "fastest loop", "ratio", "ratio / limit",
              "not as it should be"]  # fmt: skip
    unknown = (LOOPING | WASTEFUL) - {(right.exercise, right.name) for rights in RIGHT.values() for right in rights}
    assert not unknown, f"no such implementation: {sorted(unknown)}"
    rows = rows_of(timed()[:1] if quick else timed())
    wasteful = ", ".join(f"{exercise}: {name}" for exercise, name in sorted(WASTEFUL))
    note = f"Left out, because their time or memory grows faster than it has to: {wasteful}."
    yield Grid("Speed limits beside honest implementations and loops", header, rows, note)


def timed() -> list[str]:
    """Names of the exercises that are graded for speed."""
    assignments = [catalogue.load(name, ROOT).assignment for name in RIGHT]
    return [exercise.name for one in assignments for exercise in one.exercises if speed_of(exercise)]


def speed_of(exercise: Exercise) -> Speed | None:
    """The limit on its speed."""
    return next((check.budget for check in exercise.checks if isinstance(check.budget, Speed)), None)


def rows_of(names: list[str]) -> list[list[str]]:
    """A row for each of these exercises; every implementation's figures go to stderr."""
    rows = []
    with open_launcher() as launcher:
        for assignment in RIGHT:
            loaded = catalogue.load(assignment, ROOT)
            grader = Grader(loaded, launcher, Options(seed=SEED, capstones=False))
            for exercise in loaded.assignment.exercises:
                speed = speed_of(exercise)
                if speed and exercise.name in names:
                    graded = [graded_once(grader, exercise, *source) for source in sources(loaded, exercise)]
                    rows.append(row(exercise.name, speed.at_most, graded))
    return rows


def sources(loaded: Loaded, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Name and text of every implementation of one exercise."""
    solution = loaded.source_of(exercise)
    for name, variant in ((PLAIN, "plain"), (SLOW, "slow")):
        yield name, exercise.varied(solution, exercise.variants.get(variant))
    for right in RIGHT[loaded.assignment.name]:
        if right.exercise == exercise.name:
            yield right.name, right.source if right.whole else exercise.varied(solution, right.source)


def graded_once(grader: Grader, exercise: Exercise, name: str, source: str) -> Graded:
    """Grade one implementation."""
    grader.limit_to({exercise.name})
    chunks = grader.loaded.variant(exercise, source)
    (result,) = grader.grade(Submission("hand_in.py", Extraction(chunks), "")).exercises
    failed = tuple(verdict.check for verdict in result.verdicts if verdict.status is not Status.PASSED)
    ratios = [v.measurement.value for v in result.verdicts if v.check == Speed.name and v.measurement]
    found = Graded(name, ratios[0] if ratios else math.nan, failed)
    print(f"{exercise.name} · {name} · {found.ratio:.2f} · {', '.join(failed)}", file=sys.stderr, flush=True)
    return found


def row(exercise: str, limit: float, graded: list[Graded]) -> list[str]:
    """One exercise's figures, and who passes or fails against expectation."""
    loops = [one for one in graded if one.name == SLOW or (exercise, one.name) in LOOPING]
    honest = [one for one in graded if one not in loops and (exercise, one.name) not in WASTEFUL]
    slowest, fastest = max(honest, key=lambda one: one.ratio), min(loops, key=lambda one: one.ratio)
    wrong = [f"{one.name} fails: {', '.join(one.failed)}" for one in honest if one.failed]
    wrong += [f"{one.name} passes" for one in loops if Speed.name not in one.failed]
    cells = [exercise, f"{limit:g}"]
    cells += [slowest.name, f"{slowest.ratio:.2f}", f"{limit / slowest.ratio:.2f}"]
    cells += [fastest.name, f"{fastest.ratio:.2f}", f"{fastest.ratio / limit:.2f}"]
    return [*cells, "; ".join(wrong)]
