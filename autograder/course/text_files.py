"""Reading the text files of a course."""

from __future__ import annotations

from pathlib import Path

from autograder.spec import SpecError

__all__ = ["read_text"]


def read_text(path: Path) -> str:
    """A file's text, with plain newlines as line ends.  SpecError if it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{path.parent.name}/{path.name} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        raise SpecError(message) from error
