"""One large input, on which a gradient must cost less than numerical differences of forward would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autograder.checks.behaviour import Behaviour
from autograder.checks.mutation import mutated, mutated_method
from autograder.spec import Case, GradientCost, Observations, Run
from autograder.spec.comparison import compare_all
from autograder.subject import Subject

__all__ = ["AS_DIFFERENCES", "gradient_cost"]

NUMBERS = 1 << 15
"""That have a gradient, at the least, where the author gives no large case."""

AS_DIFFERENCES = mutated("self.called_with = xs", "return super().forward(*xs)") + mutated_method(
    "import copy, types",
    "right = _Right.forward",
    "code = right.__code__.replace(co_name='again')",
    "again = types.FunctionType(code, right.__globals__, 'again', right.__defaults__, right.__closure__)",
    "arrays = [x for x in self.called_with if 'f' in str(getattr(x, 'dtype', ''))]",
    "other = copy.deepcopy(self)",
    "for _ in range(2 * sum(x.size for x in [*arrays, *(p.data for p in self.parameters())])):",
    "    again(other, *self.called_with)",
    "return super().backward(*dy)",
    method="backward",
)
"""A backward as expensive as central differences of a copy of forward: the calls of the copy cannot be counted."""


def gradient_cost(harness: Behaviour, case: Case | None) -> GradientCost:
    """Make the large run of a class with forward and backward.

    case: the author's, with shapes or functions of an rng as inputs, like a case that is measured; by default the last
    of the exercise's own cases with its rows repeated, which only shows differences of one number after the other.
    """
    wide = _Wide(harness, case)
    return GradientCost(wide.cases, wide.observe, compare_all, wide.forward, wide.numbers)


@dataclass(frozen=True)
class _Wide:
    harness: Behaviour
    given: Case | None

    def cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the only case."""
        case = self._repeated(rng) if self.given is None else Run(self.given, "float64").draw(rng)
        return [self.harness.complete(case, rng, reference)]

    def _repeated(self, rng: np.random.Generator) -> Case:
        *_, case = self.harness.draw(rng)
        times = -(-NUMBERS // sum(case.inputs[name].size for name in self.harness.differentiable(case)))
        return case.with_changes(inputs={name: np.concatenate([x] * times) for name, x in case.inputs.items()})

    def numbers(self, case: Case) -> int:
        """How many numbers have a gradient: those of inputs and of parameters."""
        arrays = [case.inputs[name] for name in self.harness.differentiable(case)]
        return sum(int(x.size) for x in [*arrays, *case.parameters.values()])

    def observe(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward once; look at all gradients."""
        thing = self.harness.build(subject, case)
        kept = thing.keep("forward", *case.inputs.values())
        returned = self.harness.call_backward(thing, case)
        y = kept.fetch() if self.harness.invariant else None
        return self.harness.compared(y, self.harness.gradients(thing, case, returned), case)

    def forward(self, subject: Subject, case: Case) -> Callable[[], object]:
        """What runs forward once; its result stays where it was computed, and its memory can be used again."""
        thing = self.harness.build(subject, case)
        sent = [subject.put(x) for x in case.inputs.values()]

        def once() -> None:
            subject.request("drop", handle=thing.keep("forward", *sent).handle)

        return once
