"""Pairs of hand-ins, ranked by what they share that few others have.

A hand-in is the multiset of its k-grams, without those of the released stub.  Each counts by its frequency in the
hand-in and its rarity in the class (tf-idf); two hand-ins are as similar as the cosine of these vectors, from 0 to 1.
So a formula that everybody writes the same way counts little, and a detour that two students share counts much.
Manning, Raghavan, Schütze, *Introduction to Information Retrieval* (2008), chapter 6.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from autograder.authorship.hand_ins import HandIn
from autograder.course.catalogue import UsageError

__all__ = ["Pair", "Ranking", "rank"]

AT_ONCE = 256
"""Hand-ins whose similarities to all others are in memory at once."""
BINS = 1000


class Pair(NamedTuple):
    """Two hand-ins by their numbers, and their similarity from 0 to 1."""

    similarity: float
    first: int
    second: int


@dataclass(frozen=True)
class Ranking:
    """The most similar pairs, the first the most similar; count: of all pairs; middle: their median similarity."""

    pairs: list[Pair]
    count: int
    middle: float


def rank(hand_ins: Sequence[HandIn], ignored: Collection[str], most: int) -> Ranking:
    """Rank all pairs; at most ``most`` are returned.  ignored: k-grams that do not count.

    Raises UsageError if scikit-learn is not installed.
    """
    if len(hand_ins) < 2:  # noqa: PLR2004 - a pair
        return Ranking([], 0, 0.0)
    vectors = _vectors(hand_ins, ignored)
    counts, found = np.zeros(BINS, dtype=np.int64), list[Pair]()
    for similarities, first in _blocks(vectors):
        rows, columns = np.nonzero(np.arange(vectors.shape[0])[None, :] > first + np.arange(len(similarities))[:, None])
        values = similarities[rows, columns].clip(0, 1)
        counts += np.bincount((values * (BINS - 1)).round().astype(np.int64), minlength=BINS)
        best = np.argsort(-values, kind="stable")[:most]
        chosen = zip(values[best].tolist(), (first + rows[best]).tolist(), columns[best].tolist(), strict=True)
        pairs = [Pair(round(value, 4), one, other) for value, one, other in chosen]
        found = heapq.nsmallest(most, [*found, *pairs], key=lambda pair: (-pair.similarity, pair.first, pair.second))
    middle = np.searchsorted(np.cumsum(counts), counts.sum() / 2) / (BINS - 1)
    return Ranking(found, int(counts.sum()), float(middle))


def _vectors(hand_ins: Sequence[HandIn], ignored: Collection[str]) -> Any:
    """One unit vector per hand-in, as a sparse matrix."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        message = "autograder similarity needs scikit-learn: pip install 'dlkit-course[similarity]'."
        raise UsageError(message) from error

    def analyzer(one: HandIn) -> list[str]:
        return [gram.text for gram in one.grams if gram.text not in ignored]

    return TfidfVectorizer(analyzer=analyzer, sublinear_tf=True, dtype=np.float32).fit_transform(hand_ins)


def _blocks(vectors: Any) -> Iterator[tuple[np.ndarray, int]]:
    """The similarities of some hand-ins to all, shape (some, all), with the number of the first of them."""
    for first in range(0, vectors.shape[0], AT_ONCE):
        yield (vectors[first : first + AT_ONCE] @ vectors.T).toarray(), first
