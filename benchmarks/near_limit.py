"""How often code near a speed limit passes: the decision rule on the noise of the reference beside itself.

Pairs of workers that both run the reference give ratios around 1, five each, as a grading measures them.  Groups drawn
from these, divided by the median of all and multiplied by a true ratio, go through the rule until it has decided.
Code near a limit of several times the reference runs longer, so that noise is a smaller share of it.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autograder.authoring.calibration import bench_of
from autograder.course import catalogue
from autograder.course.catalogue import Loaded
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.measuring import Speed, timing
from autograder.measuring.speed import MOST, Record, pairs_of
from autograder.report import Pace
from benchmarks.table import ROOT, Grid

MEASURED = {"ReLU": "02_layers", "LSTM": "07_recurrent", "BatchNorm": "05_regularization"}
"""A short call, a long one of many small operations, and one of large arrays."""
GROUPS = 60
"""Pairs of workers that are measured for each."""
TRUE = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
DRAWS = 2000


@dataclass(frozen=True)
class Decision:
    """What the rule decided, and after how many pairs of calls."""

    pace: Pace
    pairs: int


def tables(*, quick: bool) -> Iterator[Grid]:
    """Measure the noise of each exercise, and decide many times for each true ratio."""
    header = ["exercise", "true ratio / limit", "passed", "too close: full points", "failed", "pairs: median", "90 %"]
    rows = []
    with open_launcher() as launcher:
        for name, assignment in MEASURED.items():
            noise = measured(launcher, catalogue.load(assignment, ROOT), name, 3 if quick else GROUPS)
            for true in TRUE:
                decisions = decided(noise, true, 20 if quick else DRAWS)
                rows.append([name, f"{true:g}", *shares(decisions)])
                print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
    note = (
        f"{DRAWS} decisions a row; {GROUPS} pairs of workers measured for each exercise, {timing.PAIRS_EACH} pairs each"
    )
    yield Grid("Code near a speed limit", header, rows, note)


def measured(launcher: Launcher, loaded: Loaded, name: str, count: int) -> list[list[float]]:
    """Ratios of the reference to itself, by pair of workers, divided by their median."""
    exercise = loaded.assignment.exercise(name)
    check = exercise.find(Speed.name)
    speed = check.budget
    assert isinstance(speed, Speed)
    bench, groups = bench_of(loaded, launcher, exercise, check), []
    for number in range(count):
        with bench.code() as code, bench.reference() as reference:
            timing.share_core((code, reference), number)
            groups.append([ratio for ratio, _, _ in pairs_of(speed, check, bench, code, reference)])
    middle = statistics.median(ratio for group in groups for ratio in group)
    spread = np.std([statistics.median(group) for group in groups]) / middle
    print(f"{name}: median {middle:.3f}, medians of groups differ by {spread:.3f}", file=sys.stderr, flush=True)
    return [[ratio / middle for ratio in group] for group in groups]


def decided(noise: list[list[float]], true: float, times: int) -> list[Decision]:
    """Decide about code with this true ratio to a limit of 1, with groups drawn from the noise."""
    rng, found = np.random.default_rng(0), []
    for _ in range(times):
        record = Record((1.0,))
        while len(record.groups) < MOST:
            group = noise[int(rng.integers(len(noise)))]
            record.groups.append([true * ratio for ratio in group])
            if record.is_finished:
                break
        found.append(Decision(record.verdict(1.0), len(record.ratios)))
    return found


def shares(decisions: list[Decision]) -> list[str]:
    """Shares of passed, too close to tell and failed, and the pairs that it took."""
    counts = [sum(one.pace is pace for one in decisions) for pace in (Pace.UNDER, Pace.OPEN, Pace.OVER)]
    pairs = [one.pairs for one in decisions]
    needed = f"{statistics.median(pairs):.0f}", f"{np.percentile(pairs, 90):.0f}"
    return [*(f"{100 * count / len(decisions):.1f} %" for count in counts), *needed]
