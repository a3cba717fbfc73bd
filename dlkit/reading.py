"""From a notebook or a Python file to its cells, whatever its name, format and encoding.

What a file is, its content decides: ``layers.ipynb.json`` is a notebook, and so is a notebook saved as ``layers.py``.
Source of the encodings: PEP 263 and the byte order marks of UTF-8, UTF-16 and UTF-32.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import stat
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["MAX_BYTES", "Cell", "Document", "ExtractionError", "newlines", "parse", "read"]

MAX_BYTES = 20 << 20
"""A notebook's pictures may be large; its code may not."""
KINDS = ("code", "markdown", "raw")
MOST_LINES = 6
"""Lines of a conflict that a sentence names."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ALPHABETS = re.compile(r"utf-?8|ascii|latin|iso8859|cp\d|mac|koi8|gb|big5|shift|euc")
"""Encodings that a coding line may name: those of files, not the codecs that do work of their own."""
_PERCENT = re.compile(r"^# ?%%(.*)$")
_CONVERTED = re.compile(r"^# In\s?\[[\d ]*\]:\s*$")
"""How nbconvert heads each cell of the script that it makes."""
_CONFLICT = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)
_MARKER = re.compile(r"^(?:<{7}(?: .*)?|\|{7}(?: .*)?|={7}|>{7}(?: .*)?)$")

Notebook: TypeAlias = dict[str, object]
"""A notebook's JSON, as its file has it: of any format, and perhaps of none."""


class ExtractionError(ValueError):
    """A file that cannot be read as a submission at all; one sentence with the cure."""


class Cell(NamedTuple):
    """One cell: where it stands (``cell 12``), its first line there, its text; kind: code, markdown or raw."""

    label: str
    line: int
    source: str
    kind: str = "code"


@dataclass(frozen=True)
class Document:
    """The contents of a file: cells in order, the notebook's own metadata, the text as it was read.

    text: of a notebook of format 3 or 2, the JSON of the same notebook in format 4.
    """

    cells: tuple[Cell, ...]
    metadata: dict[str, object] = field(default_factory=dict)
    text: str = ""


def read(path: Path) -> Document:
    """Read a notebook or a Python file.

    Raises ExtractionError where the file is missing, empty, too large, no text, no notebook, or in the middle of a
    merge.
    """
    return parse(path.name, _read(path))


def parse(name: str, data: bytes) -> Document:
    """Read the contents of a file with this name.  Raises ExtractionError as ``read`` does."""
    if not data.strip():
        message = f"{name} is empty. Save your work and hand it in again."
        raise ExtractionError(message)
    text = _decode(name, data)
    notebook = _notebook(name, text)
    if notebook is None:
        _refuse_conflict(name, text)
        return Document(tuple(_script_cells(text, name)), {}, text)
    if not isinstance(notebook.get("cells"), list):
        notebook = _upgraded(notebook)
        text = _dumped(name, notebook)
    metadata = notebook.get("metadata")
    return Document(tuple(_cells(notebook)), metadata if isinstance(metadata, dict) else {}, text)


