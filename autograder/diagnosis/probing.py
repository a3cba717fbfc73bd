"""Experiments with the student's own code: what its answers depend on, and what they are the derivatives of.

A changed input that changes nothing, a backward that is not linear in dy: these show without knowing the expected
values.  Where the code's forward is correct, numerical differences of it give gradients to compare an answer with.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograder.checks import FORWARD, GRADIENTS
from autograder.checks.optimizer import MATCHES as STEPS
from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.outcomes import Outcome, Raised, observe
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import STEP, Probe
from autograder.spec import Case, Check
from autograder.subject import Subject

__all__ = ["SENSITIVITY", "SLOPES", "dependences", "ignored", "limited"]

MOST_ENTRIES = 24
LARGE = 100.0
"""From here on an input is extreme."""


# --- linearity in dy -------------------------------------------------------------------------


@pattern(
    Needs(),
    Example(
        "Softmax",
        GRADIENTS,
        correct="return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))",
        wrong="return self.y * (1 - self.y)",
        sentence="dx does not depend on dy.",
        hint="Chain rule: multiply the derivative by the upstream gradient dy.",
    ),
    Example(
        "Softmax",
        GRADIENTS,
        correct="return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))",
        wrong="return self.y * (dy - self.y.sum(axis=self.axis, keepdims=True))",
        sentence="dx is not proportional to dy: doubling dy does not double dx.",
        hint="Every term of a gradient contains dy exactly once. Look for a term without it, and at the brackets.",
    ),
)
def not_linear_in_dy(evidence: Evidence, probe: Probe) -> Finding | None:
    """A gradient that is not proportional to dy: twice the dy, and not twice the gradient."""
    ratios = set()
    if (evidence.name, "dy") not in probe.matters:
        return None
    for pair in evidence.pairs:
        once, twice = _answers(evidence, probe, pair, 1.0), _answers(evidence, probe, pair, 2.0)
        if once is None or twice is None or not same(once, pair.seen) or not once.any():
            return None
        ratios.add("same" if same(twice, once) else "twice" if same(twice, 2 * once, rounding=1e-6) else "neither")
    name = evidence.name
    if ratios == {"same"}:
        return Finding(
            "ignores dy",
            f"{name} does not depend on dy",
            "Chain rule: multiply the derivative by the upstream gradient dy.",
        )
    if "neither" in ratios and "same" not in ratios:
        return Finding(
            "not linear in dy",
            f"{name} is not proportional to dy: doubling dy does not double {name}",
            "Every term of a gradient contains dy exactly once. Look for a term without it, and at the brackets.",
        )
    return None


@pattern(
    Needs(),
    Example(
        "Linear",
        GRADIENTS,
        correct="self.W.grad += self.x.T @ dy",
        wrong="self.W.grad += self.x[:1].T @ dy[:1]",
        sentence="dW depends on the first row of dy only.",
        hint="Every row of the batch contributes to the gradient: sum over them.",
    ),
)
def one_sample(evidence: Evidence, probe: Probe) -> Finding | None:
    """A parameter gradient that depends on one row of dy only."""
    told: set[str] = set()
    for pair in evidence.pairs:
        dy = pair.case.upstream
        if not isinstance(dy, np.ndarray) or dy.ndim < 1 or pair.expected.shape[:1] == dy.shape[:1]:
            return None
        if len(dy) < 3:  # noqa: PLR2004 - of two rows one is first and the other last
            continue
        reached = []
        for row in (0, -1):
            changed = dy.copy()
            changed[np.arange(len(dy)) != row % len(dy)] *= 1.5
            seen = probe.show(pair.case.with_changes(upstream=changed)).get(evidence.name)
            reached.append(isinstance(seen, np.ndarray) and same(seen, pair.seen) and pair.seen.any())
        if reached[0] == reached[1]:
            return None
        told.add("first" if reached[0] else "last")
    if len(told) != 1:
        return None
    which = told.pop()
    return Finding(
        f"{which} sample",
        f"{evidence.name} depends on the {which} row of dy only",
        "Every row of the batch contributes to the gradient: sum over them.",
    )


def _answers(evidence: Evidence, probe: Probe, pair: Pair, times: float) -> Array | None:
    if not isinstance(pair.case.upstream, np.ndarray):
        return None
    seen = probe.show(pair.case.with_changes(upstream=times * pair.case.upstream)).get(evidence.name)
    usable = isinstance(seen, np.ndarray) and seen.shape == pair.seen.shape and np.isfinite(seen).all()
    return seen if usable else None


# --- what a gradient is the derivative of ----------------------------------------------------


@pattern(
    Needs(shape=True, forward=True),
    Example(
        "Softmax",
        GRADIENTS,
        correct="return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))",
        wrong="return self.y * (1 - self.y) * dy",
        sentence="dx follows only the direct path: from each entry of x to the output at the same place.",
        hint="An entry of x also affects other outputs (through a sum, a mean, a maximum): add up all the paths.",
    ),
)
def direct_path(evidence: Evidence, probe: Probe) -> Finding | None:
    """Only the diagonal of the Jacobian is used."""
    name = evidence.name.removeprefix("d")
    pairs = [p for p in evidence.pairs if p.expected.size <= MOST_ENTRIES]
    if not pairs or not evidence.proves([p.expected for p in pairs]):
        return None
    for pair in sorted(pairs, key=_entries):
        x, dy = pair.inputs.get(name), pair.case.upstream
        if x is None or x.dtype.kind != "f" or not isinstance(dy, np.ndarray) or dy.shape != x.shape:
            return None
        slopes = np.array([_slope(probe, pair, name, i) for i in range(x.size)])
        if any(s is None for s in slopes) or not same(
            pair.seen.ravel(), slopes.astype(float) * dy.ravel(), rounding=1e-5
        ):
            return None
    return Finding(
        "direct path",
        f"{evidence.name} follows only the direct path: from each entry of {name} to the output at the same place",
        f"An entry of {name} also affects other outputs (through a sum, a mean, a maximum): add up all the paths.",
    )


def _entries(pair: Pair) -> int:
    return int(pair.expected.size)


def _slope(probe: Probe, pair: Pair, name: str, i: int) -> float | None:
    up, down = (_moved(probe, pair, name, i, step) for step in (STEP, -STEP))
    return None if up is None or down is None or up.size <= i else (up.ravel()[i] - down.ravel()[i]) / (2 * STEP)


@pattern(
    Needs(shape=True, proof=True, forward=True),
    Example(
        "PoissonLoss",
        GRADIENTS,
        correct="return (1 - self.target / self.prediction) / self.target.size",
        wrong="return array_module(self.target).log(self.target / self.prediction) / self.target.size",
        sentence="dprediction is the gradient with respect to target.",
        hint="Differentiate with respect to prediction; target is constant.",
    ),
)
def wrong_input(evidence: Evidence, probe: Probe) -> Finding | None:
    """The gradient with respect to another input, which needs none."""
    pairs = [p for p in evidence.pairs if p.expected.size <= MOST_ENTRIES]
    if not pairs:
        return None
    for other, value in pairs[0].inputs.items():
        if f"d{other}" in pairs[0].all_expected or value.dtype.kind != "f" or value.shape != pairs[0].expected.shape:
            continue
        if all(_same_slopes(pair.seen, _slopes(probe, pair, other)) for pair in sorted(pairs, key=_entries)):
            return Finding(
                f"wrong input: {other}",
                f"{evidence.name} is the gradient with respect to {other}",
                f"Differentiate with respect to {evidence.name.removeprefix('d')}; {other} is constant.",
            )
    return None


def _slopes(probe: Probe, pair: Pair, name: str) -> Array | None:
    weights = pair.case.upstream if isinstance(pair.case.upstream, np.ndarray) else 1.0
    found = np.zeros(pair.inputs[name].size)
    middle = probe.output(pair.case)
    for i in range(found.size):
        up, down = (_moved(probe, pair, name, i, step) for step in (STEP, -STEP))
        if middle is None or up is None or down is None:
            return None
        rise, fall = (float((difference * weights).sum()) / STEP for difference in (up - middle, middle - down))
        smooth = abs(rise - fall) <= 1e-2 * (abs(rise) + abs(fall)) + 1e-3
        found[i] = (rise + fall) / 2 if smooth else np.nan
    return found.reshape(pair.inputs[name].shape)


def _same_slopes(seen: Array, slopes: Array | None) -> bool:
    """Whether these are the slopes, ignoring kinks, which have none."""
    if slopes is None:
        return False
    known = np.isfinite(slopes)
    return 2 * known.sum() > known.size and same(seen[known], slopes[known], rounding=1e-4)


def _moved(probe: Probe, pair: Pair, name: str, i: int, step: float) -> Array | None:
    x = pair.inputs[name].copy()
    x.flat[i] += step
    return probe.output(pair.case.with_changes(inputs={**pair.case.inputs, name: x}))


# --- what an answer depends on ---------------------------------------------------------------


@pattern(
    Needs(of="both"),
    Example(
        "Softmax",
        FORWARD,
        correct="self.axis = axis",
        wrong="self.axis = -1",
        sentence="y does not depend on axis: another axis gives the same numbers.",
        hint="Look for the place in the formula where axis belongs.",
    ),
    Example(
        "Momentum",
        STEPS,
        correct="v *= self.momentum",
        wrong="v *= 0.9",
        sentence="parameter 0 does not depend on momentum: another momentum gives the same numbers "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="Look for the place in the formula where momentum belongs.",
    ),
)
def ignored(evidence: Evidence, probe: Probe) -> Finding | None:
    """An argument, a parameter or an input that the expected answer depends on, and this one does not."""
    for name in sorted(thing for answer, thing in probe.matters if answer == evidence.name and thing != "dy"):
        telling = [pair for pair in evidence.pairs if pair.seen.any()]  # a maximum of 0 may hide everything
        changed = [(pair, case) for pair in telling for case in _without(pair.case, name)]
        answers = [(pair, probe.show(case).get(evidence.name)) for pair, case in changed]
        if not answers or not all(_unmoved(pair, answer) for pair, answer in answers):
            continue
        where = f"Look for the place in the formula where {name} belongs."
        of_gradient = evidence.name.startswith("d") or "gradient" in evidence.name
        if of_gradient and any(name in pair.case.parameters for pair in telling):
            where += f" It may be a condition: {name} may decide where dy passes (a ReLU, a maximum)."
        return Finding(
            f"ignores {name}",
            f"{evidence.name} does not depend on {name}: another {name} gives the same numbers",
            where,
        )
    return None


@pattern(
    Needs(),
    Example(
        "CrossEntropy",
        "extreme inputs stay finite",
        correct="return -log_p[xp.arange(len(labels)), labels].mean()",
        wrong="return -xp.log(self.p[xp.arange(len(labels)), labels] + 1e-12).mean()",
        sentence="The loss stays where it is while its large inputs double: something limits it.",
        hint="A small number added inside a logarithm, or a probability that is clipped, limits −log p. Write the "
        "logarithm out: log Σ eˣ and log (1 + eˣ) need no p.",
    ),
)
def limited(evidence: Evidence, probe: Probe) -> Finding | None:
    """A loss that grows no more where its inputs are large, and should."""
    laboratory, told = probe.laboratory, 0
    if laboratory is None or not evidence.scalar:
        return None
    for pair in evidence.pairs:
        doubled = pair.case.with_changes(inputs={name: _large_doubled(x) for name, x in pair.case.inputs.items()})
        wanted = (laboratory.answer(doubled) or {}).get(evidence.name)
        if not isinstance(wanted, np.ndarray | np.generic | float):
            return None
        if same(pair.seen, pair.expected, rounding=1e-6) or abs(float(wanted)) < 1.5 * abs(float(pair.expected)):
            continue
        seen = probe.show(doubled).get(evidence.name)
        usable = isinstance(seen, np.ndarray | np.generic | float) and np.asarray(seen).ndim == 0
        if not usable or not pair.seen < pair.expected or not same(np.asarray(seen, dtype=float), pair.seen):
            return None
        told += 1
    if not told:
        return None
    return Finding(
        "limited",
        f"{evidence.name} stays where it is while its large inputs double: something limits it",
        "A small number added inside a logarithm, or a probability that is clipped, limits −log p. Write the logarithm "
        "out: log Σ eˣ and log (1 + eˣ) need no p.",
    )


def _large_doubled(x: object) -> object:
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or not x.size or abs(x).max() < LARGE:
        return x
    return np.where(abs(x) > LARGE, 2 * x, x)


def _unmoved(pair: Pair, answer: object) -> bool:
    return isinstance(answer, np.ndarray | np.generic | float) and np.array_equal(np.asarray(answer), pair.seen)


def dependences(check: Check, subject: Subject, cases: list[Case]) -> list[tuple[str, str]]:
    """What a correct implementation's answers depend on: name of the answer, and argument, parameter or input."""
    found = set()
    for case in cases:
        before = observe(check, subject, case)
        for thing in (*case.arguments, *case.parameters, *case.inputs, *case.upstreams):
            for other in _without(case, thing):
                found |= {(name, thing) for name in _moved_names(before, observe(check, subject, other))}
    return sorted(found)


