"""Hints: the author writes them in a cell of the notebook's source, and ``release`` puts them into ``hints.json``.

::

    # %% [markdown] hints="Linear"
    # ### forward
    # 1. Over which axis do x and W agree, so that it can be summed away?
    # 2. y = x W + b, that is yₙⱼ = Σᵢ xₙᵢ Wᵢⱼ + bⱼ; (N, I) (I, O) + (O,) → (N, O)
    # 3. Keep x, for backward needs it. One matrix product, nothing transposed.

Each part has up to three: where to look, the formula, the step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from autograder.spec import SpecError

__all__ = ["HINTS", "Hints", "hints_in", "read_hints", "released_hints", "written_hints"]

HINTS = "hints.json"
Hints = Mapping[str, Mapping[str, Sequence[str]]]
"""Exercise → part → one to three sentences."""

CELL = re.compile(r'^# %% \[markdown\].*\bhints="(\w+)".*$', re.MULTILINE)
PART, ITEM = re.compile(r"### (\w+)"), re.compile(r"(\d)\. ")


def read_hints(source: Path) -> Hints:
    """The hints in a notebook's source; none where there is no such file.  SpecError where a cell is not as above."""
    return hints_in(source.read_text(encoding="utf-8"), source.name) if source.is_file() else {}


def hints_in(text: str, where: str) -> Hints:
    """The hints in the text of a notebook's source."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    for cell in CELL.finditer(text):
        line = text.count("\n", 0, cell.start()) + 1
        lines = []
        for line_text in text[cell.end() + 1 :].split("\n"):
            if not line_text.startswith("#") or line_text.startswith("# %%"):
                break
            lines.append(line_text[1:].strip())
        if cell[1] in found:
            message = f"{where}, line {line}: hints for {cell[1]} stand in two cells"
            raise SpecError(message)
        found[cell[1]] = _by_part(lines, f"{where}, line {line}: hints for {cell[1]}")
    return found


def _by_part(lines: list[str], where: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    hints: list[str] | None = None
    for line in filter(None, lines):
        if match := PART.fullmatch(line):
            hints = parts.setdefault(match[1], [])
        elif hints is None:
            message = f"{where}: begin with '### ' and the name of a part; this stands before it: {line!r}"
            raise SpecError(message)
        elif match := ITEM.match(line):
            hints.append(line[match.end() :])
            if int(match[1]) != len(hints):
                message = f"{where}: number them 1, 2, 3; this is number {len(hints)}: {line!r}"
                raise SpecError(message)
        elif hints:
            hints[-1] += f" {line}"
        else:
            message = f"{where}: a hint begins with its number, '1. '; this does not: {line!r}"
            raise SpecError(message)
    return parts


def released_hints(path: Path) -> Hints:
    """The hints that were released with an assignment, if any.  SpecError where the file cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, list[str]]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path.parent.name}/{path.name} cannot be read ({error})"
        raise SpecError(message) from error


def written_hints(hints: Hints) -> str:
    """The text of ``hints.json``."""
    return msgspec.json.format(msgspec.json.encode(hints), indent=1).decode() + "\n"
