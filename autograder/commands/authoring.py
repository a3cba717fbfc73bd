"""Commands for authors of a course.  Heavy modules are imported by the command that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands.options import (
    CourseOption,
    JobsOption,
    JsonOption,
    SeedOption,
    assignment_names,
    cores,
    open_console,
    print_json,
    root_of,
    usage,
)

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.authoring.audit import Audit

__all__ = ["register"]


def release(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments; by default all.")] = None,
    *,
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; fail if anything differs.")] = False,
    nbgrader: Annotated[
        Path | None, typer.Option(help="Instead, write or update an nbgrader course in this folder.")
    ] = None,
    exchange: Annotated[Path | None, typer.Option(help="With --nbgrader: its exchange folder.")] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="With model answers and mark schemes, for people who learn by themselves.")
    ] = False,
    solutions: Annotated[
        bool, typer.Option("--solutions", help="With the solutions: a learner sees one after passing the exercise.")
    ] = False,
    course: CourseOption = None,
) -> None:
    """Build assignments/ from solutions/, or an nbgrader course."""
    from autograder.authoring.release import release as build
    from autograder.authoring.release import stale

    root = root_of(course)
    console = open_console()
    if nbgrader:
        if check_only:
            message = "--check compares assignments/ and cannot be combined with --nbgrader."
            raise usage(message)
        _lay_out(root, assignment_names(names, root), nbgrader, exchange)
        return
    problems = []
    for name in assignment_names(names, root):
        if check_only:
            problems += stale(root, name)
        else:
            changed = build(root, name, answers=answers, solutions=solutions)
            what = ", ".join(path.name for path in changed) or "nothing changed"
            console.print(f"{name}: {what}", markup=False)
    for problem in problems:
        console.print(problem, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)
    if check_only:
        console.print("assignments/ is up to date with solutions/.")


def _lay_out(root: Path, names: list[str], target: Path, exchange: Path | None) -> None:
    from autograder.nbgrader.course import lay_out

    console = open_console()
    laid = lay_out(root, names, target, exchange=exchange)
    for path in laid.written:
        console.print(f"wrote {path}", markup=False, soft_wrap=True)
    for path in laid.removed:
        console.print(f"removed {path}, which this version does not need", markup=False, soft_wrap=True)
    for path in laid.kept:
        sentence = f"kept {path}, which was changed by hand: delete it to have it written again."
        console.print(sentence, markup=False, soft_wrap=True)
    if not laid.written:
        console.print("Nothing else changed." if laid.kept else "Nothing changed.")
    elif names:
        console.print(f"Next: cd {target}, then nbgrader generate_assignment {names[0]}.", markup=False, soft_wrap=True)


def audit(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments or exercises; by default all.")] = None,
    *,
    jobs: JobsOption = None,
    seed: SeedOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Audit also what an earlier audit found sound and nothing has changed since.")
    ] = False,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample", help="Try only a part: some mistakes of every second exercise, some of what takes long."
        ),
    ] = False,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Instead, list small changes of the solutions that no check catches.")
    ] = False,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Prove that the course is sound: every mistake is caught, every reference passes, every stub earns nothing."""
    import secrets

    from autograder.authoring.auditing import audit_all
    from autograder.authoring.proved import Proved
    from autograder.authoring.release import stale
    from autograder.course import catalogue

    root = root_of(course)
    console = open_console(stderr=True)
    assignments, only = catalogue.chosen(names or [], root)
    if mutants:
        named = frozenset(name.rpartition(".")[2] for name in names or [])
        _list_survivors(root, assignments, only, named, jobs=jobs, seed=seed, json=json)
        return
    with console.status("auditing") as status:
        result = audit_all(
            root,
            assignments,
            jobs=jobs or cores(),
            seed=secrets.randbits(32) if seed is None else seed,
            only=only,
            stale=stale,
            proved=None if everything else Proved(root, (seed, sample)),
            sample=sample,
            progress=lambda what: status.update(f"auditing {what}"),
        )
    if json:
        print_json(result)
    else:
        _print_audit(console, result)
    if result.failures:
        raise typer.Exit(1)


def _print_audit(console: Console, result: Audit) -> None:
    for failure in result.failures:
        console.print(failure, markup=False, soft_wrap=True)
    for margin in result.margins:
        console.print(f"{margin.assignment} {margin}", markup=False, soft_wrap=True)
    console.print(
        f"{result.assignments} assignments, {result.exercises} exercises, {result.checks} checks: "
        f"{result.caught} of {result.mistakes} mistakes caught, {result.diagnosed} diagnosed as themselves, "
        f"{result.mutations} mutations of standard checks, {result.slow_variants} slow or bulky variants, "
        f"{f'{result.left_out} mistakes, mutations, variants and capstones left out, ' if result.left_out else ''}"
        f"{len(result.failures)} failures.",
        soft_wrap=True,
    )


def _list_survivors(
    root: Path,
    assignments: list[str],
    only: frozenset[str] | None,
    named: frozenset[str],
    *,
    jobs: int | None,
    seed: int | None,
    json: bool,
) -> None:
    """Print surviving mutants on stdout, as entries for their record files; counts and sentences on stderr."""
    import secrets

    from autograder.authoring.mutation.survivors import find_survivors

    console = open_console(stderr=True)
    with console.status("mutating") as status:
        found = find_survivors(
            root,
            assignments,
            seed=secrets.randbits(32) if seed is None else seed,
            only=only,
            named=named,
            jobs=jobs or cores(),
            progress=lambda what: status.update(f"mutating {what}"),
        )
    if json:
        print_json(found)
    else:
        file = ""
        for survivor in found.survivors:
            if survivor.file != file:
                file = survivor.file
                typer.echo(f"% {file}\n")
            typer.echo(survivor.entry)
        for failure in found.failures:
            console.print(failure, markup=False, soft_wrap=True)
        console.print(
            f"{found.exercises} exercises, {found.mutants} mutants: {found.caught} caught, {found.equivalent} recorded "
            f"as equivalent, {len(found.survivors)} survived; {len(found.failures)} failures; seed {found.seed}.",
            soft_wrap=True,
        )
    if found.survivors or found.failures:
        raise typer.Exit(1)


def new(
    name: Annotated[str, typer.Argument(help="NN_name, such as 16_graphs.")],
    course: CourseOption = None,
) -> None:
    """Start a new assignment: a notebook source and checks that pass the audit, ready to be changed."""
    from autograder.authoring.scaffold import new_assignment

    for path in new_assignment(root_of(course), name):
        open_console().print(str(path), markup=False, soft_wrap=True)
    open_console().print(f"Next: autograder release {name}, then autograder audit {name}.", markup=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (release, audit, new):
        app.command()(command)
