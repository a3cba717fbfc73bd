"""What to write next: draws from scores, and a search."""

import numpy as np

from autograder.checks import (
    Case,
    Claim,
    Distribution,
    Exercise,
    Mean,
    Mismatch,
    RandomFunctionExercise,
    Ref,
    compare,
    habits,
    in_pairs,
)

CERTAIN = "where only one symbol is possible, it is drawn"
DRAWN = "symbols are drawn with the right probabilities"


# --- sample ----------------------------------------------------------------------------------


def certain_cases(rng):
    """Greedy by temperature 0, by top-k and by top-p; scores of any size, a single row, a single symbol."""
    for shape, arguments in [
        ((5, 7), {"temperature": 0}),
        ((1, 4), {"temperature": 0.0, "top_k": 3, "top_p": 0.9}),
        ((6, 5), {"top_k": 1}),
        ((4, 9), {"top_p": 1e-6}),
        ((3, 1), {"temperature": 2.0}),
        ((4, 6), {"temperature": 1e-3, "top_k": 4}),
        ((2, 3), {"temperature": 1e-3, "top_k": 5}),
        ((3, 5), {"temperature": 0.01, "top_p": 0.5}),
    ]:
        # steps of at least 0.5: at a temperature of 0.01 that is e⁻⁵⁰
        scores = np.argsort(rng.random(shape), axis=1) * rng.uniform(0.5, 2) + rng.normal(
            0, 100, (len(range(shape[0])), 1)
        )
        yield Case(arguments, scores=scores)


RANKED = np.array([2.0, 1.35, 0.8, 0.2, -0.4, -1.3])
"""Scores of a row, the highest first; rows have them in different orders."""
ROWS = 30_000


def many_rows(rng):
    """Many rows with the same scores, each in an order of its own, so that a draw is known by its rank."""
    for arguments in (
        {},
        {"temperature": 0.5},
        {"temperature": 2.0, "top_k": 3},
        {"top_p": 0.8},
        {"temperature": 0.4, "top_p": 0.8},
        {"temperature": 1.5, "top_k": 4, "top_p": 0.68},
    ):
        order = np.argsort(rng.random((ROWS, len(RANKED))), axis=1)
        yield Case(arguments, scores=RANKED[order] + rng.normal(0, 3, (ROWS, 1)))


def rank(seen, case):
    """How many symbols of its row are more likely than the one that was drawn."""
    scores, drawn = case.inputs["scores"], np.asarray(seen["y"])
    if drawn.shape != (ROWS,) or drawn.dtype.kind not in "iu":
        message = "the result is not one whole number for each row"
        raise ValueError(message)
    if drawn.min() < 0 or drawn.max() >= scores.shape[1]:
        message = "a symbol does not exist"
        raise ValueError(message)
    return (scores > np.take_along_axis(scores, drawn[:, None], axis=1)).sum(axis=1)


