"""Pages of a large class: drawn by one process and by all cores, drawn again, their size, the memory of it.

The class is made up: 3,000 students, 20 exercises of 12 checks, of which one measures time and one memory; most
students fail something, in their own numbers.  Everything runs in a fresh process, so that its memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import ROOT, Row, Table

STUDENTS, EXERCISES, CHECKS = 3000, 20, 12
ASSIGNMENT = "02_layers"
FASTER, LARGEST_MB, LARGEST_STUDENT_KB = 20, 1.0, 15.0


def tables(*, quick: bool) -> Iterator[Table]:
    """Draw in a fresh process."""
    students = 60 if quick else STUDENTS
    title = f"Pages of {students} students, {EXERCISES} exercises of {CHECKS} checks"
    command = [sys.executable, "-m", "benchmarks.pages", str(students)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    one, cores = found["one"], found["cores"]
    yield Table(
        title,
        [
            Row("all pages, one process", one, "s", note=f"{1000 * one / students:.1f} ms each"),
            Row(f"all pages, {cores} processes", found["all"], "s", note=f"{one / found['all']:.2f} times as fast"),
            Row("again, nothing changed", found["again"], "s", one / FASTER, note=f"{one / found['again']:.0f} times"),
            Row("page of the class", found["class"] / 1e6, "MB", LARGEST_MB),
            Row("index page", found["index"] / 1e6, "MB", LARGEST_MB),
            Row("kept of each student", found["kept"] / 1e3, "kB", LARGEST_STUDENT_KB, note="tracemalloc"),
            Row("peak of the drawing process", found["peak"], "MB", note="VmHWM, one process, all of it"),
            Row("reports on disk", found["reports"] / 1e6, "MB"),
        ],
    )


# --- in the fresh process --------------------------------------------------------------------


def main(students: int) -> None:
    """Write reports, draw all pages in every way, and print the figures."""
    from autograder.measuring.cores import usable

    cores = len(usable())
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        size = write_reports(out, students)
        found = {"reports": size, "cores": cores, "kept": kept_bytes(out, min(students, 500))}
        found["one"] = drawn(out, 1)
        found["peak"] = peak_mb()
        found["again"] = drawn(out, 1)
        found["class"] = (out / f"{ASSIGNMENT}.html").stat().st_size
        found["index"] = index_size(students)
        for page in out.rglob("*.html"):
            page.unlink()
        found["all"] = drawn(out, cores)
    print(json.dumps(found))


def write_reports(out: Path, students: int) -> int:
    """Write the class's reports as a run leaves them; their bytes."""
    from autograder.writing import write_atomically

    paths = [out / "reports" / f"student{number:05d}" / f"{ASSIGNMENT}.json" for number in range(students)]
    for number, path in enumerate(paths):
        write_atomically(path, made_up(number))
    return sum(path.stat().st_size for path in paths)


def drawn(out: Path, jobs: int) -> float:
    """Draw what is out of date; the seconds."""
    from rich.console import Console

    from autograder.classroom.class_record import ClassRecord
    from autograder.classroom.pages import draw, entries_of

    started = time.perf_counter()
    draw(Console(quiet=True), out, entries_of(out), ClassRecord(), jobs=jobs)
    return time.perf_counter() - started


def kept_bytes(out: Path, students: int) -> float:
    """Bytes of each report that stay in memory while its class is drawn."""
    from autograder.render.condensing import Condenser
    from autograder.report import read_report

    paths = sorted(out.glob("reports/*/*.json"))[:students]
    tracemalloc.start()
    condenser = Condenser()
    kept = [condenser.condense(read_report(path)) for path in paths]
    found = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    return found


def index_size(students: int) -> int:
    """Bytes of an index page of fifteen assignments."""
    from msgspec.structs import replace

    from autograder.render.html import index_page
    from autograder.render.overview import totals_of

    totals = totals_of(ASSIGNMENT, {f"student{number:05d}": made_up(number) for number in range(students)})
    return len(index_page([replace(totals, assignment=f"{k:02d}_layers") for k in range(15)], str.title).encode())


def peak_mb() -> float:
    """The most memory that this process has had, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- the class -------------------------------------------------------------------------------


def made_up(number: int):
    """One student's report: a made-up result of every check."""
    from autograder.report import ExerciseResult, Report

    return Report(
        student=f"student{number:05d}",
        assignment=ASSIGNMENT,
        title="Layers",
        file="layers.ipynb",
        submission_sha256=f"{number:064x}",
        checks_sha256="cd34" * 16,
        seed=20260,
        isolation="full",
        versions={"python": "3.12.1", "numpy": "2.1.0"},
        exercises=[ExerciseResult(f"Exercise{i}", _verdicts(number, i)) for i in range(EXERCISES)],
        seconds=1 + number % 97 / 10,
        graded_at="2026-03-01T08:00:00Z",
    )


def _verdicts(number: int, exercise: int):
    from autograder.report import Footprint, Status, Timing, Verdict

    chance = (number * 7919 + exercise * 104729) % 1009 / 1009
    found = []
    for check in range(CHECKS - 2):
        status, more = Status.PASSED, {}
        if chance > 0.9:
            status, more = Status.NOT_ATTEMPTED, {"sentence": "forward is still to be written"}
        elif check > 7 and chance > 0.75:
            status, more = Status.FAILED, {"mistake": f"mistake {number % 7}", "hint": "dW is a sum over the batch."}
        elif check > 6 and chance > 0.6:
            error = chance * number / 3000
            sentence = f"dx is wrong in {number % 40} of 48 entries: largest error {error:.3g} (x (2, 3, {check}))"
            heat = [[(row * column + number) % 10 / 10 for column in range(8)] for row in range(8)]
            more = {"sentence": sentence, "heat": heat, "places": "in the last row", "snippet": "layer(x)\n" * 3}
            status = Status.FAILED
        points = 2.0 if status is Status.PASSED else 0.0
        found.append(
            Verdict(f"check number {check}", "forward" if check < 5 else "backward", status, points, 2.0, **more)
        )
    ratio = 0.8 + chance + number % 13 / 20
    pairs = [ratio * (0.9 + k / 50) for k in range(11)]
    time_ = Timing(ratio, 2.0, pairs, low=pairs[2], high=pairs[8])
    memory = Footprint(1 + exercise / 50, 2.0, 2_200_000 + number % 3, 2_000_000)
    fast = Status.FAILED if ratio > 2 else Status.PASSED
    found.append(Verdict("fast enough", "speed", fast, 2.0 * (fast is Status.PASSED), 2.0, measurement=time_))
    return [*found, Verdict("sparing with memory", "memory", Status.PASSED, 2.0, 2.0, measurement=memory)]


if __name__ == "__main__":
    main(int(sys.argv[1]))
