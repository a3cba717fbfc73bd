"""Whether gradients cost what numerical differences of forward cost: one call of it for every number.

The worker's CPU time is read from outside, from before the first request of a run until its gradients are read, and
compared with the reference's forward on the same input in the same moment.  Honest loops over the numbers stay far
below the limit, differences far above it; so one run decides, and what is above is measured again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from autograder.isolation.worker import OutOfTimeError
from autograder.spec import Case, GradientCost
from autograder.subject import RemoteSubject, Subject

__all__ = ["problem_of"]

SHARE = 0.25
"""Of the cost of differences: one call of the reference's forward for every number that has a gradient."""
RUNS, CLEAR = 3, 2.0
"""A run above this multiple of the limit decides at once, and is ended; of closer ones the best of so many."""
CALLS = 5
LEAST_S = 1e-6


def problem_of(cost: GradientCost, subject: RemoteSubject, reference: Subject, rng: np.random.Generator) -> str:
    """Run forward and backward on one large input, of new numbers each time; say what is wrong, or nothing.

    The worker is ended where the run takes far too long.  Raises what a Subject raises otherwise.
    """
    for _ in range(RUNS):
        (case,) = cost.cases(rng, reference)
        expected = cost.observe(reference, case)
        call = _seconds_of_forward(cost, reference, case)
        reference.forget()
        numbers = cost.numbers(case)
        limit = SHARE * numbers * call
        try:
            with _ended_after(subject, CLEAR * limit):
                before = subject.worker.cpu_seconds()
                seen = cost.observe(subject, case)
                spent = subject.worker.cpu_seconds() - before
        except OutOfTimeError:
            if subject.worker.limits.cpu_s < CLEAR * limit:
                raise  # its ordinary limit ended it, and nothing is known of its cost
            return _sentence(case, f"longer than {CLEAR * SHARE * numbers:,.0f} calls of forward", numbers)
        if mismatch := cost.judge(seen, expected, case):
            return f"correct on small inputs, but not on a large one: {mismatch.sentence} ({case.describe()})"
        if spent <= limit:
            return ""
    return _sentence(case, f"as long as {spent / call:,.0f} calls of forward", numbers)


@contextlib.contextmanager
def _ended_after(subject: RemoteSubject, seconds: float) -> Iterator[None]:
    """Allow each call in the block no more CPU time than this."""
    worker, usual = subject.worker, subject.worker.limits
    worker.limits = replace(usual, cpu_s=min(usual.cpu_s, seconds))
    try:
        yield
    finally:
        worker.limits = usual


def _seconds_of_forward(cost: GradientCost, reference: Subject, case: Case) -> float:
    """CPU seconds of one call of the reference's forward, in this process: the fastest of a few."""
    forward = cost.forward(reference, case)
    laps = []
    for _ in range(CALLS):
        begun = time.thread_time()
        forward()
        laps.append(time.thread_time() - begun)
    return max(min(laps), LEAST_S)


def _sentence(case: Case, how_long: str, numbers: int) -> str:
    return (
        f"forward and backward together take {how_long} ({case.describe()}, where {numbers:,} numbers have a "
        "gradient): numerical differences cost as much, and are how a gradient is checked. "
        "Write what the chain rule gives."
    )
