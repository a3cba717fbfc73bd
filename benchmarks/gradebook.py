"""A large class written into nbgrader's gradebook: hand-ins per second, in SQLite and in PostgreSQL.

The reports are made up: 02_layers, correct, incorrect, untouched and partly finished in turn.  They are written into a
new database, then written again, where nothing has changed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle, islice
from pathlib import Path

from autograder.report import ExerciseResult, Report, Status, Verdict, WrittenAnswer
from benchmarks.table import ROOT, Row, Table

ASSIGNMENT, SIZE, ROUNDS = "02_layers", 600, 3
AT_LEAST, FAR_MORE = 50.0, 1e5
KINDS = (Status.PASSED, Status.FAILED, Status.NOT_ATTEMPTED, Status.INCONCLUSIVE)


def tables(*, quick: bool) -> Iterator[Table]:
    """Write the class three times into new databases of both kinds; medians."""
    size, rounds = (40, 1) if quick else (SIZE, ROUNDS)
    reports = list(made_up(size))
    rows, note = [], ""
    for name, opened in (("SQLite", on_sqlite), ("PostgreSQL", on_postgresql)):
        try:
            found = [seconds(reports, opened) for _ in range(rounds)]
        except LookupError as error:
            note = str(error)
            continue
        for what, spent in zip(("first write", "nothing changed"), zip(*found, strict=True), strict=True):
            rate = size / statistics.median(spent)
            told = f"{size} reports; " + ", ".join(f"{one:.2f} s" for one in spent)
            rows.append(Row(f"{name}, {what}", rate, "hand-ins/s", FAR_MORE, AT_LEAST, told))
    yield Table(f"A class of {size} in nbgrader's gradebook", rows, note)


def made_up(size: int) -> Iterator[Report]:
    """Give reports of a class, whose verdicts have four kinds in turn."""
    from autograder.course import catalogue

    assignment = catalogue.load(ASSIGNMENT, ROOT).assignment
    for number, status in enumerate(islice(cycle(KINDS), size)):
        exercises = []
        for exercise in assignment.exercises:
            verdicts = []
            for check in exercise.checks:
                most = exercise.points_of(check)
                earned = most if status in (Status.PASSED, Status.INCONCLUSIVE) else 0.0
                verdicts.append(Verdict(check.name, check.part, status, earned, most, "a sentence"))
            exercises.append(ExerciseResult(exercise.name, verdicts))
        answered = status is Status.PASSED
        written = [WrittenAnswer(one.name, one.points, answered=answered) for one in assignment.questions]
        student = f"student{number:04d}"
        yield Report(
            student=student, assignment=ASSIGNMENT, submission_sha256="ab12", exercises=exercises, written=written
        )


def seconds(reports: list[Report], opened: Callable[[], AbstractContextManager[str]]) -> tuple[float, float]:
    """Write the reports twice into a new database; the seconds of each."""
    from autograder.export.gradebook import write_gradebook

    found = []
    with opened() as url:
        for _ in range(2):
            started = time.perf_counter()
            write_gradebook(reports, ROOT, url)
            found.append(time.perf_counter() - started)
    return found[0], found[1]


@contextmanager
def on_sqlite() -> Iterator[str]:
    """Give the address of a new file."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'gradebook.db'}"


@contextmanager
def on_postgresql() -> Iterator[str]:
    """Start a server of this run's own; the address of a new database.  LookupError where there is none."""
    import importlib.util
    import subprocess

    from tests.autograder.postgres import USER, find_programs, server

    programs = find_programs()
    if programs is None or importlib.util.find_spec("psycopg") is None:
        message = "PostgreSQL or the extra postgres is not installed."
        raise LookupError(message)
    with server(programs) as socket:
        here = ["--host", socket, "--username", USER, "--template", "template0"]
        subprocess.run([programs / "createdb", *here, "gradebook"], check=True)
        yield f"postgresql://{USER}@/gradebook?host={socket}"
