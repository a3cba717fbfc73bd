"""A machine of a cluster: a plugin of its Dask worker, which proves what the machine offers and grades there.

Its class and functions are found by name on the machine, so the kit has to be installed there in the same version.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from distributed import WorkerPlugin, get_worker

from autograder.classroom.cluster.parcels import Packed, Parcel, unpack_course, unpack_hand_in
from autograder.classroom.processes import Grading
from autograder.classroom.runs import Run
from autograder.course import catalogue
from autograder.grading.grader import versions
from autograder.grading.workplace import start_worker
from autograder.isolation.launcher import open_launcher
from autograder.isolation.levels import IsolationError
from autograder.spec import SpecError

if TYPE_CHECKING:
    from distributed import Worker

__all__ = ["Graded", "Machine", "Needs", "grade_parcel", "refusal_of"]

SPARE_BYTES = 128 << 20
"""Free space that a machine needs for one hand-in: its files, and what is unpacked of a zip."""


@dataclass(frozen=True)
class Needs:
    """What a machine has to offer: versions by name, isolation, and the hash of each assignment's checks."""

    versions: dict[str, str]
    isolation: str
    backend: str
    checks: dict[str, str]
    spare_bytes: int = SPARE_BYTES


@dataclass(frozen=True)
class Graded:
    """One hand-in's report as JSON with the grader's own failures; or why this machine could not grade it."""

    machine: str
    report: bytes = b""
    fault: str = ""
    refusal: str = ""


class Machine(WorkerPlugin):  # type: ignore[misc]
    """Grades one hand-in at a time in this worker process, which has a zygote of its own.

    name: of the plugin, and of the resource that an accepted machine offers; refusal: why it gets no work, in a clause;
    examined: whether that is known.
    """

    def __init__(self, name: str, course: Packed, needs: Needs) -> None:
        self.name, self.needs = name, needs
        self.refusal = ""
        self._course = course
        self._worker: Worker | None = None
        self._address = ""
        self._root = Path()
        self._grading: Grading | None = None
        self.examined: asyncio.Event  # these are made on the machine, as they cannot be sent
        self._lock: threading.Lock

    async def setup(self, worker: Worker) -> None:
        """Examine the machine, and offer to grade where everything is as it has to be."""
        self._worker, self._address = worker, worker.address
        self._lock, self.examined = threading.Lock(), asyncio.Event()
        self.refusal = await asyncio.to_thread(self._examine, Path(worker.local_directory))
        if not self.refusal:
            await worker.set_resources(**{self.name: 1})
        self.examined.set()

    async def teardown(self, worker: Worker) -> None:
        """End what was started here."""
        self.refusal = "has finished"
        await asyncio.to_thread(self._close)
        if worker.status.name == "running":
            await worker.set_resources(**{self.name: 0})

    def _examine(self, folder: Path) -> str:
        """Say in a clause why this machine cannot grade; empty if it can."""
        found = versions()
        for what, wanted in self.needs.versions.items():
            if found.get(what) != wanted:
                return f"has {what} {found.get(what, 'missing')}, but {wanted} is needed"
        if reason := self._full(folder):
            return reason
        try:
            self._root = unpack_course(self._course, folder)
            for name, wanted in self.needs.checks.items():
                if catalogue.load(name, self._root).checks_sha256 != wanted:
                    return "has another build of the kit: its checks have another hash"
            self._grading = Grading(open_launcher(backend=self.needs.backend))
            start_worker(self._grading.launcher, None, self.needs.isolation).close()
        except IsolationError as error:
            self._close()
            return f"cannot isolate student code: {error}"
        except (OSError, SpecError) as error:
            self._close()
            return f"cannot prepare for grading: {error}"
        return ""

    def _close(self) -> None:
        with self._lock:
            if self._grading is not None:
                self._grading.launcher.close()
                self._grading = None
            if self._root != Path():
                shutil.rmtree(self._root, ignore_errors=True)

    def _full(self, folder: Path) -> str:
        for place in (folder, Path(tempfile.gettempdir())):
            if shutil.disk_usage(place).free < self.needs.spare_bytes:
                return f"has less than {self.needs.spare_bytes >> 20} MB of free space in {place}"
        return ""

    def grade(self, run: Run, parcel: Parcel) -> Graded:
        """Grade one hand-in; where that fails for the machine's sake, leave the work to others."""
        with self._lock:
            if self._grading is None:
                return self._refuse("has finished")
            if reason := self._full(self._root):
                return self._refuse(reason)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    place = Path(folder)
                    entry = unpack_hand_in(parcel, place / "in")
                    there = msgspec.structs.replace(run, root=str(self._root), out=str(place / "out"))
                    report, fault = self._grading.grade(there, entry)
            except IsolationError as error:
                return self._refuse(f"cannot isolate student code any more: {error}")
            except OSError as error:
                return self._refuse(f"cannot read or write: {error}")
        return Graded(self._address, msgspec.json.encode(report), fault)

    def _refuse(self, reason: str) -> Graded:
        """Take no more work."""
        self.refusal = reason
        worker = self._worker
        if worker is not None:
            worker.loop.add_callback(worker.set_resources, **{self.name: 0})
        return Graded(self._address, refusal=reason)


def grade_parcel(name: str, run: Run, parcel: Parcel) -> Graded:
    """Grade one hand-in on the machine where this is called."""
    machine: Machine = get_worker().plugins[name]
    return machine.grade(run, parcel)


async def refusal_of(name: str, dask_worker: Worker) -> str | None:
    """Say in a clause why a machine gets no work, once that is known; empty if it does, None if it knows of no run."""
    machine = dask_worker.plugins.get(name)
    if machine is None:
        return None
    await machine.examined.wait()
    found: str = machine.refusal
    return found
