"""The command that decides whose checks may run.  Heavy modules are imported by the command that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import JsonOption, open_console, print_json, usage

__all__ = ["register"]


def trust(
    folder: Annotated[Path | None, typer.Argument(help="A course, or one assignment's folder.")] = None,
    *,
    show: Annotated[bool, typer.Option("--list", help="List what is trusted.")] = False,
    forget: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Stop trusting this folder.")] = None,
    json: JsonOption = False,
) -> None:
    """Allow the checks in a folder, in their present form, to run as me: I know where they come from."""
    from autograder.course import trust as trusted

    if (folder is not None) + show + (forget is not None) != 1:
        message = "Name a folder to trust, or pass --list or --forget FOLDER."
        raise usage(message)
    console = open_console()
    if show:
        courses = trusted.accepted()
        if json:
            print_json(courses)
            return
        for root, known in courses.items():
            line = f"{root}  {len(known.files)} files, by autograder {known.by}, {known.at}"
            console.print(line, markup=False, soft_wrap=True)
        if not courses:
            console.print("Only the installed course is trusted.")
        return
    if forget is not None:
        gone = trusted.forget(forget)
        said, paths = "No longer trusted", gone
    else:
        assert folder is not None  # noqa: S101 - one of the three was given
        said, paths = "Trusted in its present form", [str(path) for path in trusted.accept(folder)]
    if json:
        print_json(paths)
        return
    for path in paths:
        console.print(f"{said}: {path}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(trust)
