"""The trusted side: starts the zygote, has it fork workers, asks them, reads their CPU clocks, ends them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from autograder.isolation.protocol import Deadline, ProtocolError, decode, encode, receive, send

__all__ = ["Limits", "SubjectLostError", "SubjectRaisedError", "Worker", "Zygote"]

F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20
GLANCE_S = 0.2
MAX_TEXT = 2000


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    cpu_s: CPU seconds a call; wall_s: seconds a call by the clock on the wall; memory_mb: address
    space beyond the interpreter's own; life_cpu_s: CPU seconds of the whole worker.
    """

    cpu_s: float = 3.0
    wall_s: float = 20.0
    memory_mb: int = 2048
    life_cpu_s: int = 120


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


class Zygote:
    """The warm process, as the host holds it.  A context manager; several threads may fork."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = Path(__file__).resolve().parents[2]
        environment = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
            **{name: os.environ[name] for name in ("LD_LIBRARY_PATH", "CUDA_PATH") if name in os.environ},
        }
        command = [sys.executable, "-I", str(Path(__file__).with_name("zygote.py")), str(theirs.fileno()), str(root)]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._control = ours
        self._ready = False
        self._lock = threading.Lock()

    def fork(self, limits: Limits, fds: list[int]) -> int:
        """Have a worker forked that reads and writes these descriptors; return its process id."""
        request = {"verb": "fork", "memory_mb": limits.memory_mb, "cpu_s": limits.life_cpu_s}
        with self._lock:
            if not self._ready:
                self._answer()
                self._ready = True
            socket.send_fds(self._control, [json.dumps(request).encode()], fds)
            return int(self._answer()["pid"])

    def reap(self, pid: int) -> int | None:
        """Wait for a worker that was told to die; return its exit status as ``waitpid`` gives it."""
        with self._lock:
            self._control.send(json.dumps({"verb": "reap", "pid": pid}).encode())
            status = self._answer()["status"]
        return None if status is None else int(status)

    def _answer(self) -> dict[str, Any]:
        message = self._control.recv(1 << 16)
        if not message:
            text = "the grader's zygote process has died"
            raise RuntimeError(text)
        answer: dict[str, Any] = json.loads(message)
        return answer

    def close(self) -> None:
        """End the zygote."""
        with contextlib.suppress(OSError):
            self._control.send(b'{"verb": "end"}')
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
            return
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Worker:
    """One forked worker and the two pipes to it."""

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
        self._closed = False

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
        call = secrets.token_hex(8)
        arrays: list[Any] = []
        header = {"id": call, "verb": verb, "backend": backend, "arguments": encode(arguments, arrays)}
        started, cpu_started = time.monotonic(), self.cpu_seconds()

        def wait() -> None:
            ready = False
            while not ready:
                ready = bool(self._poll.poll(GLANCE_S * 1000))
                late = time.monotonic() - started > limits.wall_s  # also for an answer that trickles in
                if late or (not ready and self.cpu_seconds() - cpu_started > limits.cpu_s):
                    raise Deadline

        try:
            send(self._write, header, arrays, started + limits.wall_s)
            reply, results = receive(self._read, wait)
            if reply.get("id") != call:
                message = "the reply is to another call"
                raise ProtocolError(message)  # noqa: TRY301
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
