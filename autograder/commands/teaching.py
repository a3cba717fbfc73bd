"""What an instructor types.  Everything heavy is imported by the command that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import (
    BackendOption,
    CourseOption,
    JobsOption,
    JsonOption,
    SeedOption,
    check_backend,
    cores,
    open_console,
    root_of,
    usage,
    wants_capstones,
)

__all__ = ["register"]


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the made-up class and its reports.")] = Path("demo"),
    jobs: JobsOption = None,
    seed: SeedOption = None,
    course: CourseOption = None,
) -> None:
    """Grade a made-up class of the two first assignments: the main job in one go."""
    import secrets

    from autograder import catalogue
    from autograder.classroom import grade_class
    from autograder.demo import make_class

    root = root_of(course)
    written = [
        path for name in catalogue.names(root)[:2] for path in make_class(catalogue.load(name, root), out / "submitted")
    ]
    console = open_console()
    console.print(f"A class of {len({path.parts[-3] for path in written})} students handed in {len(written)} files.")
    seed = secrets.randbits(32) if seed is None else seed
    folder, graded = out / "submitted", out / "graded"
    grade_class(console, root, folder, graded, jobs=jobs or cores(), seed=seed, isolation="none")  # it is made up


def grade(
    folder: Annotated[Path, typer.Argument(help="STUDENT/ASSIGNMENT/FILE, as nbgrader's submitted/ is.")],
    *,
    assignment: Annotated[str | None, typer.Option(help="Grade this one only, and list who handed in nothing.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for reports and pages.")] = Path("graded"),
    jobs: JobsOption = None,
    seed: SeedOption = None,
    backend: BackendOption = "numpy",
    earlier: Annotated[str, typer.Option(help="Grade later work on: own or reference earlier work.")] = "reference",
    isolation: Annotated[
        str, typer.Option(help="Least isolation of student code: full, or partial or none, at your own risk.")
    ] = "full",
    without: Annotated[list[str] | None, typer.Option(help="Leave out: capstones.")] = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Grade a class: a report and a page a student, a page for the class.  Goes on where it was killed."""
    from autograder.classroom import grade_class
    from autograder.isolation.levels import LEVELS

    root = root_of(course)
    check_backend(backend)
    if earlier not in ("own", "reference"):
        message = f"--earlier is 'own' or 'reference', not '{earlier}'."
        raise usage(message)
    if isolation not in LEVELS:
        message = f"--isolation is 'full', 'partial' or 'none', not '{isolation}'."
        raise usage(message)
    grade_class(
        open_console(stderr=json),
        root,
        folder,
        out,
        assignment=assignment,
        jobs=jobs or cores(),
        json=json,
        seed=seed,
        backend=backend,
        earlier=earlier,
        isolation=isolation,
        capstones=wants_capstones(without),
    )


def report(out: Annotated[Path, typer.Argument(help="A folder that autograder grade wrote.")] = Path("graded")) -> None:
    """Draw the pages again from the reports, without grading."""
    from autograder.classroom import draw, entries_of

    draw(open_console(), out, entries_of(out))


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (demo, grade, report):
        app.command()(command)
