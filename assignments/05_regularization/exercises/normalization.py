"""The exercises BatchNorm and LayerNorm."""

from autograder.checks import FORWARD, Case, LayerExercise, Modes, Speed, Tolerance, compare

FAR = "a mean far from zero does no harm"


def uneven(rng, shape, axis):
    """Numbers whose mean and spread differ from one place along the axis to the next"""
    sizes = [n if i == axis % len(shape) else 1 for i, n in enumerate(shape)]
    return rng.normal(size=shape) * rng.uniform(0.5, 2.5, sizes) + 2 * rng.normal(size=sizes)


# Momentum differs from 1/2 and epsilon is large, so that a wrong use of them is visible; two tables, then images.
def batch_norm_cases(rng):
    for shape, constants in [
        ((7, 3), {}),
        ((5, 4), {"momentum": 0.3, "eps": 0.2}),
        ((3, 2, 4, 5), {"momentum": 0.2, "eps": 0.1}),
    ]:
        yield Case({"features": shape[1], **constants}, x=uneven(rng, shape, 1))


def judge_far(observed, expected, _case):
    """Six correct digits are enough: rounding leaves nine at worst, and a difference of large squares two."""
    return compare(observed["y"], expected["y"], "y", Tolerance(1e-6))


def far_from_zero(exercise, cases):
    """Adds a check with numbers whose mean is ten million times as large as their spread"""

    def draw(rng):
        for case in cases(rng):
            yield case.with_changes(inputs={"x": case.inputs["x"] + 1e7})

    @exercise.check(FAR, cases=draw, part="forward", judge=judge_far, needs=("forward",), after=(FORWARD,))
    def observe(subject, case):
        return {"y": subject.make(exercise.name, **case.arguments).call("forward", case.inputs["x"])}


# Timed on a table of many features and few rows: on images a loop over the few channels takes little more time than
# no loop.  Here it takes 20 to 25 times the reference; copies with the features in front, and gradients through
# variance and mean, 4.4 times.
batch_norm = LayerExercise(
    "BatchNorm",
    cases=batch_norm_cases,
    has_parameters=True,
    modes=Modes(steps=5, state=("running_mean", "running_var")),
    speed=Speed(Case({"features": 4096}, x=(128, 4096)), at_most=8.0),
)


far_from_zero(batch_norm, batch_norm_cases)


def layer_norm_cases(rng):
    for shape, constants in [((5,), {}), ((4, 6), {"eps": 0.2}), ((3, 2, 5), {"eps": 0.1})]:
        yield Case({"features": shape[-1], **constants}, x=uneven(rng, shape, 0))


# Rows are many and short: a loop over them takes 15 to 29 times the reference; means and variances computed again in
# backward, with powers, 2.2 times.
layer_norm = LayerExercise(
    "LayerNorm",
    cases=layer_norm_cases,
    has_parameters=True,
    wide=Case({"features": 256}, x=(64, 256)),
    speed=Speed(Case({"features": 64}, x=(4096, 64)), at_most=6.0),
)


far_from_zero(layer_norm, layer_norm_cases)
