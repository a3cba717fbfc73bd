"""What statistical checks notice: every claim about draws, with the effect that it detects at its number of draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograder.checks.power import Power, powers
from autograder.course import catalogue
from autograder.spec import Check
from extensions.patterns_page import escaped
from extensions.repository import ROOT

INTRODUCTION = """A check of code that draws makes claims about what is drawn: a share, a mean, a variance, a
distribution. Correct code fails a check with a probability below 10⁻⁷. How far off a mistake has to be depends on the
number of draws. This page says it for every claim and case: code whose level is **as low or as high as the last two
columns, or farther off, fails with a probability of at least 0.999**. Both follow from inequalities that hold for
every number of draws (`autograder/checks/laws.py`); nothing is tuned."""


def page() -> str:
    """The page in Markdown."""
    lines = ["# What statistical checks notice", "", INTRODUCTION, ""]
    for name in catalogue.names(ROOT):
        if rows := list(of_assignment(name)):
            lines += [f"## {catalogue.load(name, ROOT).assignment.title}", ""]
            lines += ["| exercise | claim | case | draws | expected | noticed below | noticed above |"]
            lines += ["|---|---|---|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def of_assignment(name: str) -> Iterator[str]:
    """A row for every claim and case of an assignment."""
    loaded = catalogue.load(name, ROOT)

    def drawn(_check: Check) -> np.random.Generator:
        return np.random.default_rng(0)

    for exercise in loaded.assignment.exercises:
        for power in powers(exercise, loaded.subject(exercise), drawn):
            yield row(exercise.name, power)


def row(exercise: str, power: Power) -> str:
    """One claim and case."""
    levels = " | ".join(f"{level:.4g}" for level in (power.expected, power.low, power.high))
    return f"| `{exercise}` | {escaped(power.claim)} | {escaped(power.case)} | {power.count:,} | {levels} |"
