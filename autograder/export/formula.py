"""Spreadsheet cells: text that no program takes for a formula, numbers in the sheet's own style."""

from __future__ import annotations

import re
import unicodedata

from autograder.render.reading import number

__all__ = ["decimal", "harmless", "uses_commas"]

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?")
STARTERS = "=+-@＝＋－＠"  # Excel also accepts the full-width characters of East Asian keyboards
BREAKERS = "\t\r\n"
INSIDE = re.compile(r"([,;|\t\r\n][\s\"']*)(?=[=@＝＠]|[+\-＋－](?!\s*\d))")
"""A formula after a character that another program may take for the border of a cell."""


def harmless(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would execute, as OWASP advises; numbers stay numbers."""
    if NUMBER.fullmatch(text):
        return text
    text = INSIDE.sub(r"\1'", text)
    first = next((char for char in text if not _is_blank(char)), "")
    return f"'{text}" if (first and first in STARTERS) or text[:1] in set(BREAKERS) else text


def _is_blank(char: str) -> bool:
    """Whether a program may skip this character: blanks, control characters, invisible ones."""
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")


def uses_commas(texts: list[str]) -> bool:
    """Whether numbers in a column are written like 7,5."""
    return any(re.fullmatch(r"\s*\d+,\d{1,2}\s*", text) for text in texts)


def decimal(value: float, *, comma: bool = False) -> str:
    """Write points as a cell."""
    text = number(value)
    return text.replace(".", ",") if comma else text
