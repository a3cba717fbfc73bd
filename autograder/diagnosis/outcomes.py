"""What an implementation showed on a check's cases, and fingerprints that distinguish two such outcomes.

A fingerprint holds three numbers for each name (``y``, ``dW``), whatever the size of the arrays: enough to recognise an
answer up to rounding, and too few to compute one from.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.diagnosis.arrays import Array
from autograder.spec import Case, Check, Observations
from autograder.subject import Subject, SubjectRaisedError

__all__ = [
    "RAISED",
    "Fingerprint",
    "Outcome",
    "Raised",
    "identifies",
    "observe",
    "take_fingerprints",
    "wrong_names",
]

RAISED = "what is raised"
PROJECTIONS = 3
ROUNDING = {"float64": 1e-9, "float32": 2e-5}
STEPS = (0.7548776662466927, 0.5698402909980532, 0.3247179572447461)
"""Irrational, so that no two entries have the same weights."""


@dataclass(frozen=True)
class Raised:
    """An outcome: the implementation raised an error."""

    type: str
    message: str


Outcome = Observations | Raised


@dataclass(frozen=True)
class Fingerprint:
    """The fingerprint of one name over all cases.

    form: kinds, shapes and texts, hashed (an error is ``ValueError#…``, its message hashed); numbers: projections;
    size: of the sums that they are made of; coarse: holds single precision.
    """

    form: str
    numbers: tuple[float, ...]
    size: float
    coarse: bool = False

    def agrees(self, other: Fingerprint, *, messages: bool = True) -> bool:
        """Whether both belong to the same answer up to rounding.

        messages: whether errors must have the same text (which depends on versions).
        """
        mine, theirs = (form if messages else form.partition("#")[0] for form in (self.form, other.form))
        if messages and mine != theirs:
            return False
        if not messages and ("#" in self.form or "#" in other.form):
            return mine == theirs
        if self.form != other.form:
            return False
        bound = ROUNDING["float32" if self.coarse or other.coarse else "float64"] * max(self.size, other.size) + 1e-12
        return all(abs(a - b) <= bound for a, b in zip(self.numbers, other.numbers, strict=True))

    def is_near(self, other: Fingerprint, share: float) -> bool:
        """Whether the numbers differ by no more than a share of their size."""
        bound = share * max(self.size, other.size) + 1e-12
        same = self.form == other.form and len(self.numbers) == len(other.numbers)
        return same and all(abs(a - b) <= bound for a, b in zip(self.numbers, other.numbers, strict=True))


def observe(check: Check, subject: Subject, case: Case) -> Outcome:
    """Run one case; an error raised by the implementation is an outcome like any other, a warning is not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return check.observe(subject, case)
        except SubjectRaisedError as error:
            return Raised(error.type, error.message)


def take_fingerprints(outcomes: Sequence[Outcome]) -> dict[str, Fingerprint]:
    """Fingerprints of these outcomes by name, one outcome per case; names with a leading underscore are no answers."""
    names = dict.fromkeys(n for o in outcomes if not isinstance(o, Raised) for n in o if not n.startswith("_"))
    found = {
        name: _fingerprint([(i, o[name]) for i, o in enumerate(outcomes) if not isinstance(o, Raised) and name in o])
        for name in names
    }
    errors = [(i, o) for i, o in enumerate(outcomes) if isinstance(o, Raised)]
    if errors:
        text = " ".join(f"{i} {error.message}" for i, error in errors)
        found[RAISED] = Fingerprint(f"{errors[0][1].type}#{zlib.crc32(text.encode('utf-8', 'replace')):08x}", (), 0.0)
    return found


def identifies(outcomes: Sequence[Outcome]) -> bool:
    """Whether these outcomes hold more than inf and nan, which many different mistakes produce."""
    return any(isinstance(o, Raised) or _is_telling([*o.values()]) for o in outcomes)


def _is_telling(value: object) -> bool:
    if isinstance(value, dict):
        return _is_telling([*value.values()])
    if isinstance(value, list | tuple):
        return not value or any(map(_is_telling, value))
    if not isinstance(value, np.ndarray | np.generic | float):
        return value is not None
    array = np.asarray(value)
    return array.dtype.kind not in "fc" or not array.size or bool(np.isfinite(array).any())


def wrong_names(seen: dict[str, Fingerprint], wanted: dict[str, Fingerprint]) -> frozenset[str]:
    """Names whose observed values differ from the expected ones, or are missing."""
    return frozenset(
        name
        for name in {**seen, **wanted}
        if name not in seen or name not in wanted or not seen[name].agrees(wanted[name])
    )


def _fingerprint(values: list[tuple[int, object]]) -> Fingerprint:
    forms: list[str] = []
    numbers: list[Array] = []
    coarse = False
    for case, value in values:
        forms.append(str(case))
        for leaf in _leaves(value):
            array = np.asarray(leaf) if isinstance(leaf, np.ndarray | np.generic | float | int) else None
            if array is None or array.dtype.kind not in "fiub":
                forms.append(f"{type(leaf).__name__} {leaf!r}" if isinstance(leaf, str | bool) else _form(leaf))
                continue
            kind = array.dtype.name if isinstance(leaf, np.ndarray | np.generic) else type(leaf).__name__
            finite = np.isfinite(array)
            broken = "" if finite.all() else np.where(finite, "0", array.astype(str)).tobytes()
            forms.append(f"{kind}{array.shape}{broken!r}")
            coarse = coarse or array.dtype.itemsize <= 4  # noqa: PLR2004 - bytes of single precision
            numbers.append(np.where(finite, array, 0).astype(float).ravel())
    flat = np.concatenate(numbers) if numbers else np.zeros(0)
    weights = np.cos(np.outer(STEPS, np.arange(1, len(flat) + 1)) * 2 * np.pi)
    form = f"{zlib.crc32(' '.join(forms).encode('utf-8', 'replace')):08x}"
    with np.errstate(all="ignore"):
        return Fingerprint(form, tuple(float(n) for n in weights @ flat), float(np.abs(flat).sum()), coarse)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        yield f"{len(value)}"
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _form(leaf: object) -> str:
    return f"{type(leaf).__name__} {getattr(leaf, 'type_name', '')}" if leaf is not None else "None"
