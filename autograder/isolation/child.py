"""The forked child: closes inherited files, restricts itself, proves that, then serves until the pipe closes."""

from __future__ import annotations

import fcntl
import os
import sys
from typing import TYPE_CHECKING, TypedDict

from autograder.isolation import probe
from autograder.isolation.executor import Executor
from autograder.isolation.protocol import Channel
from autograder.isolation.refusals import Refusals
from autograder.isolation.serving import serve
from autograder.isolation.watch import Watch

if TYPE_CHECKING:
    from autograder.isolation.importer import Importer
    from autograder.isolation.linux.sandbox import Sandbox

__all__ = ["ForkRequest", "Hello", "Prepared", "become_worker"]

READ_FD, WRITE_FD = 10, 11
MOST_DESCRIPTORS = 1024


class ForkRequest(TypedDict):
    """What the grader process asks of a worker that is forked.

    memory_mb: beyond what the zygote maps; cpu_s: for the whole life;
    host: the grader's process id, and secrets: paths; both are for the probe.
    """

    verb: str
    memory_mb: int
    cpu_s: int
    host: int
    secrets: list[str]


class Hello(TypedDict):
    """What a worker sends before it loads any code of a student: what ``probe.attempt`` and the sandbox returned."""

    id: str
    succeeded: list[str]
    lacking: dict[str, str]


class Prepared:
    """Everything that workers need and that can be made once before they are forked."""

    def __init__(self, sandbox: Sandbox, importer: Importer) -> None:
        self.sandbox = sandbox
        self.watch = Watch(importer, sandbox.may_read)
        self.channel = Channel(READ_FD, WRITE_FD)
        self.refusals = Refusals()
        self.executor = Executor(is_main=True, refusals=self.refusals)


def become_worker(request: ForkRequest, fds: list[int], prepared: Prepared) -> None:
    """Turn the forked child into a worker; returns when the grader process closes the pipe."""
    keep_only(fds, prepared.sandbox.descriptors)
    os.chdir("/")
    lacking = prepared.sandbox.enter(request["memory_mb"], request["cpu_s"])
    succeeded = probe.attempt(request["host"], request["secrets"])
    hello: Hello = {"id": "hello", "succeeded": succeeded, "lacking": lacking}
    prepared.channel.send(hello, [])
    prepared.refusals.begin()
    prepared.watch.ignore_debugger()
    prepared.watch.begin()
    serve(prepared.channel, prepared.executor, prepared.watch)


def keep_only(fds: list[int], others: list[int]) -> None:
    """Close every descriptor except the two pipes and a few others; connect the standard streams to nothing."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    away = [fcntl.fcntl(fd, fcntl.F_DUPFD, WRITE_FD + 1) for fd in fds]  # whatever their numbers were
    os.dup2(away[0], READ_FD)
    os.dup2(away[1], WRITE_FD)
    os.closerange(3, READ_FD)
    last = WRITE_FD
    for fd in sorted(others):
        os.closerange(last + 1, fd)
        last = fd
    os.closerange(last + 1, MOST_DESCRIPTORS)
    sys.dont_write_bytecode = True
