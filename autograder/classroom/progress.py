"""What grades a class, as its run sees it, and how far it is: a progress bar, or a line every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.classroom.finding import Entry
from autograder.classroom.runs import Run

__all__ = ["Graders", "show_progress"]

EVERY_S = 30.0
"""Seconds between two lines, where there is no terminal for a progress bar."""


class Graders(Protocol):
    """Processes that grade: of this machine, or of several."""

    refused: dict[str, str]
    machines: int

    def prove(self, root: Path, assignments: Sequence[str]) -> None:
        """Refuse to begin where student code cannot be isolated, before anything is written."""
        ...

    def grade_all(self, entries: Sequence[Entry], run: Run) -> Iterator[tuple[Entry, bool]]:
        """Grade every entry; yield each when its report is written, with whether it was graded now or before."""
        ...


@contextmanager
def show_progress(console: Console, total: int, graders: Graders) -> Iterator[Callable[[str], None]]:
    """A progress bar, or an occasional line; what the block receives is called with each student."""
    if not console.is_terminal:
        with _lines(console, total, graders) as advance:
            yield advance
        return
    columns = ("Grading", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    started, done = time.monotonic(), 0
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)

        def advance(student: str) -> None:
            nonlocal done
            done += 1
            pace = _pace(graders, done, time.monotonic() - started)
            progress.update(task, advance=1, description=f"{pace}  {student[:24].replace('[', '(')}")

        yield advance


def _pace(graders: Graders, done: int, seconds: float) -> str:
    """How many are graded a minute, and on how many machines if not on one."""
    where = "" if graders.machines == 1 else f" on {graders.machines} machines"
    return f"{60 * done / max(seconds, 1):.0f} a minute{where}"


@contextmanager
def _lines(console: Console, total: int, graders: Graders) -> Iterator[Callable[[str], None]]:
    """Report progress every half minute, also while one hand-in takes longer."""
    done: list[str] = []
    ended = threading.Event()
    started = time.monotonic()

    def speak() -> None:
        while not ended.wait(EVERY_S):
            seconds = time.monotonic() - started
            text = f"Grading: {len(done)} of {total} after {seconds / 60:.1f} min, {_pace(graders, len(done), seconds)}"
            console.print(text, markup=False, soft_wrap=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield done.append
    finally:
        ended.set()
        speaker.join()
