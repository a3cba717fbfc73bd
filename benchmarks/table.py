"""Rows and tables: what was measured, its target, met or not; and the one function that times runs alternately."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Row:
    """One measured figure.

    at_most: the target, in ``unit``; None where the row only informs.  at_least: the lower end of a band.
    """

    what: str
    measured: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.at_most is None:
            return None
        return self.measured <= self.at_most and (self.at_least is None or self.measured >= self.at_least)

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_most is None:
            return ""
        if self.at_least is not None:
            return f"{self.at_least:g} to {self.at_most:g} {self.unit}"
        return f"≤ {self.at_most:.4g} {self.unit}"


@dataclass
class Table:
    """Rows of one question; ``note`` is printed below, or in place of rows that could not be measured."""

    title: str
    rows: list[Row] = field(default_factory=list)
    note: str = ""

    def as_data(self) -> dict[str, Any]:
        """Give the table as plain data, for ``--json``."""
        rows = [{**asdict(row), "met": row.met} for row in self.rows]
        return {"title": self.title, "rows": rows, "note": self.note}


@dataclass
class Grid:
    """Cells of text under a header, where a cell is not a single figure; ``note`` as in a Table."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""

    def as_data(self) -> dict[str, Any]:
        """Give the grid as plain data, for ``--json``: a row is a dict by the header."""
        return {
            "title": self.title,
            "rows": [dict(zip(self.header, r, strict=True)) for r in self.rows],
            "note": self.note,
        }


def print_table(table: Table | Grid) -> None:
    """Print one table."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_drawn(table) if table.rows else f"{table.title}: {table.note}", markup=False)
    console.print()


def _drawn(table: Table | Grid) -> Any:
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(title=table.title, title_justify="left", caption=table.note or None, caption_justify="left")
    if isinstance(table, Grid):
        for name in table.header:
            drawn.add_column(name)
        for cells in table.rows:
            drawn.add_row(*map(Text, cells))
        return drawn
    drawn.add_column("what")
    drawn.add_column("measured", justify="right", no_wrap=True)
    drawn.add_column("target", justify="right", no_wrap=True)
    drawn.add_column("met", no_wrap=True)
    drawn.add_column("details")
    for row in table.rows:
        met = {True: "yes", False: "no", None: ""}[row.met]
        drawn.add_row(row.what, f"{row.measured:.3g} {row.unit}", row.target, met, row.note)
    return drawn


def in_turns(*runs: Callable[[], float | None], rounds: int) -> list[list[float]]:
    """Run each once per round, in alternating order; return every run's seconds by round.

    A run that returns a number has timed itself.
    """
    seconds: list[list[float]] = [[] for _ in runs]
    for number in range(rounds):
        order = range(len(runs)) if number % 2 else reversed(range(len(runs)))
        for i in order:
            started = time.perf_counter()
            own = runs[i]()
            seconds[i].append(time.perf_counter() - started if own is None else own)
    return seconds


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Median of the ratios of what was measured in the same round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
