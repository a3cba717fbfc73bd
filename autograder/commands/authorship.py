"""Commands about whose work a hand-in is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import CourseOption, open_console, root_of

__all__ = ["register"]

HandInsArgument = Annotated[
    Path, typer.Argument(help="The hand-ins: STUDENT/ASSIGNMENT/FILE, an LMS's download, or a zip of these.")
]


def similarity(
    folder: HandInsArgument,
    *,
    assignment: Annotated[str | None, typer.Option(help="Compare only this one; by default each of them.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for pages and tables.")] = Path("similarity"),
    most: Annotated[int, typer.Option(min=1, max=1000, help="Pairs of an assignment to show side by side.")] = 50,
    export: Annotated[
        tuple[str, Path] | None,
        typer.Option(
            metavar="TOOL FOLDER", help="Write code for another tool instead: dolos, jplag or compare50, and a folder."
        ),
    ] = None,
    course: CourseOption = None,
) -> None:
    """Rank pairs of hand-ins by how alike their code is, whatever names, order and layout; show them side by side."""
    from autograder.authorship.similarity import compare_class

    compare_class(
        open_console(), root_of(course, folder), folder, out, assignment=assignment, most=most, exported=export
    )


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(similarity)
