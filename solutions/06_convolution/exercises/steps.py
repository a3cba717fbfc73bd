"""The two steps of a convolution between columns and outputs."""

from autograder.checks import Case, FunctionExercise

SIZES = [
    # N, out_channels, in_channels, (kh, kw), places
    (1, 1, 1, (1, 1), 1),
    (3, 2, 1, (2, 2), 5),
    (2, 4, 3, (1, 2), 7),
    (4, 3, 2, (3, 2), 2),
]


def output_cases(rng):
    for batch, out_channels, channels, (kh, kw), places in SIZES:
        yield Case(
            columns=rng.normal(size=(batch, channels * kh * kw, places)),
            W=rng.normal(size=(out_channels, channels, kh, kw)),
            b=rng.normal(size=out_channels),
        )


outputs = FunctionExercise("columns_to_outputs", cases=output_cases, float32=True)


def backward_cases(rng):
    for batch, out_channels, channels, (kh, kw), places in SIZES:
        yield Case(
            dy=rng.normal(size=(batch, out_channels, places)),
            columns=rng.normal(size=(batch, channels * kh * kw, places)),
            W=rng.normal(size=(out_channels, channels, kh, kw)),
        )


backward = FunctionExercise("columns_backward", cases=backward_cases, float32=True, outputs=("dcolumns", "dW", "db"))
