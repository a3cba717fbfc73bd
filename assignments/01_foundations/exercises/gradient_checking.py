"""numerical_gradient and relative_error: how a gradient is checked."""

import numpy as np

from autograder.checks import MATCHES, Case, Code, FunctionExercise, Instance, SubjectRaisedError, judge_dtype

FLOAT32 = "float32 stays float32"
RESTORED = "x is as it was where f raises"


def numerical_cases(rng):
    """Steps so large that the central, the one-sided and any other quotient give different numbers."""
    for shape, h, text in [
        ((4,), 0.1, "lambda x: (x * x * x).sum()"),
        ((2, 3), 0.5, "lambda x: (x * x * x).sum() * x[0, 1] + x[1, 2] * x[0, 0]"),
        ((2, 1, 3), 1e-3, "lambda x: (x * x).sum() * (x * x * x).sum()"),
        ((), 0.2, "lambda x: x * x * x * x"),
    ]:
        yield Case({"h": h}, f=Code(text), x=np.asarray(rng.normal(size=shape)))


numerical_gradient = FunctionExercise(
    "numerical_gradient",
    cases=numerical_cases,
    support_files=("failing",),
)


@numerical_gradient.check(
    FLOAT32,
    cases=lambda rng: [Case(x=rng.normal(size=(2, 3)).astype("float32"), h=0.5)],
    judge=judge_dtype("dtype"),
    after=(MATCHES,),
)
def slopes_in_float32(subject, case):
    """Only the dtype: how a difference of float32 numbers is rounded is up to the implementation."""
    slopes = subject.run("numerical_gradient", Code("lambda x: (x * x).sum()"), *case.inputs.values())
    return {"the result": str(getattr(slopes, "dtype", "no array"))}


@numerical_gradient.check(
    RESTORED,
    cases=lambda rng: [
        Case(x=rng.normal(size=(2, 3)), h=0.5).with_changes(hidden={"call": call}) for call in (1, 2, 5, 12)
    ],
    after=(MATCHES,),
)
def restored(subject, case):
    """The caller's own array, after f has raised."""
    x = subject.put(case.inputs["x"])
    try:
        subject.run("numerical_gradient", Code(f"Fails({case.hidden['call']})"), x, case.inputs["h"])
    except SubjectRaisedError as error:
        if error.type != "ArithmeticError":
            raise
    return {"x": Instance(subject, x.handle).fetch()}


def relative_cases(rng):
    """The largest error is at a small entry or at a large one; zeros in one array and in both."""
    for shape in [(5,), (3, 4), (2, 1, 3)]:
        a = rng.normal(size=shape) * 10.0 ** rng.integers(-6, 3, size=shape)
        b = a * (1 + 0.2 * rng.normal(size=shape))
        yield Case(a=a, b=b)
        yield Case(a=b, b=a)
    a = rng.normal(size=(3, 4))
    b = a * (1 + 0.01 * rng.uniform(1, 2, size=a.shape))
    a[0] = b[0] = 0.0
    yield Case(a=a, b=b)
    yield Case(a=-a, b=b)
    half = a.copy()
    half[1] = 0.0  # zero in one array only: the error is 1, whatever the other number is, and the largest
    yield Case(a=half, b=b)
    yield Case(a=b, b=half)
    yield Case(a=0 * a, b=0 * a)
    yield Case(a=1e-13 * a, b=1e-13 * b)  # no number is too small to be compared
    yield Case(a=1e13 * a, b=-1e13 * b)


relative_error = FunctionExercise("relative_error", cases=relative_cases)
