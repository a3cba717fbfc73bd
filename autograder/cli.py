"""The command line.  Everything heavy is imported by the command that needs it: the prompt must not wait."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.verdict import Report

__all__ = ["app", "main"]

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

app = typer.Typer(
    name="autograder",
    help="Prove every exercise right by numbers, and say what is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

CourseOption = Annotated[Path | None, typer.Option("--course", help="The course's folder; found from here by default.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
SeedOption = Annotated[
    int | None, typer.Option(min=0, help="Draw the same inputs again; by default every run draws its own.")
]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Grading processes; by default one a core.")]
BackendOption = Annotated[str, typer.Option(help="numpy, or cupy on a machine with a GPU.")]


@app.command()
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

    root = _root(course)
    written = [
        path for name in catalogue.names(root)[:2] for path in make_class(catalogue.load(name, root), out / "submitted")
    ]
    console = _console()
    console.print(f"A class of {len({path.parts[-3] for path in written})} students handed in {len(written)} files.")
    seed = secrets.randbits(32) if seed is None else seed
    folder, graded = out / "submitted", out / "graded"
    grade_class(console, root, folder, graded, jobs=jobs or _cores(), seed=seed, isolation="none")  # it is made up


@app.command()
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

        root = _root(course)
        _check_backend(backend)
        for loaded, path, only in catalogue.targets(targets or [], root):
            grader = Grader(
                loaded,
                launcher,
                seed=secrets.randbits(32) if seed is None else seed,
                backend=backend,
                capstones=_capstones(without),
                only=only,
                threads=_cores(),
            )
            earlier = None if loaded.official else own_earlier(loaded.released.parent, loaded)
            try:
                reports.append(grader.grade(read_submission(path, loaded), earlier=earlier))
            except SubmissionError as error:
                unread = _complain(str(error))
    if json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(reports).decode() + "\n")
    else:
        from autograder.render.terminal import print_report

        for report in reports:
            print_report(_console(), report, verbose=verbose)
    if unread or any(report.status in ("failed", "broken") for report in reports):
        raise typer.Exit(unread or 1)


@app.command()
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

    root = _root(course)
    _check_backend(backend)
    if earlier not in ("own", "reference"):
        message = f"--earlier is 'own' or 'reference', not '{earlier}'."
        raise _usage(message)
    if isolation not in LEVELS:
        message = f"--isolation is 'full', 'partial' or 'none', not '{isolation}'."
        raise _usage(message)
    grade_class(
        _console(stderr=json),
        root,
        folder,
        out,
        assignment=assignment,
        jobs=jobs or _cores(),
        json=json,
        seed=seed,
        backend=backend,
        earlier=earlier,
        isolation=isolation,
        capstones=_capstones(without),
    )


@app.command()
def report(out: Annotated[Path, typer.Argument(help="A folder that autograder grade wrote.")] = Path("graded")) -> None:
    """Draw the pages again from the reports, without grading."""
    from autograder.classroom import draw, entries_of

    draw(_console(), out, entries_of(out))


@app.command()
def release(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments; by default all.")] = None,
    *,
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; fail if something differs.")] = False,
    course: CourseOption = None,
) -> None:
    """Build assignments/ from solutions/."""
    from autograder.release import release as build
    from autograder.release import stale

    root = _root(course)
    console = _console()
    problems = []
    for name in _names(names, root):
        if check_only:
            problems += stale(root, name)
        else:
            changed = build(root, name)
            what = ", ".join(path.name for path in changed) or "nothing changed"
            console.print(f"{name}: {what}", markup=False)
    for problem in problems:
        console.print(problem, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    if check_only:
        console.print("assignments/ is what solutions/ gives.")


@app.command()
def audit(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments or exercises; by default all.")] = None,
    *,
    seed: SeedOption = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Prove the course sound: every mistake is caught, every reference passes, every stub earns nothing."""
    import secrets

    import msgspec

    from autograder import catalogue
    from autograder.audit import audit as prove
    from autograder.release import stale

    root = _root(course)
    console = _console(stderr=True)
    assignments, only = catalogue.chosen(names or [], root)
    with console.status("auditing") as status:
        result = prove(
            root,
            assignments,
            seed=secrets.randbits(32) if seed is None else seed,
            only=only,
            stale=stale,
            progress=lambda what: status.update(f"auditing {what}"),
        )
    if json:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        for failure in result.failures:
            console.print(failure, markup=False, soft_wrap=True)
        for margin in result.margins:
            console.print(f"{margin.assignment} {margin}", markup=False, soft_wrap=True)
        console.print(
            f"{result.assignments} assignments, {result.exercises} exercises, {result.checks} checks: "
            f"{result.caught} of {result.mistakes} mistakes caught, {result.diagnosed} diagnosed as themselves, "
            f"{result.sabotages} sabotages of standard checks, {result.slow_variants} slow or bulky variants, "
            f"{len(result.failures)} failures.",
            soft_wrap=True,
        )
    if result.failures:
        raise typer.Exit(1)


