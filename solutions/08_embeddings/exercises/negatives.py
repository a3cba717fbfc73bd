"""The exercise draw_negatives: unigram counts to the power ¾, and never the positive."""

import numpy as np

from autograder.checks import Case, Claim, Distribution, Mean, RandomFunctionExercise, in_pairs, new_rng

WORDS = "every negative is another word than the positive, and one that occurs"
LAW = "negatives follow the counts to the power ¾, given that they are not the positive"
FORM = "the form of the result"
MANY, CLEAR = 1000, 0.05
"""Draws, and the difference of two shares, that distinguish negatives that were kept from those drawn again once."""


def drawing_cases(rng):
    """A positive that most draws would hit, words that never occur at both ends and between, k of 1, batch 1."""
    yield Case({"k": 5}, positive=np.array([1] * 400 + [4] * 10), counts=np.array([3, 900, 0, 2, 40, 0]))
    yield Case({"k": 1}, positive=rng.integers(1, 9, size=60), counts=np.array([0, *rng.integers(1, 50, size=8)]))
    yield Case({"k": 30}, positive=np.array([0]), counts=np.array([1000, 1]))
    yield Case({"k": 5}, positive=np.array([1] * 400), counts=np.array([0, 300, 40]))  # the word behind it does occur
    yield Case({}, positive=np.array([0, 1, 2] * 20), counts=np.array([5, 4, 3, 0, 0]))
    yield Case(
        {"k": 3}, positive=np.array([7, 40_000]), counts=np.ones(60_000, int)
    )  # a table of shares would be empty


def words_of_negatives(result, case):
    """In words: the form, and whether each number is a word that it may be."""
    positive, counts = case.inputs.values()
    shape = (len(positive), case.arguments.get("k", 5))
    if not isinstance(result, np.ndarray) or result.shape != shape:
        return {FORM: f"not an array of shape (batch, k): {getattr(result, 'shape', type(result).__name__)}"}
    if result.dtype.kind not in "iu":
        return {FORM: "not integers"}
    if result.min() < 0 or result.max() >= len(counts):
        return {FORM: "ids outside the vocabulary"}
    if (counts[result] == 0).any():
        return {FORM: "words that do not occur"}
    return {FORM: "words", "the negatives": word_for(result == positive[:, None], positive, counts)}


def word_for(equal, positive, counts):
    """Whether negatives are the positive, and where many numbers show it, whether all of these were kept."""
    if not equal.any():
        return "other words"
    p = counts**0.75 / (counts**0.75).sum()
    drawn, again = p[positive].mean(), (p[positive] ** 2).mean()
    if equal.size < MANY or drawn - again < CLEAR:
        return "the positive"
    return (
        "the positive, as often as it is drawn" if equal.mean() > (drawn + again) / 2 else "the positive, though rarely"
    )


BATCH = 20_000
COUNTS = np.array([1, 400, 9, 0, 4000, 60, 25, 2, 150])
OFTEN, RARE = 4, 1
"""Two positives: the word that would be drawn most often, and another one."""


def many_draws(rng):
    positive = np.where(np.arange(BATCH) % 2, OFTEN, RARE)
    yield Case({"k": 4, "rng": new_rng(rng)}, positive=positive, counts=COUNTS.astype(np.int32))  # 4000³ does not fit


def law_without(positive, power):
    p = COUNTS**power * (COUNTS > 0)
    p[positive] = 0
    return p / p.sum()


def cumulative(p):
    up_to = np.concatenate([[0], np.cumsum(p)])
    return lambda x: up_to[np.clip(np.floor(x).astype(int) + 1, 0, len(p))]


def next_one(positive):
    """The law where a positive is replaced by the id behind it."""
    p = COUNTS**0.75 / (COUNTS**0.75).sum()
    p[positive + 1] += p[positive]
    p[positive] = 0
    return p


def drawn_for(positive):
    return lambda seen, case: seen["y"][case.inputs["positive"] == positive]


def claim_for(positive):
    return Claim(
        f"the distance of the negatives of word {positive}",
        drawn_for(positive),
        lambda _: Distribution("counts to the power ¾", cumulative(law_without(positive, 0.75))),
        {
            "proportional to the counts": lambda _: Distribution("the counts", cumulative(law_without(positive, 1.0))),
            "uniform": lambda _: Distribution("a uniform draw", cumulative(law_without(positive, 0.0))),
            "the square root": lambda _: Distribution("the square root", cumulative(law_without(positive, 0.5))),
            "replaced by the next id": lambda _: Distribution("the next id", cumulative(next_one(positive))),
        },
    )


def equal_pairs(axis, places):
    """The claim that two neighbours are the same word as often as independent ones are."""
    return Claim(
        f"the share of equal words in two {places}",
        lambda seen, case: np.equal(*in_pairs(drawn_for(OFTEN)(seen, case), axis)),
        lambda _: Mean(float((law_without(OFTEN, 0.75) ** 2).sum())),
        {"never equal": lambda _: Mean(0.0), "always equal": lambda _: Mean(1.0)},
    )


negatives = RandomFunctionExercise(
    "draw_negatives",
    cases=drawing_cases,
    invariant=words_of_negatives,
    expect=lambda _: {FORM: "words", "the negatives": "other words"},
    sentences={
        "the positive": "some negatives are the positive of their row: draw these again, until none is",
        "the positive, as often as it is drawn": "negatives that are their row's positive are kept: draw them again",
        "the positive, though rarely": "some negatives are still the positive of their row: draw until none is",
        "words that do not occur": "words whose count is 0 are drawn",
        "ids outside the vocabulary": "some results are no ids of the vocabulary",
        "not integers": "the result does not consist of integers",
    },
    draws=many_draws,
    claims=[claim_for(OFTEN), claim_for(RARE), equal_pairs(1, "columns"), equal_pairs(0, "rows")],
    names=(WORDS, LAW),
    float32=False,
    cpu_only="It prepares data, and looks at what it drew to draw again.",
)
