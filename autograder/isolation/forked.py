"""A worker on Linux, as the grader sees it: forked by the zygote, watched from outside, ended with all its children."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import time
from typing import TYPE_CHECKING, cast

from autograder.isolation.allowance import TOO_LONG
from autograder.isolation.launcher import Limits, Zygote
from autograder.isolation.levels import Isolation, IsolationError
from autograder.isolation.linux.instructions import Counter, open_counter
from autograder.isolation.linux.limits import THREADS
from autograder.isolation.probe import judge, status
from autograder.isolation.protocol import Channel, Deadline, Frame, ProtocolError

if TYPE_CHECKING:
    from autograder.isolation.child import Hello
    from dlkit.backend import NumpyArray

__all__ = ["ForkedLink"]

F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20
FIRST_GLANCE_S, GLANCE_S = 0.005, 0.2
NEXT_TO_NOTHING = 0.5
"""A worker that was asleep and computes less than this share of an interval counts as idle."""
MAX_REPLY_HEADER = 1 << 18
"""Bytes of JSON per reply: ten thousand numbers in lists, which are forty times as expensive to read."""
SOON_S = 0.0001
"""Seconds of polling for a reply before sleeping: waking a processor takes longer than most calls."""
START_S = 20.0


class ForkedLink:
    """One forked worker and the two pipes to it.

    isolation: proved before this constructor returns.  Raises IsolationError if the worker cannot start.
    """

    def __init__(self, zygote: Zygote, limits: Limits) -> None:
        self._zygote = zygote
        their_read, self._write = os.pipe()
        self._read, their_write = os.pipe()
        for fd in (self._read, self._write):
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._write, False)
        try:
            self.pid = zygote.fork(limits, [their_read, their_write])
        except IsolationError:
            os.close(self._read)
            os.close(self._write)
            raise
        finally:
            os.close(their_read)
            os.close(their_write)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._channel = Channel(self._read, self._write)
        self._counter: Counter | None = None
        self.idle_s = 0.0
        self.isolation = self._prove()

    def _prove(self) -> Isolation:
        """Receive what the worker could still do before any student code is loaded, and inspect it from outside."""

        def wait() -> None:
            if not self._poll.poll(START_S * 1000):
                raise Deadline

        try:
            hello = cast("Hello", self._channel.receive(wait)[0])
            return judge(self.pid, hello["succeeded"], hello["lacking"])
        except (Deadline, EOFError, OSError, ProtocolError) as error:
            self.end(kill=True)
            message = "A worker ended before it could prove its isolation: run autograder doctor."
            raise IsolationError(message) from error

    def cpu_seconds(self) -> float:
        """CPU time of the worker since its fork, read from outside: it cannot be faked from within."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def keep_to(self, core: int) -> None:
        """Restrict every thread to this core; if it is no longer available, to the remaining ones."""
        kept: set[int] = set()
        for _ in range(THREADS):  # a thread that is not restricted yet may start another
            new = set(_threads(self.pid)) - kept
            for thread in new:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(thread, {core})
            if not new:
                return
            kept |= new

    def memory(self) -> tuple[int, int]:
        """Bytes of the worker's memory now and at its peak; read from outside."""
        fields = status(self.pid)
        now, most = (int(fields[name].split()[0]) << 10 for name in ("VmRSS", "VmHWM"))
        return now, most

    def instructions(self) -> int | None:
        """Instructions that the worker has executed since the first call of this; None if they are not counted."""
        self._counter = self._counter or open_counter(self.pid)
        return self._counter.read() if self._counter else None

    @property
    def received(self) -> int:
        """Bytes that the worker has sent, or announced, so far."""
        return self._channel.received

    def exchange(self, header: dict[str, object], arrays: list[NumpyArray], limits: Limits) -> Frame:
        """Send one frame and read one; Deadline, ProtocolError, EOFError or OSError if no valid one arrives."""
        started, cpu_started, idle_started = time.monotonic(), self.cpu_seconds(), self.idle_s

        def wait() -> None:
            self._wait(started, cpu_started, idle_started, limits)

        self._channel.send(header, arrays, started + limits.wall_s)
        return self._channel.receive(wait, max_body=limits.reply, max_header=MAX_REPLY_HEADER)

    def _wait(self, started: float, cpu_started: float, idle_started: float, limits: Limits) -> None:
        """Sleep until there is something to read.  Raises Deadline if the call has used up its time.

        Samples a worker that takes long: if all of its threads sleep and it computes next to nothing until the next
        sample, that time is ``idle_s``.  A worker that waits for a processor does not sleep.
        """
        ready, glance = self._is_soon_ready(), FIRST_GLANCE_S
        asleep = not ready and _is_asleep(self.pid)
        now = time.monotonic()
        cpu = cpu_started if ready else self.cpu_seconds()
        while True:
            late = now - started > limits.wall_s  # also for a reply that arrives slowly
            used_up = cpu - cpu_started > limits.cpu_s or self.idle_s - idle_started > limits.idle_s
            if late or (not ready and used_up):
                raise Deadline
            if ready:
                return
            before, cpu_before = now, cpu
            ready = bool(self._poll.poll(glance * 1000))
            now, cpu = time.monotonic(), self.cpu_seconds()
            if asleep and cpu - cpu_before < NEXT_TO_NOTHING * (now - before):
                self.idle_s += now - before
            asleep, glance = not ready and _is_asleep(self.pid), min(2 * glance, GLANCE_S)

    def _is_soon_ready(self) -> bool:
        """Poll briefly for a reply, yielding the processor to others meanwhile."""
        until = time.monotonic() + SOON_S
        while not self._poll.poll(0):
            if time.monotonic() > until:
                return False
            os.sched_yield()
        return True

    def end(self, *, kill: bool) -> str:
        """End the worker and everything in its session; return how it ended.

        kill: do not wait until it ends by itself.
        """
        os.close(self._read)
        os.close(self._write)
        if self._counter:
            self._counter.close()
        if not kill:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)
        return _obituary(self._zygote.reap(self.pid))


def _is_asleep(pid: int) -> bool:
    """Whether every thread of a process sleeps or is stopped, so that none computes or waits for processor or disk."""
    for thread in _threads(pid):
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:  # noqa: PTH123 - several times a call
                state = file.read().rpartition(b")")[2].split()[0]
        except (OSError, IndexError):
            continue
        if state not in b"STt":
            return False
    return True


def _threads(pid: int) -> list[int]:
    """Numbers of a process's threads; empty if it is gone."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - a Path is no help here
    except OSError:
        return []


def _obituary(status: int | None) -> str:
    """The end of a sentence for an exit status of ``waitpid``."""
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return f"used up all the computing time of its process: {TOO_LONG}"
        known = number in set(signal.Signals)  # real-time signals between the first and the last have no names
        return f"was killed by the system (signal {signal.Signals(number).name if known else number})"
    code = "" if status is None or not os.WIFEXITED(status) else f" with exit status {os.WEXITSTATUS(status)}"
    return f"ended its own process{code}: an exercise must return, never exit"
