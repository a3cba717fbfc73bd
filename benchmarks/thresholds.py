"""How often a speed check is incorrect, on an idle machine and beside neighbours that spin or copy memory.

Four kinds of code, each as the reference, as slow as students write it, and half again as slow as the reference with a
limit of 1.25.  On the same runs two other rules decide as well: the ratio of medians of wall time, and of
minima, as ``timeit`` advises.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from autograder.checks import FunctionExercise
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.isolation.worker import Worker
from autograder.measuring import Speed
from autograder.measuring.cores import usable
from autograder.measuring.speed import compare
from autograder.report import Pace, Timing
from autograder.spec import Bench, Case
from autograder.subject import LocalSubject, RemoteSubject
from benchmarks.table import Grid

GRADINGS = 200
LIMIT, GENEROUS = 1.25, 3.0
HALF_AGAIN, SHARES = 1.5, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Kind:
    """One function in three correct versions: fast, half again as slow, and slow.

    half_again: does the work again for the first ROWS rows; as many as it takes.  shapes: of its inputs.
    """

    name: str
    reference: str
    half_again: str
    slow: str
    shapes: dict[str, tuple[int, ...]]


CONV = """
def columns(x):
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * 9)
"""

KINDS = (
    Kind(
        "Linear",
        "def f(x, W):\n    return np.tanh(x @ W)\n",
        "def f(x, W):\n    np.tanh(x[:ROWS] @ W)\n    return np.tanh(x @ W)\n",
        "def f(x, W):\n    return np.stack([np.tanh((row[:, None] * W).sum(axis=0)) for row in x])\n",
        {"x": (512, 384), "W": (384, 384)},
    ),
    Kind(
        "softmax",
        "def f(x):\n    e = np.exp(x - x.max(axis=1, keepdims=True))\n    return e / e.sum(axis=1, keepdims=True)\n",
        "def f(x):\n    g(x[:ROWS])\n    return g(x)\n\n"
        "def g(x):\n    e = np.exp(x - x.max(axis=1, keepdims=True))\n    return e / e.sum(axis=1, keepdims=True)\n",
        "def f(x):\n    return np.stack([np.exp(row - row.max()) / np.exp(row - row.max()).sum() for row in x])\n",
        {"x": (4096, 64)},
    ),
    Kind(
        "im2col convolution",
        CONV + "def f(x, W):\n    return columns(x) @ W\n",
        CONV + "def f(x, W):\n    columns(x[:ROWS]) @ W\n    return columns(x) @ W\n",
        CONV + "def f(x, W):\n    w = W.reshape(x.shape[1], 3, 3, -1)\n    rows = []\n    for image in x:\n"
        "        for i in range(x.shape[2] - 2):\n            for j in range(x.shape[3] - 2):\n"
        "                rows.append(np.tensordot(image[:, i : i + 3, j : j + 3], w, 3))\n    return np.stack(rows)\n",
        {"x": (16, 8, 24, 24), "W": (72, 16)},
    ),
    Kind(
        "Python loop",
        "def f(x):\n    s, y = 0.0, []\n    for v in x.tolist():\n        s = 0.9 * s + v\n        y.append(s)\n"
        "    return np.array(y, x.dtype)\n",
        "def f(x):\n    g(x[:ROWS])\n    return g(x)\n\n"
        "def g(x):\n    s, y = 0.0, []\n    for v in x.tolist():\n        s = 0.9 * s + v\n        y.append(s)\n"
        "    return np.array(y, x.dtype)\n",
        "def f(x):\n    y = np.zeros(len(x), x.dtype)\n    s = 0.0\n    for i in range(len(x)):\n"
        "        s = 0.9 * s + float(x[i])\n        y[i] = np.asarray(s) * np.ones(1)[0]\n    return y\n",
        {"x": (30_000,)},
    ),
)


def spin() -> None:
    """Compute until killed."""
    while True:
        sum(range(10_000))


def copy() -> None:
    """Copy memory until killed."""
    a, b = np.zeros((2, 8 << 20))
    while True:
        np.copyto(a, b)


NEIGHBOURS: dict[str, Callable[[], None] | None] = {"idle": None, "both cores spin": spin, "both cores copy": copy}


@contextlib.contextmanager
def beside(neighbour: Callable[[], None] | None) -> Iterator[None]:
    """Keep every core busy for the length of the block."""
    context = multiprocessing.get_context("fork")
    count = len(usable()) if neighbour else 0
    started = [context.Process(target=neighbour, daemon=True) for _ in range(count)]
    for process in started:
        process.start()
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.join()


@dataclass
class Tally:
    """Outcomes of many gradings of one piece of code, by each rule."""

    paces: Counter[str] = field(default_factory=Counter)
    by_median: Counter[bool] = field(default_factory=Counter)
    by_minimum: Counter[bool] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def add(self, figures: Any, limit: float, seconds: float) -> None:
        """Add one grading."""
        self.paces[figures.pace] += 1
        ours, theirs = ([getattr(pair, name) for pair in figures.raw] for name in ("code_wall", "reference_wall"))
        self.by_median[statistics.median(ours) / statistics.median(theirs) > limit] += 1
        self.by_minimum[min(ours) / min(theirs) > limit] += 1
        self.seconds.append(seconds)
        self.ratios.append(figures.ratio)

    def row(self, *, should_pass: bool) -> list[str]:
        """How often each rule was incorrect, the share of inconclusive verdicts, and what one grading cost."""
        wrong_pace = Pace.OVER if should_pass else Pace.UNDER
        many = len(self.seconds)
        wrong = [self.paces[wrong_pace], self.by_median[should_pass], self.by_minimum[should_pass]]
        shares = [*wrong[:1], self.paces[Pace.OPEN], *wrong[1:]]
        middle = f"{statistics.median(self.ratios):.2f}"
        return [
            middle,
            *(f"{100 * share / many:.1f} %" for share in shares),
            f"{statistics.median(self.seconds):.2f} s",
        ]


def calibrated(launcher: Launcher, kind: Kind) -> Kind:
    """Find how many rows cost half as much again when computed twice: smaller arrays are cheaper than their share."""
    found = {}
    for share in SHARES:
        rows = round(share * kind.shapes["x"][0])
        made = replace(kind, half_again=kind.half_again.replace("ROWS", str(rows)))
        ratios = [ratio for seed in range(3) for ratio in measured(launcher, made, "half_again", LIMIT, seed).pairs]
        found[abs(statistics.median(ratios) - HALF_AGAIN)] = made
    return found[min(found)]


def tables(*, quick: bool) -> Iterator[Grid]:
    """Grade everything beside every neighbour."""
    gradings = 3 if quick else GRADINGS
    header = ["neighbours", "code", "variant", "limit", "ratio", "wrong", "inconclusive", "wrong: medians of wall",
              "wrong: minima of wall", "one grading"]  # fmt: skip
    rows = []
    with open_launcher() as launcher:
        kinds = [calibrated(launcher, kind) for kind in KINDS]
        for name, neighbour in NEIGHBOURS.items():
            with beside(neighbour):
                for kind in kinds:
                    for variant, limit in (("reference", LIMIT), ("half_again", LIMIT), ("slow", GENEROUS)):
                        tally = graded(launcher, kind, variant, limit, gradings)
                        row = tally.row(should_pass=variant == "reference")
                        rows.append([name, kind.name, variant.replace("_", " "), f"{limit:g}", *row])
                        print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
    yield Grid(f"Speed verdicts, {gradings} gradings of each", header, rows)


def graded(launcher: Launcher, kind: Kind, variant: str, limit: float, times: int) -> Tally:
    """Grade one variant of one kind many times, with fresh inputs each."""
    tally = Tally()
    for seed in range(times):
        started = time.perf_counter()
        figures = measured(launcher, kind, variant, limit, seed)
        tally.add(figures, limit, time.perf_counter() - started)
    return tally


def measured(launcher: Launcher, kind: Kind, variant: str, limit: float, seed: int) -> Timing:
    """Grade once."""
    budget = Speed(Case(**kind.shapes), at_most=limit)
    exercise = FunctionExercise("f", cases=lambda _: [], points=1, speed=budget)
    bench = Bench(
        code=lambda: loaded(launcher, getattr(kind, variant)),
        reference=lambda: loaded(launcher, kind.reference),
        pieces=lambda: loaded(launcher, kind.reference),
        shapes=LocalSubject.from_chunks("work", chunks(kind.reference)),
        rng=np.random.default_rng(seed),
    )
    figures, mismatch = compare(budget, exercise.find(budget.name), bench)
    assert mismatch is None, mismatch.sentence
    return figures


@contextlib.contextmanager
def loaded(launcher: Launcher, source: str) -> Iterator[RemoteSubject]:
    """Start a worker with this source."""
    with Worker(launcher) as worker:
        subject = RemoteSubject(worker)
        assert not subject.request("load", name="work", chunks=chunks(source))
        yield subject


def chunks(source: str) -> list[Any]:
    """One statement after the other would be the same: the whole source as one chunk."""
    return [["work.py", 1, "import numpy as np\n" + source]]
