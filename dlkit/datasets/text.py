"""Text: the manual of the Python language, which every Python has, and sentences of made-up languages."""

from __future__ import annotations

import numpy as np

from dlkit.backend import NumpyArray
from dlkit.datasets.idx import DatasetError

__all__ = ["characters", "made_up_text", "python_manual"]

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


_LETTERS, _ENDINGS = "abcdefghijkl", "12345678"
_SHORTEST, _LONGEST = 6, 7
"""Letters of a word."""
_FEWEST, _MOST = 4, 6
"""Words of a sentence."""


def made_up_text(length: int, *, rng: np.random.Generator) -> str:
    """Return ``length`` characters in a made-up language, in which the words of a sentence agree.

    A word has six or seven letters, from a to l, then a hyphen and an ending, a digit from 1 to 8: ``cadlfe-3``.  All
    words of a sentence have the same ending; a sentence has four to six words and then a full stop.  Which letters like
    to follow which is drawn from ``rng``: every text is in a language of its own.
    Raises ValueError where ``length`` is negative.
    """
    if length < 0:
        message = f"length is {length}: a text has 0 characters or more."
        raise ValueError(message)
    count = length // (_SHORTEST + 2) + 1
    liking = np.exp(2 * rng.normal(size=(len(_LETTERS),) * 2))
    upto = (liking / liking.sum(axis=1, keepdims=True)).cumsum(axis=1)
    letters = np.empty((count, _LONGEST), int)
    letters[:, 0] = rng.integers(len(_LETTERS), size=count)
    for place in range(1, _LONGEST):
        chosen = (upto[letters[:, place - 1]] < rng.random((count, 1))).sum(axis=1)
        letters[:, place] = np.minimum(chosen, len(_LETTERS) - 1)
    sentence = np.repeat(np.arange(count), rng.integers(_FEWEST, _MOST + 1, size=count))[:count]
    endings = rng.integers(len(_ENDINGS), size=count)[sentence]
    stops = np.append(sentence[1:] != sentence[:-1], [False])
    symbols = np.array([*_LETTERS, "-", *_ENDINGS, "."])
    hyphen, stop = len(_LETTERS), len(symbols) - 1
    words = np.column_stack([letters, np.full(count, hyphen), hyphen + 1 + endings, np.full(count, stop)])
    kept = np.ones(words.shape, bool)
    kept[:, _SHORTEST:_LONGEST] = rng.integers(2, size=(count, _LONGEST - _SHORTEST)) > 0
    kept[:, -1] = stops
    return "".join(symbols[words[kept]].tolist())[:length]
