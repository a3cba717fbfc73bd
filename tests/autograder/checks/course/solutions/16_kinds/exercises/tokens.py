"""A small byte-pair tokenizer."""

from autograder.checks import Case, TokenizerExercise

TEXT = "the cat sat on the mat, the hat of that cat; näher, näher! "


def texts_to_learn(rng):
    for size in (256, 262, 275):
        words = rng.permutation(TEXT.split())
        yield Case({"vocab_size": size}, text=" ".join([*words, *words[:5]]))


byte_pairs = TokenizerExercise(
    "BytePairs",
    cases=texts_to_learn,
    outside=lambda case: [-1, case.arguments["vocab_size"] + 5],
)
