"""Reads ``course.toml`` strictly: what is unknown or impossible in it is one sentence with the place and the cure."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from autograder.term.dates import read_zone
from autograder.term.errors import UsageError, refuse_unknown
from autograder.term.values import count, duration, flag, moment, not_expected, number, text, texts, word

__all__ = ["Excuse", "Extension", "Late", "Override", "Planned", "Term", "Void", "read_course_file"]

MOST_BYTES = 4 << 20
MOST_PLACES = 6
PERCENT = 100


class Late(msgspec.Struct, frozen=True):
    """What a late hand-in loses.

    grace: lateness that is forgiven; percent: the deduction for each day or hour (``per``) that has begun, of the
    earned points or of the maximum (``of``); floor: percent of the same that are always left, up to the cut-off;
    cut_off: the lateness above which it counts 0; budget: late days without a deduction over the term; at_once: the
    most of them for one assignment.
    """

    grace: timedelta = timedelta(0)
    percent: Fraction = Fraction(0)
    per: str = "day"
    of: str = "earned"
    floor: Fraction = Fraction(0)
    cut_off: timedelta | None = None
    budget: int = 0
    at_once: int | None = None


class Planned(msgspec.Struct, frozen=True):
    """One assignment.  keep: whether it is never dropped; graded: the folders that hold its reports, none for all."""

    name: str
    due: datetime
    released: datetime | None = None
    weight: Fraction | None = None
    keep: bool = False
    graded: tuple[str, ...] = ()
    times: str = ""
    late: Late | None = None


class Extension(msgspec.Struct, frozen=True):
    """A later due date of some students."""

    assignment: str
    students: tuple[str, ...]
    until: datetime
    reason: str = ""


class Excuse(msgspec.Struct, frozen=True):
    """Students of whom an assignment does not count."""

    assignment: str
    students: tuple[str, ...]
    reason: str = ""


class Override(msgspec.Struct, frozen=True):
    """Points that replace those of the report: of an exercise or of the assignment, for some students or for all."""

    assignment: str
    points: Fraction
    exercise: str = ""
    students: tuple[str, ...] = ()
    reason: str = ""


class Void(msgspec.Struct, frozen=True):
    """An exercise that was withdrawn after its release: "full" points for who handed in, or "out" of the maximum."""

    assignment: str
    exercise: str
    counts: str
    reason: str = ""


class Term(msgspec.Struct, frozen=True):
    """All of ``course.toml``.  scale: the mark of somebody with all points; places: decimals that it is rounded to.

    weights: "stated", "equal" or "points" (the maximum of each); out: folder of the pages, below that of the file.
    """

    folder: Path
    title: str
    zone: ZoneInfo
    assignments: tuple[Planned, ...]
    states_zone: bool = True
    graded: tuple[str, ...] = ("graded",)
    roster: str = ""
    times: str = ""
    out: str = "term"
    scale: Fraction = Fraction(100)
    places: int = 2
    weights: str = "points"
    drop_lowest: int = 0
    late: Late = Late()
    extensions: tuple[Extension, ...] = ()
    excused: tuple[Excuse, ...] = ()
    overrides: tuple[Override, ...] = ()
    voided: tuple[Void, ...] = ()

    def planned(self, name: str) -> Planned:
        """The assignment of this name, which must be one of the course's."""
        return next(one for one in self.assignments if one.name == name)


Reader = Callable[[Any, str], Any]
Kind = TypeVar("Kind", bound=msgspec.Struct)


def read_course_file(path: Path) -> Term:
    """Read the file.  UsageError with one sentence if anything in it is unknown, of another type, or impossible."""
    raw = _toml(path)
    name = path.name
    zone = read_zone(text(raw.get("timezone", "UTC"), f"{name}, timezone"), f"{name}, timezone")
    top: dict[str, Reader] = {
        "title": text,
        "timezone": text,
        "graded": texts,
        "roster": text,
        "times": text,
        "out": text,
        "scale": partial(number, least=Fraction(1, 1000)),
        "places": partial(count, most=MOST_PLACES),
        "weights": partial(word, words=("stated", "equal", "points")),
        "drop_lowest": count,
        "late": _late,
        "assignments": partial(_assignments, zone=zone),
        "extension": partial(_rows, kind=Extension, readers=_extension(zone)),
        "excused": partial(_rows, kind=Excuse, readers=OF_STUDENTS),
        "override": partial(_rows, kind=Override, readers=OF_STUDENTS | {"exercise": text, "points": number}),
        "void": partial(_rows, kind=Void, readers=VOID),
    }
    found = _fields(raw, top, name)
    if not found.get("assignments"):
        message = f"{name} has no assignments. Write [assignments.02_layers] and, below it, due = 2026-03-06T23:59:00."
        raise UsageError(message)
    several = {"extension": "extensions", "excused": "excused", "override": "overrides", "void": "voided"}
    renamed = {several.get(key, key): value for key, value in found.items() if key != "timezone"}
    renamed.setdefault("title", "The course")
    term = Term(folder=path.parent, zone=zone, states_zone="timezone" in raw, **renamed)
    return _checked(_weighted(term, name, stated="weights" in raw), name)


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES).decode()
        return tomllib.loads(content, parse_float=Decimal)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Name the file that describes the course: docs/course.md."
        raise UsageError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        message = f"{path} is not valid TOML ({error}). Correct that place; a date is written without quotation marks."
        raise UsageError(message) from error


# --- tables ----------------------------------------------------------------------------------


