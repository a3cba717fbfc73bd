"""Checks of 07_recurrent: shared."""

import numpy as np

from autograder.checks.behaviour import Behaviour
from autograder.checks.judges import judge_float32
from autograder.checks.mutation import mutated
from autograder.spec import Check
from autograder.spec.comparison import compare_all

FORWARD = "forward matches the reference"


GRADIENTS = "gradients match numerical differences"


NO_STATE = "a state that is not given is zeros"


NO_GRADIENT = "a gradient of the last state that is not given is zeros"


OUTPUTS = ("h", "last")


# Early ends, a gap in the middle and a late beginning: a held state has to work wherever it is held.
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]])


def with_optional_arguments(exercise, cases):
    """Add the checks that a state, and a gradient of the last state, may be left out."""
    needs, thing = exercise.parts, Behaviour(exercise.name, cases, OUTPUTS)

    def in_both_dtypes(rng, reference):
        return [*thing.some_cases(rng, reference), *thing.float32_cases(rng, reference)[-1:]]

    def judge(observed, expected, case):
        single = case.inputs["x"].dtype == np.float32
        return (judge_float32 if single else compare_all)(observed, expected, case)

    def without_state(subject, case):
        x, _, mask = case.inputs.values()
        layer = thing.build(subject, case)
        runs = {
            "": layer.call("forward", x),
            " of a second call": layer.call("forward", x),
            " with a mask": thing.build(subject, case).call("forward", x, None, mask),
        }
        return {f"{name}{of}": y for of, result in runs.items() for name, y in thing.named_outputs(result).items()}

    def without_gradient(subject, case):
        layer = thing.build(subject, case)
        layer.call("forward", *case.inputs.values())
        seen = thing.gradients(layer, case, layer.call("backward", case.upstream["dh"]))
        layer = thing.build(subject, case)
        layer.call("forward", case.inputs["x"])
        alone = thing.gradients(layer, case, layer.call("backward", case.upstream["dh"]))
        alone.pop("dstate", None)  # nobody gave a state whose gradient could be wanted
        return {**seen, **{f"{name} without a state": value for name, value in alone.items()}}

    exercise.checks.extend(
        [
            Check(
                NO_STATE,
                "forward",
                1.0,
                in_both_dtypes,
                without_state,
                judge,
                needs=tuple(part for part in needs if part != "backward"),
                after=(FORWARD,),
                mutation=mutated(
                    "if len(xs) > 1 and xs[1] is not None:",
                    "    return super().forward(*xs)",
                    "h, last = super().forward(*xs)",
                    "self._calls = getattr(self, '_calls', 0) + 1",
                    "return h + (self._calls > 1), last",
                ),
            ),
            Check(
                NO_GRADIENT,
                "backward",
                1.0,
                in_both_dtypes,
                without_gradient,
                judge,
                needs=needs,
                after=(GRADIENTS,),
                mutation=mutated(
                    "dx, dstate = super().backward(*dy)",
                    "return dx, dstate + (len(dy) == 1)",
                    method="backward",
                ),
            ),
        ]
    )
    return exercise
