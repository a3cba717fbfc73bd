"""Time limit of a statement while a submission is loaded: one that computes or sleeps for too long is aborted.

It uses a timer of the process itself, so that later statements still run.  Malicious code can ignore the timer; then
the grader's own deadline ends the worker.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

__all__ = ["ASLEEP_S", "Patience", "TooLongError"]

GLANCE_S = 0.1
ASLEEP_S, ASLEEP_SHARE = 2.0, 0.05
"""After this many wall seconds with less than this share spent computing, a statement counts as asleep: even a busy
machine gives a process more."""


class TooLongError(Exception):
    """A statement was aborted."""


class Patience:
    """Raises TooLongError within the block after it has computed for ``seconds``, or sleeps; None: never.

    Works in the main thread, on systems with such timers; elsewhere it does nothing.
    """

    __slots__ = ("_cpu", "_seconds", "_wall")

    def __init__(self, seconds: float | None) -> None:
        able = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self._seconds = seconds if able else None

    def __enter__(self) -> None:
        if self._seconds is not None:
            self._cpu, self._wall = time.process_time(), time.monotonic()
            signal.signal(signal.SIGALRM, self._look)
            signal.setitimer(signal.ITIMER_REAL, GLANCE_S, GLANCE_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        assert self._seconds is not None  # noqa: S101 - the timer is set only then
        computed, passed = time.process_time() - self._cpu, time.monotonic() - self._wall
        if computed > self._seconds:
            message = f"takes more than {self._seconds:g} s of computing"
            raise TooLongError(message)
        if passed > ASLEEP_S and computed < ASLEEP_SHARE * passed:
            message = "waits instead of computing"
            raise TooLongError(message)
