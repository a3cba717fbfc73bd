"""Ten thousand hand-ins of one small exercise, correct, wrong and hostile, on this machine and on a Dask cluster.

Each place grades the class twice: undisturbed, for its pace, its start and its memory; and with faults on the way.
Of the second, every hand-in must have one report with the mark of its kind, written once, and a page.  The file system
that is filled is one of its own in memory, which has to be mounted; where that is not allowed, it is left out.

    python -m benchmarks.ten_thousand --class 300 --places local dask --record FILE
    python -m benchmarks.replay FILE
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.replay import Recorded, compared, save
from benchmarks.table import Grid, Row, Table, print_table
from benchmarks.ten_thousand_class import ASSIGNMENT, Kind, make_class, make_course
from benchmarks.ten_thousand_faults import DaskCluster, end, fill, free, own_disk, started
from benchmarks.ten_thousand_recorded import AHEAD, DURATIONS, HOLLOW
from benchmarks.ten_thousand_watch import (
    DRAWING,
    EVERY_S,
    Watch,
    children,
    cpu_seconds,
    descendants,
    graders,
    left_of,
)

SIZE, FEW = 10_000, 300
START_S, START_EACH_S = 3.0, 0.0001
BAND = (0.9, 1.1)
FULL_S = 60.0
"""So long the disk is full."""
MOST_S = 20 * 60.0
GAIN = 1.8
JOBS = 2
LOOK_EVERY = 6
MANY = 50
"""Hand-ins on the way for each machine that grades nothing, as if there were so many machines."""
PLACES = ("local", "dask")


def tables(
    *, quick: bool, size: int | None = None, places: Sequence[str] = PLACES, record: Path | None = None
) -> Iterator[Table | Grid]:
    """Grade the class in each place; record: file for the durations of every hand-in on a cluster."""
    size = size or (FEW if quick else SIZE)
    if not Path("/proc/self/statm").is_file():
        yield Table("Ten thousand hand-ins", note="This system has no /proc to read the memory of a process from.")
        return
    with tempfile.TemporaryDirectory() as name, own_disk(Path(name, "disk"), size) as mounted:
        scene = Scene(Path(name), size, Path(name, "disk") if mounted else None, FULL_S if not quick else 5.0)
        if "local" in places:
            yield local_pace(scene)
            yield local_faults(scene)
        if "dask" in places:
            try:
                import distributed  # noqa: F401 - only whether it is there
            except ImportError:
                yield Table("On a Dask cluster", note="The extra cluster is not installed.")
                return
            yield from dask_pace(scene, record)
            yield dask_faults(scene)


@dataclass
class Scene:
    """The class, its course, and a disk that can be filled, if there is one."""

    folder: Path
    size: int
    disk: Path | None
    full_s: float
    made: dict[str, Kind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.course = make_course(self.folder / "course")
        self.made = make_class(self.folder / "in", self.size)

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.folder / "log"

    def out(self, name: str) -> Path:
        """A folder for reports, on the disk that can be filled."""
        return (self.disk or self.folder) / name

    def start(
        self, out: Path, *options: object, recorded: Path | None = None, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Begin to grade, or resume, as a user does it; temporary files are on the same disk as the reports."""
        self.log.unlink(missing_ok=True)
        program = ["benchmarks.ten_thousand_recorded", recorded] if recorded else ["autograder"]
        command = [sys.executable, "-m", *program, "grade", self.folder / "in", "--course", self.course]
        temporary = (self.disk or self.folder) / "tmp"
        temporary.mkdir(exist_ok=True)
        more = {"TMPDIR": str(temporary), "COLUMNS": "200", **environment}
        return started([*command, "--out", out, "--seed", 1, "--jobs", JOBS, *options], self.log, **more)

    def last_line(self) -> str:
        """The last thing that the run printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "")


# --- one run, watched ------------------------------------------------------------------------


def follow(watch: Watch, process: subprocess.Popen[bytes], until: Callable[[], bool] = lambda: False) -> None:
    """Watch a run until it ends, or something is so."""
    rounds = 0
    while process.poll() is None and not until():
        watch.weigh(process.pid)
        if rounds % LOOK_EVERY == 0:
            watch.look()
        rounds += 1
        time.sleep(EVERY_S)
    watch.look()


def followed(watch: Watch, process: subprocess.Popen[bytes], share: float) -> None:
    """Watch a run until this share of the class has its report; RuntimeError if the run ends before."""
    follow(watch, process, lambda: watch.count() >= share * watch.size)
    if process.poll() is not None:
        message = f"The run ended with status {process.returncode} before {share:.0%} of the class were graded."
        raise RuntimeError(message)


@dataclass
class Undisturbed:
    """One run without faults: what was seen of it, and what it recorded about its own work."""

    watch: Watch
    began: float
    ended: float
    recorded: dict[str, Any]

    def rows(self, name: str) -> list[Row]:
        """Pace, start, memory."""
        watch, spent = self.watch, self.recorded["spent"]
        per = 1000 / watch.size
        found = [
            Row(f"{name}: hand-ins a second", watch.rate(), "/s", note=f"first to last report {self.grading_s:.0f} s"),
            Row(f"{name}: all of it", (self.ended - self.began) / 60, "min", MOST_S / 60),
            Row(
                f"{name}: start to first report",
                watch.first_s - self.began,
                "s",
                START_S + START_EACH_S * watch.size,
                note=", ".join(f"{what} {spent[what][1]:.2f} s" for what in ("finding", "preparing") if what in spent),
            ),
            Row(f"{name}: the run's own work", 1000 * self.work_s, "ms each", note=self._stages(per)),
            Row(f"{name}: drawing", spent["drawing"][1] * per, "ms each", note=f"{spent['drawing'][1]:.0f} s in all"),
        ]
        for kind in ("run", "grading process"):
            early, late = watch.around(kind, 0.1, 0.2), watch.around(kind, 0.8, 1.0)
            if math.isfinite(early + late):  # both were seen
                note = f"{early:.0f} → {late:.0f} MB, at most {watch.peak(kind):.0f} MB, while pages are drawn "
                note += f"{watch.peak(kind + DRAWING):.0f} MB"
                found.append(Row(f"{name}: memory of the {kind}", late / early, "×", BAND[1], BAND[0], note))
        return found

    def _stages(self, per: float) -> str:
        shown = ("reading", "sending", "receiving", "writing", "looking")
        spent = self.recorded["spent"]
        return ", ".join(f"{what} {spent[what][1] * per:.2f}" for what in shown if what in spent)

    @property
    def grading_s(self) -> float:
        """Seconds from the first report to the last."""
        return self.watch.last_s - self.watch.first_s

    @property
    def work_s(self) -> float:
        """Seconds of each hand-in that the run is busy with it: CPU time of its threads, and waiting for the disk."""
        spent = self.recorded["spent"]
        _, seconds, cpu = spent.get("writing", (0, 0.0, 0.0))
        return (spent["grading"][2] + max(seconds - cpu, 0.0)) / self.watch.size


def undisturbed(scene: Scene, name: str, *options: object, **environment: str) -> Undisturbed:
    """Grade the class once; RuntimeError if that fails."""
    watch = Watch(scene.out(name), scene.size)
    file = scene.folder / f"{name}.json"
    began = time.time()
    process = scene.start(watch.out, *options, recorded=file, **environment)
    try:
        follow(watch, process)
    finally:
        end(process)
    if process.returncode:
        message = f"The run ended with status {process.returncode}: {scene.last_line()}"
        raise RuntimeError(message)
    return Undisturbed(watch, began, time.time(), json.loads(file.read_text(encoding="utf-8")))


def checked(watch: Watch, made: dict[str, Kind]) -> list[Row]:
    """Look at every report and page of a finished run: nothing lost, nothing twice, every mark the kind's."""
    from autograder.report import Status, read_report

    lost, marks, broken, undrawn = [], [], [], []
    for student, kind in made.items():
        names = [path.name for path in (watch.out / "reports" / student).glob("*")]
        if names != [f"{ASSIGNMENT}.json"]:
            lost.append(student)
            continue
        report = read_report(watch.out / "reports" / student / names[0])
        if report.status is Status.BROKEN:
            broken.append(student)
        elif (report.student, report.points) != (student, kind.points):
            marks.append(f"{student} ({kind.name})")
        if not (watch.out / "pages" / student / f"{ASSIGNMENT}.html").is_file():
            undrawn.append(student)
    others = [path.name for path in (watch.out / "reports").iterdir() if path.name not in made]
    pages = [name for name in (f"{ASSIGNMENT}.html", "index.html") if not (watch.out / name).is_file()]
    of = f"of {len(made)}"
    found = {
        "hand-ins without one report": lost,
        "reports of nobody": others,
        "reports written twice": watch.twice(),
        "marks other than the kind's": marks,
        "broken": broken,
        "pages missing": undrawn + pages,
        "files half-written": [path.name for path in watch.out.rglob(".*.part")],
    }
    return [Row(what, len(those), of, 0, note="; ".join(those[:3])) for what, those in found.items()]


