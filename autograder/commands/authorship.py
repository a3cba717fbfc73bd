"""Commands about whose work a hand-in is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import CourseOption, check_isolation, open_console, root_of

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


def viva(
    student: Annotated[str, typer.Argument(help="The student's id, or name.")],
    folder: HandInsArgument,
    *,
    assignment: Annotated[str | None, typer.Option(help="Ask only about this one; by default about all.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the two sheets.")] = Path("viva"),
    seed: Annotated[int, typer.Option(min=0, help="Draws the questions; another seed asks others.")] = 0,
    isolation: Annotated[str, typer.Option(help="Lowest isolation of student code: full, partial or none.")] = "full",
    course: CourseOption = None,
) -> None:
    """Ask three questions on a student's own code, each with an answer that was run; write a sheet for each side."""
    from autograder.authorship.viva import questions_for
    from autograder.classroom.runs import keep
    from autograder.render.viva import print_questions, viva_page

    check_isolation(isolation)
    root = root_of(course, folder)
    who, questions = questions_for(student, folder, root, assignment=assignment, seed=seed, isolation=isolation)
    for sheet, answers in (("questions", False), ("answers", True)):
        keep(out / who / f"{sheet}.html", viva_page(who, questions, answers=answers), within=out)
    console = open_console()
    print_questions(console, who, questions)
    console.print(f"Sheets: {out / who}/questions.html and answers.html", soft_wrap=True, markup=False, highlight=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (similarity, viva):
        app.command()(command)
