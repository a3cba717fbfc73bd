"""A page for every assignment: what it is about in figures, then the notebook as students get it, not executed."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import nbformat

from autograder.checks import Outline
from extensions.repository import ROOT

HEADING = re.compile(r"^#{2,6} ")
FENCE = re.compile(r"^`{3,}", re.MULTILINE)


def pages() -> dict[str, str]:
    """Text in Markdown by the page's name: ``assignments/02_layers.md`` and the others, and an index."""
    outlines = {path.parent.name: outline(path) for path in sorted(ROOT.glob("assignments/*/assignment.py"))}
    found = {f"assignments/{name}.md": page(name, outlines) for name in outlines}
    return {"assignments/index.md": index(outlines), **found}


def outline(path: Path) -> Outline:
    """The outline of an assignment, by its ``assignment.py``."""
    return runpy.run_path(str(path))["OUTLINE"]  # type: ignore[no-any-return]


def index(outlines: dict[str, Outline]) -> str:
    """The page that lists all assignments."""
    rows = [
        f"| [{title(name, one)}]({name}.md) | {hours(one)} | {len(one.points)} | {number(total(one))} |"
        for name, one in outlines.items()
    ]
    return "\n".join(
        [
            "# Assignments",
            "",
            "Each page shows an assignment's exercises with their points, then the notebook as students get it.",
            "",
            "| assignment | time | exercises | points |",
            "|---|---|---|---|",
            *rows,
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *outlines,
            "```",
            "",
        ]
    )


def page(name: str, outlines: dict[str, Outline]) -> str:
    """The page of one assignment."""
    path = ROOT / "assignments" / name / f"{name.split('_', 1)[1]}.ipynb"
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    first, *cells = notebook.cells
    head, _, beginning = first.source.partition("\n")
    assert head.startswith("# "), f"{path} begins with {head!r}: a title is expected"  # noqa: S101 - the build fails
    defined = outlines[name].points
    body = [beginning.strip(), *_cells(name, cells, list(defined))]
    return "\n\n".join([head, facts(name, outlines), *body]) + "\n"


def facts(name: str, outlines: dict[str, Outline]) -> str:
    """What it builds on, the time it takes, and the table of its exercises."""
    one = outlines[name]
    earlier = ", ".join(f"[{title(other, outlines[other])}]({other}.md)" for other in one.earlier) or "nothing earlier"
    rows = [
        _row(f"[{exercise}](#{anchor(name, exercise)})", one.points_of(exercise).by_part) for exercise in one.points
    ]
    rows += [
        f"| question: {question.replace('_', ' ')} | | {number(points)} |" for question, points in one.questions.items()
    ]
    return "\n".join(
        [
            f"**Builds on** {earlier}. **Time** {hours(one)}. **Points** {number(total(one))}.",
            "",
            f"Begin with `autograder start {name}`.",
            "",
            "| exercise | points by part | in all |",
            "|---|---|---|",
            *rows,
        ]
    )


def _row(link: str, by_part: dict[str, float]) -> str:
    parts = ", ".join(f"{part} {number(points)}" for part, points in by_part.items()) if len(by_part) > 1 else ""
    return f"| {link} | {parts} | {number(sum(by_part.values()))} |"


def _cells(name: str, cells: list[nbformat.NotebookNode], exercises: list[str]) -> Iterator[str]:
    """The cells in Markdown; what a link to an exercise leads to stands above its section, or above its code."""
    claimed: dict[int, str] = {}
    section: int | None = None
    for i, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            section = i if HEADING.match(cell.source) else section
            continue
        for exercise in exercises:
            if re.search(rf"^(?:class|def) {exercise}\b", cell.source, re.MULTILINE):
                place = i if section is None or section in claimed else section
                claimed[place] = f"{claimed.get(place, '')}({anchor(name, exercise)})=\n"
    for i, cell in enumerate(cells):
        if cell.source.strip():
            yield claimed.get(i, "") + (cell.source if cell.cell_type == "markdown" else _code(cell.source))


def _code(source: str) -> str:
    longest = max((len(found) for found in FENCE.findall(source)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}python\n{source}\n{fence}"


def anchor(name: str, exercise: str) -> str:
    """What a link to an exercise names."""
    return f"exercise-{name}-{exercise}"


def title(name: str, one: Outline) -> str:
    """Number and title, ``02 Layers``."""
    return f"{name[:2]} {one.title}"


def total(one: Outline) -> float:
    """Points of all exercises and questions."""
    return sum(sum(one.points_of(exercise).by_part.values()) for exercise in one.points) + sum(one.questions.values())


def hours(one: Outline) -> str:
    """The time that an assignment takes, in hours."""
    return f"about {number(round(one.minutes / 30) / 2)} hours" if one.minutes else "not stated"


def number(value: float) -> str:
    """2 for 2.0, 2.5 for 2.5."""
    return f"{value:g}"
