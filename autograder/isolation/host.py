"""The trusted side: asks a worker, believes nothing that it answers, ends it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from autograder.isolation.launcher import Launcher, Limits, Zygote
from autograder.isolation.protocol import Deadline, ProtocolError
from autograder.isolation.tree import decode, encode

if TYPE_CHECKING:
    from autograder.isolation.forked import ForkedLink
    from autograder.isolation.spawned import SpawnedLink

__all__ = ["Limits", "SubjectLostError", "SubjectRaisedError", "Worker", "Zygote"]

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
    """A process for student code, and the conversation with it.

    isolation: proved before this constructor returns; tried: what the code attempted and an exercise never needs.
    Raises IsolationError where the worker cannot even begin.
    """

    def __init__(self, launcher: Launcher, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._link = _link(launcher, self.limits)
        self.pid = self._link.pid
        self.isolation = self._link.isolation
        self.tried: dict[str, None] = {}
        self._closed = False

    def cpu_seconds(self) -> float:
        """CPU time of the worker so far, read from outside wherever the system can."""
        return self._link.cpu_seconds()

    def keep_to(self, core: int) -> None:
        """Compute on this core alone, wherever the system lets a process be told so."""
        self._link.keep_to(core)

    def memory(self) -> tuple[int, int]:
        """Bytes in memory now, and at the most so far; NotMeasuredError where the system does not tell."""
        return self._link.memory()

    def instructions(self) -> int | None:
        """Instructions executed since this was first asked; None where the machine does not count them."""
        return self._link.instructions()

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
        try:
            reply, results = self._link.exchange(header, arrays, limits)
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
        except (EOFError, OSError):
            self._closed = True
            raise SubjectLostError(self._link.end(kill=False)) from None
        except ProtocolError as problem:
            self.close()
            message = f"sent something that is no answer ({problem})"
            raise SubjectLostError(message) from None
        if isinstance(error, dict):
            raise SubjectRaisedError(error)
        return value

    def _note(self, tried: Any) -> None:
        """Keep what student code is said to have tried; the reply is its own to forge, so only text of a length."""
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
