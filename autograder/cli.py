"""The command line.  Everything heavy is imported by the command that needs it: the prompt must not wait."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from autograder.demo import make_class

    root = _root(course)
    written = [
        path for name in catalogue.names(root)[:2] for path in make_class(catalogue.load(name, root), out / "submitted")
    ]
    console = _console()
    console.print(f"A class of {len({path.parts[-3] for path in written})} students handed in {len(written)} files.")
    _grade(root, out / "submitted", out / "graded", seed=secrets.randbits(32) if seed is None else seed, jobs=jobs)


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

    from autograder.grade import Grader
    from autograder.isolation.host import Zygote
    from autograder.submission import own_earlier, read_submission

    root = _root(course)
    _check_backend(backend)
    reports: list[Report] = []
    with Zygote() as zygote:
        for loaded, path, only in _work(targets or [], root):
            grader = Grader(
                loaded,
                zygote,
                seed=secrets.randbits(32) if seed is None else seed,
                backend=backend,
                capstones=_capstones(without),
                only=only,
                threads=_cores(),
            )
            earlier = None if loaded.official else own_earlier(loaded.released.parent, loaded)
            reports.append(grader.grade(read_submission(path, loaded), earlier=earlier))
    if json:
        _print_json(reports)
    else:
        from autograder.render.terminal import print_report

        for report in reports:
            print_report(_console(), report, verbose=verbose)
    if any(report.status in ("failed", "broken") for report in reports):
        raise typer.Exit(1)


def _work(targets: list[str], root: Path) -> Iterator[tuple[Any, Path, frozenset[str] | None]]:
    """What each target means: an assignment, where its work lies, and which exercises."""
    from autograder import catalogue

    names = catalogue.names(root)
    for target in targets or names:
        path = Path(target)
        if path.suffix in {".py", ".ipynb"}:
            folder = path.resolve().parent.name
            stem = next(
                (name for name in names if name in (folder, path.parent.name) or name.endswith(f"_{path.stem}")), ""
            )
            yield catalogue.load(catalogue.find(stem or path.stem, root), root), path, None
            continue
        try:
            loaded = catalogue.load(catalogue.find(target, root), root)
            only = None
        except catalogue.UsageError:
            loaded = _assignment_of(target, names, root)
            only = frozenset({target.rpartition(".")[2]})
        yield loaded, loaded.released, only


def _assignment_of(exercise: str, names: list[str], root: Path) -> Any:
    from autograder import catalogue

    wanted, _, name = exercise.rpartition(".")
    for assignment in names:
        loaded = catalogue.load(assignment, root)
        if wanted in ("", loaded.assignment.module, assignment) and any(
            e.name == name for e in loaded.assignment.exercises
        ):
            return loaded
    message = f"There is no assignment or exercise '{exercise}'. Assignments are: {', '.join(names)}."
    raise catalogue.UsageError(message)


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
    without: Annotated[list[str] | None, typer.Option(help="Leave out: capstones.")] = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Grade a class: a report and a page a student, a page for the class.  Goes on where it was killed."""
    root = _root(course)
    _check_backend(backend)
    if earlier not in ("own", "reference"):
        message = f"--earlier is 'own' or 'reference', not '{earlier}'."
        raise _usage(message)
    _grade(
        root,
        folder,
        out,
        assignment=assignment,
        seed=seed,
        jobs=jobs,
        backend=backend,
        earlier=earlier,
        capstones=_capstones(without),
        json=json,
    )


def _grade(
    root: Path,
    folder: Path,
    out: Path,
    *,
    assignment: str | None = None,
    jobs: int | None = None,
    json: bool = False,
    **options: Any,
) -> None:
    from autograder import batch, catalogue

    name = catalogue.find(assignment, root) if assignment else None
    entries = batch.discover(folder, root, name)
    run = batch.prepare_run(root, out, folder, entries, **options)
    console = _console(stderr=json)
    fresh = 0
    with _progress(console, len(entries)) as advance:
        for entry, graded in batch.grade_all(entries, run, jobs or _cores()):
            fresh += graded
            advance(entry.student)
    if fresh < len(entries):
        console.print(
            f"{len(entries) - fresh} of {len(entries)} reports were there from an earlier run and still hold."
        )
    _draw(out, entries, console, quiet=json)


@app.command()
def report(out: Annotated[Path, typer.Argument(help="A folder that autograder grade wrote.")] = Path("graded")) -> None:
    """Draw the pages again from the reports, without grading."""
    from autograder.batch import Entry

    paths = sorted((out / "reports").glob("*/*.json"))
    if not paths:
        message = f"There are no reports in {out}. Name the --out folder of autograder grade."
        raise _usage(message)
    _draw(out, [Entry(path.parent.name, path.stem, "") for path in paths], _console())


def _draw(out: Path, entries: Iterable[Any], console: Console, *, quiet: bool = False) -> None:
    """Write every student's page and the class's, and show the class; one assignment in memory at a time."""
    from urllib.parse import quote

    import msgspec

    from autograder.batch import report_path
    from autograder.render.html import class_page, student_page
    from autograder.render.terminal import print_class
    from autograder.verdict import read_report, write_atomically

    entries = list(entries)
    for name in sorted({entry.assignment for entry in entries}):
        reports, links = [], {}
        for entry in (entry for entry in entries if entry.assignment == name):
            try:
                found = read_report(report_path(out, entry))
            except (OSError, msgspec.DecodeError) as error:
                message = f"{report_path(out, entry)} cannot be read as a report ({error}). Grade again."
                raise _usage(message) from error
            page = out / "pages" / entry.student / f"{name}.html"
            write_atomically(page, student_page(found))
            links[entry.student] = quote(page.relative_to(out).as_posix())
            reports.append(found)
        write_atomically(out / f"{name}.html", class_page(f"{name}: {reports[0].title}", reports, links))
        if quiet:
            _print_json(reports)
        else:
            print_class(console, reports)
            console.print(f"Page of the class: {out / f'{name}.html'}", soft_wrap=True)
    if not quiet:
        console.print(f"A page for every student in {out / 'pages'}, reports in {out / 'reports'}.", soft_wrap=True)


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
    only: frozenset[str] | None = None
    wanted = names or []
    try:
        assignments = _names(wanted, root)
    except catalogue.UsageError:
        assignments = sorted({_assignment_of(name, catalogue.names(root), root).assignment.name for name in wanted})
        only = frozenset(name.rpartition(".")[2] for name in wanted)
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
        console.print(
            f"{result.assignments} assignments, {result.exercises} exercises, {result.checks} checks: "
            f"{result.caught} of {result.mistakes} mistakes caught, {result.diagnosed} diagnosed as themselves, "
            f"{result.sabotages} sabotages of standard checks, {result.slow_variants} slow variants, "
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


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("Grading", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        yield lambda student: progress.update(task, advance=1, description=student[:24].replace("[", "("))


def _print_json(reports: list[Report]) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.encode(reports).decode() + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; every error a user can make is one sentence and exit status 2."""
    try:
        result = app(arguments, standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _complain("Stopped. The same command goes on where this one ended.", 130)
    except BrokenPipeError:
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
    return result if isinstance(result, int) else 0


USER_ERRORS = {"UsageError", "SubmissionError", "CourseError", "BackendError", "MissingExtraError", "ExtractionError"}


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
