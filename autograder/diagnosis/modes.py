"""Training and evaluation swapped: the output is what is expected in the other mode."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.checks import FORWARD
from autograder.checks.drawing import TRAINED
from autograder.checks.modes import DIFFER, IN_EVAL
from autograder.diagnosis.evidence import Evidence, Finding, Pair
from autograder.diagnosis.pattern import Example, Needs, pattern
from autograder.diagnosis.probe import Probe
from autograder.spec import Case, Observations
from autograder.spec.comparison import compare

__all__ = ["other_mode"]

EVAL, TRAINING = " in eval", " in training"
SWAPPED = "training and eval swapped"
FLAG = "self.training is True after train() and False after eval(): "


@pattern(
    Needs(of="both"),
    Example(
        "Centre",
        FORWARD,
        correct="if self.training:",
        wrong='if self.training == "train":',
        sentence="In training, forward does what belongs to eval.",
        hint="self.training is True after train() and False after eval(): is it tested, and correctly?",
    ),
    Example(
        "Centre",
        FORWARD,
        correct="if self.training:",
        wrong="if not self.training:",
        sentence="In training, forward does what belongs to eval, and in eval what belongs to training.",
        hint="self.training is True after train() and False after eval(): look for an inverted condition.",
    ),
    Example(
        "Centre",
        DIFFER,
        correct="if self.training:",
        wrong="if True:",
        sentence="In eval mode, forward does what belongs to training (y in eval, two rows alone, mean after eval and "
        "mean after training again are wrong in the same way).",
        hint="self.training is True after train() and False after eval(): test it, and in eval mode draw no "
        "numbers, change no state, and use no other row of the batch.",
    ),
)
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


def _exchanged(pair: Pair) -> Observations:
    """What is expected in training, under the names of eval."""
    wanted = pair.all_expected
    pairs = {name: name.removesuffix(EVAL) + TRAINING for name in wanted if name.endswith(EVAL)}
    return {name: wanted[other] for name, other in pairs.items() if other in wanted}


def _named(wanted: Mapping[str, object]) -> Observations:
    return {name: value for name, value in wanted.items() if not name.startswith("_")}


def _is_as(seen: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return bool(wanted) and all(compare(seen.get(name), value, name) is None for name, value in wanted.items())
