"""The proof of isolation: a worker tries what must fail, and the grader process inspects the worker from outside.

Both happen in every worker before any student code is loaded, when the worker can still be trusted.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial

from autograder.isolation.levels import LAYERS, Isolation
from autograder.isolation.linux.privileges import REACH

__all__ = ["attempt", "judge", "status"]

CANARIES = (__file__, "/proc/self/status")
"""Files that any process may read unless it is restricted."""
EVERYONES_DEVICE = "/dev/full"
SECONDS_OF_A_LIFE = 100_000

ATTEMPTS = {
    "read": ("landlock", "files outside the allow-list can be read"),
    "stat": ("seccomp", "metadata of files can be read"),
    "write": ("landlock", "files can be opened for writing"),
    "socket": ("seccomp", "network sockets can be opened"),
    "fork": ("seccomp", "processes can be started"),
    "exec": ("seccomp", "programs can be started"),
    "signal": ("seccomp", "signals reach the grader"),
}
"""Attempt → the layer that must refuse it, and the consequence if nothing does."""


def attempt(host: int, secrets: list[str]) -> list[str]:
    """Try everything that must fail; return the names of what did not.

    host: the grader's process id; secrets: paths that must be neither readable nor visible, such as the solutions.
    """
    tries: dict[str, Callable[[], object]] = {
        "write": lambda: os.close(os.open(EVERYONES_DEVICE, os.O_WRONLY)),
        "socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close(),
        "fork": _fork,
        "exec": lambda: os.execv("/nonexistent", ["nonexistent"]),  # noqa: S606 - to see who refuses it
        "signal": lambda: os.kill(host, 0),
    }
    succeeded = [name for name, attempted in tries.items() if _goes_through(attempted)]
    paths = (*CANARIES, *secrets)
    if any(_goes_through(partial(_read, path)) for path in paths):
        succeeded.append("read")
    if any(_goes_through(partial(os.stat, path)) for path in paths):
        succeeded.append("stat")
    return succeeded


def _goes_through(attempted: Callable[[], object]) -> bool:
    """Whether the kernel allowed it; a search for a missing file also counts."""
    try:
        attempted()
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def _read(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def judge(pid: int, succeeded: list[str], lacking: Mapping[str, str]) -> Isolation:
    """Combine the worker's report with the kernel's data about it: the level, and what is missing.

    succeeded: what ``attempt`` returned; lacking: layers that could not be entered, with the reason.
    """
    open_layers = _seen_from_outside(pid)
    for name in succeeded:
        layer, consequence = ATTEMPTS[name]
        open_layers.setdefault(layer, consequence)
    for layer in lacking:
        open_layers.setdefault(layer, "it is missing")
    missing = tuple(
        f"{layer} ({lacking[layer]}): {open_layers[layer]}" if layer in lacking else f"{layer}: {open_layers[layer]}"
        for layer in LAYERS
        if layer in open_layers
    )
    return Isolation("partial" if missing else "full", missing)


def _seen_from_outside(pid: int) -> dict[str, str]:
    """Layers that are missing according to the kernel's data about a process."""
    fields = status(pid)
    found = {}
    if int(_lines(pid, "stat")[0].rpartition(")")[2].split()[3]) != pid:
        found["session"] = "it shares the grader's session"
    limits = {line[:26].strip(): line[26:].split()[0] for line in _lines(pid, "limits")[1:]}
    if limits["Max file size"] != "0" or "unlimited" in (limits["Max cpu time"], limits["Max address space"]):
        found["rlimits"] = "memory, time or files have no limit"
    if int(fields["CapPrm"], 16) & ~REACH or "0" in fields["Uid"].split():
        found["privileges"] = "it runs as root"
    if fields["Seccomp"] != "2" or fields["NoNewPrivs"] != "1":
        found["seccomp"] = "every system call is allowed"
    return found


def status(pid: int) -> dict[str, str]:
    """The kernel's data about a process in ``/proc/PID/status``."""
    return dict(line.split(":\t", 1) for line in _lines(pid, "status") if ":\t" in line)


def _lines(pid: int, name: str) -> list[str]:
    with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:  # noqa: PTH123
        return file.read().splitlines()
