"""The text files of a course: reading them, and what JSON they hold."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder.spec import SpecError

__all__ = ["json_text", "read_text"]


def read_text(path: Path) -> str:
    """A file's text, with plain newlines as line ends.  SpecError if it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{path.parent.name}/{path.name} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        raise SpecError(message) from error


def json_text(content: object) -> str:
    """The text of a JSON file that a release writes: one entry a line, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"
