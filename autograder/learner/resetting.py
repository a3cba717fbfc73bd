"""Restores stubs: of a whole assignment, one exercise or one part; the rest of the file does not change."""

from __future__ import annotations

import ast
import os
import re
import shutil
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

from autograder.course.catalogue import Loaded, UsageError
from autograder.learner.cells import Source, notebook_sources, script_source
from autograder.learner.originals import originals
from autograder.learner.work import Work
from autograder.spec import Exercise
from autograder.submission import read_submission
from autograder.writing import refuse_links, write_atomically

__all__ = ["Reset", "carry_out", "plan"]

_BOM = b"\xef\xbb\xbf"
_MARKER = re.compile(r"^# ?%%")


@dataclass(frozen=True)
class Reset:
    """One file to be written, with its new content.

    within: the learner's folder, below which links are refused.
    """

    path: Path
    content: bytes
    within: Path


def plan(loaded: Loaded, exercise: Exercise | None, part: str | None, source: Path | None = None) -> list[Reset]:
    """What a reset would write; nothing if everything is already the stub.

    exercise: None for the whole assignment; part: of the exercise; source: a folder with the assignment as released.
    Raises UsageError if the stub is not available or the file does not define the exercise.
    """
    module = loaded.assignment.module
    files = [file for suffix in (".ipynb", ".py") if (file := loaded.released / f"{module}{suffix}").is_file()]
    if exercise is None:
        return _whole(loaded, files, source)
    found = _stubs(loaded, source)
    stub = next((texts[exercise.name] for texts in found if exercise.name in texts), None)
    if stub is None:
        raise _no_stub(loaded, exercise.name)
    changes, problems = [], []
    for file in files:
        try:
            new = _restored(file, exercise, part, stub)
        except UsageError as error:
            problems.append(error)
            continue
        if new is not None:
            changes.append(Reset(file, new, loaded.root))
    if not changes and problems:
        raise problems[0]
    return changes


def _whole(loaded: Loaded, files: list[Path], source: Path | None) -> list[Reset]:
    kept = {file.name: file for file in reversed(originals(loaded, source))}
    files = files or [loaded.released / name for name in sorted(kept)]
    if missing := [file.name for file in files if file.name not in kept]:
        raise _no_stub(loaded, missing[0])
    if not files:
        raise _no_stub(loaded, loaded.assignment.name)
    contents = [Reset(file, kept[file.name].read_bytes(), loaded.root) for file in files]
    return [one for one in contents if not one.path.is_file() or one.path.read_bytes() != one.content]


def _no_stub(loaded: Loaded, what: str) -> UsageError:
    name = loaded.assignment.name
    return UsageError(f"The stub of {what} was not found. Name a folder with {name} as released: --from FOLDER.")


def _stubs(loaded: Loaded, source: Path | None) -> Iterator[dict[str, str]]:
    """Texts of the exercises as released, by name, the best source first."""
    for file in originals(loaded, source):
        yield Work(loaded, file, read_submission(file, loaded), None).sources


def _restored(file: Path, exercise: Exercise, part: str | None, stub: str) -> bytes | None:
    """The file with the stub restored; None if it is already there.  UsageError if the exercise is not defined."""
    data = file.read_bytes()
    bom = _BOM if data.startswith(_BOM) else b""
    text = data[len(bom) :].decode()
    try:
        places = notebook_sources(text) if file.suffix == ".ipynb" else [(0, script_source(text))]
        found = [(source, place) for _, source in places if (place := _place(source, exercise.name))]
    except (ValueError, KeyError, IndexError) as error:
        message = f"{file.name} cannot be read as a notebook ({error}). Reset the whole assignment."
        raise UsageError(message) from error
    if not found:
        message = f"{file.name} does not define {exercise.name}. Reset the whole assignment to get it back."
        raise UsageError(message)
    source, (first, last) = found[-1]
    if part is not None and exercise.is_class:
        first, last, stub = _part_place(file, source, (first, last), part, stub)
    now = "".join(source.lines()[first - 1 : last])
    if now.replace("\r\n", "\n").rstrip("\n") == stub.rstrip("\n"):
        return None
    new = bom + source.replaced(first, last, stub).encode()
    return new if new != data else None


