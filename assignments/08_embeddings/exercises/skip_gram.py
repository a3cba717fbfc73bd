"""The exercise SkipGramNegativeSampling: scores of both signs, several negatives, scores of every size."""

from autograder.checks import Case, LossExercise


def vectors(rng):
    for batch, features, k in [(1, 3, 1), (6, 2, 4), (4, 3, 1), (5, 4, 3), (3, 1, 7)]:
        centre, context = rng.normal(size=(2, batch, features))
        yield Case(centre=centre, context=context, negatives=rng.normal(size=(batch, k, features)))


skip_gram = LossExercise(
    "SkipGramNegativeSampling",
    cases=vectors,
    gradient_of=("centre", "context", "negatives"),
    extreme=100.0,
    wide=Case(centre=(2, 6000), context=(2, 6000), negatives=(2, 3, 6000)),
)


@skip_gram.check(
    "small probabilities stay exact",
    cases=lambda rng: [
        Case(
            centre=rng.uniform(4, 6, size=(4, 3)),
            context=rng.uniform(2, 3, size=(4, 3)),
            negatives=rng.uniform(-3, -2, size=(4, 2, 3)),
        )
        for _ in range(6)  # in a single one, errors of rounding may cancel
    ],
    part="forward",
    after=("forward matches the reference",),
)
def sure(subject, case):
    """A loss of about 10⁻¹², times 10¹²: a logarithm of 1 plus a small number must not be rounded to 0."""
    return {"the loss": 1e12 * subject.make("SkipGramNegativeSampling").call("forward", *case.inputs.values())}
