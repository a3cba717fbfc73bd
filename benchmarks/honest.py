"""Whether limits let every implementation without a slow loop pass, and no loop over elements, rows or places.

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
from autograder.measuring import Memory, Speed
from autograder.report import Status
from autograder.spec import Exercise, Scope
from autograder.submission import Submission
from benchmarks.table import ROOT, Grid
from dlkit.extraction import Extraction
from tests.solutions.strangers import RIGHT

SEED = 4
PLAIN, SLOW, BULKY = (f"the variant {name}" for name in ("Plain", "Slow", "Bulky"))
LOOPING = {
    ("pairwise_distances", "takes differences row by row"),
    ("Linear", "row by row"),
    ("Linear", "one row at a time"),
    ("Linear", "rows outer products"),
    ("ReLU", "row by row"),
    ("Softmax", "explicit jacobian"),
    ("Softmax", "moveaxis explicit jacobian loop"),
    ("SoftmaxCrossEntropy", "sample loop"),
    ("Dropout", "row by row"),
    ("BatchNorm", "one feature after the other"),
    ("BatchNorm", "channel loop"),
    ("LayerNorm", "one row after the other"),
    ("LayerNorm", "row loop"),
    ("LayerNorm", "row by row"),
    ("Conv2d", "place loops"),
    ("MaxPool2d", "window by window with unravel_index"),
    ("LSTM", "sequence by sequence"),
    ("CausalConv1d", "time by time"),
    ("LocallyConnected1d", "place by place"),
    ("LocallyConnected1d", "place loop"),
    ("LocallyConnected1d", "loop over the places"),
    ("BPETokenizer", "counts anew with a Counter"),
    ("cosine_neighbours", "one query at a time"),
    ("cosine_neighbours", "full sort loop"),
    ("Embedding", "loop rows"),
    ("Embedding", "unique sums"),
    ("AdditiveAttention", "broadcast loop time"),
    ("ScaledDotProductAttention", "python loops"),
    ("Conv2dFast", "one product per output pixel"),
    ("LSTMFusedGates", "sequence by sequence, gate by gate"),
    ("AttentionChunked", "query by query"),
}
"""Exercise and name of the implementations that loop over elements, rows, features or places."""
WASTEFUL = {
    ("pairwise_distances", "takes all differences at once"),
    ("pairwise_distances", "hypot over columns"),
    ("pairwise_distances", "loop over columns"),
    ("pairwise_distances", "column by column"),
    ("Softmax", "a stack of Jacobians"),
    ("LocallyConnected1d", "one large matrix with weights on a band"),
    ("BPETokenizer", "arrays, pairs as numbers"),
    ("BPETokenizer", "counter naive"),
    ("BPETokenizer", "string replace"),
    ("Embedding", "one hot matmul"),
    ("SoftmaxCrossEntropyFused", "targets as a matrix"),
    ("AttentionChunked", "always four blocks"),
    ("gradient_checkpoint", "only the middle is kept"),
}
"""Those whose time or memory grows faster than it has to: they may fail, and set no limit."""


@dataclass(frozen=True)
class Graded:
    """What grading one implementation gave: ratios by check, and the names of the checks that it did not pass."""

    name: str
    ratios: dict[str, float]
    failed: tuple[str, ...]


def tables(*, quick: bool) -> Iterator[Grid]:
    """Grade everything, one exercise after the other; quick: the first exercise only."""
    unknown = (LOOPING | WASTEFUL) - {(right.exercise, right.name) for rights in RIGHT.values() for right in rights}
    assert not unknown, f"no such implementation: {sorted(unknown)}"
    yield from grids(timed()[:1] if quick else timed())


def grids(names: list[str]) -> Iterator[Grid]:
    """Speed, then memory, of these exercises."""
    speed: list[list[str]] = []
    memory: list[list[str]] = []
    with open_launcher() as launcher:
        for assignment in RIGHT:
            loaded = catalogue.load(assignment, ROOT)
            grader = Grader(loaded, launcher, Options(seed=SEED, scope=Scope(capstones=False)))
            for exercise in loaded.assignment.exercises:
                if exercise.name not in names:
                    continue
                graded = [graded_once(grader, exercise, *source) for source in sources(loaded, exercise)]
                budgets = [check.budget for check in exercise.checks]
                speed += [speed_row(exercise.name, budget, graded) for budget in budgets if isinstance(budget, Speed)]
                memory += [memory_row(exercise.name, one, graded) for one in budgets if isinstance(one, Memory)]
    wasteful = ", ".join(f"{exercise}: {name}" for exercise, name in sorted(WASTEFUL))
    left_out = f"Left out, because their time or memory grows faster than it has to: {wasteful}."
    ends = ["ratio / limit", "not as it should be"]
    header = ["exercise", "limit", "slowest honest", "ratio", "limit / ratio", "fastest loop", "ratio of it", *ends]
    yield Grid("Speed limits beside honest implementations and loops", header, speed, left_out)
    header = ["exercise", "limit", "largest honest", "ratio", "limit / ratio", "least wasteful", "ratio of it", *ends]
    yield Grid("Memory limits beside honest and wasteful implementations", header, memory)


def timed() -> list[str]:
    """Names of the exercises that are graded for speed."""
    assignments = [catalogue.load(name, ROOT).assignment for name in RIGHT]
    exercises = [exercise for one in assignments for exercise in one.exercises]
    return [one.name for one in exercises if any(isinstance(check.budget, Speed) for check in one.checks)]


def sources(loaded: Loaded, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Name and text of every implementation of one exercise."""
    solution = loaded.source_of(exercise)
    for name, variant in ((PLAIN, "plain"), (SLOW, "slow"), (BULKY, "bulky")):
        if variant in exercise.variants:
            yield name, exercise.varied(solution, exercise.variants[variant])
    for right in RIGHT[loaded.assignment.name]:
        if right.exercise == exercise.name:
            yield right.name, right.source if right.whole else exercise.varied(solution, right.source)


