"""How far a long step is: a bar at a terminal, elsewhere a line now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["progress"]

EVERY_S = 30.0
"""Seconds between two lines about progress, where there is no terminal for a progress bar."""


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show how many of ``total`` are done, and yield what to call with each student done; what: such as Grading."""
    if not console.is_terminal:
        with _lines(console, what, total) as advance:
            yield advance
        return
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda student: bar.update(task, advance=1, description=student[:24].replace("[", "("))


@contextmanager
def _lines(console: Console, what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Report progress every half minute, also while one student takes longer."""
    done: list[str] = []
    ended = threading.Event()
    started = time.monotonic()

    def speak() -> None:
        while not ended.wait(EVERY_S):
            minutes = (time.monotonic() - started) / 60
            console.print(f"{what}: {len(done)} of {total} after {minutes:.1f} min", markup=False, soft_wrap=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield done.append
    finally:
        ended.set()
        speaker.join()