def newlines(text: str) -> str:
    """Lines end as Python's own parser lets them end, and nowhere else."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
            message = f"{path.name} is not an ordinary file. Hand in the file itself, not a link or a device."
            raise ExtractionError(message)
        size = path.stat().st_size
        if size > MAX_BYTES:
            most = MAX_BYTES >> 20
            message = f"{path.name} has {size >> 20} MB; at most {most} MB are read. Clear its outputs and save it."
            raise ExtractionError(message)
        return path.read_bytes()
    except OSError as error:
        message = f"{path.name} cannot be read ({error.strerror}). Check that it exists and is a file."
        raise ExtractionError(message) from error


# --- encodings -------------------------------------------------------------------------------


def _decode(name: str, data: bytes) -> str:
    encoding = next((known for mark, known in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        shown = encoding.upper().removesuffix("-SIG").removesuffix("-LE").removesuffix("-BE")
        message = f"{name} is not {shown} text (byte {error.start}). Save it as UTF-8."
        raise ExtractionError(message) from error


def _unmarked(data: bytes) -> str:
    """The encoding of a file without a byte order mark: UTF-16 by its zeros, else what its coding line says."""
    start = data[:400]
    if start.count(0) * 3 > len(start):
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    try:
        named = codecs.lookup(tokenize.detect_encoding(io.BytesIO(data).readline)[0]).name
    except (SyntaxError, LookupError, ValueError):  # the bytes are no UTF-8, or the coding line names none
        return "utf-8"
    return named if _ALPHABETS.match(named) else "utf-8"


# --- notebooks -------------------------------------------------------------------------------


def _notebook(name: str, text: str) -> Notebook | None:
    """The notebook that a text is; None where it is none and need not be one.  ExtractionError where it should be."""
    named = ".ipynb" in name.casefold()
    if not named and not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not named and not _is_cut(text):
            return None
        _refuse_conflict(name, text)
        if text.lstrip().startswith("<"):
            message = f"{name} is a web page, not a notebook. Download the notebook itself and hand it in again."
            raise ExtractionError(message) from error
        message = f"{name} is not a notebook: its JSON does not parse ({error}). Save it again from Jupyter."
        raise ExtractionError(message) from error
    if isinstance(found, dict) and (isinstance(found.get("cells"), list) or any(_sheets(found))):
        return found
    if not named:
        return None
    message = f"{name} is not a notebook: it has no list of cells. Save it again from Jupyter (nbformat 4)."
    raise ExtractionError(message)


def _is_cut(text: str) -> bool:
    """Whether a text that is not JSON was once a notebook."""
    return '"cell_type"' in text and '"cells"' in text


def _sheets(notebook: Notebook) -> list[list[object]]:
    """The lists of cells of a notebook of format 3 or 2."""
    sheets = notebook.get("worksheets")
    known = [sheet for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
    return [sheet["cells"] for sheet in known if isinstance(sheet.get("cells"), list)]


def _upgraded(notebook: Notebook) -> Notebook:
    """Turn a notebook of format 3 or 2, in worksheets, into one of format 4."""
    cells = []
    for sheet in _sheets(notebook):
        for cell in sheet:
            if isinstance(cell, dict):
                kind = cell.get("cell_type")
                kind = "markdown" if kind in ("heading", "html") else kind
                source = cell.get("input", "") if kind == "code" else cell.get("source", "")
                cells.append({"cell_type": kind, "metadata": cell.get("metadata", {}), "source": source})
    return {"cells": cells, "metadata": notebook.get("metadata", {}), "nbformat": 4, "nbformat_minor": 4}


def _dumped(name: str, notebook: Notebook) -> str:
    try:
        return json.dumps(notebook)
    except RecursionError as error:
        message = f"{name} is nested too deeply to be a notebook. Save it again from Jupyter."
        raise ExtractionError(message) from error


def _cells(notebook: Notebook) -> list[Cell]:
    found = []
    cells = notebook["cells"]
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        if not isinstance(cell, dict):
            continue
        kind = cell.get("cell_type")
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        if isinstance(source, str) and kind in KINDS:
            found.append(Cell(f"cell {number}", 1, source, kind))
    return found


# --- scripts ---------------------------------------------------------------------------------


def _refuse_conflict(name: str, text: str) -> None:
    """Raise ExtractionError where Git left a conflict for its author to decide."""
    if not _CONFLICT.search(newlines(text)):
        return
    lines = [str(n) for n, line in enumerate(newlines(text).split("\n"), 1) if _MARKER.match(line)]
    shown = ", ".join(lines[:MOST_LINES]) + (", …" if len(lines) > MOST_LINES else "")
    message = (
        f"{name} contains an unresolved Git conflict ({'line' if len(lines) == 1 else 'lines'} {shown}). "
        "Keep one version, delete the marker lines, and hand it in again."
    )
    raise ExtractionError(message)


def _script_cells(text: str, name: str) -> list[Cell]:
    """Split at ``# %%`` and at nbconvert's ``# In[3]:``; markdown is comments, and lines keep their numbers."""
    cells: list[Cell] = []
    lines: list[str] = []
    start, kind = 1, "code"
    for number, line in enumerate(newlines(text).split("\n"), 1):
        marker = _PERCENT.match(line)
        if marker or _CONVERTED.match(line):
            cells.append(Cell(name, start, "\n".join(lines), kind))
            start, lines = number + 1, []
            title = marker[1] if marker else ""
            kind = "markdown" if "[markdown]" in title or "[md]" in title else "code"
        else:
            lines.append(line)
    return [*cells, Cell(name, start, "\n".join(lines), kind)]