def softmax(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def cut(p, count):
    """The first of these probabilities, normalized."""
    return np.where(np.arange(len(p)) < count, p, 0) / p[:count].sum()


def nucleus(p, mass):
    """How many of these probabilities, the largest first, reach a mass."""
    return int((np.cumsum(p) - p < mass).sum())


def probabilities(case, mistake=""):
    """By rank, the probability of a symbol; of code with a mistake, those that it follows."""
    temperature = case.arguments.get("temperature", 1.0)
    top_k, top_p = case.arguments.get("top_k"), case.arguments.get("top_p")
    factor = {"ignores the temperature": 1.0, "multiplies by the temperature": temperature}.get(
        mistake, 1 / temperature
    )
    p = softmax(RANKED * factor)
    whole = p
    if top_k and mistake != "ignores top-k":
        p = cut(p, top_k + {"keeps one symbol more in top-k": 1, "keeps one symbol fewer in top-k": -1}.get(mistake, 0))
    if top_p and mistake != "ignores top-p":
        before = mistake == "chooses by top-p before the temperature"
        measured = softmax(RANKED) if before else whole if mistake == "measures the mass of top-p without top-k" else p
        count = nucleus(measured, top_p)
        count += {"keeps one symbol more in top-p": 1, "leaves out the symbol that reaches top-p": -1}.get(mistake, 0)
        p = cut(p, max(count, 1))
    if mistake == "draws evenly among what is left":
        p = (p > 0) / (p > 0).sum()
    return p


MISTAKES = (
    "ignores the temperature",
    "multiplies by the temperature",
    "ignores top-k",
    "keeps one symbol more in top-k",
    "keeps one symbol fewer in top-k",
    "ignores top-p",
    "keeps one symbol more in top-p",
    "leaves out the symbol that reaches top-p",
    "measures the mass of top-p without top-k",
    "chooses by top-p before the temperature",
    "draws evenly among what is left",
)


def of_the_first(mistake):
    return lambda case: Mean(float(probabilities(case, mistake)[0]))


def same_rank(case):
    p = probabilities(case)
    return Mean(float((p * p).sum()))


sample = RandomFunctionExercise(
    "sample",
    cases=certain_cases,
    invariant=lambda y, _: {"the result": y},
    names=(CERTAIN, DRAWN),
    weights=(2, 5),
    draws=many_rows,
    rows=lambda _rng: [Case(scores=np.tile(np.linspace(0.5, 0, 40), (4, 1)))],  # large and small equally often
    claims=[
        Claim(
            "the share of symbols that should never be drawn",
            lambda seen, case: probabilities(case)[rank(seen, case)] == 0,
            lambda _: Mean(0.0),
        ),
        Claim(
            "the share of rows whose most likely symbol is drawn",
            lambda seen, case: rank(seen, case) == 0,
            of_the_first(""),
            {mistake: of_the_first(mistake) for mistake in MISTAKES},
        ),
        Claim(
            "the share of rows whose least likely symbol that is left is drawn",
            lambda seen, case: rank(seen, case) == np.flatnonzero(probabilities(case))[-1],
            lambda case: Mean(float(probabilities(case)[np.flatnonzero(probabilities(case))[-1]])),
        ),
        Claim(
            "the distance of the distribution of ranks",
            rank,
            lambda case: Distribution(
                "the right one",
                lambda k: np.append(0, probabilities(case).cumsum())[
                    np.clip(np.floor(k).astype(int) + 1, 0, len(RANKED))
                ],
            ),
        ),
        Claim(
            "the share of equal ranks in two rows",
            lambda seen, case: np.equal(*in_pairs(rank(seen, case), 0)),
            same_rank,
        ),
    ],
    float32=False,
    depends=("masked_softmax",),
)


# --- beam_search -----------------------------------------------------------------------------

FOUND = "finds the text with the highest score"


def tables(rng):
    """Scores of the next symbol by the last two, with clear and unclear choices; the end comes early, late or never.

    Narrow and wide searches, short and long ones, with and without the division by length.  Where that is strong, long
    texts win, and it matters which of them are still open.
    """
    for vocabulary, beams, length, alpha, likely, spread, prompt in [
        (5, 2, 7, 0.6, 0.5, 1.5, 2),
        (4, 1, 6, 0.6, 0.0, 1.5, 1),
        (6, 3, 9, 0.0, -0.5, 1.5, 3),
        (4, 5, 5, 1.0, -1.0, 1.5, 1),
        (5, 3, 8, 1.0, 0.0, 1.5, 2),
        (3, 2, 1, 0.6, 0.0, 1.5, 2),
        (6, 4, 12, 1.5, 0.7, 1.5, 1),
        (5, 8, 6, 0.6, -8.0, 1.5, 4),
        (3, 20, 3, 0.6, 0.0, 1.5, 1),
        *10 * [(4, 2, 15, 3.0, 0.5, 0.5, 2), (5, 3, 20, 3.0, 1.0, 1.0, 2)],
        (6, 2, 10, 0.8, 0.3, 1.5, 2),
    ]:
        end = int(rng.integers(vocabulary))
        table = spread * rng.normal(size=(vocabulary,) * 3)
        table[:, :, end] += likely
        table += rng.normal(0, 1000, (vocabulary, vocabulary, 1))  # scores of any size, the same for all symbols
        arguments = {"beams": beams, "length": length, "end": end, "alpha": alpha}
        yield Case(arguments, ids=rng.integers(vocabulary, size=prompt)).with_changes(hidden={"table": table})


def by_default(rng):
    """Without a given alpha."""
    *_, case = tables(rng)
    yield case.with_changes(arguments={name: value for name, value in case.arguments.items() if name != "alpha"})


def judge_text(observed, expected, case):
    """The same symbols, and the same score."""
    del case
    try:
        seen = [int(symbol) for symbol in observed["the new symbols"]]
    except (TypeError, ValueError):
        return Mismatch("structure", "the new symbols", "expected (new, score), new a list of whole numbers")
    right = [int(symbol) for symbol in expected["the new symbols"]]
    if seen != right:
        return Mismatch("value", "the new symbols", f"the new symbols are {seen}; expected {right}")
    return compare(observed["the score"], expected["the score"], "the score")


beam_search = Exercise("beam_search", "function", ("beam_search",), support_files=("decoding",))


def search(subject, case):
    model = subject.make("support.Bigrams", case.hidden["table"])
    found = subject.run("beam_search", case.inputs["ids"], model=Ref(model.handle), **case.arguments)
    if isinstance(found, tuple | list) and len(found) == 2:
        return dict(zip(("the new symbols", "the score"), found, strict=True))
    return {"the new symbols": None, "the score": None}


@beam_search.check(FOUND, cases=lambda rng: [*tables(rng), *by_default(rng)], weight=5, judge=judge_text)
def found(subject, case):
    return search(subject, case)


def given_an_array(subject, case):
    model = subject.make("support.Bigrams", case.hidden["table"])
    return {"found": subject.run("beam_search", case.inputs["ids"], model=Ref(model.handle), **case.arguments)}


habits(beam_search, given_an_array, cases=tables, after=(FOUND,), among=("inputs",))
