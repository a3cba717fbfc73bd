"""Patterns of a trajectory: how an optimizer's parameters move step by step, and experiments with the optimizer.

A trajectory is an array (steps, …) of one parameter's values after every step on known gradients.  Everything before
the first wrong step is correct; so that step can be compared with the correct one from the same point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from autograder.checks.optimizer import MATCHES, RESTS
from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import TRAJECTORY, Evidence, Finding, Pair
from autograder.diagnosis.factors import named, ratio
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe
from autograder.diagnosis.regions import wrong_entries
from autograder.spec import Case

__all__ = ["STEPS", "after_the_first"]

AS_IF_FIRST = 4
"""How many steps are compared with a first step."""
FEWEST_STEPS = 8
FEWEST_STILL = 2
"""Entries without a step that prove something."""
CHANGE = 1e-2
"""Smallest change of a factor over the steps: less may be the effect of an epsilon."""


# --- patterns of the trajectory --------------------------------------------------------------


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="p.data -= self.lr * v",
        wrong="p = p.data - self.lr * v",
        sentence="parameter 0 does not change, whatever the gradients "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="p = p − … and p * … make a new array that is discarded. Write into parameter.data: -=, or [...] =.",
    ),
    Example(
        "Momentum",
        RESTS,
        correct="g = p.grad + self.weight_decay * p.data",
        wrong="if not p.grad.any(): continue\ng = p.grad + self.weight_decay * p.data",
        sentence="parameter 0 does not change where its gradient is zero.",
        hint="A gradient of zero is no reason to skip a step: averages go on, and a weight decay acts. "
        "Where parameter 2 first goes wrong, its step is the correct one plus a multiple of the parameter itself. "
        "The pull towards zero is wrong: look at the weight decay.",
    ),
)
def stands_still(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The parameter keeps its initial value after every step."""
    if any((pair.seen != _start(evidence, pair)).any() for pair in evidence.pairs):
        return None
    if not any(_gradients(evidence, pair).any() for pair in evidence.pairs):
        return Finding(
            "does not move without a gradient",
            f"{evidence.name} does not change where its gradient is zero",
            "A gradient of zero is no reason to skip a step: averages go on, and a weight decay acts.",
        )
    return Finding(
        "does not move",
        f"{evidence.name} does not change, whatever the gradients",
        "p = p − … and p * … make a new array that is discarded. Write into parameter.data: -=, or [...] =.",
    )


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="p.data -= self.lr * v",
        wrong="p.data[:1] -= self.lr * v[:1]",
        sentence="Part of parameter 0 does not change, whatever the gradients; the rest is correct "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="Every entry has its step: look at the slices, blocks or indices that are updated.",
    ),
)
def stands_still_in_part(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Some entries keep their initial value after every step, and every other entry is correct."""
    still = 0
    for pair, mask in zip(evidence.pairs, wrong_entries(evidence), strict=True):
        never = mask.all(axis=0)
        if (mask != never).any() or (pair.seen != _start(evidence, pair))[:, never].any() or never.all():
            return None
        if not _gradients(evidence, pair)[:, never].any(axis=0).all():
            return None
        still += int(never.sum())
    if still < FEWEST_STILL:
        return None
    return Finding(
        "does not move in part",
        f"part of {evidence.name} does not change, whatever the gradients; the rest is correct",
        "Every entry has its step: look at the slices, blocks or indices that are updated.",
    )


@pattern(
    Needs(of="trajectories"),
    Example(
        "Average",
        MATCHES,
        correct="step = average / (1 - self.momentum**self.t)",
        wrong="step = average",
        sentence="Every step of parameter 0 is correct up to a factor that depends only on the step's number "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="A bias correction 1 − βᵗ does this: is it missing, not needed here, or computed with another t? "
        "Or does something else change the learning rate?",
    ),
)
def of_time_alone(evidence: Evidence, _probe: Probe) -> Finding | None:
    """Every step is correct up to a factor that rises or falls with the step's number: a bias correction."""
    told = [pair for pair, _ in _first_wrong(evidence) if not pair.case.arguments.get("weight_decay")]
    if "lr" in evidence.pairs[0].case.hidden or not told:
        return None
    for pair in told:
        start = _start(evidence, pair)[None]
        made, right = (np.diff(np.concatenate([start, walk]), axis=0) for walk in (pair.seen, pair.expected))
        factors = np.array([_factor(*step) for step in zip(made, right, strict=True)])
        changes = np.diff(factors[1:])
        one_way = (changes >= 0).all() or (changes <= 0).all()
        if len(factors) < FEWEST_STEPS or not np.isfinite(factors).all() or not one_way or np.ptp(factors) < CHANGE:
            return None
    return Finding(
        "factor of the step's number",
        f"every step of {evidence.name} is correct up to a factor that depends only on the step's number",
        "A bias correction 1 − βᵗ does this: is it missing, not needed here, or computed with another t? "
        "Or does something else change the learning rate?",
    )


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="p.data -= self.lr * v",
        wrong="p.data += self.lr * v",
        sentence="Where parameter 0 first goes wrong, its step is the correct one with reversed sign "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="Look at what the step is multiplied or divided by, and at its sign.",
    ),
)
def first_step(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The first wrong step is the correct one up to a factor, or up to a multiple of the parameter or its gradient."""
    ratios, pairs, terms = [], [], {"θ": True, "g": True}
    for pair, t in _first_wrong(evidence):
        before = pair.expected[t - 1] if t else _start(evidence, pair)
        made, right = pair.seen[t] - before, pair.expected[t] - before
        found = ratio(made, right)
        ratios.append(math.nan if found is None else found)
        pairs.append(pair)
        letters = {"θ": before, "g": _gradient(evidence, pair, t)}
        scale = float(np.abs(before).max(initial=0.0))
        for name, value in letters.items():
            terms[name] = terms[name] and _is_multiple(made - right, value, scale)
    if len(ratios) < 2:  # noqa: PLR2004 - one case proves nothing
        return None
    if not any(map(math.isnan, ratios)):
        return _length(evidence, ratios, pairs)
    return _term(evidence, next((name for name, holds in terms.items() if holds), ""))


def _length(evidence: Evidence, ratios: list[float], pairs: list[Pair]) -> Finding:
    factor = named(ratios, pairs)
    if factor is None or factor.trivial:
        return Finding(
            "step of another length",
            f"where {evidence.name} first goes wrong, its step has the correct direction and another length",
            "Look at what the step is multiplied or divided by: a factor may be missing or occur twice.",
        )
    return Finding(
        f"step: {factor.key}",
        f"where {evidence.name} first goes wrong, its step is the correct one {factor.text}",
        "Look at what the step is multiplied or divided by, and at its sign.",
    )


def _term(evidence: Evidence, name: str) -> Finding | None:
    if not name:
        return None
    what, hint = {
        "θ": ("the parameter itself", "The pull towards zero is wrong: look at the weight decay."),
        "g": ("the gradient", "The gradient itself counts too much or too little in the step."),
    }[name]
    return Finding(
        f"step: term {name}",
        f"where {evidence.name} first goes wrong, its step is the correct one plus a multiple of {what}",
        hint,
    )


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="v *= self.momentum",
        wrong="v *= 1 - self.momentum",
        sentence="The first step of parameter 0 is correct, the second is wrong "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="At the first step there is no state yet. Look at what is stored from one step to the next, and when.",
    ),
)
def after_the_first(evidence: Evidence, _probe: Probe) -> Finding | None:
    """The first step is correct in every case, the second wrong in every case."""
    firsts = [t for _, t in _first_wrong(evidence)]
    if len(firsts) < len(evidence.pairs) or len(firsts) < 2 or set(firsts) != {1}:  # noqa: PLR2004 - one is chance
        return None
    return Finding(
        "after the first step",
        f"the first step of {evidence.name} is correct, the second is wrong",
        "At the first step there is no state yet. Look at what is stored from one step to the next, and when.",
    )


def _factor(made: Array, right: Array) -> float:
    """The factor between two steps; nan where there is none for all entries (the effect of an epsilon is tolerated)."""
    weight = float((right * right).sum())
    found = float((made * right).sum()) / weight if weight else math.nan
    return found if np.abs(made - found * right).max() <= 1e-3 * np.abs(made).max() else math.nan


def _is_multiple(difference: Array, value: Array, scale: float) -> bool:
    weight = float((value * value).sum())
    if not weight or not np.isfinite(difference).all() or difference.size < 3:  # noqa: PLR2004 - two prove nothing
        return False
    found = float((difference * value).sum()) / weight
    left = np.abs(difference - found * value).max()
    return bool(found and left <= 1e-7 * np.abs(difference).max() + 1e-14 * scale)


def _first_wrong(evidence: Evidence) -> Iterator[tuple[Pair, int]]:
    for pair, mask in zip(evidence.pairs, wrong_entries(evidence), strict=True):
        steps = mask.reshape(len(mask), -1).any(axis=1)
        if steps.any():
            yield pair, int(steps.argmax())


def _start(evidence: Evidence, pair: Pair) -> Array:
    return np.asarray(pair.case.inputs["start"][_index(evidence)], dtype=float)


def _gradients(evidence: Evidence, pair: Pair) -> Array:
    return np.asarray(pair.case.hidden["gradients"][_index(evidence)], dtype=float)


def _gradient(evidence: Evidence, pair: Pair, t: int) -> Array:
    return np.asarray(pair.case.hidden["gradients"][_index(evidence)][t], dtype=float)


def _index(evidence: Evidence) -> int:
    return int(evidence.name.removeprefix(TRAJECTORY))


# --- experiments with the optimizer ----------------------------------------------------------


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="g = p.grad + self.weight_decay * p.data",
        wrong="g = p.grad - self.weight_decay * p.data",
        sentence="parameter 0 would be correct if its weight decay were: without it, every step is correct "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="Here the decay belongs in the gradient. Look at what λθ is multiplied by, and at everything "
        "that uses it.",
    ),
    Example(
        "Average",
        MATCHES,
        correct="p.data -= self.lr * (step + self.weight_decay * p.data)",
        wrong="p.data -= self.lr * step + self.weight_decay * p.data",
        sentence="parameter 0 would be correct if its weight decay were: without it, every step is correct "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="Here the decay belongs beside the step. Look at what λθ is multiplied by, and at everything "
        "that uses it.",
    ),
)
def only_the_decay(evidence: Evidence, probe: Probe) -> Finding | None:
    """It is correct without weight decay, and also with it where the experiment adds the decay.

    So the optimizer itself, without its decay, proves which decay is correct: λθ in the gradient, or beside the step.
    """
    if not _plain(evidence):
        return None
    wrong = [pair for pair, _ in _first_wrong(evidence)]
    decayed = [pair for pair in wrong if pair.case.arguments.get("weight_decay")]
    if not decayed or (len(decayed) < len(wrong) and len(decayed) < 2):  # noqa: PLR2004 - others decay by default
        return None
    if any(not gradient.any() for pair in wrong for gradient in _gradients(evidence, pair)):
        return None  # a step may be skipped there, with its decay
    for where, replay in (("in the gradient", _decay_in_gradient), ("beside the step", _decay_beside)):
        if all(replay(evidence, probe, pair) for pair in decayed):
            return Finding(
                f"only the weight decay, which belongs {where}",
                f"{evidence.name} would be correct if its weight decay were: without it, every step is correct",
                f"Here the decay belongs {where}. Look at what λθ is multiplied by, and at everything that uses it.",
            )
    return None


def _decay_in_gradient(evidence: Evidence, probe: Probe, pair: Pair) -> bool:
    """Whether, without its own decay, it has the expected trajectory on gradients that include λθ."""
    decay = pair.case.arguments["weight_decay"]
    gradients = []
    for i, (start, gradient) in enumerate(zip(pair.case.inputs["start"], pair.case.hidden["gradients"], strict=True)):
        wanted = pair.all_expected.get(f"{TRAJECTORY}{i}")
        if not isinstance(wanted, np.ndarray) or wanted.shape != gradient.shape:
            return False
        gradients.append(gradient + decay * np.concatenate([start[None], wanted[:-1]]))
    seen = _trajectory(evidence, probe, _without_decay(pair.case).with_changes(hidden={"gradients": gradients}))
    return seen is not None and same(seen, pair.expected, rounding=1e-7)


def _decay_beside(evidence: Evidence, probe: Probe, pair: Pair) -> bool:
    """Whether the expected steps are its steps without decay, minus lr · λ · θ."""
    seen = _trajectory(evidence, probe, _without_decay(pair.case))
    lr, decay = pair.case.arguments.get("lr"), pair.case.arguments["weight_decay"]
    if seen is None or not isinstance(lr, float):
        return False
    start = _start(evidence, pair)[None]
    before = np.concatenate([start, pair.expected[:-1]])
    own = seen - np.concatenate([start, seen[:-1]])
    return same(before + own - lr * decay * before, pair.expected, rounding=1e-7)


def _without_decay(case: Case) -> Case:
    return case.with_changes(arguments={**case.arguments, "weight_decay": 0.0})


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="v *= self.momentum\nv += g",
        wrong="v = self.momentum * v + g",
        sentence="parameter 0 takes every step as if it were the first: no state is kept from step to step "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="v = … only names a new array. Write into the array that self holds: v *= …, v += …, v[...] = …",
    ),
)
def keeps_nothing(evidence: Evidence, probe: Probe) -> Finding | None:
    """The first step is correct, and each later one is what a new optimizer would do from there."""
    wrong = list(_first_wrong(evidence))
    if not _plain(evidence) or not wrong or not all(t > 0 for _, t in wrong):
        return None
    for pair, _ in wrong:
        for t in range(1, AS_IF_FIRST):
            count = len(pair.case.inputs["start"])
            places = [np.asarray(pair.all_seen.get(f"{TRAJECTORY}{i}")) for i in range(count)]
            if not all(place.ndim and len(place) > t for place in places):
                return None
            gradients = [gradient[t : t + 1] for gradient in pair.case.hidden["gradients"]]
            start = [place[t - 1] for place in places]
            anew = _trajectory(
                evidence, probe, pair.case.with_changes(inputs={"start": start}, hidden={"gradients": gradients})
            )
            if anew is None or not same(anew[0], pair.seen[t]):
                return None
    return Finding(
        "keeps no state",
        f"{evidence.name} takes every step as if it were the first: no state is kept from step to step",
        "v = … only names a new array. Write into the array that self holds: v *= …, v += …, v[...] = …",
    )


@pattern(
    Needs(of="trajectories"),
    Example(
        "Momentum",
        MATCHES,
        correct="v *= self.momentum\nv += g\np.data -= self.lr * v",
        wrong="p.data -= self.lr * v\nv *= self.momentum\nv += g",
        sentence="The steps of parameter 0 do not depend on their own gradient, only on earlier ones "
        "(parameter 1, parameter 2 and parameter 3 are wrong in the same way).",
        hint="First update the state with the new gradient, then take the step with it.",
    ),
)
def ignores_newest(evidence: Evidence, probe: Probe) -> Finding | None:
    """A step does not depend on its own gradient, only on earlier ones."""
    if not _plain(evidence) or not list(_first_wrong(evidence)):
        return None
    for pair in evidence.pairs:
        if len(pair.seen) < 2 or same(pair.seen[-1], pair.seen[-2]):  # noqa: PLR2004 - before and after
            return None
        gradients = [gradient.copy() for gradient in pair.case.hidden["gradients"]]
        for gradient in gradients:
            gradient[-1] = -0.5 * gradient[-1] + 0.1
        seen = _trajectory(evidence, probe, pair.case.with_changes(hidden={"gradients": gradients}))
        if seen is None or not np.array_equal(seen, pair.seen):
            return None
    return Finding(
        "a step late",
        f"the steps of {evidence.name} do not depend on their own gradient, only on earlier ones",
        "First update the state with the new gradient, then take the step with it.",
    )


def _plain(evidence: Evidence) -> bool:
    """Whether these trajectories have a constant learning rate."""
    return not any("lr" in pair.case.hidden for pair in evidence.pairs)


def _trajectory(evidence: Evidence, probe: Probe, case: Case) -> Array | None:
    seen = probe.show(case).get(evidence.name)
    wanted = case.hidden["gradients"][_index(evidence)].shape
    usable = isinstance(seen, np.ndarray) and seen.shape == wanted and np.isfinite(seen).all()
    return np.asarray(seen, dtype=float) if usable else None


STEPS = (stands_still, stands_still_in_part, of_time_alone, only_the_decay, first_step, keeps_nothing, ignores_newest)
"""The most certain and most specific first."""
