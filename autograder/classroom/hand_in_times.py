"""When each hand-in arrived, recorded with its source while the hand-ins are there: ``OUT/times.json``.

Sources, the first that is there: Gradescope's ``created_at``, nbgrader's ``timestamp.txt``, the time in the zip that
the platform packed, the time of the file.  The time is that of the file that was graded.  A time of no zone is a local
time of the platform, whose zone the course states.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

import msgspec

from autograder.classroom.finding import Entry, report_path
from autograder.classroom.gradescope_export import METADATA, created
from autograder.classroom.layouts import CANVAS, MOODLE
from autograder.classroom.runs import keep
from autograder.course.catalogue import UsageError
from autograder.report import ReportError, read_report
from autograder.submission import File
from autograder.submission.filenames import kind_of

__all__ = ["TIMES", "HandInTime", "join_times", "read_stamp", "read_times", "record_times"]

TIMES = "times.json"
MOST_BYTES = 100
"""Of a ``timestamp.txt``."""
STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*(Z|[+-]\d\d(?::?\d\d)?|[A-Za-z][\w/+-]*)?", re.ASCII
)
NO_TIME = datetime(1980, 1, 1, 0, 1)  # noqa: DTZ001 - what a zip holds that knows no times, in no zone
MARKED_LATE = re.compile(r"[^_]+_LATE_\d+_")


class HandInTime(msgspec.Struct, frozen=True):
    """When one hand-in arrived.

    at: in ISO format, with the offset if it is known; empty if there is no time.
    source: "gradescope", "nbgrader", "zip", "file", "clone" (of a repository, whose files have no times of their own).
    late: whether the platform's name of the file says so; doubt: why there is no time although there is a source.
    """

    at: str
    source: str
    late: bool = False
    doubt: str = ""


class _Record(msgspec.Struct, frozen=True):
    """The times by ``STUDENT/ASSIGNMENT``, percent-encoded."""

    times: dict[str, HandInTime] = {}


def read_stamp(text: str) -> datetime | None:
    """Read a date and a time such as ``2026-03-06 23:52:07.5 -08:00``, with a zone or without; None if it is neither.

    A zone's name must be one of the tz database: abbreviations such as PST have several meanings.
    """
    found = STAMP.fullmatch(text.strip())
    if found is None:
        return None
    day, clock, seconds, zone = found.groups()
    try:
        time = datetime.fromisoformat(f"{day}T{clock}:{seconds or '00'}")
        return time.replace(tzinfo=_zone(zone)) if zone else time
    except (ValueError, OSError, KeyError):
        return None


def _zone(text: str) -> tzinfo | None:
    """A zone by its offset or name.  Raises ValueError, OSError or KeyError if there is none."""
    if text in ("Z", "UTC", "GMT"):
        return UTC
    if text[0] in "+-":
        return datetime.strptime(text.replace(":", "").ljust(5, "0"), "%z").tzinfo
    if "/" in text:
        return ZoneInfo(text)
    raise ValueError(text)


def record_times(
    out: Path, base: Path, entries: Iterable[Entry], scope: Collection[str], *, packed: bool = False
) -> None:
    """Record when these hand-ins arrived; keep what is known of assignments outside ``scope``.

    base: the folder of hand-ins; packed: whether it was unpacked from a zip, whose times have no zone.
    Raises UsageError if the record cannot be read or written.
    """
    clock = _Clock(base, packed=packed)
    times = {key: time for key, time in stored_times(out).items() if key.rpartition("/")[2] not in scope}
    for entry in entries:
        if entry.files:
            times[_key(entry)] = clock.time_of(_graded(out, entry, clock))
    keep(out / TIMES, _Record(times), within=out)


def join_times(folders: Sequence[Path], out: Path) -> None:
    """Join the times of the parts of a class; UsageError if a record cannot be read or written."""
    times = dict(stored_times(out))
    for folder in folders:
        times |= stored_times(folder)
    keep(out / TIMES, _Record(times), within=out)


def read_times(out: Path) -> dict[tuple[str, str], HandInTime]:
    """The times of a run by student and assignment; empty if the run is older than such records."""
    found = {}
    for key, time in stored_times(out).items():
        student, _, assignment = unquote(key, errors="surrogateescape").rpartition("/")
        found[student, assignment] = time
    return found


def stored_times(out: Path) -> Mapping[str, HandInTime]:
    """The times as they are stored.  UsageError if the file holds something else."""
    path = out / TIMES
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Record).times
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read ({error}). Delete that file and grade again, which keeps all reports."
        raise UsageError(message) from error


def _key(entry: Entry) -> str:
    return quote(f"{entry.student}/{entry.assignment}", errors="surrogateescape")


def _graded(out: Path, entry: Entry, clock: _Clock) -> File:
    """The file that was graded, by the report; if that cannot be seen, the last one that arrived."""
    files = list(entry.files or ())
    if len(files) > 1:
        with suppress(ReportError):
            report = read_report(report_path(out, entry))
            aside = {one.path for one in report.set_aside}
            named = [one for one in files if (one.name or one.path.name) == report.file and one.shown not in aside]
            files = named or [one for one in files if kind_of(one.path.name) == "zip"] or files
    return max(files, key=clock.modified)


class _Clock:
    """Knows when files of a folder of hand-ins arrived."""

    def __init__(self, base: Path, *, packed: bool) -> None:
        self.base, self.packed = base, packed
        self._created = cache(created)

    def modified(self, file: File) -> float:
        """The time of the file itself, in seconds; 0 if there is none."""
        try:
            return file.path.lstat().st_mtime
        except OSError:
            return 0.0

    def time_of(self, file: File) -> HandInTime:
        """When this file arrived, by the first source that knows."""
        late = MARKED_LATE.match(file.path.name) is not None and CANVAS.fullmatch(file.path.name) is not None
        return self._of_gradescope(file) or self._of_nbgrader(file) or self._of_file(file, late=late)

    def _of_gradescope(self, file: File) -> HandInTime | None:
        for folder in file.path.parents:
            if folder == self.base or self.base not in folder.parents:
                return None
            if (text := self._created(folder.parent / METADATA).get(folder.name)) is not None:
                return _stamped(text, "gradescope")
        return None

    def _of_nbgrader(self, file: File) -> HandInTime | None:
        """From ``STUDENT/ASSIGNMENT/timestamp.txt``, which in a platform's download would be the student's own."""
        student, *rest = file.path.relative_to(self.base).parts
        if not rest or MOODLE.fullmatch(student):
            return None
        if (self.base / student / ".git").exists():
            return HandInTime("", "clone", doubt="the files of a clone have the time of the cloning")
        path = self.base / student / rest[0] / "timestamp.txt"
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return None
            with path.open(encoding="utf-8", errors="replace") as opened:
                return _stamped(opened.read(MOST_BYTES), "nbgrader")
        except OSError:
            return None

    def _of_file(self, file: File, *, late: bool) -> HandInTime:
        seconds = self.modified(file)
        source = "zip" if self.packed else "file"
        if not seconds:
            return HandInTime("", source, late, "the file has no time")
        try:
            at = datetime.fromtimestamp(int(seconds), UTC)
        except (ValueError, OverflowError, OSError):
            return HandInTime("", source, late, "the time of the file is no date")
        if not self.packed:
            return HandInTime(at.isoformat(), source, late)
        local = at.replace(tzinfo=None)
        if local <= NO_TIME:
            return HandInTime("", source, late, "the zip holds no times")
        return HandInTime(local.isoformat(), source, late)


def _stamped(text: str, source: str) -> HandInTime:
    found = read_stamp(text)
    if found is None:
        return HandInTime("", source, doubt="the time is written in an unknown form")
    if found.tzinfo is not None:
        found = found.astimezone(UTC)
    return HandInTime(found.isoformat(), source)
