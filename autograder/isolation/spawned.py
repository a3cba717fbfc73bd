"""A worker on systems without proved isolation: a new process with a deadline, level "none".

The second half runs in that process: ``python -I spawned.py ROOT MEMORY_MB CPU_S`` serves on its standard streams.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])

from autograder.isolation.launcher import Limits, NotMeasuredError, Spawner
from autograder.isolation.levels import Isolation
from autograder.isolation.protocol import Channel, Deadline, Frame, ProtocolError

if TYPE_CHECKING:
    from dlkit.backend import NumpyArray

__all__ = ["SpawnedLink"]

NONE = Isolation("none", ("no isolation can be proved on this system: student code runs as your own user",))


class SpawnedLink:
    """One spawned worker; a thread does the reading and writing, which may block."""

    isolation = NONE

    def __init__(self, spawner: Spawner, limits: Limits) -> None:
        self._process: subprocess.Popen[bytes] = spawner.spawn(limits)
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101, PT018 - asked for
        self.pid = self._process.pid
        self._channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        self._cpu = 0.0
        self.idle_s = 0.0
        self._reply = limits.reply
        self._asked: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._answered: queue.SimpleQueue[Frame | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while (frame := self._asked.get()) is not None:
            try:
                self._channel.send(*frame)
                self._answered.put(self._channel.receive(max_body=self._reply))
            except (EOFError, OSError, ProtocolError) as error:
                self._answered.put(error)

    def cpu_seconds(self) -> float:
        """CPU time as reported by the worker itself: good enough only for one's own work."""
        return self._cpu

    @property
    def received(self) -> int:
        """Bytes that the worker has sent, or announced, so far."""
        return self._channel.received

    def keep_to(self, _core: int) -> None:
        """Do nothing: the system decides."""

    def memory(self) -> tuple[int, int]:
        """Raises NotMeasuredError: only Linux reports it."""
        message = "memory is measured on Linux"
        raise NotMeasuredError(message)

    def instructions(self) -> None:
        """Not counted here."""

    def exchange(self, header: dict[str, object], arrays: list[NumpyArray], limits: Limits) -> Frame:
        """Send one frame and read one; Deadline, ProtocolError, EOFError or OSError if no valid one arrives."""
        self._reply = limits.reply
        self._asked.put((header, arrays))
        try:
            answer = self._answered.get(timeout=limits.wall_s)
        except queue.Empty:
            raise Deadline from None
        if isinstance(answer, Exception):
            raise answer
        cpu = answer[0].get("cpu")
        self._cpu = max(self._cpu, cpu) if isinstance(cpu, float) else self._cpu
        return answer

    def end(self, *, kill: bool) -> str:
        """End the worker; return how it ended."""
        self._asked.put(None)
        if not kill:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self._process.kill()
        status = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return f"ended its own process with exit status {status}: an exercise must return, never exit"


def main(memory_mb: int, cpu_s: int) -> None:
    """Serve on the original standard streams until the grader process closes them."""
    from autograder.isolation.executor import Executor
    from autograder.isolation.importer import Importer
    from autograder.isolation.refusals import Refusals
    from autograder.isolation.serving import serve
    from autograder.isolation.watch import Watch

    read_fd, write_fd = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if sys.platform == "win32":
        import msvcrt

        for fd in (read_fd, write_fd):
            msvcrt.setmode(fd, os.O_BINARY)
    sys.dont_write_bytecode = True
    importer = Importer()
    importer.install()
    _limit(memory_mb, cpu_s)
    watch = Watch(importer, lambda _path: True)
    refusals = Refusals()
    refusals.begin()
    watch.ignore_debugger()
    watch.begin()
    with contextlib.suppress(BrokenPipeError):  # the grader process is gone
        serve(Channel(read_fd, write_fd), Executor(is_main=True, refusals=refusals), watch, tell_cpu=True)


def _limit(memory_mb: int, cpu_s: int) -> None:
    """Limit memory and time if the system supports it."""
    with contextlib.suppress(ImportError):
        import resource

        for which, bound in ((resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_AS, memory_mb << 20)):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(which, (bound, bound))


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
