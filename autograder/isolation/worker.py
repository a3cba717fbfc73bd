"""The forked child: closes what is not its own, restricts itself, proves it, then serves until the pipe closes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from autograder.isolation import probe
from autograder.isolation.executor import Executor
from autograder.isolation.protocol import Channel
from autograder.isolation.serving import serve
from autograder.isolation.watch import Watch

if TYPE_CHECKING:
    from autograder.isolation.importer import Importer
    from autograder.isolation.linux.sandbox import Sandbox

__all__ = ["become_worker"]

READ_FD, WRITE_FD = 10, 11
MOST_DESCRIPTORS = 1024


def become_worker(request: dict[str, Any], fds: list[int], sandbox: Sandbox, importer: Importer) -> None:
    """Turn the forked child into a worker; returns when the host closes the pipe.

    request: ``memory_mb`` above what the zygote maps already, ``cpu_s`` for the whole life, and what the probe
    needs: the ``host``'s process id, ``secrets``.
    """
    keep_only(fds, sandbox.descriptors)
    os.chdir("/")
    watch = Watch(importer, sandbox.may_read)
    watch.begin()
    lacking = sandbox.enter(request["memory_mb"], request["cpu_s"])
    succeeded = probe.attempt(request["host"], request["secrets"])
    watch.forget()
    channel = Channel(READ_FD, WRITE_FD)
    channel.send({"id": "hello", "succeeded": succeeded, "lacking": lacking}, [])
    serve(channel, Executor(), watch)


def keep_only(fds: list[int], others: list[int]) -> None:
    """Close every descriptor but the two pipes and a few others; the standard streams lead nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.dup2(fds[0], READ_FD)
    os.dup2(fds[1], WRITE_FD)
    os.closerange(3, READ_FD)
    last = WRITE_FD
    for fd in sorted(others):
        os.closerange(last + 1, fd)
        last = fd
    os.closerange(last + 1, MOST_DESCRIPTORS)
    sys.dont_write_bytecode = True
