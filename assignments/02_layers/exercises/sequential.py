"""Flatten, Sequential and gradient_norms: stacks in which the order of the layers matters."""

from autograder.checks import Case, FunctionExercise, LayerExercise, New, Rng

flatten = LayerExercise(
    "Flatten",
    cases=lambda rng: [Case(x=rng.normal(size=shape)) for shape in [(1, 2, 3), (4, 3), (5, 2, 3, 4)]],
    has_cost=False,
)


# Layers that the checks provide, so that Sequential does not depend on other exercises.


def layer_stacks():
    """Stacks in which the order of the layers matters."""
    yield 3, [New("support.Square")]
    yield 2, [New("support.Scale", 2, rng=Rng(1)), New("support.Square"), New("support.Widen")]
    yield (
        4,
        [
            New("support.Widen"),
            New("support.Scale", 8, rng=Rng(2)),
            New("support.Square"),
            New("support.Scale", 8, rng=Rng(3)),
        ],
    )


sequential = LayerExercise(
    "Sequential",
    cases=lambda rng: [Case({"layers": layers}, x=rng.normal(size=(3 + n, n))) for n, layers in layer_stacks()],
    has_parameters=True,
    wide=Case({"layers": list(layer_stacks())[-1][1]}, x=(3_000, 4)),
    support_files=("stacks",),
)


def norms_cases(rng):
    for n, layers in layer_stacks():
        width = 2 * n if any(layer.name == "support.Widen" for layer in layers) else n
        yield Case(layers=layers, x=rng.normal(size=(5, n)), dy=rng.normal(size=(5, width)))


norms = FunctionExercise(
    "gradient_norms",
    cases=norms_cases,
    support_files=("stacks",),
)
