"""Watches a run from outside: its reports as they appear, each file that was written twice, the memory of processes."""

from __future__ import annotations

import math
import os
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 0.5
DRAWING = ", drawing"
"""Added to the kind of process once every hand-in is graded."""
Stamp = tuple[int, int]


@dataclass
class Watch:
    """What was seen of a run's folder and of its processes.

    stamps: inode and time of each report, every pair seen; samples: by kind of process, (reports, MB) over time.
    first_s, last_s: when the first report, and the last new one, was there, by the clock.
    """

    out: Path
    size: int
    stamps: dict[str, set[Stamp]] = field(default_factory=dict)
    samples: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    first_s: float = 0.0
    last_s: float = 0.0

    def look(self) -> int:
        """Note every report that is there now; return how many."""
        found = 0
        for student in _names(self.out / "reports"):
            for name in _names(self.out / "reports" / student):
                if name.endswith(".json") and not name.startswith("."):
                    found += self._note(student, self.out / "reports" / student / name)
        return found

    def _note(self, student: str, path: Path) -> int:
        try:
            status = path.stat()
        except FileNotFoundError:
            return 0
        if student not in self.stamps:
            self.first_s = min(self.first_s or status.st_mtime, status.st_mtime)
            self.last_s = max(self.last_s, status.st_mtime)
        self.stamps.setdefault(student, set()).add((status.st_ino, status.st_mtime_ns))
        return 1

    def count(self) -> int:
        """How many students have a report or are about to, without a look at each."""
        return len(_names(self.out / "reports"))

    def weigh(self, pid: int) -> None:
        """Note the memory of the process and of those that it started, by kind; none where they have ended."""
        reports = self.count()
        phase = DRAWING if reports >= self.size else ""
        for kind, megabytes in memory(pid).items():
            self.samples.setdefault(kind + phase, []).append((reports, megabytes))

    def peak(self, kind: str) -> float:
        """The most memory in MB that a kind of process has had; 0 if none was seen."""
        return max((mb for _, mb in self.samples.get(kind, [])), default=0.0)

    def around(self, kind: str, low: float, high: float) -> float:
        """Its memory in MB between two shares of the class, in the median; not a number if it was not seen then.

        A grading process holds a hand-in's arrays for a moment, so single samples say little.
        """
        some = [mb for reports, mb in self.samples.get(kind, []) if low * self.size <= reports < high * self.size]
        return statistics.median(some) if some else math.nan

    def rate(self) -> float:
        """Hand-ins a second, from the first report to the last."""
        return (len(self.stamps) - 1) / max(self.last_s - self.first_s, 1e-9)

    def twice(self) -> list[str]:
        """Students whose report was written more than once."""
        return sorted(student for student, stamps in self.stamps.items() if len(stamps) > 1)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - ten thousand names, twice a second
    except (FileNotFoundError, NotADirectoryError):
        return []


# --- processes -------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    """Processes that this one started; none where it is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """Processes that this one started, and those that they started."""
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def graders(pid: int) -> list[int]:
    """The grading processes of a run on this machine: what its fork server has started."""
    servers = [child for child in children(pid) if "forkserver" in command_line(child)]
    return [child for server in servers for child in children(server)]


def memory(pid: int) -> dict[str, float]:
    """Resident memory in MB by kind: of the run itself, and of the largest of its grading processes."""
    found = {"run": resident(pid), "grading process": max(map(resident, graders(pid)), default=0.0)}
    return {kind: megabytes for kind, megabytes in found.items() if megabytes}


def resident(pid: int) -> float:
    """Resident memory of a process in MB; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
    except OSError:
        return 0.0


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_line(pid: int) -> str:
    """What a process was started as; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def left_of(pids: list[int], *, seconds: float = 15.0) -> int:
    """How many of these processes are still there after at most so many seconds."""
    until = time.monotonic() + seconds
    while any(map(_lives, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    return sum(map(_lives, pids))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
