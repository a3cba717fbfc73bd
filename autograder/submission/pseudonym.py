"""The name under which a student wants to be on the class's leaderboard: one line of their notebook, which is read."""

from __future__ import annotations

import ast

from dlkit.extraction import Extraction

__all__ = ["LONGEST", "pseudonym_in"]

NAME = "LEADERBOARD_NAME"
LONGEST = 40
"""Characters of a pseudonym; the rest is cut off."""


def pseudonym_in(extraction: Extraction) -> str:
    """The text that the last ``LEADERBOARD_NAME = "…"`` sets, on one line; empty: not on the leaderboard.

    Nothing is run: a name that is computed does not count.
    """
    found = ""
    for chunk in extraction.chunks:
        if NAME in chunk.defines:
            found = _text(chunk.source)
    return " ".join("".join(c if c.isprintable() else " " for c in found).split())[:LONGEST].strip()


def _text(source: str) -> str:
    """The text that a statement sets; empty for any other statement, and for several on one line."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Assign | ast.AnnAssign) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
