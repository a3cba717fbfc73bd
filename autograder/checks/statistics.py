"""Checks of random code by what is true of every correct way to draw: shares, means, variances, independence.

An author makes claims about what is drawn.  Each has a law, and a law gives an upper bound on the probability that
numbers which follow it look as unlikely as these: inequalities that hold for every number of draws, no approximations.
A claim fails where that bound is below its share of ``CHANCE``: limits follow from the probability; nothing is tuned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.checks.laws import Law, Mean
from autograder.isolation.tree import Rng, Value
from autograder.spec import Case, Check, Exercise, Observations
from autograder.spec.comparison import Mismatch, agree
from autograder.subject import Subject
from dlkit.backend import NumpyArray

__all__ = [
    "CHANCE",
    "Claim",
    "ClaimsRun",
    "Run",
    "each_with_probability",
    "equal_signs",
    "in_pairs",
    "new_rng",
    "normal_shape",
    "seeded",
    "statistics",
]

CHANCE = 1e-7
"""Upper bound on the probability that correct code fails one check, over all claims and cases; of ten, below 1e-6."""
RIGHT = "as it should be"
UNSEEN = "not to be seen"
EXPLAINED = "not asked"
SEEDS = 2**31
FAR = 3.0
"""Standard deviations from the mean, beyond which one normal number in 370 lies."""

Look = Callable[[Observations, Case], NumpyArray]
"""Independent numbers, or conditions, of what was drawn."""
Run = Callable[[Subject, Case], Value]
"""Runs an implementation and returns what it drew."""


# --- claims ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """What is true of everything that correct code draws.

    name: the measured quantity as sentences name it (``the share of zeros in y``); look(seen, case): the numbers, or
    conditions, each drawn independently of the others; law(case): what they should follow; others: laws that
    mistakes would follow, by what was done (``keeps with probability p``), so that these can be distinguished.
    Where one of them is recognised, the check's other claims are ignored: code that violates one claim often violates
    another in a way that depends on the draw.
    """

    name: str
    look: Look
    law: Callable[[Case], Law]
    others: Mapping[str, Callable[[Case], Law]] = field(default_factory=dict)

    def judged(self, seen: Observations, case: Case, chance: float) -> tuple[str, str]:
        """The verdict, which does not depend on the draw (correct, or what is wrong), and a sentence for people."""
        try:
            values = np.asarray(self.look(seen, case))
            values = np.zeros(0) if values.dtype.kind == "c" else values.astype(float).ravel()
        except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError):
            values = np.zeros(0)
        if not values.size or not np.isfinite(values).all():
            return UNSEEN, f"{self.name} cannot be measured: the draws do not have the expected shape, or are nan"
        law = self.law(case)
        if law.chance(values) >= chance:
            return RIGHT, ""
        said = f"{self.name} is {law.measure(values):.4g} in {values.size:,} draws; expected {law.describe(values)}"
        for name, other in self.others.items():
            if other(case).chance(values) >= chance:
                return name, said
        return law.verdict(values), said


def in_pairs(values: NumpyArray, axis: int) -> tuple[NumpyArray, NumpyArray]:
    """Neighbours along an axis, each number in one pair only, so that pairs of independent draws are independent."""
    count = values.shape[axis] // 2 * 2
    values = np.moveaxis(values, axis, 0)[:count]
    return values[0::2], values[1::2]


def equal_signs(look: Look, axis: int, places: str, of: str = "") -> Claim:
    """The claim that neighbouring numbers with mean 0 have equal signs in half of the pairs, as independent ones do.

    places: what neighbours along the axis are (``rows``); of: which numbers (`` of the noise``).
    """
    return Claim(
        f"the share of equal signs{of} in two {places}",
        lambda seen, case: np.equal(*in_pairs(look(seen, case) > 0, axis)),
        lambda _: Mean(0.5),
        {f"all {places} alike": lambda _: Mean(1.0)},
    )


def each_with_probability(
    things: str, happens: str, look: Look, probability: Callable[[Case], float]
) -> tuple[Claim, Claim]:
    """The claims that something happens to each of many things with this probability, whatever happens to the others.

    things, happens: as sentences name them (``images``, ``mirrored``); look: whether it happened, one condition each.
    """

    def both_or_neither(case: Case) -> float:
        return probability(case) ** 2 + (1 - probability(case)) ** 2

    return (
        Claim(
            f"the share of {happens} {things}",
            look,
            lambda case: Mean(probability(case)),
            {
                f"{happens} with probability 1 − p": lambda case: Mean(1 - probability(case)),
                f"{happens} with probability ½": lambda _: Mean(0.5),
            },
        ),
        Claim(
            f"the share of neighbours that are both {happens} or both not",
            lambda seen, case: np.equal(*in_pairs(np.asarray(look(seen, case)), 0)),
            lambda case: Mean(both_or_neither(case)),
            {"one draw for all": lambda _: Mean(1.0), "every second one": lambda _: Mean(0.0)},
        ),
    )


def normal_shape(things: str, look: Look) -> tuple[Claim, Claim]:
    """The claims that numbers are normal, near their mean and far from it: 68 % and 0.27 % of them.

    things: as sentences name them (``noise``); look: multiples of the standard deviation, mean 0.  A cut at three
    standard deviations moves the variance by 1 % only; 7,500 draws show it.
    """
    return (
        Claim(
            f"the share of {things} within one standard deviation",
            lambda seen, case: abs(look(seen, case)) < 1,
            lambda _: Mean(math.erf(math.sqrt(0.5))),
            {"that of a uniform distribution": lambda _: Mean(1 / math.sqrt(3)), "of two values": lambda _: Mean(0.0)},
        ),
        Claim(
            f"the share of {things} beyond three standard deviations",
            lambda seen, case: abs(look(seen, case)) > FAR * (1 + 1e-6),
            lambda _: Mean(math.erfc(FAR / math.sqrt(2))),
            {"no number so far away": lambda _: Mean(0.0)},
        ),
    )


@dataclass(frozen=True)
class ClaimsRun:
    """Runs an implementation, and judges every claim about what it drew.

    draw(subject, case): what was drawn.
    """

    draw: Run
    claims: tuple[Claim, ...]

    def __call__(self, subject: Subject, case: Case) -> Observations:
        """Observe the verdict on every claim; where a named mistake is recognised, on no other claim."""
        seen = self.draw(subject, case)
        chance = CHANCE / case.hidden["comparisons"]
        found = [(claim, *claim.judged(seen, case, chance)) for claim in self.claims]
        known = [(claim, word, said) for claim, word, said in found if word in claim.others]
        words = {claim.name: EXPLAINED if known else word for claim, word, _ in found}
        words |= {claim.name: word for claim, word, _ in known}
        return {**words, "_said": {claim.name: said for claim, _, said in known or found}}


def judge_claims(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require every claim; return the sentence of the first that does not hold."""
    del case
    wrong = [name for name, right in expected.items() if observed.get(name) != right]
    said = {name: observed["_said"][name] for name in wrong if observed.get("_said", {}).get(name)}
    if not wrong:
        return None
    name = next(iter(said), wrong[0])
    return Mismatch("statistics", name, said.get(name, f"{name} is not as it should be"))


