"""What of a long test runs every time, and what every night: ``make test`` takes samples, ``make nightly`` takes all.

What is left out of ``make test`` has a smaller sibling in it: fewer examples, one implementation of each exercise.
"""

import hashlib
import os

import pytest

__all__ = ["THOROUGH", "examples", "nightly", "one_of_each", "parameters", "some"]

THOROUGH = os.environ.get("DLKIT_TESTS") == "thorough"
"""Whether everything is run, as ``make nightly`` asks for."""


def examples(every_time, every_night):
    """How many examples a property is tried on."""
    return every_night if THOROUGH else every_time


def nightly(*values, id=None):  # noqa: A002 - as pytest.param calls it
    """Make a parameter whose test is run every night."""
    return pytest.param(*values, marks=pytest.mark.nightly, id=id)


def some(values, *, of, name=str):
    """Make parameters: one value of so many is taken every time, as if by chance and always the same, all at night."""
    ranked = sorted(values, key=lambda value: hashlib.sha256(name(value).encode()).digest())
    chosen = [name(value) for value in ranked[: -(-len(ranked) // of)]]
    return [pytest.param(v, id=name(v)) if name(v) in chosen else nightly(v, id=name(v)) for v in values]


def one_of_each(rows, kind, name):
    """Of the rows of each kind the one whose name hashes to the least: chosen as if by chance, and always the same."""
    least = {}
    for row in rows:
        rank = hashlib.sha256(name(row).encode()).digest()
        if kind(row) not in least or rank < least[kind(row)][0]:
            least[kind(row)] = rank, row
    chosen = [row for _, row in least.values()]
    return [row for row in rows if row in chosen]


def parameters(rows, kind, name):
    """Make parameters, all but one of each kind for the night; rows are tuples of values."""
    chosen = one_of_each(rows, kind, name)
    return [pytest.param(*row, id=name(row)) if row in chosen else nightly(*row, id=name(row)) for row in rows]
