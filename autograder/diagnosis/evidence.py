"""What patterns work on: one incorrect name (``dW``), observed and expected values of every case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from autograder.diagnosis.arrays import Array
from autograder.diagnosis.outcomes import Outcome, Raised
from autograder.spec import Case, Observations

__all__ = ["TRAJECTORY", "Answer", "Evidence", "Finding", "Pair", "gather"]

Answer = tuple[Case, Observations]
"""A case, and what is expected in it."""
TRAJECTORY = "parameter "
"""What the name of a parameter's trajectory begins with; its number follows."""

FEWEST_NUMBERS = 4
FEWEST_SCALARS = 2
MOST_AXES, MOST_NUMBERS = 6, 1_000_000
"""Entries above which an implementation's arrays are not examined."""


@dataclass(frozen=True)
class Finding:
    """The result of a pattern: a key for counting, a sentence for the student, and a hint.

    pattern: the name of the pattern that reports it.
    """

    key: str
    sentence: str
    hint: str = ""
    pattern: str = ""


@dataclass(frozen=True)
class Pair:
    """One case: an array as observed and as expected, with everything else that was observed and expected.

    y: the output of the implementation's own forward, where that is known to be correct.
    """

    seen: Array
    expected: Array
    case: Case
    all_seen: Observations
    all_expected: Observations
    y: Array | None = None

    @cached_property
    def inputs(self) -> dict[str, Array]:
        """The case's inputs that are arrays, by name."""
        found = {name: getattr(x, "array", x) for name, x in self.case.inputs.items()}
        return {name: x for name, x in found.items() if isinstance(x, np.ndarray)}

    @cached_property
    def named(self) -> dict[str, Array]:
        """Every array of floats that the student knows by a letter: inputs, parameters, dy, and a correct y."""
        arrays = {**self.inputs, **self.case.parameters, **self.case.upstreams, "y": self.y}
        return {n: a for n, a in arrays.items() if isinstance(a, np.ndarray) and a.dtype.kind == "f"}

    @cached_property
    def letters(self) -> dict[str, Array]:
        """Those of the expected array's shape, and differences of two inputs."""
        alike = {name: a for name, a in self.named.items() if a.shape == self.expected.shape and a.ndim}
        inputs = [name for name in alike if name in self.inputs]
        return alike | {f"({a} − {b})": alike[a] - alike[b] for a, b in combinations(inputs, 2)}

    @cached_property
    def quantities(self) -> dict[str, float]:
        """Possible factors: lengths and arguments, by their names in sentences."""
        first = next((x for x in self.inputs.values() if x.ndim), None)
        found: dict[str, float] = {}
        if first is not None:
            found |= {"rows": first.shape[0], "size": first.size, "columns": first.shape[-1]}
            found["rows − 1"], found["columns − 1"] = first.shape[0] - 1, first.shape[-1] - 1
            found["vectors"] = first.size / max(1, first.shape[-1])
            found["one row"] = first.size / max(1, first.shape[0])
            found["places"] = first[:1].size / max(1, first.shape[-1]) if first.ndim > 1 else 1
            found["plane"] = first[:1, :1].size if first.ndim > 1 else 1
            found["channel"] = first.size / max(1, first.shape[1]) if first.ndim > 1 else first.size
            axis = self.case.arguments.get("axis")
            if isinstance(axis, int) and -first.ndim <= axis < first.ndim:
                found["axis length"] = first.shape[axis]
            found |= {f"axis {i}": n for i, n in enumerate(first.shape[1:-1], start=1)}
        if isinstance(self.case.upstream, np.ndarray) and self.case.upstream.ndim:
            found["outputs"] = self.case.upstream.shape[-1]
        for name, value in self.case.arguments.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and name != "axis":
                found |= {name: value, f"{name}²": value * value}
        return {name: float(value) for name, value in found.items()}


@dataclass(frozen=True)
class Evidence:
    """Every case of one name that has an array on both sides, each expected array once."""

    name: str
    pairs: tuple[Pair, ...]

    @property
    def one_shape(self) -> bool:
        """Whether the observed shape is the expected one in every case."""
        return all(pair.seen.shape == pair.expected.shape for pair in self.pairs)

    @property
    def scalar(self) -> bool:
        """Whether one number per case is expected."""
        return all(pair.expected.ndim == 0 for pair in self.pairs)

    @cached_property
    def is_trajectory(self) -> bool:
        """Whether this is an array (steps, …) of an optimizer's parameter after every step on known gradients."""
        index = self.name.removeprefix(TRAJECTORY)
        if index == self.name or not index.isdigit() or not self.one_shape:
            return False
        return all(
            isinstance(pair.case.hidden.get("gradients"), list)
            and isinstance(pair.case.inputs.get("start"), list)
            and pair.expected.shape == np.shape(pair.case.hidden["gradients"][int(index)])
            for pair in self.pairs
        )

    def proves(self, arrays: Sequence[Array] | None = None) -> bool:
        """Whether there are enough different numbers to rule out agreement by chance."""
        flat = np.concatenate(
            [np.ravel(a) for a in (arrays or [pair.expected for pair in self.pairs])] or [np.zeros(0)]
        )
        telling = flat[flat != 0]
        fewest = FEWEST_SCALARS if self.scalar else FEWEST_NUMBERS
        return len(telling) >= fewest and len(np.unique(np.round(np.abs(telling), 12))) >= min(3, fewest)


def gather(
    name: str, outcomes: Sequence[Outcome], answers: Sequence[Answer], outputs: Sequence[Array | None]
) -> Evidence | None:
    """Pair observed and expected values of one name; None if a case raised or has no array of finite numbers."""
    pairs: list[Pair] = []
    for outcome, (case, expected), y in zip(outcomes, answers, outputs, strict=True):
        if isinstance(outcome, Raised):
            return None
        if name not in expected:
            continue
        shown, right = outcome.get(name), expected[name]
        if not _is_number(right) or not _is_number(shown):
            return None
        seen, wanted = np.asarray(shown, dtype=float), np.asarray(right, dtype=float)
        if seen.ndim > MOST_AXES or seen.size > MOST_NUMBERS:
            return None
        if not np.isfinite(wanted).all() or any(
            wanted.shape == pair.expected.shape and np.array_equal(wanted, pair.expected) for pair in pairs
        ):
            continue  # the same case again, as a view
        pairs.append(Pair(seen, wanted, case, outcome, expected, y))
    return Evidence(name, tuple(pairs)) if pairs else None


def _is_number(value: object) -> TypeGuard[ArrayLike]:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "fiub"
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # noqa: PLR2004
