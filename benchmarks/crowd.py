"""A large class with hostile hand-ins: honest marks must be the same as without them, and nothing may be left behind.

The honest students are copies of the demonstration's, the hostile ones are the attacks of ``tests/hostile``.  Both
classes are graded with one seed, as ``autograder grade`` does it, capstones and speed included.  Some of the hostile
hand-ins use as much of the grader as they can: its memory must not grow.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.memory import ASSIGNMENT, BAND, ENDLESS, JOBS, memory_by_kind
from benchmarks.table import ROOT, Row, Table
from benchmarks.wasteful import make_wasteful

HONEST, HOSTILE, FIRST = 400, 100, 50
GRADING = "grading processes"
MOST_MEMORY = 1.2
LIAR = "hugo (equal to everything)"


def tables(*, quick: bool) -> Iterator[Table]:
    """Grade the honest alone, then everybody."""
    honest, hostile = (8, 4) if quick else (HONEST, HOSTILE)
    title = f"{honest + hostile} submissions in one run, {hostile} of them hostile, and some wasteful ones"
    if not Path("/proc/self/status").is_file():
        yield Table(title, note="This system has no /proc to look for what was left behind.")
        return
    from tests.hostile.harness import World, adopt_orphans, strays

    adopt_orphans()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(folder / "world")
        memory, others = shared_memory(), set(strays())
        try:
            make_honest(folder / "alone", honest)
            shutil.copytree(folder / "alone", folder / "together")
            make_hostile(folder / "together", hostile, world)
            wasteful = make_wasteful(folder / "together", 6 if quick else None)
            alone, alone_s, sizes_alone = graded(folder, "alone", 4 if quick else FIRST)
            together, together_s, sizes = graded(folder, "together", 4 if quick else FIRST)
            untouched = world.is_untouched
        finally:
            world.close()
    different = [student for student, marks in alone.items() if together[student] != marks]
    earned = sum(marks["points"] > 0 for student, marks in together.items() if student not in alone)
    rows = [
        Row(
            "honest students whose marks differ",
            len(different),
            "of " + str(len(alone)),
            0,
            note="; ".join(different[:5]),
        ),
        Row("hostile hand-ins that earned a point", earned, "of " + str(hostile + len(wasteful)), 0),
        Row("processes left behind", settled(lambda: set(strays()) - others), "", 0),
        Row("segments of shared memory left behind", settled(lambda: set(shared_memory()) - set(memory)), "", 0),
        Row("files of others that were touched", 0 if untouched else 1, "", 0),
        *(
            Row(f"memory at the end: {kind}", after["VmHWM"] / before["VmHWM"], "×", BAND[1], BAND[0])
            for kind, (before, after) in sizes.items()
        ),
        Row(
            "memory of the grading processes at its peak, beside the honest alone",
            sizes[GRADING][-1]["VmHWM"] / sizes_alone[GRADING][-1]["VmHWM"],
            "×",
            MOST_MEMORY,
            note=f"{sizes_alone[GRADING][-1]['VmHWM']:.4g} → {sizes[GRADING][-1]['VmHWM']:.4g} MB",
        ),
        Row("the honest alone", alone_s, "s"),
        Row("everybody", together_s, "s"),
    ]
    yield Table(title, rows)


def make_honest(folder: Path, size: int) -> None:
    """Write the demonstration's students under new names, without grace (an endless loop) and hugo."""
    from autograder.classroom.demo import make_class
    from autograder.course import catalogue

    with tempfile.TemporaryDirectory() as name:
        make_class(catalogue.load(ASSIGNMENT, ROOT), Path(name))
        students = sorted(path for path in Path(name).iterdir() if path.name not in (ENDLESS, LIAR))
        for number, student in enumerate(islice(cycle(students), size)):
            shutil.copytree(student, folder / f"{number:03d} {student.name}")


def make_hostile(folder: Path, size: int, world: Any) -> None:
    """Write attacks of every class, one per student, with names that sort among the others."""
    from tests.hostile.test_attacks import ATTACKS

    for number in range(size):
        attack = ATTACKS[number * len(ATTACKS) // size % len(ATTACKS)]
        student = folder / f"{4 * number:03d} mallory"
        student.mkdir()
        attack.hand_in(world, student / ASSIGNMENT)


def graded(folder: Path, name: str, first: int) -> tuple[dict[str, dict[str, Any]], float, dict[str, Any]]:
    """Grade a class; each student's marks, the seconds, and memory by kind after ``first`` reports and at last."""
    from autograder.classroom.finding import discover, report_path
    from autograder.classroom.processes import open_pool
    from autograder.classroom.runs import prepare_run
    from autograder.grading.options import Options
    from autograder.isolation.launcher import open_launcher
    from autograder.report import read_report

    entries = discover(folder / name, ROOT, ASSIGNMENT)
    run = prepare_run(ROOT, folder / f"{name} graded", folder / name, entries, Options(seed=1, isolation="full"))
    seen = []
    started = time.perf_counter()
    with open_launcher() as launcher, open_pool(JOBS, launcher) as pool:
        for number, _ in enumerate(pool.grade_all(entries, run), start=1):
            if number in (first, len(entries)):
                seen.append(memory_by_kind())
    seconds = time.perf_counter() - started
    marks = {}
    for entry in entries:
        report = read_report(report_path(folder / f"{name} graded", entry))
        marks[entry.student] = {
            "points": report.points,
            "checks": [(v.check, v.status, v.points) for result in report.exercises for v in result.verdicts],
        }
    return marks, seconds, {kind: [snapshot[kind] for snapshot in seen] for kind in seen[0]} if first else {}


def settled(found: Callable[[], Collection[object]]) -> int:
    """How many are found once the pool has ended its own processes and given its queues back."""
    for _ in range(100):
        gc.collect()
        if not found():
            return 0
        time.sleep(0.1)
    return len(found())


STRANGERS = ("PostgreSQL.", ".org.chromium.", ".com.google.")
CREATOR = 4
"""The field of a System V segment's line that holds the process that made it."""


def shared_memory() -> list[str]:
    """What there is of shared memory, by name, without that of browsers and databases that come and go beside this."""
    posix = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []  # noqa: PTH112, PTH208, S108
    posix = [name for name in posix if not name.startswith(STRANGERS)]
    segments = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
    return sorted(posix) + [line for line in segments if name_of(line.split()[CREATOR]) != "postgres"]


def name_of(pid: str) -> str:
    """What a process is called; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
