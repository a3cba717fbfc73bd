"""Text: the manual of Python's language, which every Python carries in its standard library."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlkit.datasets.idx import DatasetError

__all__ = ["characters", "python_manual"]


def python_manual() -> str:
    """Return the topics of Python's help, ordered by name, with an empty line between.

    About 465,000 characters, some hundred different ones.  The same for one version of Python, a
    little different for another: bounds on bits per character belong on a part that is held out.
    Raises DatasetError where this Python was built without its manual.

    Source: ``pydoc_data.topics`` of the standard library (Python Software Foundation Licence).
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        message = "pydoc_data.topics is missing: this Python came without its manual; install a complete one."
        raise DatasetError(message) from error
    return "\n\n".join(topics[name].strip() for name in sorted(topics))


def characters(text: str) -> tuple[str, Any]:
    """Vocabulary of a text, and the text as numbers.

    Returns the distinct characters in ascending order as one string, and codes (len(text),) int64
    with ``vocabulary[codes[i]] == text[i]``.
    Raises ValueError for an empty text.
    """
    if not text:
        message = "An empty text has no characters: pass at least one."
        raise ValueError(message)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    found, codes = np.unique(points, return_inverse=True)
    return "".join(map(chr, found.tolist())), codes.astype(np.int64)
