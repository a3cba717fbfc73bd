"""The trusted side: asks a worker, reads its CPU clock from outside, ends it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from typing import Any, Self

from autograder.isolation.launcher import Limits, Zygote
from autograder.isolation.levels import Isolation, IsolationError
from autograder.isolation.probe import judge
from autograder.isolation.protocol import Channel, Deadline, ProtocolError, decode, encode

__all__ = ["Limits", "SubjectLostError", "SubjectRaisedError", "Worker", "Zygote"]

F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20
GLANCE_S = 0.2
SOON_S = 0.0001
"""For so long a reply is looked for without sleeping: to wake a processor takes longer than most calls."""
START_S = 20.0
MAX_TRIED, MAX_TRIED_TEXT = 20, 200
MAX_TEXT = 2000


class SubjectRaisedError(Exception):
    """The student's code raised: type, message, place in the submission."""

    def __init__(self, described: dict[str, Any]) -> None:
        fields = {key: described.get(key) for key in ("type", "message", "where", "code")}
        text = {key: value[:MAX_TEXT] if isinstance(value, str) else "" for key, value in fields.items()}
        self.type, self.message, self.where, self.code = text.values()
        self.unwritten = described.get("unwritten") is True
        super().__init__(f"{self.type}: {self.message}")


class SubjectLostError(Exception):
    """The worker is gone or was ended: too slow, killed, forged a frame.  Its sentence is the student's."""


class Worker:
    """One forked worker and the two pipes to it.

    isolation: proved before this constructor returns; tried: what the code attempted and an exercise never needs.
    Raises IsolationError where the worker cannot even begin.
    """

    def __init__(self, zygote: Zygote, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._zygote = zygote
        their_read, self._write = os.pipe()
        self._read, their_write = os.pipe()
        self._grow_pipes()
        os.set_blocking(self._write, False)
        self.pid = zygote.fork(self.limits, [their_read, their_write])
        os.close(their_read)
        os.close(their_write)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)
        self._channel = Channel(self._read, self._write)
        self._closed = False
        self.tried: dict[str, None] = {}
        self.isolation = self._prove()

    def _prove(self) -> Isolation:
        """Hear what the worker could still do before any student code is in it, and look at it from outside."""

        def wait() -> None:
            if not self._poll.poll(START_S * 1000):
                raise Deadline

        try:
            hello, _ = self._channel.receive(wait)
            return judge(self.pid, hello["succeeded"], hello["lacking"])
        except (Deadline, EOFError, OSError, ProtocolError) as error:
            self.close()
            message = "A worker ended before it could prove its isolation: run autograder doctor."
            raise IsolationError(message) from error

    def _grow_pipes(self) -> None:
        if sys.platform == "linux":
            import fcntl

            for fd in (self._read, self._write):
                with contextlib.suppress(OSError):
                    fcntl.fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES)

    def cpu_seconds(self) -> float:
        """CPU time of the worker since its fork, read from outside: it cannot be faked from within."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def ask(self, verb: str, backend: str = "numpy", limits: Limits | None = None, **arguments: Any) -> Any:
        """One request, one reply.

        Raises SubjectRaisedError where the student's code raised, SubjectLostError where no honest reply came.
        """
        if self._closed:
            message = "the code's process was ended by an earlier call"
            raise SubjectLostError(message)
        limits = limits or self.limits
        call = os.urandom(8).hex()
        arrays: list[Any] = []
        header = {"id": call, "verb": verb, "backend": backend, "arguments": encode(arguments, arrays)}
        started, cpu_started = time.monotonic(), self.cpu_seconds()
        try:
            self._channel.send(header, arrays, started + limits.wall_s)
            reply, results = self._channel.receive(lambda: self._wait(started, cpu_started, limits))
            if reply.get("id") != call:
                message = "the reply is to another call"
                raise ProtocolError(message)  # noqa: TRY301
            self._note(reply.get("tried"))
            error = reply.get("error")
            value = decode(reply.get("value"), results)
        except Deadline:
            self.close()
            limit = f"{limits.cpu_s:g} s of computing or {limits.wall_s:g} s in all"
            message = f"did not end within {limit}: look for an endless loop"
            raise SubjectLostError(message) from None
        except (EOFError, BrokenPipeError, ProcessLookupError, OSError):
            raise SubjectLostError(self._obituary()) from None
        except ProtocolError as problem:
            self.close()
            message = f"sent something that is no answer ({problem})"
            raise SubjectLostError(message) from None
        if isinstance(error, dict):
            raise SubjectRaisedError(error)
        return value

    def _wait(self, started: float, cpu_started: float, limits: Limits) -> None:
        """Sleep until there is something to read.  Raises Deadline where the call has used up its time."""
        ready = self._is_soon_ready()
        while True:
            late = time.monotonic() - started > limits.wall_s  # also for an answer that trickles in
            if late or (not ready and self.cpu_seconds() - cpu_started > limits.cpu_s):
                raise Deadline
            if ready:
                return
            ready = bool(self._poll.poll(GLANCE_S * 1000))

    def _is_soon_ready(self) -> bool:
        """Look for a reply for a moment, leaving the processor to whoever wants it meanwhile."""
        until = time.monotonic() + SOON_S
        while not self._poll.poll(0):
            if time.monotonic() > until:
                return False
            os.sched_yield()
        return True

    def _note(self, tried: Any) -> None:
        """Keep what student code is said to have tried; the reply is its own to forge, so only text of a length."""
        for what in tried if isinstance(tried, list) else []:
            if isinstance(what, str) and len(self.tried) < MAX_TRIED:
                self.tried[what[:MAX_TRIED_TEXT]] = None

    def _obituary(self) -> str:
        status = self.close(kill=False)
        if status is not None and os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return "used up all the computing time of its process: look for an endless loop"
            return f"was killed by the system (signal {signal.Signals(number).name})"
        code = "" if status is None or not os.WIFEXITED(status) else f" with exit status {os.WEXITSTATUS(status)}"
        return f"ended its own process{code}: an exercise must return, never exit"

    def close(self, *, kill: bool = True) -> int | None:
        """End the worker and everything in its session; return its exit status."""
        if self._closed:
            return None
        self._closed = True
        os.close(self._read)
        os.close(self._write)
        if not kill:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)
        return self._zygote.reap(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
