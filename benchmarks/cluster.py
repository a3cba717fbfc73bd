"""A class on a Dask cluster of one, two and four processes: whether all verdicts agree, and how much faster it is.

The class is the demonstration's, capstones left out: correct work, mistakes, slow code; speed is measured in each
process against the reference there.  Marks are compared with those of this machine's own processes.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from benchmarks.memory import ASSIGNMENT, ENDLESS
from benchmarks.table import ROOT, Row, Table

SIZE, WORKERS = 24, (1, 2, 4)
GAIN = 1.8
"""Two processes are at least this much faster than one where each has a core of its own."""


def tables(*, quick: bool) -> Iterator[Table]:
    """Grade one class by processes of this machine, then on clusters."""
    title = "One class on a Dask cluster of this machine's processes"
    try:
        import distributed
    except ImportError:
        yield Table(title, note="The extra cluster is not installed.")
        return
    logging.getLogger("distributed").setLevel(logging.ERROR)
    size = 4 if quick else SIZE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_students(folder / "in", size)
        here, _ = graded(folder, "here", size)
        rows, seconds = [], {}
        for workers in WORKERS[: 2 if quick else None]:
            with distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster:
                there, seconds[workers] = graded(folder, f"on {workers}", size, cluster.scheduler_address)
            different = [student for student, marks in here.items() if there.get(student) != marks]
            what = f"students whose verdicts differ from those of one machine, {workers} workers"
            rows.append(Row(what, len(different), f"of {len(here)}", 0, note="; ".join(different[:3])))
        rows += [Row(f"seconds with {workers}", spent, "s") for workers, spent in seconds.items()]
        rows.append(Row("throughput of two, beside one", seconds[1] / seconds[2], "×", 100.0, GAIN))
    yield Table(title, rows)


def make_students(folder: Path, size: int) -> None:
    """Write the demonstration's students under new names, without the one whose code never ends."""
    from autograder.classroom.demo import make_class
    from autograder.course import catalogue

    with tempfile.TemporaryDirectory() as name:
        make_class(catalogue.load(ASSIGNMENT, ROOT), Path(name))
        students = sorted(path for path in Path(name).iterdir() if path.name != ENDLESS)
        for number, student in enumerate(islice(cycle(students), size)):
            shutil.copytree(student, folder / f"{number:03d} {student.name}")


def graded(folder: Path, out: str, jobs: int, address: str | None = None) -> tuple[dict[str, list[str]], float]:
    """Grade the class; each student's verdicts without their sentences, and the seconds from first to last report."""
    from autograder.classroom.finding import discover, report_path
    from autograder.classroom.grading import opened
    from autograder.classroom.runs import prepare_run
    from autograder.grading.options import Options
    from autograder.report import read_report
    from autograder.spec import Scope

    options = Options(seed=1, isolation="partial", scope=Scope(capstones=False))
    entries = discover(folder / "in", ROOT, ASSIGNMENT)
    with opened(address, options, min(jobs, 2)) as graders:
        graders.prove(ROOT, [ASSIGNMENT])
        run = prepare_run(ROOT, folder / out, folder / "in", entries, options)
        started = time.perf_counter()
        for _ in graders.grade_all(entries, run):
            pass
        seconds = time.perf_counter() - started
    found = {}
    for entry in entries:
        report = read_report(report_path(folder / out, entry))
        verdicts = [verdict for exercise in report.exercises for verdict in exercise.verdicts]
        found[entry.student] = [f"{verdict.check}: {verdict.status} {verdict.points:g}" for verdict in verdicts]
    return found, seconds
