"""Starts workers: through the zygote on Linux, one by one elsewhere.

Needs no NumPy, so that the zygote can start while its user is still importing everything else.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from autograder.isolation.interpreter import NEUTRAL
from autograder.isolation.levels import LAYERS, IsolationError

if TYPE_CHECKING:
    from autograder.isolation.child import ForkRequest
    from autograder.isolation.zygote import Answer

__all__ = ["Launcher", "Limits", "NotMeasuredError", "Spawner", "Zygote", "open_launcher"]


ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PATIENCE_S, PAUSE_S = 10.0, 0.1
"""How long, and how often, starting a process is retried if the system refuses: others may end meanwhile."""
KEPT_VARIABLES = {"PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL"}


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    cpu_s: CPU seconds per call; wall_s: wall seconds per call; memory_mb: address space beyond the interpreter's own;
    life_cpu_s: CPU seconds of the whole worker; idle_s: seconds per call in which all of its threads may sleep;
    reply: largest number of bytes of arrays in one reply that is read.
    """

    cpu_s: float = 3.0
    wall_s: float = 20.0
    memory_mb: int = 2048
    life_cpu_s: int = 120
    idle_s: float = math.inf
    reply: int = 32 << 20


class NotMeasuredError(Exception):
    """This system does not report the requested quantity: one sentence."""


class Zygote:
    """The warm process, as the grader sees it.  A context manager; several threads may fork.

    layers: of isolation for every worker (all of ``LAYERS``, except in demonstrations of attacks);
    backend: the array library of student code; a GPU's driver needs more memory.
    door: leads to a zygote of another process, which then also serves this one.
    secrets: paths that every worker proves it cannot see, before student code is loaded.
    """

    def __init__(
        self, layers: Iterable[str] = LAYERS, backend: str = "numpy", *, door: socket.socket | None = None
    ) -> None:
        self.secrets: tuple[str, ...] = ()
        self._layers, self._gpu = list(layers), backend == "cupy"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = 0
        if door is None:
            self._start()
        else:
            self._control = _ask_to_serve(door)

    def door(self) -> socket.socket:
        """Make the socket through which another process uses this zygote; several may share one."""
        with self._lock:
            return _ask_to_serve(self._control)

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = Path(__file__).resolve().parents[2]
        environment = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            **ONE_THREAD,
            **{name: os.environ[name] for name in ("LD_LIBRARY_PATH", "CUDA_PATH") if name in os.environ},
            **({"CUPY_CACHE_IN_MEMORY": "1"} if self._gpu else {}),
        }
        options = json.dumps({"layers": self._layers, "gpu": self._gpu})
        file = str(Path(__file__).with_name("zygote.py"))
        command = [sys.executable, "-I", file, str(theirs.fileno()), str(root), options]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, cwd=NEUTRAL
        )
        theirs.close()
        self._control = ours
        self._ready = 0

    def fork(self, limits: Limits, fds: list[int]) -> int:
        """Fork a worker that reads and writes these descriptors; return its process id.

        Raises IsolationError if the system starts no more processes.
        """
        request: ForkRequest = {
            "verb": "fork",
            "memory_mb": limits.memory_mb,
            "cpu_s": limits.life_cpu_s,
            "host": os.getpid(),
            "secrets": list(self.secrets),
        }
        message = json.dumps(request).encode()
        until = time.monotonic() + PATIENCE_S
        while True:
            with self._lock:
                try:
                    answer = self._fork(message, fds)
                except (OSError, EOFError):  # it was killed, perhaps for lack of memory
                    self.close()
                    self._start()
                    answer = self._fork(message, fds)
            if "refused" not in answer:
                return int(answer["pid"])
            if time.monotonic() > until:
                text = f"No process for student code can be started ({answer['refused']}): use fewer jobs."
                raise IsolationError(text)
            time.sleep(PAUSE_S)

    def _fork(self, message: bytes, fds: list[int]) -> Answer:
        self._wait_until_ready()
        socket.send_fds(self._control, [message], fds)
        return self._answer()

    def _wait_until_ready(self) -> None:
        self._ready = self._ready or int(self._answer()["ready"])

    @property
    def pid(self) -> int:
        """Process id of the zygote."""
        with self._lock:
            self._wait_until_ready()
        return self._ready

    def reap(self, pid: int) -> int | None:
        """Wait for a worker that was told to exit; return its exit status from ``waitpid``.

        None if that is unknown, because the worker's zygote is gone.
        """
        with self._lock, contextlib.suppress(OSError, EOFError):
            self._control.send(json.dumps({"verb": "reap", "pid": pid}).encode())
            status = self._answer()["status"]
            return None if status is None else int(status)
        return None

    def _answer(self) -> Answer:
        message = self._control.recv(1 << 16)
        if not message:
            text = "the grader's zygote process has died"
            raise EOFError(text)
        answer: Answer = json.loads(message)
        return answer

    def close(self) -> None:
        """End the zygote, or leave it running if another process started it."""
        with contextlib.suppress(OSError):
            self._control.send(b'{"verb": "end"}')
        self._control.close()
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
            return
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ask_to_serve(control: socket.socket) -> socket.socket:
    """Open another control socket; the request on ``control`` has no reply."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.send_fds(control, [b'{"verb": "serve"}'], [theirs.fileno()])
    theirs.close()
    return ours


class Spawner:
    """Starts every worker as a new interpreter, on systems without a safe fork and without isolation.

    secrets: not proved to be invisible here.
    """

    def __init__(self) -> None:
        self.secrets: tuple[str, ...] = ()

    def spawn(self, limits: Limits) -> subprocess.Popen[bytes]:
        """Start a worker that answers on its standard streams."""
        file = Path(__file__).with_name("spawned.py")
        bounds = [str(limits.memory_mb), str(limits.life_cpu_s)]
        command = [sys.executable, "-I", str(file), str(file.parents[2]), *bounds]
        environment = {name: value for name, value in os.environ.items() if name.upper() in KEPT_VARIABLES}
        environment |= {"PYTHONHASHSEED": "0", **ONE_THREAD}
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command,
            env=environment,
            cwd=NEUTRAL,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )

    def door(self) -> None:
        """None: there is nothing to share."""

    def close(self) -> None:
        """Do nothing: every worker is ended by its user."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Launcher = Zygote | Spawner


def open_launcher(backend: str = "numpy", *, door: socket.socket | None = None) -> Launcher:
    """The best launcher of this system; ``door`` leads to one that exists already."""
    return Zygote(backend=backend, door=door) if sys.platform == "linux" else Spawner()
