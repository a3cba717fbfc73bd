"""Hints: the author writes them in a cell of the notebook's source, and ``release`` writes them to ``hints.json``.

::

    # %% [markdown] hints="Linear"
    # ### forward
    # 1. Over which axis do x and W agree, so that it can be summed away?
    # 2. y = x W + b, that is yₙⱼ = Σᵢ xₙᵢ Wᵢⱼ + bⱼ; (N, I) (I, O) + (O,) → (N, O)
    # 3. Store x, which backward needs. One matrix product, nothing transposed.

Each part has up to three: where to look, the formula, the step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from autograder.course.text_files import json_text, read_text
from autograder.spec import SpecError

__all__ = ["HINTS", "Hints", "hints_in", "read_hints", "released_hints", "written_hints"]

HINTS = "hints.json"
Hints = Mapping[str, Mapping[str, Sequence[str]]]
"""Exercise → part → one to three sentences."""

CELL = re.compile(r'# %% \[markdown\].*\bhints="(\w+)".*')
NEW_CELL, MEANT = re.compile(r"# ?%%"), re.compile(r"\bhints ?=")
PART, ITEM = re.compile(r"### (\w+)"), re.compile(r"(\d)\. ")
Lines = Sequence[tuple[int, str]]
"""Lines with their numbers."""


def read_hints(source: Path) -> Hints:
    """The hints in a notebook's source; none if there is no such file.  SpecError if a cell is malformed."""
    return hints_in(read_text(source), source.name) if source.is_file() else {}


def hints_in(text: str, where: str) -> Hints:
    """The hints in the text of a notebook's source.  SpecError if a cell is malformed."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    lines = list(enumerate(text.split("\n"), 1))
    begins = [i for i, (_, line) in enumerate(lines) if NEW_CELL.match(line)]
    for begin, end in pairwise([*begins, len(lines)]):
        number, title = lines[begin]
        cell = CELL.fullmatch(title)
        if cell is None and MEANT.search(title):
            message = f"{where}, line {number}: a cell of hints begins with '# %% [markdown] hints=\"NAME\"': {title!r}"
            raise SpecError(message)
        if cell is None:
            continue
        if cell[1] in found:
            message = f"{where}, line {number}: hints for {cell[1]} are in two cells"
            raise SpecError(message)
        found[cell[1]] = _by_part(lines[begin + 1 : end], where, f"hints for {cell[1]}")
    return found


def _by_part(lines: Lines, where: str, what: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for number, line in lines:
        if not line.removeprefix("#").strip():
            continue
        if wrong := _take(line, parts):
            message = f"{where}, line {number}: {what}: {wrong}: {line!r}"
            raise SpecError(message)
    return parts


def _take(line: str, parts: dict[str, list[str]]) -> str:
    """Add a line of a cell to the last of these parts, or begin a new one.  Return what is wrong, or nothing."""
    text = line[1:].strip()
    hints = next(reversed(parts.values()), None)
    if not line.startswith("#"):
        return "a cell of hints consists of comments"
    if text.startswith("#"):
        part = PART.fullmatch(text)
        if part is None or part[1] in parts:
            return "each part begins once, with '### ' and its name"
        parts[part[1]] = []
    elif hints is None:
        return "begin with '### ' and the name of a part"
    elif item := ITEM.match(text):
        if int(item[1]) != len(hints) + 1:
            return f"number the hints 1, 2, 3; this is number {len(hints) + 1}"
        hints.append(text[item.end() :])
    elif hints:
        hints[-1] += f" {text}"
    else:
        return "a hint begins with its number, '1. '"
    return ""


def released_hints(path: Path) -> Hints:
    """The hints that were released with an assignment.  SpecError if the file is not as ``release`` writes it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, list[str]]])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"{path.parent.name}/{path.name} cannot be read ({reason}): get the assignment again"
        raise SpecError(message) from error


def written_hints(hints: Hints) -> str:
    """The text of ``hints.json``."""
    return json_text(hints)
