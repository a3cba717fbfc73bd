"""Runs ``autograder grade`` with a stopwatch: how long the run itself works for each hand-in, and each machine.

``python -m benchmarks.ten_thousand_recorded FILE grade …`` does what ``autograder grade …`` does, and writes FILE.
Dask's workers load this module with ``--preload``; each writes the seconds of its hand-ins to a file of its own.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DURATIONS = "DLKIT_DURATIONS"
"""Variable of the environment that names the folder where machines write the seconds of each hand-in."""
HOLLOW = "DLKIT_HOLLOW"
"""If it is set, machines grade only their first hand-in, and return its report for all."""
AHEAD = "DLKIT_AHEAD"
"""Hand-ins on the way for each machine, in place of the client's own number."""
SAMPLE = 25
"""Of so many hand-ins one is packed once more, to see how many bytes it has."""


class Stopwatch:
    """Seconds by the name of what was done: [times, seconds, of which this thread was computing]."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}
        self.sizes: list[int] = []

    def add(self, name: str, seconds: float, cpu: float) -> None:
        """Count one more."""
        row = self.spent.setdefault(name, [0, 0.0, 0.0])
        row[:] = [row[0] + 1, row[1] + seconds, row[2] + cpu]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def call(*given: Any, **named: Any) -> Any:
            began, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*given, **named)
            finally:
                self.add(name, time.perf_counter() - began, time.thread_time() - cpu)

        return call

    def weighed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, and now and then the size of what it returns."""
        count = 0

        def call(*given: Any, **named: Any) -> Any:
            nonlocal count
            found = function(*given, **named)
            if count % SAMPLE == 0:
                self.sizes.append(len(pickle.dumps(found)))
            count += 1
            return found

        return call

    def spanned(self, name: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """The same generator; CPU time of all threads is counted from its first step to its last."""

        def call(*given: Any, **named: Any) -> Iterator[Any]:
            began, cpu = time.perf_counter(), time.process_time()
            try:
                yield from function(*given, **named)
            finally:
                self.add(name, time.perf_counter() - began, time.process_time() - cpu)

        return call


def main(file: str, arguments: list[str]) -> int:
    """Grade, timed; the exit status is that of the command."""
    from autograder.classroom import grading, processes
    from autograder.cli import main as autograder

    watch = Stopwatch()
    grading.draw = watch.timed("drawing", grading.draw)
    grading.find_hand_ins = watch.timed("finding", grading.find_hand_ins)
    grading.prepare_run = watch.timed("preparing", grading.prepare_run)
    processes.Pool.grade_all = watch.spanned("grading", processes.Pool.grade_all)  # type: ignore[method-assign]
    if "--cluster" in arguments:
        import distributed

        from autograder.classroom.cluster import client

        client.pack_hand_in = watch.timed("reading", watch.weighed(client.pack_hand_in))
        client.keep_report = watch.timed("writing", client.keep_report)
        distributed.Client.submit = watch.timed("sending", distributed.Client.submit)
        distributed.Client.gather = watch.timed("receiving", distributed.Client.gather)
        client.Cluster.grade_all = watch.spanned("grading", client.Cluster.grade_all)  # type: ignore[method-assign]
        client.Cluster._look_around = watch.timed("looking", client.Cluster._look_around)  # type: ignore[method-assign]  # noqa: SLF001
        client.AHEAD = int(os.environ.get(AHEAD, client.AHEAD))
        client.pack_course = watch.weighed(client.pack_course)
    try:
        return autograder(arguments)
    finally:
        course, *hand_ins = watch.sizes or [0]
        found = {"spent": watch.spent, "course_bytes": course, "hand_in_bytes": hand_ins}
        Path(file).write_text(json.dumps(found), encoding="utf-8")


# --- on a machine of a cluster ---------------------------------------------------------------


async def dask_setup(_worker: object) -> None:
    """Note the seconds of every hand-in that this process grades."""
    folder = os.environ.get(DURATIONS)
    if not folder:
        return
    from autograder.classroom.cluster import machine

    grade = machine.Machine.grade
    path = Path(folder, f"{os.getpid()}.txt")
    first: list[Any] = []

    def timed(self: Any, run: Any, parcel: Any) -> Any:
        began = time.perf_counter()
        found = first[0] if first else grade(self, run, parcel)
        if os.environ.get(HOLLOW):
            first[:] = [found]
        with path.open("a", encoding="ascii") as file:
            file.write(f"{time.perf_counter() - began:.6f}\n")
        return found

    machine.Machine.grade = timed  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
