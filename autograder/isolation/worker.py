"""The child process: closes what is not its own, applies its limits, then serves requests until the pipe closes."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from typing import Any

from autograder.isolation.executor import Executor
from autograder.isolation.protocol import decode, encode, receive, send

__all__ = ["become_worker"]

READ_FD, WRITE_FD = 10, 11
MEGABYTE = 1 << 20


def become_worker(request: dict[str, Any], fds: list[int]) -> None:
    """Turn the forked child into a worker; returns when the host closes the pipe.

    request: ``memory_mb`` above what the zygote maps already, ``cpu_s`` for the whole life.
    """
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.dup2(fds[0], READ_FD)
    os.dup2(fds[1], WRITE_FD)
    os.closerange(3, READ_FD)
    os.closerange(WRITE_FD + 1, 1024)
    sys.dont_write_bytecode = True
    limit_resources(request["memory_mb"], request["cpu_s"])
    serve(Executor())


def limit_resources(memory_mb: int, cpu_s: int) -> None:
    """Bound address space, CPU seconds, file size, descriptors and core dumps of this process."""
    pages = int(_first_field("/proc/self/statm")) if os.path.exists("/proc/self/statm") else 0  # noqa: PTH110
    address_space = pages * resource.getpagesize() + memory_mb * MEGABYTE
    for limit, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901
        with contextlib.suppress(OSError, ValueError):  # macOS refuses some; the probe will say so
            resource.setrlimit(limit, (value, value))


def _first_field(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123
        return file.read().split()[0]


def serve(executor: Executor) -> None:
    """Answer requests: one frame in, one frame out, the call's id in both."""
    while True:
        try:
            header, arrays = receive(READ_FD)
        except EOFError:
            return
        reply: dict[str, Any] = {"id": header["id"]}
        results: list[Any] = []
        try:
            arguments = decode(header["arguments"], arrays, markers=True)
            executor.backend = header["backend"]
            value = getattr(executor, header["verb"])(**arguments)
            reply["value"] = encode(value, results)
        except MemoryError as error:
            results = []
            reply["error"] = {**executor.describe(error), "type": "MemoryError"}
        except BaseException as error:  # noqa: BLE001 - the student's code may raise anything
            results = []
            reply["error"] = executor.describe(error)
        send(WRITE_FD, reply, results)
