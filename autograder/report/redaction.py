"""Folders of this machine in what students read: shown as what they hold, unless the submission itself spells them."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

__all__ = ["Redactor"]

PACKAGES = ("numpy", "dlkit", "autograder")
SHARED = {Path("/"), Path("/usr"), Path("/usr/local"), Path("/opt")}
"""Nobody's own: an interpreter that is installed there is at home everywhere."""
NAMES = {"packages": "<packages>", "python": "<python>", "temporary": "<tmp>", "home": "~", "course": "<course>"}
INSIDE = {"packages": "", "course": ""}
"""What a path begins with inside such a folder, where that is not the folder's name: ``numpy/…``, ``dlkit/…``."""
NAME_GOES_ON = r"[\w-]|\.\w"
REST = r"[^\s\"'`,;:)\]}<>|]*"


class Redactor:
    """Takes this machine's folders out of texts.

    source: of the submission; a path that stands in it stays as its author wrote it, and gives nothing away;
    folders: of the course, which only the caller knows.
    """

    def __init__(self, source: str = "", folders: Iterable[Path] = ()) -> None:
        self._source = source
        self._kinds = _folders(tuple(folders), Path.cwd(), Path(tempfile.gettempdir()), Path.home())
        folder = "|".join(map(re.escape, self._kinds))
        self._pattern = re.compile(rf"(?<![\w.-])(({folder})(?!{NAME_GOES_ON})({REST}))")

    def is_needed(self, text: str) -> bool:
        """Whether one of the folders stands in a text, be it encoded as JSON."""
        return any(folder in text for folder in self._kinds)

    def shown(self, text: str) -> str:
        """Show paths as students may see them."""
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
        for folder, kind in reversed(found)  # of one folder, what it is known for first
        if folder not in SHARED
        for path in (str(folder), os.path.realpath(folder))
        for spelling in (path, path.replace("\\", "/"), path.replace("\\", "\\\\"))
    }
    return dict(sorted(spelled.items(), key=lambda one: len(one[0]), reverse=True))
