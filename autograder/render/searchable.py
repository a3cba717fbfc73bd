"""A table of students that a page searches, sorts and shows in parts: its rows as compact data, and the one script.

Without scripting a page shows the table's first rows.  Names are cleaned here, the script writes them as text, and
addresses are those that ``is_local`` accepts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from os.path import commonprefix
from pathlib import Path
from urllib.parse import unquote

from markupsafe import Markup

from autograder.render.reading import MARKS, NAME, clean
from autograder.report import Report, Status

__all__ = ["Heading", "Row", "Searchable", "is_local", "students_table", "table_script"]

STATUSES = (
    Status.PASSED,
    Status.INCONCLUSIVE,
    Status.PARTLY,
    Status.FAILED,
    Status.BROKEN,
    Status.SKIPPED,
    Status.NOT_ATTEMPTED,
)
"""In the order in which the table sorts them; a cell holds the number of its status."""
NOTHING_GRADED = len(STATUSES)
ABSENT = "-"
ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
"""Characters that could end the element that holds the data, written as JSON allows."""

Cell = float | None


@dataclass(frozen=True)
class Heading:
    """One column.

    kind: student, points (with a bar, of ``most``), number, share, seconds, status, or mark (a status as a sign);
    page: the end of the address of the page that each cell links to, after the row's own place; None for no link.
    """

    title: str
    kind: str
    page: str | None = None
    most: float = 0.0


@dataclass(frozen=True)
class Row:
    """One student: the name, the middle of the addresses of their pages (empty for no link), and the other cells."""

    name: str
    place: str
    cells: list[Cell]


@dataclass
class Searchable:
    """The table; the first heading is that of the students.  prefix: the beginning of every address."""

    headings: list[Heading]
    rows: list[Row]
    prefix: str = ""
    words: list[tuple[str, str, str]] = field(default_factory=lambda: list(_words()))

    def address(self, row: Row, heading: Heading) -> str:
        """The page that a cell links to; empty if there is none."""
        if not row.place or heading.page is None:
            return ""
        address = f"{self.prefix}{row.place}{heading.page}"
        return address if is_local(address) else ""

    @property
    def data(self) -> Markup:
        """The rows as JSON, for the script."""
        headings = [
            {"kind": one.kind, "page": one.page, "most": _short(one.most), "title": clean(one.title, NAME)}
            for one in self.headings
        ]
        pages = [heading for heading in self.headings if heading.page is not None]
        rows = [
            [
                clean(row.name, NAME) or "without a name",
                row.place if all(self.address(row, heading) for heading in pages) else "",
                *self._packed(row.cells),
            ]
            for row in self.rows
        ]
        record = {"headings": headings, "statuses": self.words, "prefix": self.prefix, "rows": rows}
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        return Markup(text.translate(ESCAPED))  # noqa: S704 - no character of it can be markup

    def _packed(self, cells: Sequence[Cell]) -> list[object]:
        """Cells, with neighbouring marks as one text of digits."""
        found: list[object] = []
        marks = ""
        for heading, cell in zip(self.headings[1:], cells, strict=True):
            if heading.kind == "mark":
                marks += ABSENT if cell is None else f"{cell:.0f}"
                continue
            found += [marks, _short(cell)] if marks else [_short(cell)]
            marks = ""
        return [*found, marks] if marks else found


def students_table(
    reports: Sequence[Report], links: Mapping[str, str], names: Sequence[str], most: float
) -> Searchable:
    """One assignment: a row for every student, with a mark for each of these exercises."""
    local = {link for report in reports if is_local(link := links.get(report.student, ""))}
    prefix, suffix = _ends(sorted(local))
    headings = [
        Heading("Student", "student", suffix),
        Heading("Points", "points", most=most),
        Heading("Status", "status"),
        *(Heading(name, "mark") for name in names),
        Heading("Time", "seconds"),
    ]
    rows = []
    for report in reports:
        statuses = {exercise.name: float(STATUSES.index(exercise.status)) for exercise in report.exercises}
        status = STATUSES.index(report.status) if report.exercises else NOTHING_GRADED
        cells = [report.points, status, *(statuses.get(name) for name in names), round(report.seconds, 1)]
        link = links.get(report.student, "")
        place = link[len(prefix) : len(link) - len(suffix)] if link in local else ""
        rows.append(Row(report.student, place, cells))
    return Searchable(headings, rows, prefix)


def _ends(addresses: Sequence[str]) -> tuple[str, str]:
    """The folders that all addresses begin with, and the path below a folder that all end with."""
    prefix = commonprefix(addresses)  # noqa: RUF071 - cut at a slash below
    prefix = prefix[: prefix.rfind("/") + 1]
    suffix = commonprefix([address[len(prefix) :][::-1] for address in addresses])[::-1]  # noqa: RUF071
    return prefix, suffix[suffix.find("/") :] if "/" in suffix else ""


def is_local(address: str) -> bool:
    """Whether an address is a percent-encoded path below the page's own folder."""
    return bool(re.fullmatch(r"(?!/)[\w.~%/-]+", address, re.ASCII)) and ".." not in unquote(address).split("/")


@cache
def table_script() -> tuple[Markup, str]:
    """The script, and the source that a page's policy allows: its hash."""
    text = (Path(__file__).parent / "templates" / "table.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - a file of this package


def _words() -> list[tuple[str, str, str]]:
    """Of every number of a status: its style's class, its mark, its word."""
    found = [(str(status).replace(" ", "-"), MARKS[status], str(status)) for status in STATUSES]
    return [*found, ("not-attempted", "", "nothing graded")]


def _short(value: Cell) -> Cell:
    """The same number in fewer characters."""
    return int(value) if value is not None and value == int(value) else value