def require(rows: list[Row]) -> list[Row]:
    """The same rows; RuntimeError names those that are not as they have to be."""
    missed = [f"{row.what}: {row.measured:g} {row.unit} ({row.note})" for row in rows if row.met is False]
    if missed:
        raise RuntimeError("; ".join(missed))
    return rows


# --- on this machine -------------------------------------------------------------------------


def local_pace(scene: Scene) -> Table:
    """Grade the class undisturbed."""
    done = undisturbed(scene, "undisturbed")
    return Table(
        f"{scene.size} hand-ins on this machine", [*done.rows("local"), *require(checked(done.watch, scene.made))]
    )


def local_faults(scene: Scene) -> Table:
    """Kill a grading process, then the run; fill the disk; each time the same command goes on."""
    watch = Watch(scene.out("disturbed"), scene.size)
    began = time.time()
    process = scene.start(watch.out)
    followed(watch, process, 0.1)
    os.kill(graders(process.pid)[0], signal.SIGKILL)
    followed(watch, process, 0.3)
    family = descendants(process.pid)
    process.kill()
    process.wait()
    rows = [Row("processes left by a run that was killed", left_of(family), f"of {len(family)}", 0)]
    watch.look()
    process = scene.start(watch.out)
    if scene.disk:
        followed(watch, process, 0.5)
        rows += full_disk(scene, watch, process)
        process = scene.start(watch.out)
    follow(watch, process)
    rows += [Row("exit status at the end", process.wait(), "", 0, note=scene.last_line() if process.returncode else "")]
    rows += [*checked(watch, scene.made), Row("all of it", (time.time() - began) / 60, "min", MOST_S / 60)]
    note = "" if scene.disk else "The disk was not filled: this user may not mount one."
    return Table(f"{scene.size} hand-ins on this machine, with faults", require(rows), note)


