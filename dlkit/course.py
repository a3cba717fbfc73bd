"""The course's folders, and a student's own earlier work.

An assignment is a folder ``NN_name`` with a notebook ``name.ipynb`` and a file ``name.py``.  A later
assignment builds on an earlier one by name: ``Linear = earlier("layers.Linear")``.  Assignments lie in
``assignments/``, or side by side in any folder, as nbgrader hands them out.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = [
    "CourseError",
    "around",
    "assignments",
    "clone",
    "earlier",
    "installed",
    "providing",
    "root",
    "shelf",
    "when_written",
]

FOLDER = re.compile(r"\d\d_[a-z][a-z0-9_]*")
_CLONE = Path(__file__).resolve().parents[1]
_PROVIDED: ContextVar[Mapping[str, Mapping[str, object]] | None] = ContextVar("dlkit_earlier", default=None)


class CourseError(LookupError):
    """A folder, an assignment or a piece of earlier work is missing."""


def root(start: Path | None = None) -> Path:
    """Find the course: the nearest folder at or above ``start`` that holds ``assignments/``, or the assignment itself.

    start: the current folder where none is given; the environment variable DLKIT_COURSE comes first,
    the clone that dlkit was installed from last.  Raises CourseError where there is none.
    """
    if start is None and "DLKIT_COURSE" in os.environ:
        start = Path(os.environ["DLKIT_COURSE"])
    here = (start or Path.cwd()).resolve()
    found = next(around(here), None) or (None if start else clone())
    if found is None:
        message = f"There is no course at or above {here}: name the folder that holds assignments/."
        raise CourseError(message)
    return found


def around(folder: Path) -> Iterator[Path]:
    """Every course at or above a folder, the nearest first."""
    here = folder.resolve()
    for place in (here, *here.parents):
        specified = any((place / file).is_file() for file in ("assignment.py", "checks.py"))  # checks.py: of 0.1
        handed_out = FOLDER.fullmatch(place.name) and specified
        if (place / "assignments").is_dir():
            yield place
        elif handed_out and place.parent.name not in ("assignments", "solutions"):
            yield place.parent


def clone() -> Path | None:
    """The clone that dlkit was installed from, where it holds assignments; None without."""
    return _CLONE if (_CLONE / "assignments").is_dir() else None


def installed() -> Path | None:
    """The course that came with this package, to take assignments from: the clone's, or the wheel's; None without."""
    import sysconfig

    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    shared = (Path(sysconfig.get_path("data", scheme)) / "share" / "dlkit-course" for scheme in schemes)
    return next((folder for folder in (_CLONE, *shared) if (folder / "assignments").is_dir()), None)


def shelf(course: Path) -> Path:
    """Return the folder that assignments lie in."""
    return course / "assignments" if any((course / own).is_dir() for own in ("assignments", "solutions")) else course


def assignments(course: Path) -> dict[str, Path]:
    """Every assignment's name (``02_layers``) with its released folder, in order."""
    found = (path for path in shelf(course).iterdir() if path.is_dir() and FOLDER.fullmatch(path.name))
    return {path.name: path for path in sorted(found)}


class providing:  # noqa: N801 - a context manager, used as one
    """Set what ``earlier`` finds within the block: module name → the names it defines.  For graders."""

    __slots__ = ("_modules", "_token")

    def __init__(self, modules: Mapping[str, Mapping[str, object]]) -> None:
        self._modules = modules

    def __enter__(self) -> None:
        self._token = _PROVIDED.set(self._modules)

    def __exit__(self, *_: object) -> None:
        _PROVIDED.reset(self._token)


def earlier(name: str) -> Any:
    """Return a class or function of an earlier assignment: ``earlier("layers.Linear")``.

    In a notebook this is the student's own work, from the notebook or the ``.py`` file beside it;
    while grading it is the student's or the reference's, as the instructor chose.
    Raises CourseError where it is not there.
    """
    module, _, attribute = name.partition(".")
    provided = _PROVIDED.get()
    names = _own(module, attribute) if provided is None else provided.get(module)
    if names is None or attribute not in names:
        message = f"{name} is missing: write {attribute or name} in the assignment '{module}' first."
        raise CourseError(message)
    return names[attribute]


def _own(module: str, attribute: str) -> Mapping[str, object]:
    """Execute the part of the student's own earlier assignment that one name needs."""
    from dlkit import extraction

    for folder in assignments(root()).values():
        if folder.name.split("_", 1)[1] != module:
            continue
        path = extraction.newest(folder, module)
        names: dict[str, object] = {"__name__": module}
        found = extraction.extract(path) if path else extraction.Extraction(())
        for number in found.slice(attribute):
            chunk = found.chunks[number]
            where = f"{folder.name}: {chunk.label}"
            exec(compile("\n" * (chunk.line - 1) + chunk.source, where, "exec"), names)  # noqa: S102
        return names
    message = f"There is no assignment '{module}' in this course."
    raise CourseError(message)


@contextmanager
def when_written() -> Iterator[None]:
    """Run a cell that needs exercises still to be written: reports what is missing instead of failing.

    Only NotImplementedError is taken, the error that an unwritten exercise raises.  Figures that the cell has
    begun are closed, so that no empty axes are shown.
    """
    pyplot = sys.modules.get("matplotlib.pyplot")
    before = set(pyplot.get_fignums()) if pyplot else set()
    try:
        yield
    except NotImplementedError as error:
        if pyplot:
            for number in set(pyplot.get_fignums()) - before:
                pyplot.close(number)
        print(f"This cell waits for {_raiser(error.__traceback__)}: write it above, then run this again.")  # noqa: T201


def _raiser(trace: TracebackType | None) -> str:
    name = "an exercise"
    while trace is not None:
        name = trace.tb_frame.f_code.co_qualname
        trace = trace.tb_next
    return name
