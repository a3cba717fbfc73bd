"""The exercise sentence_embedding: padding, empty sentences, frequent words, a direction that all sentences share."""

import numpy as np

from autograder.checks import Case, FunctionExercise


def text(rng, sentences, time, vocab, features, *, whole=False):
    """Sentences of every length, one without words, arbitrary ids as padding, words of very different frequency."""
    lengths = np.full(sentences, time) if whole else np.append(rng.integers(1, time + 1, size=sentences - 1), 0)
    mask = np.arange(time) < rng.permutation(lengths)[:, None]
    p = rng.permutation(10 ** np.linspace(-4, -0.5, vocab))
    vectors = rng.normal(size=(vocab, features)) + 2 * rng.normal(size=features)
    return {"ids": rng.integers(vocab, size=(sentences, time)), "mask": mask, "vectors": vectors, "p": p / p.sum()}


def some_sentences(rng):
    """The mean and SIF; a single sentence; padding between words and on the left; a mask of numbers."""
    one = text(rng, 1, 4, 6, 3, whole=True)
    yield Case(**{name: one[name] for name in ("ids", "mask", "vectors")})
    yield Case(**one)
    holes = text(rng, 6, 5, 12, 2, whole=True)
    holes["mask"][:, 1::2] = False
    yield Case({"a": 0.1}, **holes)
    yield Case(**text(rng, 9, 4, 30, 5, whole=True))
    for sentences, time, vocab, features in [(4, 5, 9, 3), (7, 6, 20, 4)]:
        drawn = text(rng, sentences, time, vocab, features)
        yield Case({"a": 0.01}, **drawn)
        numbers = {**drawn, "mask": drawn["mask"][:, ::-1].astype(int)}
        yield Case(**{name: numbers[name] for name in ("ids", "mask", "vectors")})
        yield Case(**numbers)


sentences = FunctionExercise("sentence_embedding", cases=some_sentences, float32=True)