def full_disk(scene: Scene, watch: Watch, process: subprocess.Popen[bytes]) -> list[Row]:
    """Fill the disk for a minute; the run must stop with a sentence, and so must the same command meanwhile."""
    assert scene.disk
    fill(scene.disk)
    until = time.monotonic() + scene.full_s
    follow(watch, process, lambda: time.monotonic() > until)
    end(process)
    rows = [stopped("a run whose disk is full", process, scene)]
    process = scene.start(watch.out)
    try:
        process.wait(120)
    finally:
        end(process)
    rows.append(stopped("the same command before there is space", process, scene))
    time.sleep(max(until - time.monotonic(), 0))
    free(scene.disk)
    watch.look()
    return rows


def stopped(what: str, process: subprocess.Popen[bytes], scene: Scene) -> Row:
    """A row that is met if a run ended with status 2 and one sentence."""
    text = scene.log.read_text(encoding="utf-8", errors="replace")
    is_clear = process.returncode == 2 and "Traceback" not in text
    return Row(f"{what}: without a clear sentence", not is_clear, "", 0, note=text.strip()[:400])


# --- on a cluster ----------------------------------------------------------------------------


def cores() -> list[int | None]:
    """A core for each of two workers; where there is only one, none has its own."""
    from autograder.measuring.cores import usable

    found = sorted(usable())
    return [found[0], found[1]] if len(found) > 1 else [None, None]


