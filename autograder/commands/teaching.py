"""Commands for instructors.  Heavy modules are imported by the command that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands.options import (
    BackendOption,
    CourseOption,
    JobsOption,
    JsonOption,
    SeedOption,
    WithoutOption,
    check_backend,
    check_isolation,
    cores,
    open_console,
    root_of,
    scope_without,
    usage,
)

if TYPE_CHECKING:
    from autograder.classroom.parts import Part
    from autograder.export.formats import Told

__all__ = ["register"]

IsolationOption = Annotated[
    str, typer.Option(help="Lowest isolation of student code: full, or partial or none, at your own risk.")
]
PartOption = Annotated[
    str | None, typer.Option(metavar="I/N", help="Grade only the I-th of N shares of the class; join with merge.")
]
ClusterOption = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Grade on the machines of this Dask scheduler: tcp://HOST:8786.")
]
DrawingOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes that draw pages; by default one per core.")
]
GradebookOption = Annotated[
    str | None, typer.Option(help="Also write to nbgrader's gradebook: sqlite:///gradebook.db, or PostgreSQL.")
]


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the made-up class and its reports.")] = Path("demo"),
    jobs: JobsOption = None,
    seed: SeedOption = None,
    course: CourseOption = None,
) -> None:
    """Grade a made-up class in layers and losses, to show the main task at once."""
    import secrets

    from autograder.classroom.demo import make_class, shown
    from autograder.classroom.grading import grade_class
    from autograder.course import catalogue
    from autograder.grading.options import Options

    root = root_of(course)
    written = [path for name in shown(root) for path in make_class(catalogue.load(name, root), out / "submitted")]
    console = open_console()
    console.print(f"A class of {len({path.parts[-3] for path in written})} students handed in {len(written)} files.")
    options = Options(seed=secrets.randbits(32) if seed is None else seed, isolation="none")  # the class is made up
    grade_class(console, root, out / "submitted", out / "graded", options, jobs=jobs or cores())


def grade(
    folder: Annotated[
        Path,
        typer.Argument(help="The hand-ins: STUDENT/ASSIGNMENT/FILE, an LMS's download, or a zip of these."),
    ],
    *,
    assignment: Annotated[str | None, typer.Option(help="Grade only this one, and list who handed in nothing.")] = None,
    student: Annotated[list[str] | None, typer.Option(help="Grade this one again, within the class.")] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV file with every student's id and name.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for reports and pages.")] = Path("graded"),
    jobs: JobsOption = None,
    seed: SeedOption = None,
    backend: BackendOption = "numpy",
    earlier: Annotated[str, typer.Option(help="Earlier work to build on: own or reference.")] = "reference",
    isolation: IsolationOption = "full",
    without: WithoutOption = None,
    gradebook: GradebookOption = None,
    part: PartOption = None,
    cluster: ClusterOption = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Grade a class: a report and a page for every student, a page for the class.  Resumes where it stopped.

    The exit status is 0 if everything was graded, 1 if something was not graded or is broken, 2 for a usage error.
    """
    from autograder.classroom.grading import grade_class
    from autograder.grading.options import Options
    from autograder.spec import SpecError

    root = root_of(course, folder)
    check_backend(backend)
    check_isolation(isolation)
    _check_earlier(earlier)
    share = _share(part, seed, joins=json or gradebook is not None)
    options = Options(seed=seed, backend=backend, scope=scope_without(without), earlier=earlier, isolation=isolation)
    try:
        status = grade_class(
            open_console(stderr=json),
            root,
            folder,
            out,
            options,
            assignment=assignment,
            students=student or (),
            roster=roster,
            jobs=jobs or cores(),
            json=json,
            gradebook=gradebook,
            part=share,
            cluster=cluster,
        )
    except SpecError as error:  # the course is at fault, so nothing can run
        raise usage(str(error)) from error
    if status:
        raise typer.Exit(status)


def _check_earlier(earlier: str) -> None:
    if earlier not in ("own", "reference"):
        message = f"--earlier: expected 'own' or 'reference', got '{earlier}'."
        raise usage(message)


def _share(part: str | None, seed: int | None, *, joins: bool) -> Part:
    """The share of the class that ``--part`` names; joins: whether an option needs the whole class."""
    from autograder.classroom.parts import WHOLE, read_part

    if part is None:
        return WHOLE
    share = read_part(part)
    if seed is None:
        message = "--part needs --seed: all parts must draw the same inputs. Choose any number, the same for each part."
        raise usage(message)
    if joins:
        message = "--part only grades: pass --json and --gradebook to autograder merge, which joins the parts."
        raise usage(message)
    return share


