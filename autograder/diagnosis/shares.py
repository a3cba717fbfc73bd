"""Patterns of shares: correct amounts that go to the wrong entries or are not summed where several meet."""

from __future__ import annotations

import numpy as np

from autograder.checks import GRADIENTS
from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import STEP, Probe
from autograder.diagnosis.regions import wrong_entries

__all__ = ["among_equals", "one_share"]

TIES = "the first of equal numbers gets the gradient"
"""A check of an example."""
FEWEST_GROUPS = 4
CHANNELS = 3
"""Axes from which on an output has channels: the second or the last."""
MOST_WRONG = 40
"""Entries whose paths are followed: each takes two calls of forward."""


@pattern(
    Needs(shape=True, entries=True, proof=True),
    Example(
        "Largest",
        TIES,
        correct="dx[xp.arange(len(dx)), self.flat.argmax(axis=1)] = dy",
        wrong="ties = self.flat == self.flat.max(axis=1, keepdims=True)\n"
        "dx += dy[:, None] * ties / ties.sum(axis=1, keepdims=True)",
        sentence="Equal numbers in x have the correct total of dx, divided incorrectly among them.",
        hint="Decide which of equal numbers counts: exactly one, and the same one everywhere.",
    ),
)
def among_equals(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The total gradient of equal numbers of x is correct; its division among them is not."""
    name = evidence.name.removeprefix("d")
    groups = 0
    for pair in evidence.pairs:
        x = pair.inputs.get(name)
        if x is None or x.shape != pair.expected.shape or x.ndim < 2:  # noqa: PLR2004 - planes of height and width
            return None
        planes = [a.reshape(-1, a.shape[-2] * a.shape[-1]) for a in (x, pair.seen, pair.expected)]
        for values, seen, wanted in zip(*planes, strict=True):
            kinds, which = np.unique(values, return_inverse=True)
            total, right = (np.bincount(which.ravel(), weights=part, minlength=len(kinds)) for part in (seen, wanted))
            if not same(total, right):
                return None
            groups += int((right != 0).sum()) if not same(seen, wanted) else 0
    if groups < FEWEST_GROUPS:
        return None
    return Finding(
        "divided otherwise among equal numbers",
        f"equal numbers in {name} have the correct total of {evidence.name}, divided incorrectly among them",
        "Decide which of equal numbers counts: exactly one, and the same one everywhere.",
    )


@pattern(
    Needs(shape=True, entries=True, forward=True),
    Example(
        "MovingSum",
        GRADIENTS,
        correct="dx[:, k : k + dy.shape[1]] += (k + 1) * dy",
        wrong="dx[:, k : k + dy.shape[1]] = (k + 1) * dy",
        sentence="Where several outputs depend on one entry of x, dx holds that of only one.",
        hint="Contributions from several places add up: use += where windows overlap, not =.",
    ),
)
def one_share(evidence: Evidence, probe: Probe) -> Finding | None:
    """Where several outputs depend on one entry, it gets the contribution of one of them, not the sum."""
    name = evidence.name.removeprefix("d")
    told = [(p, m) for p, m in zip(evidence.pairs, wrong_entries(evidence), strict=True) if 4 <= m.sum() <= MOST_WRONG]  # noqa: PLR2004
    if not told:
        return None
    pair, mask = min(told, key=lambda one: int(one[1].sum()))
    x, dy = pair.inputs.get(name), pair.case.upstream
    if x is None or x.shape != pair.expected.shape or not isinstance(dy, np.ndarray):
        return None
    found = [(pair.seen.flat[i], _shares(probe, pair, name, int(i))) for i in np.flatnonzero(mask)]
    shared = [(seen, shares) for seen, shares in found if shares is not None]
    if len(shared) < len(found):
        return None
    channels = (None, 1, -1) if dy.ndim >= CHANNELS else (None,)
    if not any(all(_is_one_of(seen, shares, axis) for seen, shares in shared) for axis in channels):
        return None
    return Finding(
        "one share of several",
        f"where several outputs depend on one entry of {name}, {evidence.name} holds that of only one",
        "Contributions from several places add up: use += where windows overlap, not =.",
    )


def _is_one_of(seen: float, shares: Array, axis: int | None) -> bool:
    """Whether this is the contribution of one of several outputs; axis: of outputs that belong together, channels."""
    several = shares if axis is None else shares.sum(axis=axis)
    several = several[several != 0]
    return several.size > 1 and bool(np.isclose(several, seen, rtol=1e-5, atol=1e-8).any())


def _shares(probe: Probe, pair: Pair, name: str, i: int) -> Array | None:
    """What each output contributes to entry i, by numerical differences of a correct forward."""
    sides = []
    for step in (STEP, -STEP):
        x = pair.inputs[name].copy()
        x.flat[i] += step
        sides.append(probe.output(pair.case.with_changes(inputs={**pair.case.inputs, name: x})))
    up, down = sides
    dy = pair.case.upstream
    if up is None or down is None or up.shape != dy.shape or down.shape != dy.shape:
        return None
    shares = (up - down) / (2 * STEP) * dy
    return np.where(np.abs(shares) > 1e-6, shares, 0.0)  # noqa: PLR2004 - less is rounding
