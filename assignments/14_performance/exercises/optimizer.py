"""AdamInPlace: steps that take no memory."""

from autograder.checks import Case, OptimizerExercise, Quadratic, Ref, Speed, judge_words


def settings(rng):
    del rng
    yield Case({"lr": 0.001})
    yield Case({"lr": 0.1, "betas": (0.7, 0.9), "eps": 0.2})
    yield Case({"lr": 0.05, "betas": (0.8, 0.99), "eps": 0.02})


TALL = (8192, 128)

# The quadratic: as Adam of 04.  Time, against the plain version: in place 0.3 to 0.55, with temporary arrays in blocks
# 0.23 to 0.57, row by row 5.
optimizer = OptimizerExercise(
    "AdamInPlace",
    cases=settings,
    quadratic=Quadratic({"lr": 0.1}, 200, 1e-5),
    zeros=("betas",),
    states=("m", "v"),
    support_files=("allocation",),
    speed=Speed(Case({"lr": 0.001}, parameter=TALL, gradient=TALL), at_most=0.8, against="frozen"),
)
LIMIT = 1 / 8
SENTENCES = {
    "arrays": "a step makes new arrays of more than an eighth of the parameter: give each operation a place to write "
    "to, or work in blocks"
}


@optimizer.check(
    "a step makes no large arrays", cases=lambda _: [Case({}), Case({"betas": (0.8, 0.99)})],
    expect=lambda _: {"a step": "makes none"}, judge=judge_words(SENTENCES), part="memory",
    after=("20 steps match the reference",),
)  # fmt: skip
def allocation(subject, case):
    """The peak of the second step, as NumPy reports it: in resident memory, a freed array makes room for a new one."""
    held = subject.make("support.Held", TALL)
    made = subject.make("AdamInPlace", Ref(held.handle), **case.arguments)
    share = subject.run("support.share_of_new_arrays", Ref(made.handle), Ref(held.handle))
    return {"a step": "makes none" if isinstance(share, float) and share <= LIMIT else "arrays"}
