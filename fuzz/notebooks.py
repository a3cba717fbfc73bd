"""Notebooks that are handed in: any bytes, and JSON with the wrong kinds of things in the right places."""

from __future__ import annotations

import json
import random
from typing import Any

from fuzz import scripts, trees

STAMP = {"dlkit": {"assignment": "02_layers"}, "kernelspec": {"name": "python3"}}


def seeds() -> list[bytes]:
    """Whole notebooks in a few cells, and some that are none."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "vanishing"}}, "source": ["An", " answer."]},
        *({"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in scripts.CELLS),
        {"cell_type": "code", "source": ["class Tanh:\n", "    pass"], "metadata": {"nbgrader": {"grade_id": "Tanh"}}},
    ]
    whole = {"cells": cells, "metadata": STAMP, "nbformat": 4, "nbformat_minor": 5}
    others = [
        {"cells": cells[:2], "metadata": {"dlkit": {"assignment": "03_losses"}}},
        {"worksheets": [{"cells": cells[:2]}], "nbformat": 3},
        {"cells": [None, 1, {"cell_type": "code", "source": {"a": 1}}, *cells[1:2]], "metadata": []},
        [],
    ]
    return [json.dumps(notebook).encode() for notebook in (whole, *others)] + [b"[" * 2000, b"\xef\xbb\xbf{}"]


def one(data: bytes) -> None:
    """Hand the bytes in as ``layers.ipynb``."""
    scripts.hand_in(data, "layers.ipynb")


def mutate(data: bytes, source: random.Random) -> bytes:
    """Change the notebook's JSON, or the text of one of its cells."""
    try:
        cells = [cell for cell in json.loads(data)["cells"] if isinstance(cell.get("source"), str)]
        notebook = {"cells": cells, "metadata": STAMP}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        cells = []
    if not cells or source.randrange(2):
        return trees.mutate_json(data, source)
    cell = source.choice(cells)
    text = scripts.mutate(cell["source"].encode("utf-8", "replace"), source)
    cell["source"] = text.decode("utf-8", "replace")
    return json.dumps(notebook).encode()
