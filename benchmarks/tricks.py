"""Which tricks earn points they did not deserve: here, in nbgrader and in otter-grader; the same tricks, in one run.

Each grader marks a class with one submission per trick, controls and two honest neighbours, and before it the same
neighbours without the tricks.  nbgrader is run as its users run it (``generate_assignment``, ``autograde``),
otter-grader by ``otter assign`` and ``otter run``.  No outcome is written down here: a cell is a mark less the
stub's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.table import Grid
from benchmarks.tricks_graders import GRADERS, HONEST, Marks, NotMeasuredError, say
from benchmarks.tricks_submissions import CONTROLS, TRICKS, VICTIM, Trick

TITLE = "Points that a trick earned and did not deserve"


@dataclass
class Column:
    """All of one grader: the honest class, the class with the tricks, and one class per trick that is graded alone."""

    quiet: Marks = field(default_factory=Marks)
    full: Marks = field(default_factory=Marks)
    alone: dict[str, Marks] = field(default_factory=dict)
    failure: str = ""


def name_of(trick: Trick) -> str:
    """Name the student who hands a trick in."""
    return "t" + trick.number.replace(", ", "-").zfill(3)


def measure(name: str, tricks: list[Trick]) -> Column:
    """Grade the three kinds of class with one grader."""
    honest: dict[str, Trick | None] = dict.fromkeys(HONEST)
    column = Column()
    with tempfile.TemporaryDirectory(prefix="tricks-", ignore_cleanup_errors=True) as scratch:
        started = time.perf_counter()

        def grade(what: str, students: dict[str, Trick | None]) -> Marks:
            found = GRADERS[name](Path(scratch) / what, students)
            say(f"{name}: {what}, {len(students)} submissions, {time.perf_counter() - started:.0f} s so far")
            return found

        try:
            column.quiet = grade("honest", {**honest, "stub": CONTROLS["stub"]})
            many = {name_of(trick): trick for trick in tricks if not trick.alone}
            column.full = grade("class", dict(sorted({**honest, **CONTROLS, **many}.items())))
            for trick in tricks:
                if trick.alone:
                    few = dict(sorted({**honest, name_of(trick): trick}.items()))
                    column.alone[trick.number] = grade(name_of(trick), few)
        except NotMeasuredError as reason:
            column.failure = str(reason)
        except Exception as error:  # noqa: BLE001 - a grader that fails is an empty column with its reason
            column.failure = f"{type(error).__name__}: {error}"[:200]
    return column


def gain(column: Column, trick: Trick) -> float:
    """Points above what the trick is measured against; without a mark there are none."""
    marks = column.alone.get(trick.number, column.full)
    return (marks.points.get(name_of(trick)) or 0.0) - (column.full.points.get(trick.beside) or 0.0)


def in_words(points: float | None) -> str:
    """Write points, or that there are none."""
    return "no mark" if points is None else f"{points:g}"


def cell(column: Column, trick: Trick, name: str) -> str:
    """Say in words what a trick did."""
    if name in trick.cannot:
        return f"cannot be expressed: {trick.cannot[name]}"
    marks = column.alone.get(trick.number, column.full)
    at_most = column.full.at_most - (column.full.points.get(trick.beside) or 0.0)
    earned = gain(column, trick)
    words = [f"+{earned:g} of {at_most:g}" if earned > 0 else "0"]
    if marks.points.get(name_of(trick)) is None:
        words.append("no mark")
    if trick.number in column.alone:
        lost = [student for student in HONEST if marks.points[student] != column.quiet.points[student]]
        words += [f"{len(lost)} of {len(HONEST)} neighbours lost their mark"] if lost else []
        words += [f"the run ended with {marks.ended}"] if marks.ended else []
    if trick.harms:
        before, after = column.quiet.points[VICTIM], column.full.points[VICTIM]
        words += [f"a neighbour's mark went from {in_words(before)} to {in_words(after)}"] if before != after else []
    return "; ".join(words)


def neighbours(column: Column) -> str:
    """Say what the honest neighbours got without the tricks and beside them."""
    pairs = [(column.quiet.points[student], column.full.points[student]) for student in HONEST]
    return ", ".join(f"{in_words(before)} → {in_words(after)}" for before, after in pairs)


def rows_of(columns: dict[str, Column], tricks: list[Trick]) -> list[list[str]]:
    """Draw up every row: controls, tricks, how many earned something, the neighbours."""

    def row(number: str, title: str, text: Callable[[str, Column], str]) -> list[str]:
        return [number, title, *("" if c.failure else text(name, c) for name, c in columns.items())]

    def control(key: str) -> Callable[[str, Column], str]:
        return lambda _, c: f"{c.full.points.get(key) or 0.0:g} of {c.full.at_most:g}"

    def earned(name: str, column: Column) -> str:
        tried = [trick for trick in tricks if name not in trick.cannot]
        return f"{sum(gain(column, trick) > 0 for trick in tried)} of {len(tried)}"

    return [
        *(row("", f"control: {trick.title}", control(key)) for key, trick in CONTROLS.items()),
        *(row(trick.number, trick.title, lambda name, c, t=trick: cell(c, t, name)) for trick in tricks),
        row("", "tricks that earned something", earned),
        row("", "honest neighbours: alone → beside the tricks", lambda _, c: neighbours(c)),
    ]


def tables(*, quick: bool) -> Iterator[Grid]:
    """Measure every trick in every grader; quickly, in this project alone."""
    names = list(GRADERS)[:1] if quick else list(GRADERS)
    columns = {names[0]: measure(names[0], TRICKS)}
    with ThreadPoolExecutor(2) as pool:
        columns.update(zip(names[1:], pool.map(lambda name: measure(name, TRICKS), names[1:]), strict=True))
    notes = [f"{name} is not measured: {column.failure}" for name, column in columns.items() if column.failure]
    notes += [
        "Points above an untouched stub (37: above correct forwards), of what there is for Linear, ReLU and Softmax.",
        "15: public cases carry points by otter's default.  40: the course asks for NumPy alone.",
        "otter run is otter without its container, which would end what 22 starts.",
    ]
    yield Grid(TITLE, ["attack", "trick", *columns], rows_of(columns, TRICKS), " ".join(notes))
