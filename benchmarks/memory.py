"""Whether a long run stays small: memory of the grader's processes while a large class is graded.

A fresh process grades a class of hundreds, made of copies of the demonstration's ten (crashes, an endless loop and
objects equal to everything among them), and reads the peak (VmHWM) of itself, of its grading processes and of their
zygotes from /proc after 50 reports and at the end.  Capstones are left out: they train in workers, which end with their
exercise.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import ROOT, Row, Table

ASSIGNMENT = "02_layers"
FIRST, LAST = 50, 300
BAND = (0.9, 1.1)
JOBS = 2
ENDLESS = "grace (never ends)"


def tables(*, quick: bool) -> Iterator[Table]:
    """Grade in a fresh process, so that no other table's memory counts."""
    first, last = (4, 8) if quick else (FIRST, LAST)
    title = f"Memory of the grader's processes, from report {first} to report {last}"
    if not Path("/proc/self/status").is_file():
        yield Table(title, note="This system has no /proc to read the memory of a process from.")
        return
    command = [sys.executable, "-m", "benchmarks.memory", str(first), str(last)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    rows = []
    for kind, (before, after) in json.loads(done.stdout).items():
        note = (
            f"peak {before['VmHWM']:.4g} → {after['VmHWM']:.4g} MB, now {before['VmRSS']:.4g} → {after['VmRSS']:.4g} MB"
        )
        rows.append(Row(kind, after["VmHWM"] / before["VmHWM"], "×", BAND[1], BAND[0], note))
    yield Table(title, rows)


# --- in the fresh process --------------------------------------------------------------------


def main(first: int, last: int) -> None:
    """Grade ``last`` submissions; print the memory of each kind of process after ``first`` of them and at the end."""
    from autograder.classroom.finding import discover
    from autograder.classroom.processes import open_pool
    from autograder.classroom.runs import prepare_run
    from autograder.grading.options import Options
    from autograder.isolation.launcher import open_launcher
    from autograder.spec import Scope

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_large_class(folder / "submitted", last)
        entries = discover(folder / "submitted", ROOT, ASSIGNMENT)
        run = prepare_run(
            ROOT,
            folder / "out",
            folder / "submitted",
            entries,
            Options(seed=1, isolation="full", scope=Scope(capstones=False)),
        )
        seen = []
        with open_launcher() as launcher, open_pool(JOBS, launcher) as pool:
            for number, _ in enumerate(pool.grade_all(entries, run), start=1):
                if number in (first, last):
                    seen.append(memory_by_kind())
    sys.stdout.write(json.dumps({kind: [snapshot[kind] for snapshot in seen] for kind in seen[0]}) + "\n")


def make_large_class(folder: Path, size: int) -> None:
    """Write ``size`` submissions: the demonstration's students under new names."""
    from autograder.classroom.demo import make_class
    from autograder.course import catalogue

    with tempfile.TemporaryDirectory() as name:
        make_class(catalogue.load(ASSIGNMENT, ROOT), Path(name))
        students = sorted(path for path in Path(name).iterdir() if size >= FIRST or path.name != ENDLESS)
        for number in range(size):
            student = students[number % len(students)]
            shutil.copytree(student, folder / f"{number:03d} {student.name}")


def memory_by_kind() -> dict[str, dict[str, float]]:
    """Largest VmHWM and VmRSS in MB of this process, of the grading processes, of the zygote that they share."""
    import os

    started = {pid: command_line(pid) for pid in children(os.getpid())}
    servers = [pid for pid, command in started.items() if "forkserver" in command]
    graders = [pid for server in servers for pid in children(server)]
    zygotes = [pid for pid, command in started.items() if "zygote.py" in command]
    kinds = {"parent": [os.getpid()], "grading processes": graders, "zygote": zygotes}
    found = {}
    for kind, pids in kinds.items():
        all_of_kind = [status(pid) for pid in pids]
        found[kind] = {key: max(one[key] for one in all_of_kind) for key in ("VmHWM", "VmRSS")}
    return found


def children(pid: int) -> list[int]:
    """Processes that this one started and that still run."""
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def command_line(pid: int) -> str:
    """What a process was started as."""
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")


def status(pid: int) -> dict[str, float]:
    """Memory of one process in MB, by the names that the kernel gives."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {key: int(fields[key].split()[0]) / 1024 for key in ("VmHWM", "VmRSS")}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
