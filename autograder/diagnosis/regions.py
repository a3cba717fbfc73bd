"""Patterns of place: what the wrong entries have in common and the correct ones do not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autograder.checks import GRADIENTS, MATCHES
from autograder.diagnosis.arrays import Array
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.factors import named, ratio
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe

__all__ = ["REGIONS", "wrong_entries"]

CHANCE = 1e-3
GAP = 0.3
"""Relative width of a gap in the tried numbers in which a border may be named."""
ELSEWHERE = "everywhere else"
"""Largest accepted probability that a border separates correct from wrong entries by chance."""


def wrong_entries(evidence: Evidence) -> list[Array]:
    """Mask of the wrong entries in every case, with the tolerance of ``compare``."""
    masks = []
    for pair in evidence.pairs:
        scale = float(np.abs(pair.expected).max()) if pair.expected.size else 0.0
        with np.errstate(all="ignore"):
            masks.append(
                ~(np.abs(pair.seen - pair.expected) <= 1e-9 * np.abs(pair.expected) + max(1e-10 * scale, 1e-12))
            )
    return masks


@pattern(
    Needs(shape=True, proof=True),
    Example(
        "unit_rows",
        MATCHES,
        correct="for i, row in enumerate(x):\n    y[i] = row / xp.sqrt((row * row).sum() + eps)\nreturn y",
        wrong="for i, row in enumerate(x):\n    y[i] = row / xp.sqrt((row * row).sum() + eps)\n    return y",
        sentence="Only the first row of the result is correct; all others are zero.",
        hint="Every sample of the batch needs its own result: look for an index, or a return inside a loop.",
    ),
)
def samples(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Only the first row of the batch is correct, or only the last."""
    pairs = [p for p in evidence.pairs if p.expected.ndim and len(p.expected) > 2]  # noqa: PLR2004
    if not pairs:
        return None
    masks = dict(zip(map(id, evidence.pairs), wrong_entries(evidence), strict=True))
    for text, row in (("first", 0), ("last", -1)):
        if sum(len(p.expected) for p in pairs) < 5:  # noqa: PLR2004 - fewer rows prove nothing
            continue
        rest = all(not np.delete(p.seen, row % len(p.seen), axis=0).any() for p in pairs)
        if all(_only_right(masks[id(p)], row, zero=rest) and p.expected[row].any() for p in pairs):
            what = "all others are zero" if rest else "every other row is wrong"
            sentence = f"only the {text} row of {evidence.name} is correct; {what}"
            if all(p.quantities.get("rows") == len(p.expected) for p in pairs):
                hint = "Every sample of the batch needs its own result: look for an index, or a return inside a loop."
                return Finding(f"{text} sample", sentence, hint)
            return Finding(f"{text} row", sentence, "Look at what is carried from one row to the next.")
    return None


def _only_right(mask: Array, row: int, *, zero: bool) -> bool:
    """Whether this row is correct and the others are wrong: in every entry, or zero where they should not be."""
    rows = mask.reshape(len(mask), -1)
    others = np.delete(rows, row % len(rows), axis=0)
    return not rows[row].any() and bool(others.any(axis=1).all() if zero else others.all())