def graded_once(grader: Grader, exercise: Exercise, name: str, source: str) -> Graded:
    """Grade one implementation; its figures go to stderr."""
    grader.limit_to({exercise.name})
    chunks = grader.loaded.variant(exercise, source)
    (result,) = grader.grade(Submission("hand_in.py", Extraction(chunks), "")).exercises
    failed = tuple(verdict.check for verdict in result.verdicts if verdict.status is not Status.PASSED)
    ratios = {verdict.check: verdict.measurement.value for verdict in result.verdicts if verdict.measurement}
    figures = ", ".join(f"{check} {ratio:.2f}" for check, ratio in ratios.items())
    print(f"{exercise.name} · {name} · {figures} · failed: {', '.join(failed)}", file=sys.stderr, flush=True)
    return Graded(name, ratios, failed)


def speed_row(exercise: str, speed: Speed, graded: list[Graded]) -> list[str]:
    """One exercise's figures of speed, and who passes or fails against expectation."""
    loops = [one for one in graded if one.name == SLOW or (exercise, one.name) in LOOPING]
    others = [one for one in graded if one not in loops and one.name != BULKY]
    honest = [one for one in others if (exercise, one.name) not in WASTEFUL]
    return [exercise, *row(speed, honest, loops), against(Speed.name, honest, loops)]


def memory_row(exercise: str, memory: Memory, graded: list[Graded]) -> list[str]:
    """One exercise's figures of memory."""
    bulky = [one for one in graded if one.name == BULKY]
    others = [one for one in graded if one not in bulky and (exercise, one.name) not in WASTEFUL]
    return [exercise, *row(memory, others, bulky), against(Memory.name, others, bulky)]


def row(budget: Speed | Memory, honest: list[Graded], costly: list[Graded]) -> list[str]:
    """The limit, and the nearest on both sides."""
    limit, check = budget.at_most, budget.name
    most = max(honest, key=lambda one: one.ratios.get(check, 0))
    least = min(costly, key=lambda one: one.ratios.get(check, math.inf))
    high, low = most.ratios.get(check, math.nan), least.ratios.get(check, math.nan)
    sides = [most.name, f"{high:.2f}", f"{limit / high:.2f}", least.name, f"{low:.2f}", f"{low / limit:.2f}"]
    return [f"{limit:g}", *sides]


def against(check: str, honest: list[Graded], costly: list[Graded]) -> str:
    """Who passes or fails against expectation."""
    wrong = [f"{one.name} fails: {', '.join(one.failed)}" for one in honest if check in one.failed]
    wrong += [f"{one.name} was not measured" for one in honest if check not in one.ratios]
    wrong += [f"{one.name} passes" for one in costly if check not in one.failed]
    return "; ".join(wrong)