def _place(source: Source, name: str) -> tuple[int, int] | None:
    """First and last line of the definition that counts, also where its cell does not parse."""
    found = None
    for first, lines in _blocks(source.lines()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse("".join(_without_magics(lines))).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            place = _guess(lines, name)
        else:
            place = next((_span(node) for node in reversed(body) if getattr(node, "name", "") == name), None)
        if place:
            found = first + place[0], first + place[1]
    return found


def _span(node: ast.stmt) -> tuple[int, int]:
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    return first, node.end_lineno or node.lineno


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Cells of a percent script, with the number of lines before each; a cell of a notebook is one block."""
    starts = [0, *(i for i, line in enumerate(lines) if _MARKER.match(line)), len(lines)]
    for begin, end in pairwise(starts):
        if begin < end:
            yield begin, lines[begin:end]


def _without_magics(lines: list[str]) -> list[str]:
    return [re.sub(r"^(\s*)[%!].*?(\r?\n?)$", r"\1pass\2", line) for line in lines]


def _guess(lines: list[str], name: str) -> tuple[int, int] | None:
    """The lines of a definition in a text that does not parse: up to the next line without indentation."""
    begins = re.compile(rf"(?:class|def|async def) {re.escape(name)}\b")
    starts = [i for i, line in enumerate(lines, 1) if begins.match(line)]
    if not starts:
        return None
    last = starts[-1]
    for number, line in enumerate(lines[last:], last + 1):
        if re.match(r"(?:class|def|async def|import|from|with|for|if|check\()\b|[@#%]|\w+ *=[^=]", line):
            break
        if line.strip():
            last = number
    return starts[-1], last


def _part_place(file: Path, source: Source, whole: tuple[int, int], part: str, stub: str) -> tuple[int, int, str]:
    """Lines of one method, and its stub with the same indentation; a deleted method is added at the end."""
    wanted = _method(textwrap.dedent(stub), part)
    lines = source.lines()[whole[0] - 1 : whole[1]]
    try:
        node = ast.parse("".join(lines)).body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        name = stub.partition("(")[0].split()[-1]
        message = f"{file.name}: {name} does not parse, so {part} cannot be found in it. Reset all of {name}."
        raise UsageError(message) from error
    methods = [one for one in ast.walk(node) if isinstance(one, ast.FunctionDef) and one in getattr(node, "body", [])]
    margin = " " * (methods[0].col_offset if methods else 4)
    text = textwrap.indent(wanted, margin)
    same = [one for one in methods if one.name == part]
    if same:
        first, last = _span(same[-1])
        return whole[0] + first - 1, whole[0] + last - 1, text
    end = lines[-1].rstrip("\r\n")
    return whole[1], whole[1], f"{end}\n\n{text}"


def _method(stub: str, part: str) -> str:
    node = ast.parse(stub).body[0]
    found = next(one for one in getattr(node, "body", []) if getattr(one, "name", "") == part)
    first, last = _span(found)
    return textwrap.dedent("\n".join(stub.splitlines()[first - 1 : last])) + "\n"


def carry_out(change: Reset) -> Path | None:
    """Save the old text in the next free ``.bak`` beside the file, then write.

    Return its path; None if there was no file.  Raises UsageError if the folder cannot be written,
    LinkedPathError if the file or a folder above it is a link.
    """
    refuse_links(change.path, change.within)
    try:
        backup = _back_up(change.path) if change.path.is_file() else None
        write_atomically(change.path, change.content, within=change.within)
        if backup:
            shutil.copymode(backup, change.path)
    except OSError as error:
        message = f"{change.path} cannot be reset ({error.strerror}) and was not changed. Check who may write there."
        raise UsageError(message) from error
    return backup


def _back_up(path: Path) -> Path:
    """Copy a file to the first ``FILE.N.bak`` that is free."""
    for number in count(1):
        backup = path.with_name(f"{path.name}.{number}.bak")
        try:
            with backup.open("xb") as file:
                file.write(path.read_bytes())
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            continue
        shutil.copymode(path, backup)
        break
    return backup
