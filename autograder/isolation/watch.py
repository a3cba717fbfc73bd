"""Attempts of a submission that no exercise needs: they are refused, and also reported to the grader.

An audit hook of the interpreter detects them; what a library does by itself does not count.  Malicious code can disable
the hook, but never the refusals, which the kernel enforces.
"""

from __future__ import annotations

import os
import pdb  # noqa: T100 - to switch it off
import sys
from collections.abc import Callable

from autograder.isolation.import_origin import calling_frame
from autograder.isolation.importer import Importer
from autograder.isolation.refusals import EVENTS, writes

__all__ = ["Watch"]

MOST = 20
LONGEST = 200

ONLY_DIRECTLY = {
    "sys._getframe": "walk the call stack",
    "sys.setprofile": "hook into the interpreter",
    "sys.settrace": "hook into the interpreter",
    "gc.get_objects": "search the interpreter's memory",
    "gc.get_referrers": "search the interpreter's memory",
}
"""Libraries do these regularly: reported only if the submission's own code does them."""


class Watch:
    """Records what the submission attempts until it is reported.

    importer: records refused imports, and decides who caused an operation; may_read: whether a path may be read.
    """

    def __init__(self, importer: Importer, may_read: Callable[[str], bool]) -> None:
        self._importer = importer
        self._origin = importer.origin
        self._may_read = may_read
        self._told: set[str] = set()
        self._new: list[str] = []
        self._on = False

    def begin(self) -> None:
        """Watch this process from now on."""
        self._importer.refused.clear()
        sys.addaudithook(self._hook)
        self._on = True

    def news(self) -> list[str]:
        """Attempts not reported before, each a continuation of “tried to”."""
        if self._importer.refused:
            for name in self._importer.refused:
                self._note(f"import {name}")
            self._importer.refused.clear()
        new, self._new = self._new, []
        return new

    def ignore_debugger(self) -> None:
        """Make a leftover breakpoint do nothing except be reported: nobody can answer its prompt."""

        def go_on(*_: object, **__: object) -> None:
            self._note("stop in the debugger, which does nothing during grading")

        sys.breakpointhook = pdb.set_trace = go_on

    def _note(self, what: str) -> None:
        what = what[:LONGEST]
        if what not in self._told and len(self._told) < MOST:
            self._told.add(what)
            self._new.append(what)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._on:
            return
        what = self._opened(*arguments) if event == "open" else EVENTS.get(event) or ONLY_DIRECTLY.get(event)
        if not what:
            return
        asks = self._origin.calls_itself if event in ONLY_DIRECTLY else self._origin.submission_asks
        if asks(calling_frame()):
            self._note(what)

    def _opened(self, path: object, _mode: object, flags: object) -> str | None:
        """Describe opening this file, if no exercise needs it."""
        if not isinstance(path, str | bytes) or os.fsdecode(path) == os.devnull:
            return None
        name = os.fsdecode(path)
        if writes(flags):
            return f"write {name}"
        return None if self._may_read(name) or self._importer.has_file(name) else f"read {name}"
