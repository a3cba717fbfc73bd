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
def progress(
    console: Console, what: str, total: int, machines: Callable[[], int] = lambda: 1
) -> Iterator[Callable[[str], None]]:
    """Show how many of ``total`` are done, and how many a minute; yield what to call with each student done.

    what: such as Grading; machines: tells how many are at work.
    """
    started, done = time.monotonic(), 0

    def pace() -> str:
        where = "" if machines() == 1 else f" on {machines()} machines"
        return f"{60 * done / max(time.monotonic() - started, 1):.0f} a minute{where}"

    def line() -> str:
        return f"{what}: {done} of {total} after {(time.monotonic() - started) / 60:.1f} min, {pace()}"

    with _bar(console, what, total) if console.is_terminal else _saying(console, line) as show:

        def count(student: str) -> None:
            nonlocal done
            done += 1
            show(f"{pace()}  {student[:24].replace('[', '(')}")

        yield count


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar that moves with each call; its text follows it."""
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda text: bar.update(task, advance=1, description=text)


@contextmanager
def _saying(console: Console, line: Callable[[], str]) -> Iterator[Callable[[str], None]]:
    """Print the line every half minute, also while one student takes longer; a call shows nothing."""
    ended = threading.Event()

    def speak() -> None:
        while not ended.wait(EVERY_S):
            console.print(line(), markup=False, soft_wrap=True)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield lambda text: None  # noqa: ARG005 - the line says all
    finally:
        ended.set()
        speaker.join()