@app.command()
def doctor(*, json: JsonOption = False) -> None:
    """Say what this machine can do: backends, isolation, threads, versions."""
    from autograder.doctor import examine

    facts = examine()
    if json:
        import msgspec

        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
        return
    console = _console()
    for name, value in facts.items():
        console.print(f"{name:22} {value}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="NN_name, such as 15_graphs.")],
    course: CourseOption = None,
) -> None:
    """Begin a new assignment: a notebook source and checks that the audit accepts, to be changed."""
    from autograder.scaffold import new_assignment

    for path in new_assignment(_root(course), name):
        _console().print(str(path), markup=False, soft_wrap=True)
    _console().print(f"Next: autograder release {name}, then autograder audit {name}.", markup=False)


# --- what the commands share -----------------------------------------------------------------


def _root(course: Path | None) -> Path:
    from dlkit.course import root

    return root(course)


def _names(names: list[str] | None, root: Path) -> list[str]:
    from autograder import catalogue

    return [catalogue.find(name, root) for name in names] if names else catalogue.names(root)


def _usage(message: str) -> Exception:
    from autograder.catalogue import UsageError

    return UsageError(message)


def _capstones(without: list[str] | None) -> bool:
    for what in without or []:
        if what != "capstones":
            message = f"--without takes 'capstones', not '{what}'."
            raise _usage(message)
    return not without


def _check_backend(name: str) -> None:
    from dlkit import backend

    with backend.use(name):
        pass


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; every error a user can make is one sentence and exit status 2."""
    try:
        result = app(arguments, standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # typer exits where the pipe is broken
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - the reader of our output has gone
        return 0
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(str(getattr(error, "message", error)) + "\n")
            return 2
        status = _blame(error)
        if status is None:
            raise
        return _complain(_sentence(error), status)
    if result == INTERRUPTED:  # typer gives this status, too
        return _complain("Stopped. The same command goes on where this one ended.", INTERRUPTED)
    return result if isinstance(result, int) else 0


INTERRUPTED = 130
USER_ERRORS = {
    "UsageError", "SubmissionError", "CourseError", "BackendError", "MissingExtraError", "ExtractionError",
    "IsolationError",
}  # fmt: skip


def _blame(error: Exception) -> int | None:
    """Exit status for an error whose message is meant for the user; None for one that is ours.

    Known by name, so that nothing heavy is imported to ask.
    """
    if type(error).__name__ in USER_ERRORS or hasattr(error, "format_message"):
        return 2
    return 1 if type(error).__name__ == "SpecError" else None


def _sentence(error: Exception) -> str:
    """One line: the command line library's own errors keep theirs in ``format_message``."""
    told = getattr(error, "format_message", None)
    text = told() if callable(told) else str(error)
    return " ".join(text.split()) or "A command is missing: see autograder --help."


def _complain(message: str, status: int = 2) -> int:
    sys.stderr.write(f"autograder: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
