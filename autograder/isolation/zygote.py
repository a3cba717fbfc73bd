"""The warm process: has NumPy and dlkit imported and forks a worker in about two milliseconds.

Started by exec, so that it inherits nothing of the grader's memory; a fork shares memory, so it
must never hold an expected value, a hidden input or a solution.  What every worker needs to restrict
itself is prepared here.  A control socket carries one JSON message per packet:
{"verb": "fork", …} with two descriptors → {"pid": n}, or {"refused": why} if the system starts no more processes;
{"verb": "reap", "pid": n} → {"status": n};
{"verb": "serve"} with one descriptor: another control socket, for another process that grades;  {"verb": "end"}.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from autograder.isolation.child import ForkRequest

WARM = """
numpy numpy.linalg numpy.fft numpy.random numpy.polynomial numpy.lib.stride_tricks math functools itertools collections
typing dataclasses abc enum operator copy random statistics string re json inspect warnings heapq bisect socket ctypes
traceback linecache contextlib types numbers datetime time encodings.idna dlkit dlkit.course dlkit.datasets
dlkit.extraction dlkit.gradcheck dlkit.plotting dlkit.training
""".split()  # noqa: SIM905 - fifty names are easier to read as words


def main(control_fd: int, layers: list[str], *, gpu: bool) -> None:
    """Serve fork and reap until told to end, or until the grader process is gone.

    layers: of isolation for every worker; gpu: leave room for a driver, and allow every import.
    """
    sys.dont_write_bytecode = True
    for name in WARM:
        importlib.import_module(name)
    from autograder.isolation.child import Prepared, become_worker
    from autograder.isolation.importer import Importer
    from autograder.isolation.linux.sandbox import Sandbox

    control = socket.socket(fileno=control_fd)
    sandbox, importer = Sandbox(frozenset(layers), gpu=gpu), Importer()
    if not gpu:
        if sandbox.loses_sight:
            importer.load_everything()
        importer.install()
    prepared = Prepared(sandbox, importer)
    gc.collect()
    gc.freeze()
    _serve(control, lambda request, fds: become_worker(request, fds, prepared))


def system_fork() -> Callable[[], int]:
    """The system's own fork: Python's also repairs locks held by other threads, of which there are none.

    That would cost half a millisecond per worker for touched pages.  If there are other threads, use Python's fork.
    """
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - a Path is no help here
        return os.fork
    of_the_system: Callable[[], int] = ctypes.PyDLL(None, use_errno=True).fork

    def fork() -> int:
        pid = of_the_system()
        if pid < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return pid

    return fork


class Answer(TypedDict, total=False):
    """A reply: one of ready and pid (process ids), refused (the reason) and status (of ``waitpid``)."""

    ready: int
    pid: int
    refused: str
    status: int | None


class Hosts:
    """The processes that may send requests, each by its own socket, and their remaining workers.

    The first one started the zygote: when it is gone, the others are not served any more.
    """

    def __init__(self, first: socket.socket) -> None:
        self._first = first
        self._workers: dict[socket.socket, set[int]] = {}
        self._poll = select.poll()
        self.add(first)

    def add(self, control: socket.socket) -> None:
        """Add another process."""
        self._workers[control] = set()
        self._poll.register(control, select.POLLIN)
        with contextlib.suppress(ConnectionError):  # it is gone already, which its next message will show
            _reply(control, {"ready": os.getpid()})

    def asking(self) -> Iterator[socket.socket]:
        """Wait, and yield the sockets with a request or a closed peer."""
        by_number = {control.fileno(): control for control in self._workers}
        for number, _ in self._poll.poll():
            yield by_number[number]

    def leave(self, control: socket.socket) -> bool:
        """Forget a process that is gone, and end its workers; return whether any process remains."""
        if control is self._first:
            return False
        self._poll.unregister(control)
        for pid in self._workers.pop(control):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _status(pid)
        control.close()
        return True

    def fork(self, control: socket.socket, become: Callable[[], None], fork: Callable[[], int]) -> Answer:
        """Fork a worker for one of them; return the reply."""
        try:
            pid = fork()
        except OSError as error:  # too many processes, or too little memory: continue to serve the others
            return {"refused": str(error.strerror)}
        if pid == 0:
            _child(self._workers, become)
        self._workers[control].add(pid)
        return {"pid": pid}

    def reap(self, control: socket.socket, pid: int) -> int | None:
        """Wait for a worker that was told to exit."""
        self._workers[control].discard(pid)
        return _status(pid)


def _serve(first: socket.socket, become_worker: Callable[[ForkRequest, list[int]], None]) -> None:
    fork = system_fork()
    hosts = Hosts(first)
    while True:
        for control in hosts.asking():
            try:
                message, fds, _, _ = socket.recv_fds(control, 1 << 16, 2)
                request = json.loads(message or b'{"verb": "end"}')
                if request["verb"] == "fork":
                    answer = hosts.fork(control, partial(become_worker, request, fds), fork)
                    for fd in fds:
                        os.close(fd)
                    _reply(control, answer)
                elif request["verb"] == "reap":
                    _reply(control, {"status": hosts.reap(control, request["pid"])})
                elif request["verb"] == "serve":
                    hosts.add(socket.socket(fileno=fds[0]))
                elif not hosts.leave(control):
                    return
            except ConnectionError:
                if not hosts.leave(control):
                    return


def _status(pid: int) -> int | None:
    """Exit status of a child from ``waitpid``; None if there is no such child."""
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None


def _child(controls: Iterable[socket.socket], become: Callable[[], None]) -> None:
    status = 0
    try:
        for control in controls:
            control.close()
        become()
    except BaseException:  # noqa: BLE001 - nothing of the child may reach the zygote's loop
        status = 97
    finally:
        os._exit(status)


def _reply(control: socket.socket, message: Answer) -> None:
    control.send(json.dumps(message).encode())


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    main(int(sys.argv[1]), **json.loads(sys.argv[3]))
