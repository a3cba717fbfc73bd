"""What the diagnosis recognises: every pattern with its examples, each a change of correct code and what it gives."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable
from typing import Any

from autograder.diagnosis.contrasts import CONTRASTS
from autograder.diagnosis.examples import COURSE, FOLDER
from autograder.diagnosis.pattern import Example, Pattern
from autograder.diagnosis.patterns import PATTERNS
from autograder.diagnosis.properties import PROPERTIES

INTRODUCTION = """Where a check fails and no planted mistake explains it, each of these is looked for, in this order;
the first one that holds for every number of every case is reported. Lines with − are correct code, those with + are
what somebody wrote in their place, and the sentence is what they read.

A pattern is a function with the decorator `pattern` of `autograder/diagnosis/pattern.py`, listed in
`autograder/diagnosis/patterns.py`, `properties.py` or `contrasts.py`. Its examples are edits of the
[code below](#the-exercises), and they are its tests: the edited code must get exactly this sentence, from this
pattern."""
LINES = 2
"""Of code around a change."""


def page() -> str:
    """The page in Markdown."""
    correct = (FOLDER / "correct.py").read_text(encoding="utf-8")
    return "\n".join(
        [
            *("# What the diagnosis recognises", "", INTRODUCTION, ""),
            *section("Checks of one property", "Asked first: only that property can be violated there.", PROPERTIES),
            *section("Numbers", "Asked of each name that is wrong.", PATTERNS),
            *section("Contrasts", "Asked last: wrong cases are run again with one thing changed.", CONTRASTS),
            *("## The exercises", "", "The correct code that the examples change.", "", "```python"),
            *(correct.partition('"""\n\n')[2].rstrip(), "```", ""),
        ]
    )


def section(heading: str, text: str, patterns: Iterable[Pattern[Any]]) -> list[str]:
    """Lines of the part about these patterns."""
    return [f"## {heading}", "", text, "", *(line for each in patterns for line in described(each))]


def described(pattern: Pattern[Any]) -> list[str]:
    """Lines of one pattern."""
    lines = [f"### {pattern.name.capitalize()}", "", pattern.summary, "", f"Looked for in: {pattern.when}.", ""]
    for example in pattern.examples:
        lines += [
            *(f"`{example.exercise}` fails “{example.check}”:", "", "```diff", *difference(example), "```", ""),
            *(f"> {line}" for line in (escaped(example.sentence), escaped(example.hint)) if line),
            "",
        ]
    return lines


def difference(example: Example) -> list[str]:
    """The change of an example, with the lines around it."""
    exercise = COURSE.assignment.exercise(example.exercise)
    source = COURSE.source_of(exercise)
    texts = [text.splitlines() for text in (source, example.apply(source))]
    _, _, *lines = difflib.unified_diff(*texts, n=LINES, lineterm="")
    kept = one_method([line for line in lines if not line.startswith("@@")])
    marks, code = [line[0] for line in kept], textwrap.dedent("\n".join(line[1:] for line in kept)).split("\n")
    return [(mark + text).rstrip() for mark, text in zip(marks, code, strict=True)]


def one_method(lines: list[str]) -> list[str]:
    """Lines of a difference without those of another method, which an empty line separates."""
    changed = [i for i, line in enumerate(lines) if line[0] != " "]
    empty = [i for i, line in enumerate(lines) if not line.strip()]
    first = max((i + 1 for i in empty if i < changed[0]), default=0)
    last = min((i for i in empty if i > changed[-1]), default=len(lines))
    return lines[first:last]


def escaped(text: str) -> str:
    """Text in which nothing is markup."""
    for character in "\\*_[]<>`":
        text = text.replace(character, f"\\{character}")
    return text
