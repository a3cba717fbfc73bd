"""Text: the manual of the Python language, which is part of every Python's standard library."""

from __future__ import annotations

import numpy as np

from dlkit.backend import NumpyArray
from dlkit.datasets.idx import DatasetError

__all__ = ["characters", "python_manual"]

_UNKNOWN = ord("\ufffd")


def python_manual(*, repeated: bool = True) -> str:
    """Return the topics of Python's help, ordered by name, with an empty line between.

    About 465,000 characters, some hundred different ones.  The same for one version of Python, a
    little different for another: bounds on bits per character belong on a part that is held out.
    repeated: some paragraphs belong to several topics.  Where False, each is there once, so that
    what is held out has not been read elsewhere; about 375,000 characters.
    Raises DatasetError where this Python was built without its manual.

    Source: ``pydoc_data.topics`` of the standard library (Python Software Foundation Licence).
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        message = "pydoc_data.topics is missing: this Python came without its manual; install a complete one."
        raise DatasetError(message) from error
    text = "\n\n".join(topics[name].strip() for name in sorted(topics))
    return text if repeated else "\n\n".join(dict.fromkeys(text.split("\n\n")))


def characters(text: str, *, rarest: int = 1) -> tuple[str, NumpyArray]:
    """Vocabulary of a text, and the text as numbers.

    Returns the distinct characters in ascending order as one string, and codes (len(text),) int64
    with ``vocabulary[codes[i]] == text[i]``.
    rarest: characters that occur less often than that become the one character U+FFFD, �.
    Raises ValueError for an empty text.
    """
    if not text:
        message = "An empty text has no characters: pass at least one."
        raise ValueError(message)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    found, codes, counts = np.unique(points, return_inverse=True, return_counts=True)
    if rarest > 1:
        found, again = np.unique(np.where(counts < rarest, _UNKNOWN, found), return_inverse=True)
        codes = again[codes]
    return "".join(map(chr, found.tolist())), codes.astype(np.int64)