@pattern(
    Needs(shape=True),
    Example(
        "PairLoss",
        GRADIENTS,
        correct="-2 * self.gaps",
        wrong="-self.gaps",
        sentence="ddistances is wrong exactly in the rows where alike is 0, and correct in all others.",
        hint="Look at the branch for alike = 0.",
    ),
)
def kinds_of_rows(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Wrong exactly in the rows of one kind, where an input gives each row one of two kinds (+1 or −1)."""
    masks = wrong_entries(evidence)
    for name, first in evidence.pairs[0].inputs.items():
        kinds = [pair.inputs[name] for pair in evidence.pairs if _has_kinds(name, pair)]
        if first.ndim != 1 or len(kinds) < len(evidence.pairs):
            continue
        values = np.unique(np.concatenate(kinds))
        if len(values) != 2:  # noqa: PLR2004 - labels with more classes
            continue
        wrong = np.concatenate([mask.reshape(len(mask), -1).any(axis=1) for mask in masks])
        for value in values:
            those = np.concatenate(kinds) == value
            if min(those.sum(), (~those).sum()) >= 4 and (wrong == those).all():  # noqa: PLR2004
                return Finding(
                    f"branch {name} = {value}",
                    f"{evidence.name} is wrong exactly in the rows where {name} is {value}, and correct in all others",
                    f"Look at the branch for {name} = {value}.",
                )
    return None


def _has_kinds(name: str, pair: Pair) -> bool:
    """Whether this input gives every row of the expected value a whole number."""
    kind, rows = pair.inputs.get(name), pair.expected.shape[:1]
    return kind is not None and kind.dtype.kind in "iu" and bool(rows) and kind.shape == rows


@pattern(
    Needs(shape=True, entries=True),
    Example(
        "CrossEntropy",
        GRADIENTS,
        correct="dscores[xp.arange(len(self.labels)), self.labels] -= 1",
        wrong="",
        sentence="dscores is wrong only in the column of each row's label; everything else is correct.",
        hint="Look at the line that writes these entries.",
    ),
)
def label_entries(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Wrong only at each row's label, or everywhere else."""
    masks = wrong_entries(evidence)
    for name in evidence.pairs[0].inputs:
        found = [_at_labels(pair.inputs.get(name), pair.expected.shape) for pair in evidence.pairs]
        at = [mask for mask in found if mask is not None]
        if len(at) < len(found) or sum(int(a.sum()) for a in at) < 4:  # noqa: PLR2004 - fewer prove nothing
            continue
        one = name.removesuffix("s")
        if _sits_in(masks, at):
            sentence = f"{evidence.name} is wrong only in the column of each row's {one}; everything else is correct"
            return Finding(f"label entries of {name}", sentence, "Look at the line that writes these entries.")
        if _sits_in(masks, [~a for a in at]):
            sentence = f"{evidence.name} is correct in the column of each row's {one}, wrong in the others"
            return Finding(f"all but the label entries of {name}", sentence, "Look at what is written everywhere else.")
    return None


def _sits_in(masks: list[Array], region: list[Array]) -> bool:
    """Whether all wrong entries are in this region, and most of the region is wrong."""
    if any((mask & ~part).any() for mask, part in zip(masks, region, strict=True)):
        return False
    inside = sum(int((mask & part).sum()) for mask, part in zip(masks, region, strict=True))
    return 2 * inside > sum(int(part.sum()) for part in region)


def _at_labels(labels: object, shape: tuple[int, ...]) -> Array | None:
    """Mask of the label's entry in each row; None where these are no labels of such rows."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        return None
    if len(shape) != 2 or labels.shape != shape[:1]:  # noqa: PLR2004 - rows and classes
        return None
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= shape[1]:
        return None
    found: Array = np.arange(shape[1]) == labels[:, None]
    return found


@dataclass(frozen=True)
class _Scale:
    """A quantity with a value for every entry, which may separate correct from wrong entries.

    border: an argument that the values are compared with; folded: the values whose absolute values they are.
    """

    text: str
    values: list[Array]
    border: str = ""
    folded: list[Array] | None = None


@pattern(
    Needs(shape=True, entries=True),
    Example(
        "LeakyReLU",
        GRADIENTS,
        correct="return xp.where(self.x > 0, dy, self.slope * dy)",
        wrong="return xp.where(self.x > 0, dy, self.slope)",
        sentence="dx is wrong wherever x < 0, and correct everywhere else.",
        hint="Look at the branch for x < 0.",
    ),
)
def border(evidence: Evidence, _probe: Probe) -> Finding | None:
    """All wrong entries lie on one side of a border in x, dy or a difference: one branch is wrong."""
    whole = evidence
    told = [(pair, mask) for pair, mask in zip(evidence.pairs, wrong_entries(evidence), strict=True) if mask.any()]
    if not told:
        return None
    evidence, masks = Evidence(evidence.name, tuple(pair for pair, _ in told)), [mask for _, mask in told]
    known = np.concatenate(
        [(mask | (pair.expected != 0)).ravel() for pair, mask in told]
    )  # an expected 0 shows nothing
    wrong = np.concatenate([mask.ravel() for mask in masks])[known]
    few = min(int(wrong.sum()), int((~wrong).sum()))
    if _by_rows(masks):
        return None
    scales = _scales(evidence)
    if few < 4 or 2 * len(scales) / math.comb(len(wrong), few) > CHANCE:  # noqa: PLR2004
        return None
    for scale in scales:
        values = np.concatenate([np.ravel(v) for v in scale.values])[known]
        for above in (True, False):
            if scale.folded is not None and not _both_signs(
                np.concatenate(list(map(np.ravel, scale.folded)))[known][wrong]
            ):
                continue
            below, beyond = (values[~wrong], values[wrong]) if above else (values[wrong], values[~wrong])
            low, high = below.max(), beyond.min()
            if not low < high:
                continue
            kinds = np.unique(values)
            two = len(kinds) == 2  # noqa: PLR2004 - yes and no
            elsewhere = ELSEWHERE
            if two:
                where = f"{scale.text} = {values[wrong][0]:g}"
            else:
                where, elsewhere = _where(scale, float(low), float(high), above=above)
            how = _there(evidence, masks)
            some = "" if len(told) == len(whole.pairs) else ", in every case that fails"
            return Finding(
                f"branch {where}{f': {how[0]}' if how else ''}",
                f"{evidence.name} is wrong wherever {where}{f' (the expected value {how[1]})' if how else ''}, "
                f"and correct {elsewhere}{some}",
                f"Look at the branch for {where}.",
            )
    return None


def _both_signs(values: Array) -> bool:
    return min(int((values > 0).sum()), int((values < 0).sum())) > 1


def _by_rows(masks: list[Array]) -> bool:
    """Whether every row is correct or wrong as a whole: then its entries are not independent evidence."""
    tables = [mask.reshape(-1, mask.shape[-1]) for mask in masks if mask.ndim > 1 and mask.shape[-1] > 1]
    return bool(tables) and not any((table.any(axis=1) & ~table.all(axis=1)).any() for table in tables)


def _scales(evidence: Evidence) -> list[_Scale]:
    first, *rest = evidence.pairs
    found = []
    for letter in first.letters:
        if letter == "y" or not all(letter in pair.letters for pair in rest):
            continue  # code branches on what it is given
        values = [pair.letters[letter] for pair in evidence.pairs]
        bare = letter.strip("()")
        found += [_Scale(bare, values), _Scale(f"|{bare}|", [abs(v) for v in values], folded=values)]
        for name, value in first.case.arguments.items():
            numbers = [pair.case.arguments.get(name) for pair in evidence.pairs]
            if not isinstance(value, float) or not all(isinstance(n, float) and n > 0 for n in numbers):
                continue
            scaled = [v / n for v, n in zip(values, numbers, strict=True)]
            found += [_Scale(bare, scaled, name), _Scale(f"|{bare}|", [abs(v) for v in scaled], name, values)]
    return sorted(found, key=lambda scale: bool(scale.border))


def _where(scale: _Scale, low: float, high: float, *, above: bool) -> tuple[str, str]:
    """Name the border between ``low`` and ``high``, beyond which entries are wrong, and where they are correct.

    Where nothing lies in a wide gap, no border in it is named, other than zero.
    """
    sign = ">" if above else "<"

    def divides(border: float) -> bool:
        return low <= border < high if above else low < border <= high

    if scale.border:
        for border, text in ((1, scale.border), (-1, f"−{scale.border}")):
            if divides(border):
                return f"{scale.text} {sign} {text}", ELSEWHERE
    unit = f" · {scale.border}" if scale.border else ""
    if not divides(0) and high - low > GAP * max(1.0, abs(low), abs(high)):
        tried = "; nothing between was tried"
        if above:
            return f"{scale.text} ≥ {high:.3g}{unit}", f"wherever {scale.text} ≤ {low:.3g}{unit}{tried}"
        return f"{scale.text} ≤ {low:.3g}{unit}", f"wherever {scale.text} ≥ {high:.3g}{unit}{tried}"
    whole = next((n for n in (0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 5, -5, 10, -10) if divides(n) and not unit), None)
    return (
        f"{scale.text} {sign} {f'{whole:g}' if whole is not None else f'about {(low + high) / 2:.2g}{unit}'}",
        ELSEWHERE,
    )


def _there(evidence: Evidence, masks: list[Array]) -> tuple[str, str] | None:
    """The factor of the wrong entries, where there is one with a name."""
    found, pairs = [], []
    for pair, mask in zip(evidence.pairs, masks, strict=True):
        if not mask.any():
            continue
        r = ratio(pair.seen[mask], pair.expected[mask])
        if r is None or not math.isfinite(r) or int((pair.expected[mask] != 0).sum()) < 2:  # noqa: PLR2004
            return None
        found.append(r)
        pairs.append(pair)
    factor = named(found, pairs) if len(found) > 1 else None
    return (factor.key, factor.text) if factor and not factor.trivial else None


REGIONS = (samples, kinds_of_rows, label_entries, border)