def _moved_names(before: Outcome, after: Outcome) -> set[str]:
    if isinstance(before, Raised) or isinstance(after, Raised):
        return set()
    arrays = (np.ndarray, np.generic)
    return {
        name
        for name, value in after.items()
        if isinstance(value, arrays) and isinstance(before.get(name), arrays) and not same(before[name], value)
    }


def _without(case: Case, name: str) -> Iterator[Case]:
    """The case with another value of one argument, parameter or input."""
    if name in case.upstreams:
        yield case.with_upstreams({**case.upstreams, name: 1.5 * case.upstreams[name]})
    if name in (*case.upstreams, "dy"):  # a function's own input of that name is not tried
        return
    other = _other_value(name, case.arguments.get(name))
    if other is not None:
        yield case.with_changes(arguments={**case.arguments, name: other})
    elif isinstance(array := case.parameters.get(name), np.ndarray):
        yield case.with_changes(parameters={**case.parameters, name: array + 0.37})
    elif isinstance(x := case.inputs.get(name), np.ndarray) and x.ndim and len(x) > 1:
        for moved in _others(x):
            if not np.array_equal(moved, x):
                yield case.with_changes(inputs={**case.inputs, name: moved})


def _other_value(name: str, value: object) -> float | tuple[int, ...] | None:
    """Another value for an argument; None if its kind has no other."""
    if isinstance(value, float) and value:
        return 1.25 * value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(not value) if name == "axis" else value + 1
    if isinstance(value, tuple) and all(type(n) is int for n in value):
        return tuple(n + 1 for n in value)
    return None


def _others(x: Array) -> tuple[Array, ...]:
    """Other arrays of such values: slightly and strongly changed, or permuted, reversed, and constant."""
    if x.dtype.kind == "f":
        return x + 0.25 * np.cos(np.arange(x.size)).reshape(x.shape), -0.7 * x
    turned = ~x if x.dtype.kind == "b" else x.max() + x.min() - x
    return np.roll(x, 1, axis=0), turned, np.full_like(x, x.min()), np.full_like(x, x.max())


SENSITIVITY = (not_linear_in_dy, one_sample)
SLOPES = (direct_path, wrong_input)
