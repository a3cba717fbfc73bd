"""Assignments as released: where they come from, and how one is copied into the learner's own folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from autograder.course import catalogue, trust
from autograder.course.catalogue import Loaded, UsageError
from autograder.learner import state
from autograder.learner.work import Work
from autograder.submission import SubmissionError, read_submission
from autograder.writing import make_folder, refuse_links, write_atomically
from dlkit import course

__all__ = ["available", "came_from", "originals", "start"]

NOT_RELEASED = shutil.ignore_patterns(".*", "__pycache__", "*.bak", "*.zip")


def available(root: Path | None) -> list[str]:
    """Assignments that can be started, from all known courses.  root: the learner's own folder."""
    return sorted({name for source in _sources(root) for name in catalogue.names(source)})


def start(name: str, into: Path, source: Path | None = None) -> list[Path]:
    """Copy an assignment, and earlier ones that it builds on, into a folder; return the new folders.

    ``into`` becomes, or already is, the learner's own course: whatever runs there finds ``into/assignments/``, and
    the checks that were copied there are trusted in their present form.
    source: the course to copy from; by default the last one used, the one around this folder, or the one installed
    with this package, if its checks are trusted.
    Raises UsageError where there is no such assignment, or where it exists already: nothing is overwritten.
    """
    into = into.resolve()
    sources = [source] if source else _sources(into)
    found, place = _find(name, [place for place in sources if place != into], into)
    shelf = course.shelf(into) if catalogue.names(into) else into / "assignments"
    target = shelf / found
    if target.exists():
        message = f"{target} exists already and was not changed. To start again: autograder reset {found}"
        raise UsageError(message)
    if place != source:
        trust.require(place)
    loaded = catalogue.load(found, place)
    wanted = catalogue.with_earlier(loaded.assignment.name, loaded.root)
    new = [catalogue.load(one, loaded.root) for one in wanted if not (shelf / one).exists()]
    for one in new:
        _refuse_work(one)
    for place in (target, _kept(into, loaded.assignment.name), state.folder(into) / "state.json"):
        refuse_links(place, into)
    try:
        for one in new:
            _copy(one, shelf / one.assignment.name, into)
    except OSError as error:
        message = f"{into} cannot be written ({error.strerror}). Name another folder with --into."
        raise UsageError(message) from error
    state.change(into, lambda known: setattr(known, "source", str(loaded.root)))
    return [shelf / one.assignment.name for one in new]


def _find(name: str, sources: list[Path], into: Path) -> tuple[str, Path]:
    """Complete an assignment's name; return the first course that has it, without running any course's checks."""
    for source in sources:
        with contextlib.suppress(UsageError):
            return catalogue.find(name, source), source
    if any(name in (one, *one.split("_", 1)) for one in catalogue.names(into)):
        message = f"{name} is already in {into}, and there is no other course to take it from: see --into and --course."
        raise UsageError(message)
    known = ", ".join(dict.fromkeys(one for source in sources for one in catalogue.names(source)))
    message = (
        f"There is no assignment '{name}' to start. Choose one of: {known}."
        if known
        else "There is no course to take an assignment from. Name its folder with --course."
    )
    raise UsageError(message)


def _sources(root: Path | None) -> list[Path]:
    """Courses to copy from: named by the environment, last used, around this folder, installed."""
    found: list[Path] = []
    if root is not None and (known := state.read(root).source):
        found.append(Path(known))
    with contextlib.suppress(course.CourseError):
        found.insert(0 if "DLKIT_COURSE" in os.environ else len(found), course.root())
    installed = course.installed()
    found += [installed] if installed else []
    return [place for place in dict.fromkeys(found) if place != root and catalogue.names(place)]


def came_from(root: Path) -> list[Path]:
    """The learner's own folder, and the course that its assignments were taken from, if ``start`` took them."""
    source = state.read(root).source
    return [root, *([Path(source)] if source and Path(source) != root else [])]


def _refuse_work(loaded: Loaded) -> None:
    module = loaded.assignment.module
    for file in (loaded.released / f"{module}.ipynb", loaded.released / f"{module}.py"):
        if not file.is_file():
            message = f"{file} is missing: the course's own {loaded.assignment.name} is incomplete. Get it again."
            raise UsageError(message)
        if not is_original(file, loaded):
            message = (
                f"{file} holds somebody's work, but a start needs untouched files. "
                f"Restore it with autograder reset {loaded.assignment.name}, or name another --course."
            )
            raise UsageError(message)


def is_original(file: Path, loaded: Loaded) -> bool:
    """Whether every exercise of a file is still the stub."""
    work = Work(loaded, file, read_submission(file, loaded), None)
    return len(work.sources) == len(loaded.assignment.exercises) and not work.begun()


def _copy(loaded: Loaded, target: Path, into: Path) -> None:
    """Copy one whole assignment or nothing, and keep its originals for ``reset``."""
    name, module = loaded.assignment.name, loaded.assignment.module
    part = target.with_name(f".{name}.{os.getpid()}.part")
    make_folder(target.parent, into)
    try:
        shutil.copytree(loaded.released, part, ignore=NOT_RELEASED)
        kept = _kept(into, name)
        make_folder(kept, into)
        for suffix in (".ipynb", ".py"):
            write_atomically(kept / f"{module}{suffix}", (part / f"{module}{suffix}").read_bytes(), within=into)
        inside = target.relative_to(into)
        files = {(inside / path.relative_to(part)).as_posix(): trust.hashed(path) for path in trust.content_of(part)}
        trust.record(into, files, by="start")
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _kept(root: Path, name: str) -> Path:
    return state.folder(root) / "released" / name


def originals(loaded: Loaded, source: Path | None = None) -> list[Path]:
    """Files of an assignment in which every exercise is a stub, the best first.

    source: a folder to look in first; then the files kept by ``start``, the installed course's, and the other file
    beside the learner's.
    """
    name, module = loaded.assignment.name, loaded.assignment.module
    if loaded.official:
        _make_anew(loaded)
    folders = [source] if source else []
    folders += [_kept(loaded.root, name)]
    folders += [course.shelf(place) / name for place in _sources(loaded.root)]
    folders += [loaded.released]
    files = [folder / f"{module}{suffix}" for folder in folders for suffix in (".ipynb", ".py")]
    return [file for file in files if file.is_file() and _is_usable(file, loaded)]


def _make_anew(loaded: Loaded) -> None:
    """Keep originals made from the solution, where the work is done in the course's own folder."""
    from autograder.authoring.release import MissingExtraError, texts

    with contextlib.suppress(MissingExtraError, OSError):
        for file, content in texts(loaded).items():
            if Path(file).stem == loaded.assignment.module and "/" not in file:
                write_atomically(_kept(loaded.root, loaded.assignment.name) / file, content, within=loaded.root)


def _is_usable(file: Path, loaded: Loaded) -> bool:
    try:
        return is_original(file, loaded)
    except SubmissionError:
        return False
