"""Training and evaluation swapped: the output is what is expected in the other mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.checks.drawing import TRAINED
from autograder.checks.modes import IN_EVAL
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.probing import Probe
from autograder.spec import Case
from autograder.spec.comparison import compare

__all__ = ["other_mode"]

EVAL, TRAINING = " in eval", " in training"
SWAPPED = "training and eval swapped"
FLAG = "self.training is True after train() and False after eval(): "


def other_mode(evidence: Evidence, probe: Probe) -> Finding | None:
    """Every output is the expected one of the other mode; where that is so in training, eval is tried as well."""
    if all(IN_EVAL in pair.all_expected for pair in evidence.pairs):
        return _in_training(evidence, probe)
    if all(_is_as(pair.all_seen, _exchanged(pair)) for pair in evidence.pairs):
        return Finding(
            "training in eval",
            "in eval mode, forward does what belongs to training",
            FLAG + "test it, and in eval mode draw no numbers, change no state, and use no other row of the batch.",
        )
    return None


def _in_training(evidence: Evidence, probe: Probe) -> Finding | None:
    if not all(_is_as(pair.all_seen, pair.all_expected[IN_EVAL]) for pair in evidence.pairs):
        return None
    if all(_is_as(probe.show(_in_eval(pair)), _named(pair.all_expected)) for pair in evidence.pairs):
        return Finding(
            SWAPPED,
            "in training, forward does what belongs to eval, and in eval what belongs to training",
            FLAG + "look for an inverted condition.",
        )
    return Finding(
        "eval in training",
        "in training, forward does what belongs to eval",
        FLAG + "is it tested, and correctly?",
    )


def _in_eval(pair: Pair) -> Case:
    """The same case in eval mode, without earlier training."""
    return pair.case.with_changes(hidden={TRAINED: []})


def _exchanged(pair: Pair) -> dict[str, Any]:
    """What is expected in training, under the names of eval."""
    wanted = pair.all_expected
    pairs = {name: name.removesuffix(EVAL) + TRAINING for name in wanted if name.endswith(EVAL)}
    return {name: wanted[other] for name, other in pairs.items() if other in wanted}


def _named(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if not name.startswith("_")}


def _is_as(seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return bool(wanted) and all(compare(seen.get(name), value, name) is None for name, value in wanted.items())
