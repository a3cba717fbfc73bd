"""Options that several commands share, and how they are read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.spec import Scope

__all__ = [
    "BackendOption",
    "CourseOption",
    "JobsOption",
    "JsonOption",
    "SeedOption",
    "WithoutOption",
    "agreed",
    "assignment_names",
    "check_backend",
    "check_isolation",
    "complain",
    "cores",
    "open_console",
    "print_json",
    "root_of",
    "scope_without",
    "usage",
]

CourseOption = Annotated[Path | None, typer.Option("--course", help="The course's folder; found by default.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
SeedOption = Annotated[
    int | None, typer.Option(min=0, help="Draw the same inputs again; by default every run draws new ones.")
]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Grading processes; by default one per core.")]
WithoutOption = Annotated[list[str] | None, typer.Option(help="Leave out: capstones, or bonus (exercises).")]
BackendOption = Annotated[str, typer.Option(help="numpy, or cupy on a machine with a GPU.")]


def root_of(course: Path | None, hand_ins: Path | None = None) -> Path:
    """Find the course's folder: the named one, or the one around the current folder, if its checks are trusted.

    hand_ins: the folder that is graded, in which no course is searched for.
    """
    from autograder.course.trust import find_course

    return find_course(course, hand_ins=hand_ins)


def assignment_names(names: list[str] | None, root: Path) -> list[str]:
    """Complete names of assignments; all if none is given."""
    from autograder.course import catalogue

    return [catalogue.find(name, root) for name in names] if names else catalogue.names(root)


def usage(message: str) -> Exception:
    """Make the error of an invalid command line: one sentence, exit status 2."""
    from autograder.course.catalogue import UsageError

    return UsageError(message)


def scope_without(without: list[str] | None) -> Scope:
    """What to grade, by what ``--without`` says."""
    from autograder.spec import Scope

    for what in without or []:
        if what not in ("capstones", "bonus"):
            message = f"--without: expected 'capstones' or 'bonus', got '{what}'."
            raise usage(message)
    left_out = without or []
    return Scope(capstones="capstones" not in left_out, bonus="bonus" not in left_out)


def check_backend(name: str) -> None:
    """Raise BackendError if the backend cannot be used here."""
    from dlkit import backend

    with backend.use(name):
        pass


def check_isolation(level: str) -> None:
    """Raise UsageError if there is no such level of isolation."""
    from autograder.isolation.levels import LEVELS

    if level not in LEVELS:
        message = f"--isolation: expected 'full', 'partial' or 'none', got '{level}'."
        raise usage(message)


def cores() -> int:
    """Cores that this process may use."""
    from autograder.measuring.cores import usable

    return len(usable())


def open_console(*, stderr: bool = False) -> Console:
    """Make a console to print on."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def complain(message: str, status: int = 2) -> int:
    """Write one sentence to stderr; return the exit status."""
    sys.stderr.write(f"autograder: {message}\n")
    return status


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def agreed(question: str, *, yes: bool) -> bool:
    """Ask, unless ``yes``; exit with a sentence and status 1 if the answer is no, 2 if nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        message = "Nothing was changed: there is nobody to ask. Pass --yes to continue without asking."
        raise usage(message)
    if typer.confirm(question, default=True):
        return True
    raise typer.Exit(complain("Nothing was changed.", 1))
