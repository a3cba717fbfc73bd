"""Linear: batches of several sizes, and the time of a matrix product."""

from autograder.checks import Case, LayerExercise, Rng, Speed


def linear_cases(rng):
    for batch, n_in, n_out in [(1, 4, 3), (7, 4, 1), (5, 2, 6)]:
        arguments = {"in_features": n_in, "out_features": n_out, "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=(batch, n_in)))


# einsum in place of matrix products takes 3 to 4 times the reference, a loop over the rows 15 times, over all outputs
# 57 times.  An array of all products (batch, in, out) takes as long as the rows one by one, and may fail.
linear = LayerExercise(
    "Linear",
    cases=linear_cases,
    has_parameters=True,
    wide=Case({"in_features": 256, "out_features": 256, "rng": Rng(0)}, x=(1, 256)),
    speed=Speed(Case({"in_features": 256, "out_features": 256, "rng": Rng(0)}, x=(128, 256)), at_most=7.0),
)
