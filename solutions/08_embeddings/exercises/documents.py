"""The bonus exercises tf_idf and ParagraphVector: documents as weighted counts, and as trained vectors."""

import numpy as np

from autograder.checks import Case, FunctionExercise, LayerExercise, Rng


def tables_of_counts(rng):
    """Words in all documents and in none, a document without words, counts above one, a single document."""
    yield Case(counts=np.array([[2, 0, 1]]))
    for documents, vocab in [(4, 3), (6, 9), (30, 12)]:
        counts = rng.poisson(0.8, size=(documents, vocab))
        counts[:, 0] = rng.integers(1, 4, size=documents)
        counts[:, 1] = 0
        counts[rng.integers(documents)] = 0
        yield Case(counts=counts)
    yield Case(counts=rng.integers(1, 5, size=(3, 4)))
    yield Case(counts=rng.integers(90, 128, size=(4, 3)).astype(np.int8))  # their squares need more than eight bits


weighted = FunctionExercise("tf_idf", cases=tables_of_counts)


def pairs(rng):
    """Documents and words that occur several times in a batch, words that are a positive here and a negative there."""
    for documents, vocab, features, batch, k in [(2, 3, 4, 1, 1), (3, 5, 2, 7, 8), (4, 6, 3, 9, 2)]:
        yield Case(
            {"documents": documents, "vocab_size": vocab, "features": features, "rng": Rng(4)},
            document=rng.integers(documents, size=batch),
            word=rng.integers(vocab, size=batch),
            negatives=rng.integers(vocab, size=(batch, k)),
        )


paragraphs = LayerExercise(
    "ParagraphVector",
    cases=pairs,
    has_parameters=True,
    wide=Case(
        {"documents": 500, "vocab_size": 3000, "features": 8, "rng": Rng(4)},
        document=lambda rng: rng.integers(500, size=32),
        word=lambda rng: rng.integers(3000, size=32),
        negatives=lambda rng: rng.integers(3000, size=(32, 3)),
    ),
)


def far(rng):
    """Scores of several thousand, of both signs: an exponential of them overflows or vanishes."""
    case = list(pairs(rng))[-1]
    yield case.with_changes(
        parameters={"D": rng.normal(0, 80, size=(4, 3)), "W": rng.normal(0, 80, size=(6, 3))},
        upstream=rng.normal(size=9),
    )


def built(subject, case):
    layer = subject.make("ParagraphVector", **case.arguments)
    for name, value in case.parameters.items():
        layer.set(f"{name}.data", value)
    return layer


@paragraphs.check("large scores stay finite", cases=far, part="forward", after=("forward matches the reference",))
def large(subject, case):
    return {"y": built(subject, case).call("forward", *case.inputs.values())}


@paragraphs.check(
    "gradients of large scores stay finite",
    cases=far,
    part="backward",
    needs=("forward", "backward"),
    after=("gradients match numerical differences",),
)
def large_gradients(subject, case):
    layer = built(subject, case)
    layer.call("forward", *case.inputs.values())
    layer.call("backward", case.upstream)
    return {f"d{name}": layer.get(f"{name}.grad") for name in case.parameters}
