"""What a learner types.  Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands.options import (
    BackendOption,
    CourseOption,
    JsonOption,
    SeedOption,
    check_backend,
    complain,
    cores,
    open_console,
    root_of,
    wants_capstones,
)

if TYPE_CHECKING:
    from autograder.verdict import Report

__all__ = ["register"]


def check(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Assignments, exercises or files; by default all.")
    ] = None,
    *,
    backend: BackendOption = "numpy",
    seed: SeedOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every check, passed ones too.")] = False,
    without: Annotated[list[str] | None, typer.Option(help="Leave out: capstones.")] = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Check my own work: an assignment, an exercise, or all."""
    import secrets

    from autograder.isolation.launcher import open_launcher

    reports: list[Report] = []
    unread = 0
    with open_launcher(backend=backend) as launcher:  # it starts while the rest is being imported
        from autograder import catalogue
        from autograder.grade import Grader
        from autograder.submission import SubmissionError, own_earlier, read_submission

        root = root_of(course)
        check_backend(backend)
        for loaded, path, only in catalogue.targets(targets or [], root):
            grader = Grader(
                loaded,
                launcher,
                seed=secrets.randbits(32) if seed is None else seed,
                backend=backend,
                capstones=wants_capstones(without),
                only=only,
                threads=cores(),
            )
            earlier = None if loaded.official else own_earlier(loaded.released.parent, loaded)
            try:
                reports.append(grader.grade(read_submission(path, loaded), earlier=earlier))
            except SubmissionError as error:
                unread = complain(str(error))
    if json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(reports).decode() + "\n")
    else:
        from autograder.render.terminal import print_report

        for report in reports:
            print_report(open_console(), report, verbose=verbose)
    if unread or any(report.status in ("failed", "broken") for report in reports):
        raise typer.Exit(unread or 1)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (check,):
        app.command()(command)
