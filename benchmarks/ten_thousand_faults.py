"""What goes wrong on the way of a large run: processes that are killed, a disk that is full, machines that are gone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from benchmarks.table import ROOT

SPARE_BYTES, EACH_BYTES = 64 << 20, 200 << 10
"""Size of the disk that is filled: so much, and so much for each hand-in: six reports and pages of 23 kB."""
BALLAST, CHUNK = "ballast", 4 << 20


@contextlib.contextmanager
def own_disk(folder: Path, size: int) -> Iterator[bool]:
    """Mount a small file system in a folder, which can be filled, for so many hand-ins; yield whether that is allowed.

    size: of the class.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SPARE_BYTES + size * EACH_BYTES}", "tmpfs", str(folder)]
    mounted = bool(shutil.which("mount")) and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            _unmount(folder)


def _unmount(folder: Path) -> None:
    """Unmount at once, or as soon as what is about to end has ended."""
    for _ in range(20):
        if subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.5)
    subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(disk: Path) -> None:
    """Take every free byte of a disk."""
    with (disk / BALLAST).open("wb", buffering=0) as file:
        for size in (CHUNK, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)


def free(disk: Path) -> None:
    """Give the space back."""
    (disk / BALLAST).unlink()


# --- processes -------------------------------------------------------------------------------


def started(command: Sequence[object], log: Path, core: int | None = None, **more: str) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own; what it prints is added to a file; core: the one it may use."""
    pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
    with log.open("ab") as file:
        return subprocess.Popen(
            [*pinned, *map(str, command)],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        )


def end(*processes: subprocess.Popen[bytes]) -> None:
    """Kill processes with all that they have started."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class DaskCluster:
    """A scheduler and workers, each a machine of its own: Dask's commands as a user types them.

    cores: of each worker the one that it may use; environment: more variables for the workers.
    """

    def __init__(self, folder: Path, cores: Sequence[int | None], **environment: str) -> None:
        self._folder, self._cores, self._environment = folder, cores, environment
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the scheduler at a free port, and a worker for each core."""
        self._folder.mkdir(exist_ok=True)
        self.address = f"tcp://127.0.0.1:{free_port()}"
        options = ["--host", self.address, "--dashboard-address", ":0"]
        self.scheduler = started([*dask(), "scheduler", *options], self._folder / "log")
        self.workers = []
        for core in self._cores:
            self.add(core)
        self._wait()

    def add(self, core: int | None) -> None:
        """Start one more machine."""
        place = self._folder / f"machine{len(self.workers)}"
        options = ["--nthreads", "1", "--local-directory", place, "--no-dashboard"]
        options += ["--preload", "benchmarks.ten_thousand_recorded"]
        more = {"TMPDIR": str(self._folder), **self._environment}  # what a killed one leaves is removed with it
        command = [*dask(), "worker", self.address, *options]
        self.workers.append(started(command, self._folder / "log", core, **more))

    def _wait(self) -> None:
        from distributed import Client

        with Client(self.address, timeout=60) as client:
            client.wait_for_workers(len(self._cores), timeout=60)

    def stop(self) -> None:
        """Kill everything."""
        end(*self.workers, *([self.scheduler] if self.scheduler else []))


def dask() -> list[str]:
    """What the command ``dask`` begins with."""
    return [sys.executable, "-m", "dask"]


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
