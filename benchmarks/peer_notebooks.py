"""Exercises with tests as an ordinary instructor would write them, as notebooks for nbgrader and for otter-grader.

Every part has a visible test with numbers computed by hand and a hidden one with drawn inputs.  Hidden tests use the
instructor's own formula, and differentiate that one, never the student's forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import Any

NUMERIC = """\
def numeric_gradient(f, x, dy, h=1e-5):
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = np.sum((f(x + step) - f(x - step)) * dy) / (2 * h)
    return gradient

def rel_error(a, b):
    return np.max(np.abs(a - b) / np.maximum(1e-6, np.abs(a) + np.abs(b)))
"""
"""What hidden tests of a backward begin with."""


@dataclass(frozen=True)
class Part:
    """A forward or a backward: its points, the test that students see, and the one that they do not."""

    name: str
    points: int
    visible: str
    hidden: str


@dataclass(frozen=True)
class Course:
    """One assignment.

    imports: its first cell; heads: how each class begins; right: forward and backward of every class; parts: what is
    tested; signatures: of the two methods, where they are not a layer's.
    """

    imports: str
    heads: Mapping[str, str]
    right: Mapping[str, tuple[str, str]]
    parts: Mapping[str, tuple[Part, ...]]
    signatures: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def layer(self, name: str, forward: str, backward: str, begin: str = "", end: str = "") -> str:
        """Write one class; ``begin`` and ``end`` are lines around each body."""
        text = dedent(self.heads[name])
        signatures = self.signatures.get(name, ("forward(self, x)", "backward(self, dy)"))
        for signature, body in zip(signatures, (forward, backward), strict=True):
            text += f"\n    def {signature}:\n" + indent(f"{begin}{body}\n{end}", " " * 8)
        return text

    def solution(self, name: str, begin: str, end: str) -> str:
        """Write an exercise with the marks of a solution around each body."""
        forward, backward = self.right[name]
        return self.layer(name, forward, backward, begin, end)

    def for_nbgrader(self) -> dict[str, Any]:
        """Make the source notebook: solution cells, and locked test cells with a hidden end."""
        cells: list[dict[str, Any]] = [{"source": self.imports}]
        for name, parts in self.parts.items():
            source = self.solution(name, "### BEGIN SOLUTION\n", "### END SOLUTION\n")
            cells.append({"source": source, **_nbgrader(name)})
            for part in parts:
                source = f"{part.visible}### BEGIN HIDDEN TESTS\n{part.hidden}### END HIDDEN TESTS"
                cells.append({"source": source, **_nbgrader(f"{name}_{part.name}", part.points)})
        return notebook(cells)

    def for_otter(self) -> dict[str, Any]:
        """Make the master notebook of ``otter assign``: a question for each part, every setting the default one."""
        cells = [_raw("# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: false"), {"source": self.imports}]
        for name, parts in self.parts.items():
            for number, part in enumerate(parts):
                question = f"{name}_{part.name}"
                cells.append(_raw(f"# BEGIN QUESTION\nname: {question}\npoints: {part.points}"))
                if number == 0:  # the class is written once; the second question is of the same class
                    marked = {"source": self.solution(name, "# BEGIN SOLUTION\n", "# END SOLUTION\n")}
                    cells += [_raw("# BEGIN SOLUTION"), marked, _raw("# END SOLUTION")]
                cells += [_raw("# BEGIN TESTS"), {"source": part.visible}, {"source": "# HIDDEN\n" + part.hidden}]
                cells += [_raw("# END TESTS"), _raw("# END QUESTION")]
        return notebook(cells)


def notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Make a notebook of cells; each has ``source`` and may have ``cell_type`` and ``metadata``."""
    made = []
    for number, cell in enumerate(cells):
        kind = cell.get("cell_type", "code")
        more = {"outputs": [], "execution_count": None} if kind == "code" else {}
        made.append({"cell_type": kind, "id": f"cell{number}", "metadata": {}, **more, **cell})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": made}


def _nbgrader(name: str, points: int | None = None) -> dict[str, Any]:
    kind = {"grade": points is not None, "solution": points is None, "locked": points is not None, "task": False}
    worth = {} if points is None else {"points": points}
    return {"metadata": {"nbgrader": {"schema_version": 3, "grade_id": name, **kind, **worth}}}


def _raw(text: str) -> dict[str, Any]:
    return {"cell_type": "raw", "source": text}
