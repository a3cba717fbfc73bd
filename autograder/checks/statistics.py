"""Random things are asked for what is true of every right way to draw: shares, means, spreads, independence.

An author makes claims about what is drawn.  Each has a law, and a law knows an upper bound for the chance that numbers
which follow it look as unlikely as these do: inequalities that hold for every count of draws, no approximations.
A claim fails where that bound is below its share of ``CHANCE``: limits follow from the chance, and nothing is tuned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.checks.laws import Law, Mean
from autograder.isolation.tree import Rng
from autograder.spec import Case, Check, Exercise, Observations
from autograder.spec.comparison import Mismatch, agree
from autograder.subject import Subject

__all__ = ["CHANCE", "Claim", "equal_signs", "in_pairs", "new_rng", "normal_within", "seeded", "statistics"]

CHANCE = 1e-7
"""That right code fails one check, at most, over all its claims and cases; ten such checks stay below 1e-6."""
RIGHT = "as it should be"
UNSEEN = "not to be seen"
EXPLAINED = "not asked"
SEEDS = 2**31

Observe = Callable[[Subject, Case], Any]


# --- claims ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """What is true of everything that right code draws.

    name: what a sentence says is measured (``the share of zeros in y``); look(seen, case): the numbers, or conditions
    that hold or do not, each drawn independently of the others; law(case): what they should follow; others: laws that
    somebody's mistake would follow, by what was done (``keeps with probability p``), so that it is told from others.
    Where one of these is recognised, the check's other claims are not asked: what is wrong in one way is often wrong in
    another that depends on the draw.
    """

    name: str
    look: Callable[[Observations, Case], Any]
    law: Callable[[Case], Law]
    others: Mapping[str, Callable[[Case], Law]] = field(default_factory=dict)

    def judged(self, seen: Observations, case: Case, chance: float) -> tuple[str, str]:
        """What does not depend on the draw (right, or what it is instead), and a sentence for people."""
        try:
            values = np.asarray(self.look(seen, case))
            values = np.zeros(0) if values.dtype.kind == "c" else values.astype(float).ravel()
        except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError):
            values = np.zeros(0)
        if not values.size or not np.isfinite(values).all():
            return UNSEEN, f"{self.name} cannot be measured: what was drawn has another shape than expected, or is nan"
        law = self.law(case)
        if law.chance(values) >= chance:
            return RIGHT, ""
        said = f"{self.name} is {law.measure(values):.4g} in {values.size:,} draws; expected {law.describe()}"
        for name, other in self.others.items():
            if other(case).chance(values) >= chance:
                return name, said
        measured = law.measure(values)
        return f"too {'large' if measured > law.level() else 'small'}, about {measured:.1g}", said


def in_pairs(values: Any, axis: int) -> tuple[Any, Any]:
    """Neighbours along an axis, each number in one pair only: of independent draws the pairs are independent too."""
    count = values.shape[axis] // 2 * 2
    values = np.moveaxis(values, axis, 0)[:count]
    return values[0::2], values[1::2]


def equal_signs(look: Callable[[Observations, Case], Any], axis: int, places: str, of: str = "") -> Claim:
    """Numbers with mean 0 in neighbouring places have equal signs in half of the pairs, or are not independent.

    places: what neighbours along the axis are (``rows``); of: which numbers (`` of the noise``).
    """
    return Claim(
        f"the share of equal signs{of} in two {places}",
        lambda seen, case: np.equal(*in_pairs(look(seen, case) > 0, axis)),
        lambda _: Mean(0.5),
        {f"all {places} alike": lambda _: Mean(1.0)},
    )


def normal_within(name: str, look: Callable[[Observations, Case], Any]) -> Claim:
    """Normal numbers, given as multiples of their standard deviation, lie within one of it in 68 % of all draws."""
    return Claim(
        name,
        lambda seen, case: abs(look(seen, case)) < 1,
        lambda _: Mean(math.erf(math.sqrt(0.5))),
        {"that of a uniform distribution": lambda _: Mean(1 / math.sqrt(3)), "of two values": lambda _: Mean(0.0)},
    )


def judge_claims(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require every claim; the sentence of the first that does not hold."""
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
) -> Callable[[Observe], Observe]:
    """Add a check of claims: the decorated function speaks to a Subject and returns what was drawn.

    claims: all of them are asked of every case, and share ``CHANCE``.  Give a case some ten thousand draws: with n of
    them a probability near 1/2 is told from another that is 3 / √n away.
    """

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        drawn = list(cases(rng))
        comparisons = len(drawn) * len(claims)
        return [case.with_changes(hidden={**case.hidden, "comparisons": comparisons}) for case in drawn]

    def add(observe: Observe) -> Observe:
        def judged(subject: Subject, case: Case) -> Observations:
            seen = observe(subject, case)
            chance = CHANCE / case.hidden["comparisons"]
            found = [(claim, *claim.judged(seen, case, chance)) for claim in claims]
            known = [(claim, word, said) for claim, word, said in found if word in claim.others]
            words = {claim.name: EXPLAINED if known else word for claim, word, _ in found}
            words |= {claim.name: word for claim, word, _ in known}
            return {**words, "_said": {claim.name: said for claim, _, said in known or found}}

        exercise.add(
            Check(
                name,
                part or exercise.parts[-1],
                weight,
                draw,
                judged,
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
        "a generator of the same seed gives other numbers: draw from the one that is given, and nowhere else",
    ),
    "what another seed gives": (
        OTHER,
        "a generator of another seed gives the same numbers: draw from the one that is given, and nowhere else",
    ),
}
"""What is asked of every generator, what is right, and what to say where it is not."""


def seeded(
    exercise: Exercise,
    *,
    cases: CaseMaker,
    part: str | None = None,
    weight: float = 1,
    after: tuple[str, ...] = (),
    mutation: str = "",
    argument: str = "rng",
) -> Callable[[Observe], Observe]:
    """Add the check that what is drawn comes from the generator that is given, and from nowhere else.

    The decorated function draws with ``case.arguments[argument]``, which is put there: a generator of one seed; the
    same one again, further on; a new one of the same seed; one of another.  Let it return 100 random bits or more: that
    two of these agree by chance is then rarer than ``CHANCE``.
    """

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        seeds = [int(seed) for seed in rng.choice(SEEDS, 2, replace=False)]
        return [case.with_changes(hidden={**case.hidden, "seeds": seeds}) for case in cases(rng)]

    def add(observe: Observe) -> Observe:
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
