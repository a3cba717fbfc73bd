"""Which regions of two hand-ins match: those made of k-grams that both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from autograder.authorship.hand_ins import HandIn
from autograder.authorship.tokens import Gram
from autograder.render.similarity import Side

__all__ = ["matched"]


@dataclass
class _Region:
    """Characters ``start`` to ``end`` of a source, and the k-grams there."""

    start: int
    end: int
    grams: set[str]


def matched(one: HandIn, other: HandIn, ignored: Collection[str], names: tuple[str, str]) -> tuple[Side, Side]:
    """Both hand-ins as a page shows them; the same number marks regions that match each other best."""
    shared = ({gram.text for gram in one.grams} & {gram.text for gram in other.grams}) - set(ignored)
    regions = _regions(one.grams, shared), _regions(other.grams, shared)
    at = {gram: number for number, region in enumerate(regions[0], 1) for gram in region.grams}
    left = [(region.start, region.end, number) for number, region in enumerate(regions[0], 1)]
    right = []
    for region in regions[1]:
        votes = Counter(at[gram] for gram in sorted(region.grams))
        right.append((region.start, region.end, votes.most_common(1)[0][0]))
    sides = [
        Side(name, hand_in.file, hand_in.text, marks, _share(hand_in, shared, ignored))
        for name, hand_in, marks in zip(names, (one, other), (left, right), strict=True)
    ]
    return sides[0], sides[1]


def _regions(grams: Sequence[Gram], shared: Collection[str]) -> list[_Region]:
    """Overlapping shared k-grams, joined."""
    found: list[_Region] = []
    for gram in grams:
        if gram.text not in shared:
            continue
        if found and gram.start <= found[-1].end:
            found[-1].end = max(found[-1].end, gram.end)
            found[-1].grams.add(gram.text)
        else:
            found.append(_Region(gram.start, gram.end, {gram.text}))
    return found


def _share(one: HandIn, shared: Collection[str], ignored: Collection[str]) -> float:
    """The share of a hand-in's own k-grams that the other one has too."""
    own = [gram.text for gram in one.grams if gram.text not in ignored]
    return sum(gram in shared for gram in own) / len(own) if own else 0.0
