"""Finds what student code may import in a list made beforehand: no folder is searched, no module can be shadowed.

Allowed are the standard library, NumPy and dlkit.  The same trees are what a worker may read.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np

import dlkit
from autograder.isolation.import_origin import ImportOrigin, calling_frame
from dlkit import extraction

__all__ = ["ALLOWED", "Importer", "readable", "trees"]

ALLOWED = extraction.ALLOWED - {"cupy"}
NOT_NEEDED = {"site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip", "turtledemo", "lib2to3"}
NOT_TO_LOAD = {"antigravity", "this", "tkinter", "turtle", "_tkinter", "venv", "pydoc", "site", "__main__"}
DATA = ("datasets", "data")
TEXT = "pydoc_data"
"""Both are withheld: models are judged on rows from there."""
SYSTEM_FILES = ("/dev/null", "/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo")
PRELOADED = ("zlib", "_bz2", "_lzma", "_hashlib", "_ctypes", "_decimal", "_sqlite3", "_ssl", "_uuid")
"""Modules of the standard library that need a system library, which a worker could not load itself."""


@dataclass(frozen=True)
class Tree:
    """A folder whose modules may be imported, as ``package`` or at the top level.

    without: folders beneath that are left out.
    """

    folder: Path
    package: str = ""
    without: frozenset[Path] = frozenset()


@cache
def trees() -> tuple[Tree, ...]:
    """The folders of the allowed modules in this interpreter."""
    paths = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    extensions = {Path(path) for path in sys.path if Path(path).name == "lib-dynload"}
    standard = [
        Tree(path, without=frozenset(child for child in path.iterdir() if _is_left_out(child)))
        for path in sorted(paths | extensions)
        if path.is_dir()
    ]
    course = Path(dlkit.__file__).parent
    return (
        *standard,
        Tree(Path(np.__file__).parent, "numpy"),
        Tree(course, "dlkit", frozenset({course.joinpath(*DATA)})),
    )


def _is_left_out(child: Path) -> bool:
    return child.name in {*NOT_NEEDED, TEXT} or child.name.startswith("config-") or child.name == "lib-dynload"


def readable() -> list[Path]:
    """Every file and folder that a worker may read; folders include everything below."""
    found = [path for tree in trees() for path in _without(tree.folder, tree.without)]
    libraries = Path(np.__file__).parent.parent / "numpy.libs"
    return found + [path for path in (libraries, *map(Path, SYSTEM_FILES)) if path.exists()]


def _without(folder: Path, left_out: frozenset[Path]) -> Iterator[Path]:
    """The folder itself, or its children if something below it is left out."""
    if folder in left_out:
        return
    if not any(path.is_relative_to(folder) for path in left_out):
        yield folder
        return
    for child in folder.iterdir():
        yield from _without(child, left_out)


class _Loader(SourceFileLoader):
    """Knows a source file's time and size in advance, so that its compiled form is found without a system call."""

    def __init__(self, name: str, path: str, stats: dict[str, float]) -> None:
        super().__init__(name, path)
        self._stats = stats

    def path_stats(self, path: str) -> dict[str, float]:
        del path
        return self._stats


class Importer(MetaPathFinder):
    """Finds modules on its list; for any other, reports what may be imported.

    refused: top-level names that the submission imported and that are not allowed; origin: decides whose import it is.
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, bool, dict[str, float]]] = {}
        self.refused: dict[str, None] = {}
        for tree in trees():
            self._list(str(tree.folder), tree.package, {str(path) for path in tree.without})
        self._paths = {path for path, _, _ in self._files.values()}
        self.origin = ImportOrigin(self.has_file)

    def _list(self, folder: str, package: str, left_out: set[str]) -> None:
        prefix = f"{package}." if package else ""
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.path in left_out or entry.name in NOT_NEEDED:
                    continue
                if entry.name.endswith(".py"):
                    name = package if entry.name == "__init__.py" else prefix + entry.name[:-3]
                    stats = entry.stat()
                    known = {"mtime": stats.st_mtime, "size": stats.st_size}
                    self._files[name] = (entry.path, entry.name == "__init__.py", known)
                elif entry.name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)):
                    self._files.setdefault(prefix + entry.name.partition(".")[0], (entry.path, False, {}))
                elif entry.name.isidentifier() and entry.is_dir() and self._is_package(entry.path, package):
                    self._list(entry.path, prefix + entry.name, left_out)

    @staticmethod
    def _is_package(path: str, package: str) -> bool:
        return bool(package) or os.path.exists(f"{path}/__init__.py")  # noqa: PTH110 - hundreds of these

    def has_file(self, path: str) -> bool:
        """Whether this file belongs to a module on the list, even in compiled form."""
        with contextlib.suppress(ValueError, NotImplementedError):
            path = importlib.util.source_from_cache(path)
        return path in self._paths

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module by its full name; ModuleNotFoundError if it may not be imported."""
        del path, target
        if name not in self._files:
            top = name.partition(".")[0]
            if (top in ALLOWED and top != TEXT) or top in sys.modules:
                return None
            if self.origin.submission_imports(calling_frame()):
                self.refused[top[:100]] = None
            message = (
                f"{top} may not be imported in an exercise: allowed are the standard library, numpy and dlkit "
                f"(No module named {name!r})"
            )
            raise ModuleNotFoundError(message, name=name)
        file, is_package, stats = self._files[name]
        loader = _Loader(name, file, stats) if stats else ExtensionFileLoader(name, file)
        places = [os.path.dirname(file)] if is_package else None  # noqa: PTH120
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=places)

    def load_everything(self) -> None:
        """Load the standard library's modules now, for workers that cannot read its files."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in sorted(sys.stdlib_module_names - NOT_TO_LOAD - NOT_NEEDED):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)

    def install(self) -> None:
        """Replace every search by path, in this process and its forks."""
        for name in PRELOADED:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        sys.meta_path[:] = [importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter, self]
        sys.path.clear()
        sys.path_importer_cache.clear()
