"""How observations are judged, where a comparison of values is not enough.

Each takes what was observed, what is expected and the case, and returns a Mismatch or None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from autograder.isolation.tree import Value
from autograder.spec import Case, Judge, Observations
from autograder.spec.comparison import FLOAT32, Mismatch, compare, is_compared

__all__ = [
    "ANEW",
    "AS_IT_WAS",
    "Judge",
    "judge_dtype",
    "judge_float32",
    "judge_mean",
    "judge_unchanged",
    "judge_words",
    "used_again",
]

AS_IT_WAS = "as it was"
"""What is observed of a value that later calls have not changed, where its numbers depend on a draw."""
AGAIN = "where the same arrays are used again"
ANEW = "where the same arrays hold other numbers"


def used_again(seen: Observations, where: str = AGAIN) -> Observations:
    """What was observed where the arrays of an earlier call are used again, by names that say so."""
    return {name if name.startswith("_") else f"{name} {where}": value for name, value in seen.items()}


def judge_float32(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require float32, and values correct within its rounding; whole numbers (ids) have no such dtype."""
    del case
    for name, value in expected.items():
        if not is_compared(name):
            continue
        seen = observed.get(name)
        found = compare(seen, value, name, FLOAT32)
        if found:
            return found
        if isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype.kind in "iub"):
            continue
        for dtype in _dtypes(seen):
            if dtype != np.float32:
                return Mismatch("dtype", name, f"{name}: expected float32 like the inputs, got {dtype}")
    return None


def _dtypes(value: Value) -> Iterator[object]:
    """The dtype of every array in a tree; a Python number counts as float64."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else None
    if inner is None:
        yield getattr(value, "dtype", np.dtype(float))
    else:
        for item in inner:
            yield from _dtypes(item)


def judge_unchanged(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require every input to be as it was before the call, and what was made of it again to be correct.

    Where words report that, compare the words.  What was made of the same arrays again (``used_again``) is compared as
    usual: code that hides a change from whoever looks still computes with it, and code that remembers an array by its
    identity does not notice that its numbers are others.
    """
    del case
    for name, value in expected.items():
        if not is_compared(name):
            continue
        seen = observed.get(name)
        if name.endswith((AGAIN, ANEW)):
            if found := compare(seen, value, name):
                return found
            continue
        in_words = isinstance(value, str) and seen == value
        if not in_words and not (isinstance(seen, np.ndarray) and np.array_equal(seen, value, equal_nan=True)):
            return Mismatch("changed", name, f"{name} was changed by the call: do not write into inputs")
    return None


def judge_dtype(kind: str) -> Judge:
    """Make the judge that requires the reference's dtype by name; kind: of the mismatch."""

    def judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        del case
        (name, right), (_, seen) = *expected.items(), *observed.items()
        return None if seen == right else Mismatch(kind, name, f"{name}: expected {right}, got {seen}")

    return judge


def judge_words(sentences: Mapping[str, str], kind: str = "value") -> Judge:
    """Make the judge that requires the expected words, and reports the sentence that belongs to another word.

    sentences: by the observed word; for any other word one is composed.  kind: of the mismatch.
    """

    def judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        del case
        for name, right in expected.items():
            seen = observed.get(name)
            if isinstance(seen, np.ndarray) or seen != right:  # an array is no word, whatever it holds
                return Mismatch(kind, name, sentences.get(str(seen)) or f"{name}: expected {right}, got {seen}")
        return None

    return judge


def judge_mean(required: float, about: str, sentence: str) -> Judge:
    """Make the judge of a capstone that is tried on several drawings: the mean of what is observed decides.

    A text among the observations says what is wrong with the form.  about: what the mismatch is about; sentence: with
    ``{reached}`` or, as a percentage, ``{percent}`` for the mean.
    """

    def judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        del expected, case
        found = list(observed.values())
        wrong = next((each for each in found if isinstance(each, str)), None)
        if wrong:
            return Mismatch("shape", about, wrong)
        reached = float(np.mean(found))
        if reached >= required:
            return None
        text = sentence.format(reached=reached, percent=100 * reached)
        return Mismatch("accuracy", about, text, error=required - reached)

    return judge
