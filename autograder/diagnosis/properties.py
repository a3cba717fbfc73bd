"""What the failure of a check of one property shows: there, only that property can be violated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.diagnosis.evidence import Evidence, Finding, same
from autograder.diagnosis.outcomes import Outcome, Raised
from autograder.spec import Case, Observations
from autograder.spec.comparison import Mismatch

__all__ = ["SECOND", "STALE", "property_of"]

STALE = "a second call forgets the first"
UNCHANGED = ("inputs are not modified", "the upstream gradient is not modified")
SECOND = " of the second call"
ACCUMULATES = "gradients accumulate"


def property_of(
    check: str,
    mismatch: Mismatch | None,
    outcomes: Sequence[Outcome],
    answers: Sequence[tuple[Case, Observations]],
    evidence: Evidence | None,
) -> Finding | None:
    """Describe what the failure shows; None where that is no more than its sentence."""
    if check == STALE:
        return _stale()
    kind = mismatch.kind if mismatch else ""
    if mismatch and kind == "changed" and check in UNCHANGED:
        return _in_place(mismatch, outcomes, answers)
    if mismatch and kind == "dtype":
        return _dtype(mismatch)
    if mismatch and kind == "nan":
        return _overflow(mismatch, outcomes, answers)
    return _accumulation(evidence) if check == ACCUMULATES and evidence is not None else None


def _stale() -> Finding:
    return Finding(
        "stale",
        "after an earlier call of forward on other inputs, backward is incorrect",
        "Something from the first call is kept: an attribute that is set only once, a list that grows, or a cached "
        "result. Set what backward needs in every forward.",
    )


def _accumulation(evidence: Evidence) -> Finding | None:
    if all(same(2 * pair.seen, pair.expected) for pair in evidence.pairs):
        name = evidence.name.removesuffix(" after two calls")
        return Finding(
            "not accumulated",
            f"{name} holds only the gradient of the last call",
            "Use += and do not clear gradients in backward: they add up until zero_grad() is called.",
        )
    if all(same(pair.seen, 1.5 * pair.expected) for pair in evidence.pairs):
        return Finding(
            "accumulated twice",
            f"{evidence.name} holds the first call's gradient twice",
            "Do not keep a second sum beside parameter.grad.",
        )
    return None


def _in_place(mismatch: Mismatch, outcomes: Sequence[Outcome], answers: Sequence[tuple[Case, Observations]]) -> Finding:
    name = mismatch.name
    for outcome, (_, expected) in zip(outcomes, answers, strict=True):
        seen = None if isinstance(outcome, Raised) else outcome.get(name)
        before = expected.get(name)
        if isinstance(seen, np.ndarray) and isinstance(before, np.ndarray) and seen.shape == before.shape:
            count = int((seen != before).sum())
            if count:
                share = "all" if count == seen.size else f"{count} of {seen.size}"
                return Finding(
                    f"in place: {name}",
                    f"{share} entries of {name} have changed after the call",
                    f"Look for {name} -= …, {name}[…] = …, out={name}, or the same with another name for {name}: "
                    "another name is not a copy.",
                )
    return Finding(f"in place: {name}", f"{name} has changed after the call", "Another name is not a copy.")


def _dtype(mismatch: Mismatch) -> Finding:
    return Finding(
        "dtype",
        f"the dtype of {mismatch.name} is not that of the inputs",
        "NumPy scalars (np.sqrt(2), np.float64), arrays made without dtype=x.dtype, and masks or integers divided by a "
        "number are float64 and turn float32 into float64. A Python number does not.",
    )


def _overflow(
    mismatch: Mismatch, outcomes: Sequence[Outcome], answers: Sequence[tuple[Case, Observations]]
) -> Finding | None:
    """Name the input at the place of the nan or inf; where shapes differ, the largest of its row."""
    for outcome, (case, expected) in zip(outcomes, answers, strict=True):
        seen = None if isinstance(outcome, Raised) else outcome.get(mismatch.name)
        wanted = expected.get(mismatch.name)
        if not isinstance(seen, np.ndarray | np.generic) or wanted is None or np.shape(seen) != np.shape(wanted):
            continue
        broken = ~np.isfinite(np.asarray(seen)) & np.isfinite(np.asarray(wanted))
        if not broken.any():
            continue
        where = _culprit(broken, case)
        if where:
            return Finding(
                "overflow",
                f"the input at this place: {where}",
                "Look for exp of a large number (inf), for inf / inf, inf − inf and 0 · inf (nan), for 0 / 0, and for "
                "the logarithm of a number rounded to 0. np.where computes both of its branches.",
            )
    return None


def _culprit(broken: Any, case: Case) -> str:
    index = tuple(int(i) for i in np.argwhere(broken)[0]) if broken.ndim else ()
    for name, value in case.inputs.items():
        x = getattr(value, "array", value)
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            continue
        if x.shape == broken.shape and index:
            at = index[0] if len(index) == 1 else index
            row = x[index[0]] if x.ndim > 1 else x[:0]
            far = f" in a row from {row.min():.4g} to {row.max():.4g}" if row.size > 1 else ""
            return f"{name}[{str(at).strip('()')}] = {x[index]:.4g}{far}"
        if not index:
            return f"{name} from {x.min():.4g} to {x.max():.4g}"
    return ""
