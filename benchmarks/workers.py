"""What a worker costs: to start one, and to make a small call."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np

from autograder.isolation.worker import Worker, Zygote
from autograder.subject import RemoteSubject
from benchmarks.table import Row, Table, in_turns

START_MS, TRIP_MICROSECONDS = 4.0, 60.0
SOURCE = "def same(x):\n    return x\n"
FLOATS = 1000
"""8 kB of float64 each way."""


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure with a warm zygote."""
    with Zygote() as zygote:

        def start() -> None:
            workers.append(Worker(zygote))
            RemoteSubject(workers[-1]).request("put", handle=1, value=None)  # it has replied, so it runs

        workers: list[Worker] = []
        started = []
        for _ in range(5 if quick else 200):
            (seconds,) = in_turns(start, rounds=1)
            started += seconds
            workers.pop().close()
        trips = round_trips(zygote, 50 if quick else 2000)
    yield Table(
        "Workers",
        [
            Row("start, to the first answer", 1000 * statistics.median(started[1:]), "ms", START_MS),
            *(Row(f"call, {what} each way", 1e6 * s, "µs", TRIP_MICROSECONDS) for what, s in trips.items()),
        ],
    )


def round_trips(zygote: Zygote, rounds: int) -> dict[str, float]:
    """Median seconds of one call that gives back what it was given."""
    with Worker(zygote) as worker:
        subject = RemoteSubject(worker)
        subject.request("load", name="nothing", chunks=[["cell 1", 1, SOURCE]])
        x = np.random.default_rng(0).normal(size=FLOATS)
        small, large = in_turns(lambda: ask(subject, 1.0), lambda: ask(subject, x), rounds=rounds)
    return {"one number": statistics.median(small), f"{x.nbytes // 1000} kB": statistics.median(large)}


def ask(subject: RemoteSubject, x: object) -> None:
    """Call once."""
    subject.run("same", x)