def _table(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise not_expected(value, place, f"a table, [{place.rpartition(', ')[2]}]")
    return value


def _fields(raw: object, readers: Mapping[str, Reader], place: str) -> dict[str, Any]:
    """Read a table's values; UsageError for a key that is unknown."""
    table = _table(raw, place)
    for key in table:
        refuse_unknown(key, readers, place, "key")
    return {key: readers[key](value, f"{place}, {key}") for key, value in table.items()}


def _struct(raw: object, kind: type[Kind], readers: Mapping[str, Reader], place: str, **known: object) -> Kind:
    """Read a table into a struct; UsageError if a key is unknown or missing."""
    found = _fields(raw, readers, place)
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in found and field.name not in known:
            message = f"{place} does not state {field.name}. Add {field.name} = {EXAMPLES[field.name]}."
            raise UsageError(message)
    return kind(**known, **found)


def _rows(value: object, place: str, *, kind: type[Kind], readers: Mapping[str, Reader]) -> tuple[Kind, ...]:
    name = place.rpartition(", ")[2]
    if not isinstance(value, list):
        raise not_expected(value, place, f"a list of tables, each begun by [[{name}]]")
    return tuple(_struct(one, kind, readers, f"{place} {position}") for position, one in enumerate(value, 1))


def _late(value: object, place: str) -> Late:
    share = partial(number, most=PERCENT)
    readers: dict[str, Reader] = {
        "grace": duration,
        "percent": share,
        "per": partial(word, words=("day", "hour")),
        "of": partial(word, words=("earned", "maximum")),
        "floor": share,
        "cut_off": duration,
        "budget": count,
        "at_once": count,
    }
    return _struct(value, Late, readers, place)


def _assignments(value: object, place: str, *, zone: ZoneInfo) -> tuple[Planned, ...]:
    when = partial(moment, zone=zone)
    readers: dict[str, Reader] = {
        "due": when,
        "released": when,
        "weight": number,
        "keep": flag,
        "graded": texts,
        "times": text,
        "late": _late,
    }
    found = tuple(
        _struct(one, Planned, readers, f"{place.rpartition(', ')[0]}, [assignments.{name}]", name=name)
        for name, one in _table(value, place).items()
    )
    for one in found:
        if one.released and one.released >= one.due:
            message = f"[assignments.{one.name}]: it is due before it is released. Correct one of the two dates."
            raise UsageError(message)
        if one.late and one.late.budget:
            message = (
                f"[assignments.{one.name}.late]: late days are counted over the term. State budget in [late] alone."
            )
            raise UsageError(message)
    return found


OF_STUDENTS: dict[str, Reader] = {"assignment": text, "students": texts, "reason": text}
VOID: dict[str, Reader] = {
    "assignment": text,
    "exercise": text,
    "counts": partial(word, words=("full", "out")),
    "reason": text,
}
EXAMPLES = {
    "due": "2026-03-06T23:59:00",
    "until": "2026-03-13T23:59:00",
    "assignment": '"02_layers"',
    "students": '["amara"]',
    "points": "3.5",
    "exercise": '"Linear"',
    "counts": '"full" or "out"',
}


def _extension(zone: ZoneInfo) -> dict[str, Reader]:
    return OF_STUDENTS | {"until": partial(moment, zone=zone)}


# --- what no single value shows --------------------------------------------------------------


def _weighted(term: Term, name: str, *, stated: bool) -> Term:
    """The term with its way of weighting: where a weight is stated, all are."""
    having = [one.name for one in term.assignments if one.weight is not None]
    lacking = [one.name for one in term.assignments if one.weight is None]
    if having and stated and term.weights != "stated":
        message = f'{name}: weights = "{term.weights}", but {having[0]} states a weight. Remove one of the two.'
        raise UsageError(message)
    if lacking and (having or term.weights == "stated"):
        message = f"{name}: {lacking[0]} states no weight. Add weight = 1, for instance, to [assignments.{lacking[0]}]."
        raise UsageError(message)
    if having and not any(one.weight for one in term.assignments):
        message = f"{name}: all weights are 0. Give at least one assignment a weight above 0."
        raise UsageError(message)
    return msgspec.structs.replace(term, weights="stated") if having else term


def _checked(term: Term, name: str) -> Term:
    """The term, if its rows fit together."""
    known = [one.name for one in term.assignments]
    tables = {
        "extension": term.extensions, "excused": term.excused, "override": term.overrides, "void": term.voided
    }  # fmt: skip
    for table, rows in tables.items():
        for position, row in enumerate(rows, 1):
            refuse_unknown(row.assignment, known, f"{name}, {table} {position}", "assignment")  # type: ignore[attr-defined]
    for position, one in enumerate(term.extensions, 1):
        if one.until <= term.planned(one.assignment).due:
            message = f"{name}, extension {position}: until is not after the due date of {one.assignment}. Correct it."
            raise UsageError(message)
    voided = [(one.assignment, one.exercise) for one in term.voided]
    for position, place in enumerate(voided, 1):
        if place in voided[: position - 1]:
            message = f"{name}, void {position}: {place[1]} of {place[0]} is voided twice. Remove one of the two."
            raise UsageError(message)
    for position, other in enumerate(term.overrides, 1):
        if (other.assignment, other.exercise) in voided:
            what = f"{other.exercise} of {other.assignment}"
            message = f"{name}, override {position}: {what} is voided too. Keep one of the two."
            raise UsageError(message)
    return term