def merge(
    parts: Annotated[list[Path], typer.Argument(help="The --out folder of every part.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the reports and pages of the whole class.")] = Path("graded"),
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Join what is there, and list what is missing.")
    ] = False,
    jobs: DrawingOption = None,
    gradebook: GradebookOption = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Join the parts of a class that grade --part graded, and draw its pages."""
    from autograder.classroom.grading import merge_parts

    console = open_console(stderr=json)
    status = merge_parts(
        console,
        root_of(course),
        parts,
        out,
        unfinished=unfinished,
        jobs=jobs or cores(),
        json=json,
        gradebook=gradebook,
    )
    if status:
        raise typer.Exit(status)


def report(
    out: Annotated[Path, typer.Argument(help="A folder that autograder grade wrote.")] = Path("graded"),
    *,
    jobs: DrawingOption = None,
) -> None:
    """Draw the pages again from the reports, without grading: those that are missing or out of date."""
    from autograder.classroom.class_record import read_record
    from autograder.classroom.pages import draw, entries_of

    draw(open_console(), out, entries_of(out), read_record(out), jobs=jobs or cores())


def export(
    form: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="gradescope, classroom, prairielearn, junit, csv, canvas, moodle, gradebook; or gradescope-zip.",
        ),
    ],
    out: Annotated[
        str, typer.Argument(help="A folder that autograder grade wrote; for gradescope-zip the assignment's name.")
    ] = "graded",
    *,
    to: Annotated[str | None, typer.Option(help="File, folder or gradebook address to write to.")] = None,
    assignment: Annotated[str | None, typer.Option(help="Only this assignment.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="canvas, moodle: the sheet that you downloaded there.")] = None,
    column: Annotated[str | None, typer.Option(help="canvas, moodle: header of the column for points.")] = None,
    match: Annotated[str | None, typer.Option(help="canvas, moodle: header of the column that names students.")] = None,
    feedback: Annotated[str | None, typer.Option(help="moodle: header of the column for feedback.")] = None,
    scale: Annotated[
        bool, typer.Option("--scale", help="canvas, moodle: scale points to the sheet's maximum.")
    ] = False,
    in_place: Annotated[bool, typer.Option("--in-place", help="canvas, moodle: overwrite the sheet itself.")] = False,
    semicolons: Annotated[bool, typer.Option("--semicolons", help="csv: ; between cells, decimal commas.")] = False,
    workflow: Annotated[Path | None, typer.Option(help="classroom: write the workflow file as well.")] = None,
    kit: Annotated[str | None, typer.Option(help="classroom: what pip installs in the workflow.")] = None,
    isolation: Annotated[str, typer.Option(help="gradescope-zip: lowest isolation in the container.")] = "partial",
    minutes: Annotated[float, typer.Option(min=0.1, help="gradescope-zip: time limit of grading.")] = 9.0,
    without: Annotated[
        list[str] | None, typer.Option(help="gradescope-zip: leave out: capstones, or bonus (exercises).")
    ] = None,
    course: CourseOption = None,
) -> None:
    """Write a graded class in another tool's format, or pack the autograder for Gradescope.

    The exit status is 1 if the gradebook lacks a report that could not be written, 2 for a usage error.
    """
    from autograder.export import formats

    if form == "gradescope-zip":
        from autograder.commands.packing import pack

        target = Path(to or "autograder.zip")
        told = formats.Told(pack(root_of(course), out, target, isolation, 60 * minutes, scope=scope_without(without)))
    else:
        choices = formats.Choices(
            Path(out),
            to=to,
            root=lambda: root_of(course),
            sheet=sheet,
            column=column,
            match=match,
            feedback=feedback,
            scale=scale,
            in_place=in_place,
            semicolons=semicolons,
            workflow=workflow,
            kit=kit,
        )
        told = formats.write(form, assignment, choices)
    _tell(told)


def _tell(told: Told) -> None:
    """Print what was written; the exit status is 1 if something was left out."""
    console = open_console()
    for sentence in told.sentences:
        console.print(sentence, soft_wrap=True, markup=False, highlight=False)
    if not told.complete:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (demo, grade, merge, report, export):
        app.command()(command)
