"""Linear: batches of several sizes, and the time of a matrix product."""

from autograder.checks import Case, LayerExercise, Rng, Speed


def linear_cases(rng):
    for batch, n_in, n_out in [(1, 4, 3), (7, 4, 1), (5, 2, 6)]:
        arguments = {"in_features": n_in, "out_features": n_out, "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=(batch, n_in)))


# einsum in place of a matrix product takes 2.6 times the reference, loops 70 times.
linear = LayerExercise(
    "Linear",
    cases=linear_cases,
    has_parameters=True,
    wide=Case({"in_features": 256, "out_features": 256, "rng": Rng(0)}, x=(1, 256)),
    speed=Speed(Case({"in_features": 256, "out_features": 256, "rng": Rng(0)}, x=(128, 256)), at_most=6.0),
)
