"""The solutions of exercises: in the notebook's source, or released in ``solutions.json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dlkit import extraction

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["SOLUTIONS", "released_solutions", "solutions_in"]

SOLUTIONS = "solutions.json"
MARKERS = ("### BEGIN SOLUTION", "### END SOLUTION")


def solutions_in(source: Path, names: Collection[str]) -> dict[str, str]:
    """The text of these exercises in a notebook's source, without markers; nothing is run.  {} if there is no file."""
    if not source.is_file():
        return {}
    chunks = extraction.extract(source).chunks
    return {name: _plain(chunk.source) for chunk in chunks for name in chunk.defines if name in names}


def _plain(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip() not in MARKERS)


def released_solutions(path: Path) -> dict[str, str]:
    """The solutions of a release; none if there is no such file, or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}
