"""Students' pages: drawn where one is missing or out of date, by several processes where there are many.

A page's head holds a stamp: a hash of the report and its marks, of the name that is shown, and of the code that draws.
A page that could only be drawn without its details has none, so it is tried again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from autograder.classroom.faults import drawn
from autograder.classroom.finding import Entry
from autograder.classroom.runs import keep
from autograder.isolation.interpreter import end_with_parent, enter_neutral_folder, isolated_processes
from autograder.render.html import student_page
from autograder.render.own_code import code_sha256
from autograder.report import read_marked
from autograder.writing import refuse_links

__all__ = ["Sheet", "draw_sheets", "is_current", "page_path", "stamp_of", "stamped"]

FEWEST = 48
"""Pages for which further processes are started: below, this one has drawn them before others are ready."""
AT_ONCE = 4
DOCTYPE = "<!doctype html>\n"
STAMP = re.compile(rb"<!doctype html>\n<!-- drawn from ([0-9a-f]{64}) -->\n")
HEAD = 128
"""Bytes of a page in which its stamp is."""


class Sheet(NamedTuple):
    """One student's page: whose it is, the name on it, and its stamp."""

    entry: Entry
    label: str
    stamp: str


def page_path(out: Path, entry: Entry) -> Path:
    """The path of one student's page."""
    return out / "pages" / entry.student / f"{entry.assignment}.html"


def stamp_of(*parts: bytes | str) -> str:
    """A hash of what a page is drawn from, and of the code that draws it."""
    digest = hashlib.sha256(code_sha256().encode())
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(f" {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def stamped(html: str, stamp: str) -> str:
    """The page with its stamp."""
    return html.replace(DOCTYPE, f"{DOCTYPE}<!-- drawn from {stamp} -->\n", 1)


def is_current(path: Path, stamp: str, *, within: Path) -> bool:
    """Whether there is a page with this stamp; LinkedPathError if a link below ``within`` is in the way."""
    refuse_links(path, within)
    try:
        with path.open("rb") as file:
            found = STAMP.match(file.read(HEAD))
    except OSError:
        return False
    return found is not None and found[1].decode() == stamp


def draw_sheets(out: Path, sheets: Sequence[Sheet], jobs: int, advance: Callable[[str], None]) -> set[str]:
    """Draw these pages of one assignment; return the students of whose reports only the points could be drawn.

    Raises UsageError if a page cannot be written, LinkedPathError if a link is in the way.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - links stay; the processes live in another folder
    bare = set()
    for sheet, is_bare in zip(sheets, _drawn_in_turn(out, sheets, jobs), strict=True):
        advance(sheet.label)
        if is_bare:
            bare.add(sheet.entry.student)
    return bare


def _drawn_in_turn(out: Path, sheets: Sequence[Sheet], jobs: int) -> Iterator[bool]:
    done = 0
    if jobs > 1 and len(sheets) >= FEWEST:
        with (
            isolated_processes(__name__) as context,
            ProcessPoolExecutor(min(jobs, len(sheets)), context, _begin) as executor,
        ):
            try:
                for is_bare in executor.map(partial(_draw, out), sheets, chunksize=AT_ONCE):
                    yield is_bare
                    done += 1
            except BrokenProcessPool:  # killed from outside, as where memory is short: this process draws the rest
                pass
            finally:
                executor.shutdown(wait=True, cancel_futures=True)
    for sheet in sheets[done:]:
        yield _draw(out, sheet)


def _begin() -> None:
    """Set up one drawing process, and its end with the process that started it."""
    enter_neutral_folder()
    end_with_parent()


def _draw(out: Path, sheet: Sheet) -> bool:
    """Draw one page and write it; whether only its points could be drawn."""
    report = replace(read_marked(out, sheet.entry.student, sheet.entry.assignment), student=sheet.label)
    html, shown = drawn(out, sheet.entry, report, student_page)
    is_bare = shown is not report
    keep(page_path(out, sheet.entry), html if is_bare else stamped(html, sheet.stamp), within=out)
    return is_bare
