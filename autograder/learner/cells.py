"""Replaces text inside a file: every other byte of a script or a notebook stays as it was."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Source", "notebook_sources", "script_source"]

_SPACE = re.compile(r"[ \t\r\n]*")
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
_decode = json.JSONDecoder(strict=False).raw_decode


@dataclass(frozen=True)
class _String:
    """One JSON string: the place of its quotes in the file, and its text."""

    begin: int
    end: int
    text: str


class Source:
    """Code of one cell, or of a whole script, and where it lies in the file's text.

    strings: the JSON strings that hold it (none for a script, where the file itself is the source).
    """

    def __init__(self, whole: str, strings: list[_String] | None = None) -> None:
        self.whole = whole
        self._strings = strings
        self.text = whole if strings is None else "".join(one.text for one in strings)

    def lines(self) -> list[str]:
        """Its lines with their ends, counted as Python's parser counts them."""
        return io.StringIO(self.text, newline="").readlines()

    def replaced(self, first: int, last: int, new: str) -> str:
        """Return the whole file with these lines replaced (counted from 1, both included)."""
        lines = self.lines()
        begin, end = len("".join(lines[: first - 1])), len("".join(lines[:last]))
        new = _ends_like(new, lines, self.text[begin:end])
        if self._strings is None:
            return self.whole[:begin] + new + self.whole[end:]
        return self._replaced_in_json(self._strings, begin, end, new)

    def _replaced_in_json(self, strings: list[_String], begin: int, end: int, new: str) -> str:
        offset, inside = 0, []
        for one in strings:
            after = offset + len(one.text)
            if after > begin and offset < end:
                inside.append((offset, one))
            offset = after
        (start, head), (finish, tail) = inside[0], inside[-1]
        before = self.whole[head.begin + 1 : _raw(self.whole, head, begin - start)]
        behind = self.whole[_raw(self.whole, tail, end - finish) : tail.end - 1]
        several = len(strings) > 1
        between = self.whole[strings[0].end : strings[1].begin] if several else ""
        pieces = io.StringIO(new, newline="").readlines() if several else [new]
        encoded = [json.dumps(piece, ensure_ascii=self._escapes())[1:-1] for piece in pieces]
        encoded[0] = before + encoded[0]
        encoded[-1] += behind
        joined = between.join(f'"{piece}"' for piece in encoded)
        return self.whole[: head.begin] + joined + self.whole[tail.end :]

    def _escapes(self) -> bool:
        return self.whole.isascii() and "\\u" in self.whole


def _raw(whole: str, string: _String, count: int) -> int:
    """The place in the file where this character of a JSON string begins."""
    at = string.begin + 1
    for _ in range(count):
        found = _CHARACTER.match(whole, at)
        assert found is not None  # noqa: S101 - the string was decoded before
        at = found.end()
    return at


def _ends_like(new: str, lines: list[str], old: str) -> str:
    """Give new lines the file's line ends, and the last one the end of the text that it replaces."""
    windows = any(line.endswith("\r\n") for line in lines)
    new = new.rstrip("\n").replace("\n", "\r\n" if windows else "\n")
    return new + old[len(old.rstrip("\r\n")) :]


def script_source(text: str) -> Source:
    """The source of a Python file."""
    return Source(text)


def notebook_sources(text: str) -> Iterator[tuple[int, Source]]:
    """Every code cell's source with the cell's number, counted from 1.  ValueError if this is not a notebook."""
    whole = _Json(text)
    cells = dict(whole.members(0))["cells"]
    for number, cell in enumerate(whole.items(cells), 1):
        fields = dict(whole.members(cell))
        if "source" not in fields or whole.value(fields.get("cell_type", cell)) != "code":
            continue
        at = fields["source"]
        places = list(whole.items(at)) if text[at] == "[" else [at]
        if places and all(text[place] == '"' for place in places):
            decoded = ((place, *_decode(text, place)) for place in places)
            yield number, Source(text, [_String(begin, end, said) for begin, said, end in decoded])


class _Json:
    """A JSON text with the places of its values."""

    def __init__(self, text: str) -> None:
        self.text = text

    def value(self, at: int) -> object:
        return _decode(self.text, at)[0]

    def members(self, at: int) -> Iterator[tuple[str, int]]:
        """Names of an object's members, with the place of each value."""
        at = self._skip(self._skip(at), "{")
        while self.text[at] != "}":
            name, after = _decode(self.text, at)
            place = self._skip(self._skip(after), ":")
            yield name, place
            at = self._next(place)

    def items(self, at: int) -> Iterator[int]:
        """Places of a list's items."""
        at = self._skip(at, "[")
        while self.text[at] != "]":
            yield at
            at = self._next(at)

    def _next(self, at: int) -> int:
        at = self._skip(_decode(self.text, at)[1])
        return self._skip(at, ",") if self.text[at] == "," else at

    def _skip(self, at: int, mark: str = "") -> int:
        """Go past a mark, which must be here, and the space after it."""
        if not self.text.startswith(mark, at):
            message = f"'{mark}' is missing at {at}"
            raise ValueError(message)
        found = _SPACE.match(self.text, at + len(mark))
        return found.end() if found else at + len(mark)
