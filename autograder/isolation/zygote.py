"""The warm process: has NumPy and dlkit imported and forks a worker in about two milliseconds.

Started by exec, so that it inherits nothing of the host's memory; a fork shares memory, so it
must never hold an expected value, a hidden input or a solution.  What every worker needs to restrict
itself is prepared here.  Its control socket carries one JSON message a packet:
{"verb": "fork", …} with two descriptors → {"pid": n};  {"verb": "reap", "pid": n} → {"status": n};
{"verb": "end"}.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

WARM = """
numpy numpy.linalg numpy.fft numpy.random numpy.polynomial numpy.lib.stride_tricks math functools itertools collections
typing dataclasses abc enum operator copy random statistics string re json inspect warnings heapq bisect socket ctypes
traceback linecache contextlib types numbers datetime time encodings.idna dlkit dlkit.course dlkit.datasets
dlkit.extraction dlkit.gradcheck dlkit.plotting dlkit.training
""".split()  # noqa: SIM905 - a list of fifty names reads best as words


def main(control_fd: int, layers: list[str], *, gpu: bool) -> None:
    """Serve fork and reap until told to end, or until the host is gone.

    layers: what every worker is to be held by; gpu: leave room for a driver, and let anything be imported.
    """
    sys.dont_write_bytecode = True
    for name in WARM:
        importlib.import_module(name)
    from autograder.isolation.importer import Importer
    from autograder.isolation.linux.sandbox import Sandbox
    from autograder.isolation.worker import Prepared, become_worker

    control = socket.socket(fileno=control_fd)
    sandbox, importer = Sandbox(frozenset(layers), gpu=gpu), Importer()
    if not gpu:
        if sandbox.loses_sight:
            importer.load_everything()
        importer.install()
    prepared = Prepared(sandbox, importer)
    gc.collect()
    gc.freeze()
    with contextlib.suppress(ConnectionError):  # the host is gone: so are we
        _serve(control, lambda request, fds: become_worker(request, fds, prepared))


def _fork() -> Callable[[], int]:
    """The system's own fork: what Python does after one mends locks that other threads held, and there are none.

    It costs half a millisecond a worker, for pages touched.  With other threads about, Python's fork after all.
    """
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - a Path is no help here
        return os.fork
    fork: Callable[[], int] = ctypes.PyDLL(None).fork
    return fork


def _serve(control: socket.socket, become_worker: Callable[[dict[str, Any], list[int]], None]) -> None:
    fork = _fork()
    _reply(control, {"ready": os.getpid()})
    while True:
        message, fds, _, _ = socket.recv_fds(control, 1 << 16, 2)
        if not message:
            return
        request = json.loads(message)
        if request["verb"] == "fork":
            pid = fork()
            if pid == 0:
                _child(control, request, fds, become_worker)
            for fd in fds:
                os.close(fd)
            _reply(control, {"pid": pid})
        elif request["verb"] == "reap":
            try:
                _, status, _ = os.wait4(request["pid"], 0)
            except ChildProcessError:
                status = None
            _reply(control, {"status": status})
        else:
            return


def _child(
    control: socket.socket,
    request: dict[str, Any],
    fds: list[int],
    become_worker: Callable[[dict[str, Any], list[int]], None],
) -> None:
    status = 0
    try:
        control.close()
        become_worker(request, fds)
    except BaseException:  # noqa: BLE001 - nothing of the child may reach the zygote's loop
        status = 97
    finally:
        os._exit(status)


def _reply(control: socket.socket, message: dict[str, Any]) -> None:
    control.send(json.dumps(message).encode())


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    main(int(sys.argv[1]), **json.loads(sys.argv[3]))
