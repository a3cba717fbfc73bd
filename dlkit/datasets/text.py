"""Text: the manual of the Python language, characters and words of a text, and sentences of made-up languages."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from importlib import resources

import numpy as np

from dlkit.backend import NumpyArray
from dlkit.datasets.idx import DatasetError

__all__ = ["characters", "made_up_text", "python_manual", "python_topics", "words"]

_UNKNOWN = ord("\ufffd")
_MANUAL = "data/python_manual.json.gz"
_WORD = re.compile("[a-z_]+")


def python_topics() -> dict[str, str]:
    """Return the 79 topics of the manual of Python 3.11 by their names, which are sorted.

    The text ships with dlkit, so it is the same whatever version of Python runs.
    Raises DatasetError where the installation lost the file.

    Source: ``pydoc_data.topics`` of the standard library; Python Software Foundation Licence, see
    data/LICENSE-PYTHON-MANUAL.md.
    """
    embedded = resources.files("dlkit.datasets").joinpath(_MANUAL)
    try:
        found: dict[str, str] = json.loads(gzip.decompress(embedded.read_bytes()))
    except FileNotFoundError as error:
        message = f"{embedded} does not exist: install dlkit-course again."
        raise DatasetError(message) from error
    return found


def python_manual(*, repeated: bool = True) -> str:
    """Return the topics of the manual of Python 3.11, ordered by name, with an empty line between.

    465,047 characters, of 103 different ones.
    repeated: some paragraphs belong to several topics.  Where False, each is there once, so that
    what is held out has not been read elsewhere; 373,344 characters.
    Raises DatasetError where the installation lost the file.

    Source: as of ``python_topics``.
    """
    text = "\n\n".join(python_topics().values())
    return text if repeated else "\n\n".join(dict.fromkeys(text.split("\n\n")))


def words(text: str, *, rarest: int = 1) -> tuple[list[str], NumpyArray, NumpyArray]:
    """Vocabulary of a text, the text as numbers, and where its paragraphs are.

    A word is a run of letters from a to z and underscores, after the text has been put into lower case; an empty line
    ends a paragraph.
    Returns the distinct words, sorted; codes (n,) int64, the number of each word of the text; and paragraphs (n,)
    int64, the number of the paragraph in which it stands, counted from 0, also those without words.
    rarest: words that occur less often than that are left out.
    """
    found = [_WORD.findall(paragraph) for paragraph in text.lower().split("\n\n")]
    counts = Counter(word for paragraph in found for word in paragraph)
    vocabulary = sorted(word for word, count in counts.items() if count >= rarest)
    number = {word: i for i, word in enumerate(vocabulary)}
    pairs = [(number[word], i) for i, paragraph in enumerate(found) for word in paragraph if word in number]
    codes, paragraphs = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return vocabulary, codes, paragraphs


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
