"""The task and score of a capstone that learns a language: a made-up one, whose words agree over a distance.

A text of real books could be quoted, and what follows four characters of it be counted; a language drawn for each seed
can only be learned, and the endings that are asked for follow from a word far before them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checks.disguises import Task
from autograder.checks.model import Score
from dlkit.backend import NumpyArray
from dlkit.datasets import characters, made_up_text

__all__ = ["endings_score", "made_up_language"]

SEEN = 300_000
"""Characters to train on."""
READ, APART = 64, 110
"""Characters that a model has read when it is asked for the next one, and those between two places that are looked at.

The model is given all rows at once: none may hold what another one is asked for, or begin right behind it.
"""


def made_up_language(rows: int) -> Callable[[np.random.Generator], Task]:
    """Make the task: a long text in a language of the seed, and endings of further sentences to be guessed.

    rows: how many endings, each after the ``READ`` characters before it, that the model is asked for.
    """

    def task(rng: np.random.Generator) -> Task:
        text = made_up_text(SEEN + APART * (rows + 1), rng=rng)
        _, codes = characters(text)
        seen, unseen = np.split(codes, [SEEN])
        found = _places(text[SEEN:], rows)
        contexts = np.stack([unseen[place - READ : place] for place in found])
        return Task(seen[:-1], seen[1:], contexts, unseen[found])

    return task


def endings_score(at_most: float) -> Score:
    """What is required: so many bits per ending at most, for scores of shape (rows, ``READ``, symbols)."""
    return Score("{:.3g} bits per ending", at_most, lambda following: (len(following), READ, -1), _bits_per_ending)


def _places(text: str, rows: int) -> NumpyArray:
    """Where the endings of an unseen text stand that those before them in the sentence give away."""
    symbols = np.array(list(text))
    endings = np.flatnonzero(symbols[:-1] == "-") + 1
    sentence = (symbols == ".").cumsum()[endings]
    known = endings[1:][sentence[1:] == sentence[:-1]]
    wanted = READ + APART * np.arange(rows)
    found: NumpyArray = known[np.searchsorted(known, wanted)]
    return found


def _bits_per_ending(outputs: NumpyArray, following: NumpyArray) -> float:
    """Mean of −log₂ p of the ending that follows, by the scores after the last character that was read."""
    scores = outputs[:, -1].astype(float)
    if scores.shape[1] <= following.max():
        return np.inf  # there is no score for some characters
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores[np.arange(len(scores)), following] - np.log(np.exp(scores).sum(axis=1))
    return float(-log_p.mean() / np.log(2))
