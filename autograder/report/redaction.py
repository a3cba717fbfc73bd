"""Replaces folders of this machine in texts for students by what they hold, unless the submission names them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import msgspec

from autograder.report.record import Report

__all__ = ["Redactor", "encodable"]

PACKAGES = ("numpy", "dlkit", "autograder")
SHARED = {Path("/"), Path("/usr"), Path("/usr/local"), Path("/opt")}
"""System folders: an interpreter installed there reveals nothing."""
NAMES = {"packages": "<packages>", "python": "<python>", "temporary": "<tmp>", "home": "~", "course": "<course>"}
INSIDE = {"packages": "", "course": ""}
"""Replacements of such a folder in paths, where these are not its name: ``numpy/…``, ``dlkit/…``."""
NAME_GOES_ON = r"[\w-]|\.\w"
REST = r"[^\s\"'`,;:)\]}<>|]*"


class Redactor:
    """Removes this machine's folders from texts.

    source: of the submission; a path in it stays as its author wrote it, because it reveals nothing;
    folders: of the course, which only the caller knows.
    """

    def __init__(self, source: str = "", folders: Iterable[Path] = ()) -> None:
        self._source = source
        self._kinds = _folders(tuple(folders), Path.cwd(), Path(tempfile.gettempdir()), Path.home())
        folder = "|".join(map(re.escape, self._kinds))
        self._pattern = re.compile(rf"(?<![\w.-])(({folder})(?!{NAME_GOES_ON})({REST}))")

    def is_needed(self, text: str) -> bool:
        """Whether a text contains one of the folders, even encoded as JSON."""
        return any(folder in text for folder in self._kinds)

    def shown(self, text: str) -> str:
        """Return a text with paths as students may see them."""
        return self._pattern.sub(self._inside, text)

    def _inside(self, found: re.Match[str]) -> str:
        path, folder, rest = found.groups()
        if path.rstrip("/\\.") in self._source:
            return path
        kind, inside = self._kinds[folder], rest.lstrip("/\\")
        return f"{INSIDE.get(kind, f'{NAMES[kind]}/')}{inside}" if inside.strip(".") else f"{NAMES[kind]}{inside}"


@lru_cache(maxsize=16)
def _folders(course: tuple[Path, ...], here: Path, temporary: Path, home: Path) -> dict[str, str]:
    """Every spelling of a folder of this machine with its kind, the longest first."""
    specs = (importlib.util.find_spec(name) for name in PACKAGES)
    found = [(Path(spec.origin).parents[1], "packages") for spec in specs if spec and spec.origin]
    found += [(Path(sysconfig.get_path(name)), "python") for name in ("stdlib", "platstdlib")]
    found += [(Path(path), "python") for path in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)]
    found += [(folder, "course") for folder in (*course, here)] + [(temporary, "temporary"), (home, "home")]
    spelled = {
        spelling: kind
        for folder, kind in reversed(found)  # the first kind of a folder wins
        if folder not in SHARED
        for path in (str(folder), os.path.realpath(folder))
        for spelling in (path, path.replace("\\", "/"), path.replace("\\", "\\\\"))
    }
    return dict(sorted(spelled.items(), key=lambda one: len(one[0]), reverse=True))


def encodable(report: Report, source: str = "", folders: Iterable[Path] = ()) -> Report:
    """Return the report with every text as it may leave this machine; every report passes through here.

    It is valid UTF-8: a lone surrogate becomes “?”.  It names no folder of this machine except those in the
    submission's own source; folders: the course's own.
    """
    redactor = Redactor(source, folders)
    with contextlib.suppress(UnicodeEncodeError):
        if not redactor.is_needed(msgspec.json.encode(report).decode()):
            return report

    def leaving(value: object) -> object:
        if isinstance(value, dict):
            return {key: leaving(item) for key, item in value.items()}
        if isinstance(value, list):
            return [leaving(item) for item in value]
        return redactor.shown(_whole(value)) if isinstance(value, str) else value

    record = {name: leaving(value) for name, value in msgspec.to_builtins(report).items()}
    return msgspec.convert({**record, "student": _whole(report.student)}, Report)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
