"""Converts any handed-in file to a notebook that nbformat accepts.

The texts of the cells, pictures pasted into answers and nbgrader's own metadata are kept; outputs, tags and everything
else that could influence a kernel or a page are dropped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4

from dlkit import extraction

__all__ = ["SubmissionExporter", "harmless", "rebuilt"]

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
PLAIN_TAGS = (
    "b|blockquote|br|center|code|dd|del|details|dl|dt|em|h[1-6]|hr|i|kbd|li|mark|ol|p|pre|s|small|strong|sub|summary|"
    "sup|table|tbody|td|tfoot|th|thead|tr|u|ul"
)
TAG = re.compile(rf"<(?!/?(?:{PLAIN_TAGS})\s*/?>|https?://[^\s<>\"']*>)(?=[A-Za-z/!?])", re.IGNORECASE)
"""The beginning of a tag that is more than layout; an address in angle brackets is not a tag."""


class SubmissionExporter(NotebookExporter):  # type: ignore[misc]  # nbconvert has no types
    """nbconvert's notebook exporter for untrusted files.

    A file that cannot be read becomes a notebook with one cell that says why; nbgrader itself would stop.
    """

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[str, dict[str, Any]]:
        """Read and convert a file, whatever its content."""
        path = Path(filename)
        resources = {} if resources is None else resources
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        try:
            notebook = rebuilt(json.loads(extraction.extract(path).text))
        except extraction.ExtractionError as error:
            notebook = rebuilt({"cells": [{"cell_type": "markdown", "source": str(error)}]})
        except Exception as error:
            self.log.exception("%s: the grader itself failed to read it", filename)
            told = f"The grader failed to read {path.name} ({type(error).__name__}). Your instructor has the details."
            notebook = rebuilt({"cells": [{"cell_type": "markdown", "source": told}]})
        converted: tuple[str, dict[str, Any]] = self.from_notebook_node(notebook, resources=resources, **more)
        return converted


def rebuilt(found: dict[str, Any]) -> NotebookNode:
    """Make a notebook of format 4.5 from the texts, pictures and nbgrader metadata of another one."""
    cells = found.get("cells")
    known = [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []
    made = [_cell(cell, number) for number, cell in enumerate(known, 1)]
    stamp = found.get("metadata")
    stamp = stamp.get("dlkit") if isinstance(stamp, dict) else None
    name = stamp.get("assignment") if isinstance(stamp, dict) else None
    metadata = {
        **({"dlkit": {"assignment": _text(name)}} if isinstance(name, str) else {}),
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return v4.new_notebook(cells=made, metadata=metadata)


def _cell(found: dict[str, Any], number: int) -> NotebookNode:
    kind = found.get("cell_type")
    source = found.get("source", "")
    source = "".join(line for line in source if isinstance(line, str)) if isinstance(source, list) else source
    source = _text(source) if isinstance(source, str) else ""
    metadata = found.get("metadata")
    own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    common = {"id": f"cell{number}", "metadata": {"nbgrader": own} if isinstance(own, dict) else {}}
    if kind == "code":
        return v4.new_code_cell(source, **common)
    if kind == "raw":
        return v4.new_raw_cell(harmless(source), **common)
    pictures = _pictures(found.get("attachments"))
    more = {"attachments": pictures} if pictures else {}
    return v4.new_markdown_cell(harmless(source), **common, **more)


def _text(text: str) -> str:
    """Replace lone surrogates, which no file could hold, by “?”."""
    return text.encode("utf-8", "replace").decode()


def harmless(text: str) -> str:
    """Put a space after every ``<`` that begins more than a plain tag, so that no browser takes it for a tag.

    Formulas, code and layout look as before; scripts and event handlers in an answer do not reach the marker.
    """
    return TAG.sub("< ", text)


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Keep the pictures that were pasted into an answer."""
    found: dict[str, dict[str, str]] = {}
    for name, forms in attachments.items() if isinstance(attachments, dict) else ():
        kept = {
            kind: data
            for kind, data in (forms.items() if isinstance(forms, dict) else ())
            if kind in PICTURES and isinstance(data, str) and BASE64.fullmatch(data)
        }
        if kept:
            found[_text(name)] = kept
    return found
