"""The exercise DistillationLoss: softened probabilities of a student and a teacher."""

import numpy as np

from autograder.checks import Case, LossExercise


def scores_of_both(rng):
    """Unsure and sure teachers, temperatures on both sides of 1, batch 1, equal scores."""
    for shape, T, size in [((1, 4), 4.0, 2.0), ((5, 3), 2.0, 6.0), ((7, 2), 1.0, 1.0), ((4, 6), 0.5, 1.0)]:
        yield Case({"T": T}, prediction=rng.normal(0, size, shape), target=rng.normal(0, size, shape))
    prediction = rng.normal(0, 9, (3, 5))
    yield Case({"T": 10.0}, prediction=prediction - prediction.mean(), target=rng.normal(0, 9, (3, 5)))
    yield Case({}, prediction=rng.normal(size=(2, 3)), target=np.zeros((2, 3)))


distillation = LossExercise(
    "DistillationLoss",
    cases=scores_of_both,
    gradient_of=("prediction",),
    extreme=1000.0,
    shift_invariant=True,
)


def sure_of_themselves(rng):
    """Scores of ±1,000, where student and teacher agree and where they do not; teachers whose scores are shifted."""
    signs = rng.choice([-1000.0, 1000.0], size=(6, 4))
    signs[:, 0] = 1000.0
    yield Case({"T": 2.0}, prediction=signs, target=signs[::-1].copy())
    yield Case({"T": 1.0}, prediction=rng.normal(size=(4, 4)), target=signs[:4])
    yield Case({"T": 3.0}, prediction=rng.normal(size=(3, 5)), target=rng.normal(0, 3, (3, 5)) + 5000)


@distillation.check(
    "large scores of the teacher are handled as well",
    cases=sure_of_themselves,
    part="forward",
    after=("forward matches the reference",),
)
def sure(subject, case):
    return {"the loss": subject.make("DistillationLoss", **case.arguments).call("forward", *case.inputs.values())}
