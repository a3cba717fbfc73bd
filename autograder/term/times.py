"""When each student handed in: from the runs' records, or from a table that an instructor names, which is believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from autograder.classroom.class_list import FIRST, IDS, LAST, NAMES, plain_header, rows_of
from autograder.classroom.hand_in_times import HandInTime, read_stamp, read_times
from autograder.term.dates import in_words, localised
from autograder.term.errors import UsageError, refuse_unknown
from autograder.term.people import Found, People

__all__ = ["Arrival", "arrivals", "trusted"]

TIMES = (
    "time", "handed in", "handed in at", "submission time", "submitted at", "submitted", "last modified submission",
    "timestamp",
)  # fmt: skip
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
MOODLE = re.compile(r"(?:\w+, )?(\d{1,2}) (\w+) (\d{4}), (\d{1,2}):(\d\d)(?::\d\d)? ?([AaPp][Mm])?")
NOON = 12
SOURCES = {
    "gradescope": "by Gradescope's record",
    "nbgrader": "by nbgrader's timestamp.txt",
    "zip": "by the time in the downloaded zip",
    "file": "by the time of the file",
    "clone": "in a clone of a repository",
}


class Arrival(msgspec.Struct, frozen=True):
    """When one hand-in arrived, in UTC, and how that is known.

    at: None if there is no time that can be believed; doubt: why not; late: whether the platform marked it late.
    """

    at: datetime | None
    source: str
    doubt: str = ""
    late: bool = False


def arrivals(
    found: Iterable[Found],
    folders: Mapping[str, Path],
    people: People,
    zone: ZoneInfo,
    *,
    tables: Iterable[tuple[Path, str]],
    known: Iterable[str],
) -> dict[tuple[str, str], Arrival]:
    """The time of each hand-in by the student's key and the assignment; what tables say replaces what runs recorded.

    tables: CSV files, each with its assignment, or "" if it has a column of assignments.
    """
    recorded = {name: read_times(folder) for name, folder in folders.items()}
    times: dict[tuple[str, str], Arrival] = {}
    for one in found:
        if time := recorded[one.graded].get((one.student, one.assignment)):
            times[people.owners[one.graded, one.student], one.assignment] = _arrival(time, zone)
    names = list(known)
    for path, assignment in tables:
        times |= _of_table(path, assignment, people, zone, names)
    return times


def trusted(arrival: Arrival, released: datetime | None, now: datetime, zone: ZoneInfo) -> Arrival:
    """The same, without a time that cannot be: after the date of the pages, or before the release."""
    if arrival.at is None:
        return arrival
    told = in_words(arrival.at, zone)
    if arrival.at > now:
        doubt = f"{told} lies after the date of this page"
    elif released is not None and arrival.at < released:
        doubt = f"{told} lies before the release of the assignment"
    else:
        return arrival
    return msgspec.structs.replace(arrival, at=None, doubt=doubt)


def _arrival(time: HandInTime, zone: ZoneInfo) -> Arrival:
    source = SOURCES.get(time.source, "")
    try:
        at = localised(datetime.fromisoformat(time.at), zone) if time.at else None
    except (ValueError, OverflowError):
        return Arrival(None, source, "the recorded time is no date", time.late)
    return Arrival(at, source, time.doubt, time.late)


def _of_table(
    path: Path, assignment: str, people: People, zone: ZoneInfo, known: list[str]
) -> dict[tuple[str, str], Arrival]:
    """The times of a CSV file; a row without a time says nothing."""
    header, *rows = rows_of(path)
    plain = [plain_header(cell) for cell in header]
    column = next((plain.index(name) for name in TIMES if name in plain), None)
    who = [at for at, cell in enumerate(plain) if cell in (*IDS, *NAMES)]
    first, last = (next((plain.index(one) for one in those if one in plain), None) for those in (FIRST, LAST))
    shown = ", ".join(header)[:200]
    if column is None or not (who or last is not None):
        message = f"{path} has no columns of students and times among {shown}. Name one column 'id' and one 'time'."
        raise UsageError(message)
    which = plain.index("assignment") if "assignment" in plain else None
    if not assignment and which is None:
        message = f"{path} has no column 'assignment'. Add one, or name the file as ASSIGNMENT={path.name}."
        raise UsageError(message)
    times: dict[tuple[str, str], Arrival] = {}
    for number, row in enumerate(rows, 2):
        cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
        if cells[column] in ("", "-", "None"):
            continue
        place = f"{path}, row {number}"
        name = " ".join(cells[at] for at in (first, last) if at is not None)
        texts = [*(re.sub(r"^Participant (?=\d+$)", "", cells[at]) for at in who), name]
        key = people.known(texts) or people.find(next(filter(None, texts), ""), place)
        meant = assignment or cells[which or 0]
        refuse_unknown(meant, known, place, "assignment")
        times[key, meant] = Arrival(localised(_read(cells[column], place), zone), f"by {path.name}")
    return times


def _read(text: str, place: str) -> datetime:
    """A time in ISO form, or as Moodle writes it in English.  UsageError if it is neither."""
    if stamp := read_stamp(text):
        return stamp
    if found := MOODLE.fullmatch(text):
        day, month, year, hour, minute, half = found.groups()
        if month.casefold() in MONTHS:
            hours = int(hour) if not half else int(hour) % NOON + (NOON if half.casefold() == "pm" else 0)
            try:
                return datetime(int(year), MONTHS.index(month.casefold()) + 1, int(day), hours, int(minute))  # noqa: DTZ001
            except ValueError:
                pass
    message = (
        f"{place}: '{text[:60]}' is no time. Write 2026-03-06 23:52, with an offset if it is not the course's zone."
    )
    raise UsageError(message)
