"""Work of an author's commands on many pieces, side by side in processes that each have a launcher of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from typing import TypeVar

from autograder.isolation.interpreter import isolated_processes
from autograder.isolation.launcher import Launcher, open_launcher

__all__ = ["side_by_side"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Piece, Launcher], Result], pieces: Sequence[Piece], jobs: int
) -> Iterator[tuple[Piece, Result]]:
    """Do the work on every piece; yield each with its result as soon as it is known.

    work: a function that another process can import, or a ``partial`` of one; jobs: processes.  For one job, or one
    piece, this process does it.
    """
    if min(jobs, len(pieces)) < 2:  # noqa: PLR2004 - nothing to share out
        with open_launcher() as launcher:
            for piece in pieces:
                yield piece, work(piece, launcher)
        return
    with isolated_processes() as context, ProcessPoolExecutor(min(jobs, len(pieces)), context) as pool:
        futures = {pool.submit(_in_own_process, work, piece): piece for piece in pieces}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _in_own_process(work: Callable[[Piece, Launcher], Result], piece: Piece) -> Result:
    return work(piece, _launcher())


@cache
def _launcher() -> Launcher:
    """The launcher of a process that works; it ends with the process."""
    return open_launcher()
