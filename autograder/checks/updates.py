"""Judges of training steps: what the optimizers noted, compared with what they noted for the reference.

Numbers decide, and the order of the updates, which the numbers depend on; how often forward ran only explains them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

import numpy as np

from autograder.isolation.tree import Value
from autograder.spec import Case, Observations, SpecError
from autograder.spec.comparison import Mismatch, compare, compare_all

__all__ = ["REACHED", "judge_left", "judge_modes", "judge_reaching", "judge_turns", "judge_updates"]

Names = tuple[str, ...]
Turns = list[tuple[str, list[str]]]
"""Of every update its optimizer, and the networks that something else has moved before it; at the end one without."""
REACHED = "what reached "
"""How the log begins the names of what went through a network's backward."""


def judge_turns(observed: Observations, expected: Observations, case: Case, *, adjusted: Names = ()) -> Mismatch | None:
    """Require the reference's order of updates where numbers depend on it, and that nothing else moves a network.

    adjusted: networks that the function itself may change, as by clipping: where it does depends on numbers, so that
    only one that never does so is named.  SpecError where the reference changes another one.
    """
    right, seen = expected["_turns"], observed.get("_turns")
    _must_be_named(right, adjusted)
    if not _are_turns(seen):
        return Mismatch("structure", "the updates", "the order of the updates cannot be read")
    ours, theirs = ([name for name, _ in turns[:-1]] for turns in (right, seen))
    found = _other_counts(theirs, ours, "")
    if found:
        return found
    if theirs != ours and compare_all(observed, expected, case):
        text = f"the updates came in the order {_listed(theirs)}; expected {_listed(ours)}"
        return Mismatch("structure", "the order of the updates", text)
    return _moved_alone(seen, adjusted) or _never_adjusted(right, seen)


def _must_be_named(right: Turns, adjusted: Names) -> None:
    for event, (_, changed) in enumerate(right):
        for network in changed:
            if network not in adjusted:
                when = _between(right, event)
                message = (
                    f"the solution itself changes the parameters of {network} {when}: give adjusted=({network!r},)"
                )
                raise SpecError(message)


def _moved_alone(seen: Turns, adjusted: Names) -> Mismatch | None:
    """What changed without a step, though the function must not."""
    for event, (_, changed) in enumerate(seen):
        for network in changed:
            if network not in adjusted:
                text = f"the parameters of {network} changed {_between(seen, event)}, without a step of an optimizer"
                return Mismatch("structure", f"the parameters of {network}", text)
    return None


def _never_adjusted(right: Turns, seen: Turns) -> Mismatch | None:
    """What the reference changes without a step, and this function never does."""
    for event, (_, changed) in enumerate(right):
        for network in changed:
            if not any(network in theirs for _, theirs in seen):
                text = (
                    f"nothing but a step of an optimizer ever changes the parameters of {network}; "
                    f"the reference changes them {_between(right, event)}"
                )
                return Mismatch("structure", f"the parameters of {network}", text)
    return None


def _between(turns: Turns, event: int) -> str:
    name, _ = turns[event]
    return f"before update {event + 1}, {name}.step()" if name else "after the last update"


def _are_turns(seen: Value) -> TypeGuard[Turns]:
    """Whether this is a list of turns that ends with one without a name."""
    return (
        isinstance(seen, list)
        and len(seen) > 0
        and all(isinstance(each, list) and len(each) == 2 for each in seen)  # noqa: PLR2004
        and all(isinstance(name, str) and _are_names(changed) for name, changed in seen)
    )


def _are_names(seen: Value) -> TypeGuard[list[str]]:
    return isinstance(seen, list) and all(isinstance(each, str) for each in seen)


def _other_counts(seen: list[str], order: list[str], more: str) -> Mismatch | None:
    """Which optimizer made another number of updates."""
    for name in dict.fromkeys(order):
        if seen.count(name) != order.count(name):
            ran = f"ran {_times(seen.count(name))}" if name in seen else "never ran"
            counts = f"{name}.step() {ran}; expected {_times(order.count(name))}"
            return Mismatch("structure", f"the updates of {name}", counts + more)
    return None


def judge_updates(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare everything with the reference's; name the first update that differs, in the order of updates."""
    found = compare_all(observed, expected, case)
    if found is None:
        return None
    return _first_update(observed, expected) or found


def _first_update(observed: Observations, expected: Observations) -> Mismatch | None:
    order, seen = expected["_order"], observed.get("_order")
    if not _are_names(seen):
        return None
    found = _other_counts(seen, order, _forward_calls(observed, expected))
    if found:
        return found
    note = "" if seen == order else f". The updates came in the order {_listed(seen)}; expected {_listed(order)}"
    for event, name in enumerate(order):
        t = order[:event].count(name)
        which = f"update {t + 1}" if len(expected["_moves"]) == 1 else f"update {t + 1} of {name}"
        for path in expected["_moves"][name]:
            key = f"the gradients of {path}, update by update,"
            theirs, right = observed.get(key), expected[key]
            if not isinstance(theirs, np.ndarray) or theirs.shape != right.shape:
                continue
            found = compare(theirs[t], right[t], f"the gradient of {path} in {which}")
            if found:
                return replace(found, sentence=found.sentence + (note or _forward_calls(observed, expected)))
    return None


def _forward_calls(observed: Observations, expected: Observations) -> str:
    """How often forward ran, where that differs; it explains, and decides nothing."""
    seen = observed.get("_calls")
    for name, count in expected["_calls"].items():
        theirs = seen.get(name) if isinstance(seen, dict) else None
        if isinstance(theirs, int) and theirs != count:
            return f" ({name}.forward ran {_times(theirs)}; the reference needs {_times(count)}, others may differ)"
    return ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")  # noqa: PLR2004


def judge_reaching(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require that nothing but the gradients of its own updates went through a network."""
    del case
    for name, right in expected.items():
        if not name.startswith(REACHED):
            continue
        seen = observed.get(name)
        for t in range(len(right)):
            theirs = seen[t] if isinstance(seen, np.ndarray) and seen.shape == right.shape else None
            if compare(theirs, right[t], name):
                network = name.removeprefix(REACHED).partition(".")[0]
                when = f"before its update {t + 1}" if t < len(right) - 1 else "after its last update"
                text = (
                    f"something other than the gradient of its own loss went through {network}.backward {when}: "
                    "another network's loss must not reach it"
                )
                return Mismatch("method", name, text)
    return None


def judge_left(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require gradients of zero."""
    del case
    for name, right in expected.items():
        seen = observed.get(name)
        if not isinstance(seen, np.ndarray) or seen.shape != right.shape or seen.any():
            text = f"the gradient of {name} is not zero when the function returns: clear it"
            return Mismatch("value", name, text)
    return None


def judge_modes(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require the reference's modes, in which networks compute and are left."""
    del case
    for name, right in expected.items():
        seen = observed.get(name)
        if not name.startswith("_") and (not isinstance(seen, str) or seen != right):
            given = f"where all networks are given in {expected['_given']} mode"
            text = f"{given}, {name} {seen}; expected {right}"
            return Mismatch("value", name, text)
    return None
