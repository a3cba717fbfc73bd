"""The bonus exercises newton_schulz and Muon: gradients of matrices made nearly orthogonal."""

import numpy as np

from autograder.checks import Case, FunctionExercise, OptimizerExercise, Quadratic, Ref


def matrices(rng):
    """One row, one column, square, wide, tall, of a low rank, very large and small, below the least norm, all zeros."""
    for shape, size in [((1, 3), 1.0), ((4, 1), 5.0), ((3, 3), 0.1), ((2, 6), 1e4), ((7, 3), 1e-4)]:
        yield Case(G=size * rng.normal(size=shape))
    yield Case(G=rng.normal(size=(5, 1)) @ rng.normal(size=(1, 4)))
    yield Case(G=np.zeros((2, 3)))
    yield Case(G=1e-8 * rng.normal(size=(3, 4)))
    yield Case(G=rng.normal(size=(4, 5)))
    yield Case(G=rng.normal(size=(5, 2)))


orthogonalized = FunctionExercise("newton_schulz", cases=matrices, float32=True)


def muon_cases(_rng):
    yield Case({"lr": 0.05})
    yield Case({"lr": 0.02, "momentum": 0.5})
    yield Case({"lr": 0.1, "momentum": 0.8})


# The quadratic is one parameter with one axis, which the momentum alone moves: 9e-14 of its initial value is left.
muon = OptimizerExercise(
    "Muon",
    cases=muon_cases,
    quadratic=Quadratic({"lr": 0.01, "momentum": 0.8}, 200, 1e-4),
    zeros=("momentum",),
    depends=("newton_schulz",),
)


def tall_matrices(rng):
    """Parameters with more rows than columns, whose steps are larger, beside a wide one and one with three axes."""
    shapes = [(9, 2), (4, 3), (3, 5), (2, 2, 3)]
    start = [rng.normal(size=shape) for shape in shapes]
    gradients = [[rng.normal(size=shape) for shape in shapes] for _ in range(3)]
    yield Case({"lr": 0.1, "momentum": 0.7}, start=start).with_changes(hidden={"gradients": gradients})


@muon.check("tall matrices take larger steps", cases=tall_matrices, weight=2, after=("20 steps match the reference",))
def tall(subject, case):
    parameters = subject.keep("support.parameters", case.inputs["start"])
    optimizer = subject.make("Muon", Ref(parameters.handle), **case.arguments)
    seen = {}
    for t, gradients in enumerate(case.hidden["gradients"], 1):
        places = subject.run("support.step", Ref(optimizer.handle), Ref(parameters.handle), gradients)
        for place, start in zip(places if isinstance(places, list) else [], case.inputs["start"], strict=True):
            seen[f"the parameter of shape {start.shape} after step {t}"] = place
    return seen