def dask_pace(scene: Scene, record: Path | None = None) -> Iterator[Table | Grid]:
    """Grade the class on one worker and on two, each with a core of its own, and replay that with more of them."""
    rows, recorded = [], {}
    for workers in (1, 2):
        name = "1 worker" if workers == 1 else f"{workers} workers"
        done, recorded[workers] = on_cluster(scene, name, workers)
        rows += [*done.rows(name), *require(checked(done.watch, scene.made))]
    gain = recorded[2].rate / recorded[1].rate
    rows.append(Row("throughput of two workers, beside one", gain, "×", math.inf, GAIN))
    yield Table(f"{scene.size} hand-ins on a Dask cluster", rows)
    _, hollow = on_cluster(scene, "passed on", 2, **{HOLLOW: "1", AHEAD: str(MANY)})
    if record:
        save(record, recorded, hollow)
    yield from compared(recorded, hollow)


def on_cluster(scene: Scene, name: str, workers: int, **environment: str) -> tuple[Undisturbed, Recorded]:
    """Grade the class on so many workers, and record what that took where."""
    durations = scene.folder / f"{name} durations"
    durations.mkdir()
    with DaskCluster(scene.folder / name, cores()[:workers], **{DURATIONS: str(durations)}, **environment) as cluster:
        before = cpu_seconds(cluster.scheduler.pid)
        done = undisturbed(scene, name, "--cluster", cluster.address, **environment)
        scheduling = (cpu_seconds(cluster.scheduler.pid) - before) / scene.size
    reports = [path.stat().st_size for path in done.watch.out.glob("reports/*/*.json")]
    return done, Recorded(
        seconds=[float(line) for path in durations.iterdir() for line in path.read_text(encoding="ascii").splitlines()],
        client_s=done.work_s,
        scheduler_s=scheduling,
        drawing_s=done.recorded["spent"]["drawing"][1] / scene.size,
        hand_in_bytes=statistics.fmean(done.recorded["hand_in_bytes"]),
        report_bytes=statistics.fmean(reports),
        course_bytes=done.recorded["course_bytes"],
        rate=done.watch.rate(),
    )


def dask_faults(scene: Scene) -> Table:
    """Kill a worker process, take a machine away, kill the run, kill the scheduler."""
    watch = Watch(scene.out("dask disturbed"), scene.size)
    began = time.time()
    with DaskCluster(scene.folder / "faults", cores()) as cluster:
        command = ("--cluster", cluster.address)
        process = scene.start(watch.out, *command)
        followed(watch, process, 0.1)
        os.kill(worker_of(cluster.workers[0]), signal.SIGKILL)
        followed(watch, process, 0.25)
        end(cluster.workers[0])
        followed(watch, process, 0.35)
        cluster.add(cores()[0])
        followed(watch, process, 0.5)
        process.kill()
        process.wait()
        watch.look()
        process = scene.start(watch.out, *command)
        followed(watch, process, 0.7)
        end(cluster.scheduler)
        follow(watch, process)
        rows = [stopped("a run whose scheduler was killed", process, scene)]
    with DaskCluster(scene.folder / "afterwards", cores()) as cluster:
        process = scene.start(watch.out, "--cluster", cluster.address)
        follow(watch, process)
    rows += [Row("exit status at the end", process.wait(), "", 0, note=scene.last_line() if process.returncode else "")]
    rows += [*checked(watch, scene.made), Row("all of it", (time.time() - began) / 60, "min", MOST_S / 60)]
    return Table(f"{scene.size} hand-ins on a Dask cluster, with faults", require(rows))


def worker_of(nanny: subprocess.Popen[bytes]) -> int:
    """The process that grades: Dask's nanny, which restarts it, was started as the machine."""
    found = [pid for pid in children(nanny.pid) if left_of([pid], seconds=0)]
    return max(found, key=cpu_seconds)


def main() -> int:
    """Print the tables; the exit status is 1 if anything was lost, graded twice or marked otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ten_thousand", description=__doc__)
    parser.add_argument("--class", dest="size", type=int, default=SIZE, help="hand-ins (10,000)")
    parser.add_argument("--places", nargs="+", choices=PLACES, default=PLACES)
    parser.add_argument("--record", type=Path, help="write the durations on the cluster to this file")
    parser.add_argument("--quick", action="store_true", help="the disk is full for seconds only")
    options = parser.parse_args()
    try:
        for table in tables(quick=options.quick, size=options.size, places=options.places, record=options.record):
            print_table(table)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
