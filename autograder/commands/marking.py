"""The command that marks by hand: its page, and marks read from a gradebook."""

from __future__ import annotations

import getpass
import html
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands.options import CourseOption, open_console, root_of

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.classroom.marking.desk import Desk

__all__ = ["register"]


def mark(
    out: Annotated[Path, typer.Argument(help="A folder that autograder grade wrote.")] = Path("graded"),
    *,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Show no names.")] = False,
    grader: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Who marks; by default your login.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; by default any that is free.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False,
    from_gradebook: Annotated[
        str | None, typer.Option(metavar="URL", help="Read marks from nbgrader's gradebook, and end.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --from-gradebook: also where a mark was given on the page.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Mark written answers, change points and comment, on a page of this machine.  Ctrl-C ends it.

    The exit status is 1 if a gradebook's mark was not taken because another one was given here.
    """
    console = open_console()
    if from_gradebook is not None:
        _import(console, out, from_gradebook, replace=replace)
        return
    from autograder.classroom.marking.desk import Desk

    _serve(console, Desk(out, _course(course, out), grader or _login(), anonymous=anonymous), port, no_browser)


def _import(console: Console, out: Path, url: str, *, replace: bool) -> None:
    from autograder.classroom.marking.importing import import_marks

    found = import_marks(out, url, replace=replace)
    for sentence in found.sentences():
        console.print(sentence, soft_wrap=True, markup=False)
    if found.kept:
        raise typer.Exit(1)


def _serve(console: Console, desk: Desk, port: int, no_browser: bool) -> None:
    from autograder.classroom.marking.server import open_server

    with open_server(desk, port) as server, tempfile.TemporaryDirectory() as folder:
        console.print(f"Marking page: {server.address}", soft_wrap=True, markup=False)
        console.print("Whoever has this address can read and mark until you end it with Ctrl-C.", soft_wrap=True)
        if not no_browser:
            webbrowser.open(_redirect(Path(folder), server.address))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            what = "1 mark was saved" if desk.saved == 1 else f"{desk.saved} marks were saved"
            told = f"\nStopped: {what} in {desk.out / 'marks'}."
            more = f" autograder report {desk.out} draws the pages with them." if desk.saved else ""
            console.print(told + more, soft_wrap=True, markup=False)


def _redirect(folder: Path, address: str) -> str:
    """The address of a private file that leads to the page: other users of this machine see command lines."""
    path = folder / "marking.html"
    path.touch(mode=0o600)
    path.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(address)}">\n')
    return path.resolve().as_uri()


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _course(course: Path | None, out: Path) -> Path | None:
    """The course with questions and mark schemes: the named one, that of the run, or one that is found."""
    from autograder.classroom.runs import read_run
    from autograder.course.catalogue import UsageError

    if course is not None:
        return root_of(course)
    run = read_run(out)
    if run is not None and (Path(run.root) / "solutions").is_dir():
        return Path(run.root)
    try:
        return root_of(None)
    except UsageError:
        return None  # marking works without: the page says what is missing


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(mark)
