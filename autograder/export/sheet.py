"""A sheet of another program: cells are read and changed individually, every other byte is kept.

The standard library's reader forgets how a cell was quoted and how a line ended; a returned gradebook must differ in
nothing but the grades.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from autograder.export.errors import ExportError

__all__ = ["Sheet", "read_sheet"]

MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
ENCODINGS = ("utf-8", "cp1252")
SEPARATORS = ",;\t"
MOST_BYTES = 50_000_000
STATED = re.compile(r"\"?sep=(.)\"?(\r\n|\n|\r)")
"""A first line that names the separator for Excel."""


class Sheet:
    """Rows of cells.

    Raises ExportError if a quotation mark is never closed or the encoding is unknown.
    """

    def __init__(self, content: bytes) -> None:
        self._mark, self.encoding, text = _decode(content)
        stated = STATED.match(text)
        self._head = stated.group(0) if stated else ""
        text = text[len(self._head) :]
        self.separator = stated.group(1) if stated else _separator(text)
        self._rows, self._ends = _cut(text, self.separator)

    @property
    def height(self) -> int:
        """The number of rows, including the header."""
        return len(self._rows)

    def row(self, number: int) -> list[str]:
        """The cells of a row, as a spreadsheet shows them."""
        return [_bare(raw) for raw in self._rows[number]]

    def cell(self, row: int, column: int) -> str:
        """One cell; empty if the row is too short."""
        return _bare(self._rows[row][column]) if column < len(self._rows[row]) else ""

    def put(self, row: int, column: int, text: str) -> None:
        """Change one cell; it is quoted if that is necessary or if it was quoted before.

        Raises ExportError if the sheet's encoding cannot represent the text.
        """
        if self.cell(row, column) == text:
            return
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError as error:
            message = "The sheet's encoding cannot represent the feedback. Save the sheet as CSV UTF-8 first."
            raise ExportError(message) from error
        cells = self._rows[row]
        cells += [""] * (column + 1 - len(cells))
        must = any(char in text for char in f'{self.separator}"\r\n') or text != text.strip()
        quoted = must or cells[column].startswith('"')
        cells[column] = f'"{text.replace(chr(34), chr(34) * 2)}"' if quoted else text

    def content(self) -> bytes:
        """The sheet as a file."""
        lines = (self.separator.join(row) + end for row, end in zip(self._rows, self._ends, strict=True))
        return self._mark + (self._head + "".join(lines)).encode(self.encoding)


def read_sheet(path: Path) -> Sheet:
    """Read a sheet.  ExportError if that fails."""
    try:
        if path.stat().st_size > MOST_BYTES:
            message = (
                f"{path} is too large for a gradebook ({path.stat().st_size // 1_000_000} MB). Name another --sheet."
            )
            raise ExportError(message)
        content = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Name the sheet that you downloaded with --sheet."
        raise ExportError(message) from error
    if content.startswith(b"PK\x03\x04"):
        message = f"{path} is a workbook, not a CSV file. Save it as CSV UTF-8 first."
        raise ExportError(message)
    try:
        sheet = Sheet(content)
    except ExportError as error:
        message = f"{path}: {error}"
        raise ExportError(message) from error
    if not sheet.height:
        message = f"{path} is empty. Download the sheet again."
        raise ExportError(message)
    return sheet


def _decode(content: bytes) -> tuple[bytes, str, str]:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return mark, encoding, _text(content[len(mark) :], (encoding,))[1]
    return b"", *_text(content, ENCODINGS)


def _text(content: bytes, encodings: tuple[str, ...]) -> tuple[str, str]:
    for encoding in encodings:
        try:
            return encoding, content.decode(encoding)
        except UnicodeDecodeError:
            continue
    message = "the encoding of the text is unknown. Save the sheet as CSV UTF-8 first."
    raise ExportError(message)


def _separator(text: str) -> str:
    """The separator that cuts the first line into the most cells."""
    first = re.match(r'(?:"(?:[^"]|"")*"|[^"\r\n])*', text)
    line = re.sub(r'"(?:[^"]|"")*"', "", first.group(0) if first else "")
    return max(SEPARATORS, key=line.count)


def _cut(text: str, separator: str) -> tuple[list[list[str]], list[str]]:
    """Split a text into rows of raw cells, and the ends of the lines."""
    plain = rf"[^{re.escape(separator)}\r\n]*"
    cell = re.compile(rf'(?:"(?:[^"]|"")*"{plain}|(?!"){plain})')
    rows: list[list[str]] = []
    ends: list[str] = []
    place, row = 0, list[str]()
    while place < len(text) or row:
        found = cell.match(text, place)
        if not found:
            message = f"a quotation mark in row {len(rows) + 1} is never closed. Download the sheet again."
            raise ExportError(message)
        row.append(found.group(0))
        place = found.end()
        if text[place : place + 1] == separator:
            place += 1
            if place < len(text):
                continue
            row.append("")
        end = "\r\n" if text.startswith("\r\n", place) else text[place : place + 1]
        place += len(end)
        rows.append(row)
        ends.append(end)
        row = []
    return rows, ends


def _bare(raw: str) -> str:
    """A cell without its quotation marks."""
    if not raw.startswith('"'):
        return raw
    end = re.match(r'"(?:[^"]|"")*"', raw)
    closed = end.end() if end else len(raw)
    return raw[1 : closed - 1].replace('""', '"') + raw[closed:]
