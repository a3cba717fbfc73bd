"""A class list: which student an id belongs to, from a table exported by any learning platform."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.catalogue import UsageError

__all__ = [
    "FIRST",
    "IDS",
    "LAST",
    "NAMES",
    "ClassList",
    "Matched",
    "key_of",
    "plain_header",
    "read_class_list",
    "rows_of",
]

MOST_BYTES = 20 << 20
IDS = (
    "id", "student id", "studentid", "sid", "student number", "sis user id", "sis login id", "login", "login id",
    "username", "user name", "user id", "userid", "netid", "id number", "identifier", "orgdefinedid", "integration id",
    "email", "e mail", "email address", "mail", "folder",
)  # fmt: skip
NAMES = ("name", "full name", "student name", "display name", "student")
FIRST, LAST = ("first name", "given name", "firstname", "forename"), ("last name", "surname", "lastname", "family name")
NOT_STUDENTS = ("points possible", "student, test")
PARTICIPANT = re.compile(r"Participant (\d+)")
BULK = re.compile(r"(.+)_(\d+)_assignsubmission_\w*", re.DOTALL)


@dataclass
class _Row:
    """One student: ids by their column, and the name."""

    ids: dict[int, str]
    name: str


@dataclass
class Matched:
    """names: by student; absent: ids that are only on the list; strangers: students who are not on the list."""

    names: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


@dataclass
class ClassList:
    """The students on the list, in its order."""

    rows: list[_Row] = field(default_factory=list)

    def match(self, students: Iterable[str], known: Mapping[str, str]) -> Matched:
        """Find each student on the list.

        known: names that the layout already provides; students are found by them as well.
        """
        index = self.index()
        found, seen, columns = Matched(), set(), Counter[int]()
        for student in students:
            number, at = _place(index, student, known.get(student, ""))
            if number is None:
                found.strangers.append(student)
                continue
            seen.add(number)
            columns[at] += 1
            if name := self.rows[number].name:
                found.names[student] = name
        usual = columns.most_common(1)[0][0] if columns else -1
        for number, row in enumerate(self.rows):
            if number not in seen:
                absent = row.ids.get(usual) or next(iter(row.ids.values()), row.name)
                found.absent.append(absent)
                if row.name:
                    found.names[absent] = row.name
        return found

    def index(self) -> dict[str, tuple[int, int]]:
        """The row of each name and id, and the column of the id (-1 for a name), by ``key_of``."""
        index = {key_of(row.name): (number, -1) for number, row in enumerate(self.rows) if row.name}
        return index | {
            key_of(one): (number, at) for number, row in enumerate(self.rows) for at, one in row.ids.items()
        }

    def owners(self, students: Mapping[str, str]) -> dict[str, int]:
        """The number of the row of each student who is on the list; students: the name of each, empty if unknown."""
        index = self.index()
        rows = {student: _place(index, student, name)[0] for student, name in students.items()}
        return {student: row for student, row in rows.items() if row is not None}


def _place(index: Mapping[str, tuple[int, int]], student: str, name: str) -> tuple[int | None, int]:
    """A student's row and the column of the id that it was found by; None if there is none."""
    bulk = BULK.fullmatch(student)
    ways = (student, *(bulk.groups()[::-1] if bulk else ()), name)
    return next((index[key_of(one)] for one in ways if one and key_of(one) in index), (None, -1))


def read_class_list(path: Path) -> ClassList:
    """Read a CSV file with a column of ids and, in one column or two, of names.

    Separators are commas, semicolons or tabs; encodings UTF-8, UTF-16, else Latin-1.
    Raises UsageError with one sentence if it is not such a file.
    """
    rows = rows_of(path)
    header = [plain_header(cell) for cell in rows[0]]
    ids = [at for name in IDS for at, cell in enumerate(header) if cell == name]
    name, first, last = (_first(header, wanted) for wanted in (NAMES, FIRST, LAST))
    if not ids and name is None:
        message = f"{path} has no column of ids among {', '.join(rows[0])[:200]}. Name one column 'id', and one 'name'."
        raise UsageError(message)
    found = ClassList()
    owners: dict[str, int] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
        called = cells[name] if name is not None else ""
        called = called or " ".join(cells[at] for at in (first, last) if at is not None and cells[at])
        those = {at: _bare(cells[at]) for at in ids if cells[at]}
        if called.casefold() in NOT_STUDENTS or not (those or called):
            continue
        for one in those.values() or [called]:
            _refuse_id(path, one, number, owners)
        found.rows.append(_Row(those, called))
    return found


def rows_of(path: Path) -> list[list[str]]:
    """The rows of a CSV file that are not empty, the header first.  UsageError if it is not such a file, or empty."""
    rows = [row for row in csv.reader(_text(path).splitlines(), delimiter=_separator(path)) if any(map(str.strip, row))]
    if not rows:
        message = f"{path} is empty. Name a CSV file with a column of ids and one of names."
        raise UsageError(message)
    return rows


def _bare(cell: str) -> str:
    """The 302 of Moodle's ``Participant 302``, as in the names of its folders."""
    match = PARTICIPANT.fullmatch(cell)
    return match[1] if match else cell


def _refuse_id(path: Path, one: str, number: int, owners: dict[str, int]) -> None:
    """Raise UsageError for an id that cannot be a folder's name, and for one that two students have."""
    if re.search(r"[/\\\0]", one) or one in (".", ".."):
        message = f"{path}, row {number}: '{one[:60]}' cannot be an id: reports are stored in a folder of that name."
        raise UsageError(message)
    if owners.setdefault(key_of(one), number) != number:
        message = f"{path}: the id '{one[:60]}' occurs in rows {owners[key_of(one)]} and {number}. Keep one."
        raise UsageError(message)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Name a CSV file with ids and names."
        raise UsageError(message) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        message = f"{path} is not a CSV file. Save the table as CSV with a column of ids and one of names."
        raise UsageError(message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _separator(path: Path) -> str:
    head = _text(path).partition("\n")[0]
    return max(",;\t", key=head.count)


def _first(header: list[str], wanted: Iterable[str]) -> int | None:
    return next((header.index(name) for name in wanted if name in header), None)


def plain_header(cell: str) -> str:
    """A header without capitals, punctuation and needless spaces."""
    return " ".join(re.sub(r"[^\w]+|_", " ", cell.casefold()).split())


def key_of(text: str) -> str:
    """A key that is the same for ``Lovelace, Ada`` and ``Ada Lovelace``, whatever their case and Unicode form."""
    plain = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    last, comma, first = plain.partition(", ")
    return f"{first} {last}" if comma else plain
