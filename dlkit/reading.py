"""From a notebook or a Python file to its cells, whatever its format and encoding."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["MAX_BYTES", "Cell", "Document", "ExtractionError", "newlines", "read"]

MAX_BYTES = 20 << 20
"""A notebook's pictures may be large; its code may not."""
KINDS = ("code", "markdown", "raw")
_PERCENT = re.compile(r"^# ?%%(.*)$")


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
    """What a file holds: cells in order, the notebook's own metadata, the text as it was read."""

    cells: tuple[Cell, ...]
    metadata: dict[str, Any] = field(default_factory=dict)
    text: str = ""


def read(path: Path) -> Document:
    """Read a ``.py`` or ``.ipynb`` file.

    Raises ExtractionError where the file is missing, empty, too large, no text, or no notebook.
    """
    text = _read(path)
    if path.suffix == ".ipynb":
        cells, metadata = _notebook_cells(path.name, text)
    else:
        cells, metadata = _percent_cells(text, path.name), {}
    return Document(tuple(cells), metadata, text)


def newlines(text: str) -> str:
    """Lines end as Python's own parser lets them end, and nowhere else."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read(path: Path) -> str:
    try:
        if path.is_symlink() or not stat.S_ISREG(path.stat().st_mode):
            message = f"{path.name} is no ordinary file. Hand in the file itself, not a link or a device."
            raise ExtractionError(message)
        size = path.stat().st_size
        if size > MAX_BYTES:
            most = MAX_BYTES >> 20
            message = f"{path.name} has {size >> 20} MB; at most {most} MB are read. Clear its outputs and save it."
            raise ExtractionError(message)
        data = path.read_bytes()
    except OSError as error:
        message = f"{path.name} cannot be read ({error.strerror}). Check that it is there and is a file."
        raise ExtractionError(message) from error
    if not data.strip():
        message = f"{path.name} is empty. Save your work and hand it in again."
        raise ExtractionError(message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path.name} is no UTF-8 text (byte {error.start}). Save it as UTF-8."
        raise ExtractionError(message) from error


def _notebook_cells(name: str, text: str) -> tuple[list[Cell], dict[str, Any]]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{name} is no notebook: its JSON does not parse ({error}). Save it again from Jupyter."
        raise ExtractionError(message) from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        message = f"{name} is no notebook: it has no list of cells. Save it again from Jupyter (nbformat 4)."
        raise ExtractionError(message)
    found = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            continue
        kind = cell.get("cell_type")
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        if isinstance(source, str) and kind in KINDS:
            found.append(Cell(f"cell {number}", 1, source, kind))
    metadata = notebook.get("metadata")
    return found, metadata if isinstance(metadata, dict) else {}


def _percent_cells(text: str, name: str) -> list[Cell]:
    """Split at ``# %%`` markers; markdown cells are comments, and lines keep their numbers in the file."""
    cells: list[Cell] = []
    lines: list[str] = []
    start, kind = 1, "code"
    for number, line in enumerate(newlines(text).split("\n"), 1):
        marker = _PERCENT.match(line)
        if marker:
            cells.append(Cell(name, start, "\n".join(lines), kind))
            start, lines = number + 1, []
            kind = "markdown" if "[markdown]" in marker[1] or "[md]" in marker[1] else "code"
        else:
            lines.append(line)
    return [*cells, Cell(name, start, "\n".join(lines), kind)]