def statistics(
    exercise: Exercise,
    name: str,
    *,
    cases: CaseMaker,
    claims: Sequence[Claim],
    part: str | None = None,
    weight: float = 1,
    needs: tuple[str, ...] | None = None,
    after: tuple[str, ...] = (),
    mutation: str = "",
) -> Callable[[Run], Run]:
    """Add a check of claims: the decorated function runs a Subject and returns what was drawn.

    claims: all are checked on every case, and share ``CHANCE``.  Give a case about ten thousand draws: n draws
    distinguish a probability near 1/2 from another that is 3 / √n away.
    """

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        drawn = list(cases(rng))
        comparisons = len(drawn) * len(claims)
        return [case.with_changes(hidden={**case.hidden, "comparisons": comparisons}) for case in drawn]

    def add(observe: Run) -> Run:
        exercise.add(
            Check(
                name,
                part or exercise.parts[-1],
                weight,
                draw,
                ClaimsRun(observe, tuple(claims)),
                judge_claims,
                expect=lambda _subject, _case, _rng: {claim.name: RIGHT for claim in claims},
                needs=exercise.parts if needs is None else needs,
                after=after,
                mutation=mutation,
                redrawn=True,
            ),
        )
        return observe

    return add


# --- generators ------------------------------------------------------------------------------


def new_rng(rng: np.random.Generator) -> Rng:
    """A generator for the worker, with a seed drawn from this one."""
    return Rng(int(rng.integers(SEEDS)))


SAME, OTHER = "the same numbers", "other numbers"
DRAWN = {
    "what a second call draws": (OTHER, "a second call draws the same numbers as the first: draw anew in every call"),
    "what the same seed gives": (
        SAME,
        "a generator with the same seed gives other numbers: draw only from the generator that you receive",
    ),
    "what another seed gives": (
        OTHER,
        "a generator with another seed gives the same numbers: draw only from the generator that you receive",
    ),
}
"""Every comparison of draws, the expected result, and the sentence for another result."""


def seeded(
    exercise: Exercise,
    *,
    cases: CaseMaker,
    part: str | None = None,
    weight: float = 1,
    after: tuple[str, ...] = (),
    mutation: str = "",
    argument: str = "rng",
) -> Callable[[Run], Run]:
    """Add the check that all draws come from the given generator, and from nowhere else.

    The decorated function draws with ``case.arguments[argument]``, which this check sets: a generator with a seed; the
    same generator again; a new one with the same seed; one with another seed.  Return 100 random bits or more: two
    draws then agree by chance less often than ``CHANCE``.
    """

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        seeds = [int(seed) for seed in rng.choice(SEEDS, 2, replace=False)]
        return [case.with_changes(hidden={**case.hidden, "seeds": seeds}) for case in cases(rng)]

    def add(observe: Run) -> Run:
        def compared(subject: Subject, case: Case) -> Observations:
            one, other = case.hidden["seeds"]
            generators = [subject.put(Rng(seed)) for seed in (one, one, other)]
            first, again, new, another = (
                observe(subject, case.with_changes(arguments={**case.arguments, argument: generators[i]}))
                for i in (0, 0, 1, 2)
            )
            compared = zip(DRAWN, (again, new, another), strict=True)
            return {name: SAME if agree(first, drawn) else OTHER for name, drawn in compared}

        exercise.add(
            Check(
                "draws from the generator that it is given",
                part or exercise.parts[-1],
                weight,
                draw,
                compared,
                judge_seeded,
                expect=lambda _subject, _case, _rng: {name: right for name, (right, _) in DRAWN.items()},
                needs=exercise.parts,
                after=after,
                mutation=mutation,
                redrawn=True,
            ),
        )
        return observe

    return add


def judge_seeded(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require other numbers from every call and every seed, and the same from the same seed."""
    del case
    for name, right in expected.items():
        if observed.get(name) != right:
            return Mismatch("statistics", name, DRAWN[name][1])
    return None
