"""Whether one passed training tells good code from weak: references from many seeds, and weak solutions whole gradings.

A grading passes at the first of up to three seeds that reaches the goal.  30 seeds of a reference without a miss show
that it misses fewer than one in ten, with 95 % confidence; of 30 gradings of a weak solution at most one may pass.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from threadpoolctl import threadpool_limits

from autograder.course import catalogue
from autograder.course.answers import generator
from autograder.measuring.cores import usable
from autograder.spec import Exercise
from autograder.subject import LocalSubject, SubjectRaisedError
from benchmarks.table import ROOT, Grid

SEEDS, GRADINGS = 30, 30
MOST_PASSED = 1
ONLY = "DLKIT_CAPSTONES"
"""Environment variable: names of capstones, separated by commas; by default all."""


@dataclass(frozen=True)
class Work:
    """One implementation of a capstone: the reference (no mistake named), or a weak solution."""

    assignment: str
    exercise: str
    mistake: str = ""


@dataclass(frozen=True)
class Training:
    """One training: whether it reached the goal, what was said if not, and its CPU time."""

    reached: bool
    said: str
    seconds: float


def trainings(work: Work, grading: int, *, ends_at_success: bool) -> list[Training]:
    """Train from the seeds of one grading."""
    loaded = catalogue.load(work.assignment, ROOT)
    exercise = loaded.assignment.exercise(work.exercise)
    (check,) = exercise.checks
    subject = _subject(loaded, exercise, work.mistake)
    found: list[Training] = []
    with threadpool_limits(1), np.errstate(all="ignore"):
        rng = generator(grading, work.assignment, work.exercise, check.name)
        for case in check.cases(rng, subject):
            expected = check.expect(subject, case, rng) if check.expect else {}
            started = time.process_time()
            try:
                miss = check.judge(check.observe(subject, case), expected, case)
                said = miss.sentence if miss else ""
            except SubjectRaisedError as error:
                said = f"raises {error.type}"
            found.append(Training(not said, said, time.process_time() - started))
            if said.startswith("raises") or (ends_at_success and not said):
                break
    return found


def _subject(loaded: catalogue.Loaded, exercise: Exercise, mistake: str) -> LocalSubject:
    if not mistake:
        return loaded.subject(exercise)
    (made,) = [one for one in exercise.mistakes if one.name == mistake]
    return loaded.subject(exercise, loaded.variant(exercise, made.apply(loaded.source_of(exercise), exercise.name)))


def _reference(pool: ProcessPoolExecutor, work: Work, seeds: int) -> list[str]:
    gradings = [pool.submit(trainings, work, number, ends_at_success=False) for number in range(-(-seeds // 3))]
    done = [one for future in gradings for one in future.result()][:seeds]
    misses = sum(not one.reached for one in done)
    cost = f"{statistics.median(one.seconds for one in done):.1f} s"
    verdict = "MISSED" if misses else "met"
    return [work.exercise, "reference", f"{misses} of {len(done)} seeds missed", cost, verdict]


def _weak(pool: ProcessPoolExecutor, work: Work, gradings: int) -> list[str]:
    futures = [pool.submit(trainings, work, number, ends_at_success=True) for number in range(gradings)]
    done = [future.result() for future in futures]
    passed = sum(each[-1].reached for each in done)
    cost = f"{statistics.median(sum(one.seconds for one in each) for each in done):.1f} s"
    verdict = "met" if passed <= MOST_PASSED else "MISSED"
    return [work.exercise, work.mistake, f"{passed} of {len(done)} gradings passed", cost, verdict]


def tables(*, quick: bool) -> Iterator[Grid]:
    """Train every capstone's reference and weak solutions."""
    only = [name for name in os.environ.get(ONLY, "").split(",") if name]
    rows = []
    with ProcessPoolExecutor(len(usable()), get_context("spawn")) as pool:
        for name in catalogue.names(ROOT):
            for exercise in catalogue.load(name, ROOT).assignment.exercises:
                if not exercise.capstone or (only and exercise.name not in only):
                    continue
                rows.append(_reference(pool, Work(name, exercise.name), 3 if quick else SEEDS))
                print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
                for mistake in exercise.mistakes:
                    rows.append(_weak(pool, Work(name, exercise.name, mistake.name), 1 if quick else GRADINGS))
                    print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
    yield Grid("Capstones", ["capstone", "solution", "outcome", "CPU, median", "target"], rows)
