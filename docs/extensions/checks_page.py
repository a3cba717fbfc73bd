"""The authors' interface, ``autograder.checks``: every public name, kinds of exercises first."""

from __future__ import annotations

import inspect
from typing import Any

from autograder import checks

INTRODUCTION = """An assignment's files import nothing else from the autograder.
[Write an exercise](../writing-exercises.md) shows how these names are used; the files of
`solutions/02_layers/exercises/` are examples."""
GROUPS = {
    "Kinds of exercises": "Each makes an exercise with the standard checks of its kind.",
    "Further checks": "Functions and decorators that add to an exercise what the standard checks do not cover.",
    "What they are given": "Cases, limits, laws, and what stands for an object in a case.",
}


def page() -> str:
    """The page in Markdown."""
    grouped: dict[str, list[str]] = {name: [] for name in GROUPS}
    for name in checks.__all__:
        grouped[group(getattr(checks, name))].append(name)
    lines = ["# autograder.checks", "", INTRODUCTION, ""]
    for heading, names in grouped.items():
        lines += [f"## {heading}", "", GROUPS[heading], "", "```{eval-rst}", ".. currentmodule:: autograder.checks", ""]
        for name in names:
            lines += [f".. {directive(getattr(checks, name))}:: {name}", ""]
        lines += ["```", ""]
    return "\n".join(lines)


def group(value: Any) -> str:
    """The heading under which a public name stands."""
    kinds, further, given = GROUPS
    if inspect.isclass(value):
        return kinds if issubclass(value, checks.Exercise) and value is not checks.Exercise else given
    if not callable(value):
        return given
    return kinds if "Exercise" in str(inspect.signature(value).return_annotation) else further


def directive(value: Any) -> str:
    """The directive of autodoc that describes it."""
    if inspect.isclass(value):
        return "autoclass"
    return "autofunction" if callable(value) else "autodata"
