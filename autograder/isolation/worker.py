"""The trusted side: sends requests to a worker, trusts none of its replies, ends it."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from autograder.isolation.allowance import TOO_LONG, Allowance, OutOfTimeError, Share, SubjectLostError, UsedUpError
from autograder.isolation.launcher import Launcher, Limits, Zygote
from autograder.isolation.protocol import Deadline, Frame, LargeReplyError, ProtocolError
from autograder.isolation.tree import Value, decode, encode

if TYPE_CHECKING:
    from autograder.isolation.forked import ForkedLink
    from autograder.isolation.spawned import SpawnedLink
    from dlkit.backend import NumpyArray

__all__ = ["Limits", "OutOfTimeError", "SubjectLostError", "SubjectRaisedError", "UsedUpError", "Worker", "Zygote"]

MAX_TRIED, MAX_TRIED_TEXT = 20, 200
MAX_TEXT = 2000
UNBOUNDED = Share(math.inf, math.inf, math.inf, 1 << 62)


class SubjectRaisedError(Exception):
    """The student's code raised: type, message, place in the submission."""

    def __init__(self, described: Mapping[str, object]) -> None:
        fields = {key: described.get(key) for key in ("type", "message", "where", "code")}
        text = {key: value[:MAX_TEXT] if isinstance(value, str) else "" for key, value in fields.items()}
        self.type, self.message, self.where, self.code = text.values()
        self.unwritten = described.get("unwritten") is True
        super().__init__(f"{self.type}: {self.message}")


class Worker:
    """A process for student code, and the communication with it.

    isolation: proved before this constructor returns; tried: what the code attempted and no exercise needs;
    allowance: the total that the hand-in may use, shared with its other workers; by default a separate one.
    Raises IsolationError if the worker cannot start.
    """

    def __init__(self, launcher: Launcher, limits: Limits | None = None, allowance: Allowance | None = None) -> None:
        self.limits = limits or Limits()
        self.allowance = allowance or Allowance(UNBOUNDED)
        self._cpu = 0.0
        self._reply, self._replies = self.limits.reply, math.inf
        self._link = _link(launcher, self.limits)
        self.pid = self._link.pid
        self.isolation = self._link.isolation
        self.tried: dict[str, None] = {}
        self._closed = False

    def expect(self, reply: int, replies: float = math.inf) -> None:
        """From now on, read at most this many bytes of arrays in each reply, and in all of them."""
        self._reply, self._replies = reply, replies

    @property
    def is_alive(self) -> bool:
        """Whether it may still be asked: no call has ended it."""
        return not self._closed

    def cpu_seconds(self) -> float:
        """CPU time of the worker so far, read from outside if the system supports it."""
        return self._link.cpu_seconds()

    def asleep_seconds(self) -> float:
        """Seconds of its requests in which all of its threads slept; 0 where the system does not tell."""
        return self._link.idle_s

    def keep_to(self, core: int) -> None:
        """Restrict the worker to this core, if the system supports it."""
        self._link.keep_to(core)

    def memory(self) -> tuple[int, int]:
        """Bytes in memory now, and at the most so far; NotMeasuredError if the system does not report it."""
        return self._link.memory()

    def instructions(self) -> int | None:
        """Instructions executed since the first call of this; None if the machine does not count them."""
        return self._link.instructions()

    def ask(self, verb: str, backend: str = "numpy", limits: Limits | None = None, **arguments: Value) -> Value:
        """One request, one reply.

        Raises SubjectRaisedError if the student's code raised, SubjectLostError if no valid reply arrived.
        """
        if self._closed:
            message = "the code's process was ended by an earlier call"
            raise SubjectLostError(message)
        self.allowance.refuse_if_used_up()
        limits = limits or self.limits
        call = os.urandom(8).hex()
        arrays: list[NumpyArray] = []
        header: dict[str, object] = {
            "id": call,
            "verb": verb,
            "backend": backend,
            "arguments": encode(arguments, arrays),
        }
        try:
            reply, results = self._exchange(header, arrays, limits)
            if reply.get("id") != call:
                message = "the reply belongs to another call"
                raise ProtocolError(message)  # noqa: TRY301
            self._note(reply.get("tried"))
            error = reply.get("error")
            value = decode(reply.get("value"), results)
        except Deadline:
            self.close()
            self.allowance.refuse_if_used_up()
            limit = f"{limits.cpu_s:g} s of computing or {limits.wall_s:g} s of wall time"
            message = f"did not end within {limit}: {TOO_LONG}"
            raise OutOfTimeError(message) from None
        except (EOFError, OSError):
            self._closed = True
            raise SubjectLostError(self._link.end(kill=False)) from None
        except LargeReplyError as problem:
            self.close()
            what = f"{arguments['path']} holds" if "path" in arguments else f"{arguments.get('name', 'it')} returned"
            message = f"could not be checked: {what} {problem}"
            raise SubjectLostError(message) from None
        except ProtocolError as problem:
            self.close()
            message = f"sent an invalid reply ({problem})"
            raise SubjectLostError(message) from None
        if isinstance(error, dict):
            raise SubjectRaisedError(error)
        return value

    def _exchange(self, header: dict[str, object], arrays: list[NumpyArray], limits: Limits) -> Frame:
        """Send a request and read its reply within the limits, charging the hand-in for it."""
        link = self._link
        within = self.allowance.within(limits, int(min(self._reply, self._replies)))
        started, idle, received, cpu = time.monotonic(), link.idle_s, link.received, self._cpu
        try:
            return link.exchange(header, arrays, within)
        finally:
            with contextlib.suppress(OSError):  # it is gone; its last usage is unknown
                self._cpu = link.cpu_seconds()
            self._replies -= link.received - received
            self.allowance.charge(
                cpu_s=self._cpu - cpu,
                wall_s=time.monotonic() - started,
                idle_s=link.idle_s - idle,
                received=link.received - received,
            )

    def _note(self, tried: object) -> None:
        """Record what student code reportedly tried; the reply may be forged, so only short texts are kept."""
        for what in tried if isinstance(tried, list) else []:
            if isinstance(what, str) and len(self.tried) < MAX_TRIED:
                self.tried[what[:MAX_TRIED_TEXT]] = None

    def close(self) -> None:
        """End the worker and everything that it started."""
        if not self._closed:
            self._closed = True
            self._link.end(kill=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _link(launcher: Launcher, limits: Limits) -> ForkedLink | SpawnedLink:
    if isinstance(launcher, Zygote):
        from autograder.isolation.forked import ForkedLink

        return ForkedLink(launcher, limits)
    from autograder.isolation.spawned import SpawnedLink

    return SpawnedLink(launcher, limits)
