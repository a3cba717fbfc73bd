"""Commands for learners.  Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.commands.options import (
    BackendOption,
    CourseOption,
    JsonOption,
    SeedOption,
    WithoutOption,
    agreed,
    assignment_names,
    check_backend,
    complain,
    cores,
    open_console,
    print_json,
    root_of,
    scope_without,
    usage,
)

if TYPE_CHECKING:
    from autograder.report import Report

__all__ = ["register"]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def check(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Assignments, exercises or files; by default all.")
    ] = None,
    *,
    backend: BackendOption = "numpy",
    seed: SeedOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every check, even passed ones.")] = False,
    without: WithoutOption = None,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Check my own work: an assignment, an exercise, or all."""
    from autograder.isolation.launcher import open_launcher

    reports: list[Report] = []
    unread = 0
    with open_launcher(backend=backend) as launcher:  # it starts while other modules are imported
        from autograder.course import catalogue
        from autograder.grading.grader import Grader
        from autograder.grading.options import Options
        from autograder.learner.state import remember
        from autograder.learner.work import Work, read_work
        from autograder.submission import SubmissionError, own_earlier

        root = root_of(course)
        check_backend(backend)
        options = Options(seed=seed, backend=backend, scope=scope_without(without), threads=cores())
        for loaded, path, only in catalogue.targets(targets or [], root):
            grader = Grader(loaded, launcher, replace(options, only=only))
            earlier = None if loaded.official else own_earlier(loaded.released.parent, loaded)
            try:
                submission = read_work(path, loaded)
            except SubmissionError as error:
                unread = complain(str(error))
                continue
            reports.append(grader.grade(submission, earlier=earlier))
            if path.resolve().is_relative_to(loaded.released.resolve()) and backend == "numpy":
                remember(Work(loaded, path, submission, earlier), reports[-1].exercises)
    if json:
        print_json(reports)
    else:
        from autograder.render.terminal import print_report

        for report in reports:
            print_report(open_console(), report, verbose=verbose)
    if unread or any(report.status in ("failed", "broken") for report in reports):
        raise typer.Exit(unread or 1)


def start(
    name: Annotated[str, typer.Argument(help="An assignment: 02_layers, 02 or layers.")],
    *,
    into: Annotated[Path | None, typer.Option(help="My own folder; by default the one I am in.")] = None,
    course: Annotated[Path | None, typer.Option(help="The course to take it from; found by default.")] = None,
) -> None:
    """Start an assignment: copy it, untouched, into a folder of my own."""
    from autograder.learner.originals import start as begin
    from dlkit.course import around

    if into is None:
        into = next(around(Path.cwd()), Path.cwd())
    folders = begin(name, into, root_of(course) if course else None)
    console = open_console()
    for folder in folders:
        console.print(f"{folder.name} is in {folder}", markup=False, soft_wrap=True)
    wanted = folders[-1]
    module = wanted.name.split("_", 1)[1]
    console.print(
        f"Open {module}.ipynb, or write in {module}.py and have it checked whenever you save:",
        markup=False,
        soft_wrap=True,
    )
    there = "" if into.resolve() in (Path.cwd(), *Path.cwd().parents) else f"cd {into} && "
    console.print(f"  {there}autograder watch {wanted.name}", markup=False, soft_wrap=True)


def watch(
    target: Annotated[
        str | None, typer.Argument(help="An assignment or a file; by default what I worked on last.")
    ] = None,
    *,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Watch my file: save it, and see the verdict of the exercise that I work on."""
    from autograder.isolation.launcher import open_launcher

    with open_launcher() as launcher:  # it starts while other modules are imported
        from autograder.learner.checking import Checker
        from autograder.learner.events import Event
        from autograder.learner.screen import print_view
        from autograder.learner.watching import Watching
        from autograder.learner.work import chosen

        console = open_console()

        def show(view: Any) -> None:
            if json:
                print_json(view)
            else:
                print_view(console, view)

        loaded, path = chosen(target, root_of(course))
        checker = Checker(loaded, launcher, threads=cores())
        watching = Watching(loaded, path, checker, show)
        try:
            event = watching.run()
        except KeyboardInterrupt:  # a normal way to stop
            event = Event.QUIT
        status = TERMINATED if event is Event.STOP else 0
        if watching.busy:  # Python would wait for the thread of a training, perhaps for a minute
            checker.stop()
            sys.stdout.flush()
            os._exit(status)
    raise typer.Exit(status)


TERMINATED = 143


def hint(
    target: Annotated[str, typer.Argument(help="An exercise: Linear, layers.Linear.")],
    *,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Give me the next hint: where to look, then the formula, then the step.  Never the code."""
    from autograder.isolation.launcher import open_launcher

    with open_launcher() as launcher:
        from autograder.learner import hints
        from autograder.learner.checking import verdict_of
        from autograder.learner.screen import print_hints
        from autograder.learner.work import exercise_of, open_work
        from autograder.render.terminal import print_exercise

        loaded, exercise, _ = exercise_of(target, root_of(course))
        work = open_work(loaded)
        result = verdict_of(work, exercise.name, launcher)
    given = hints.next_hint(work, result)
    if json:
        print_json({"verdict": result.status, "hint": given})
        return
    console = open_console()
    print_exercise(console, hints.without_step(result))
    if given:
        print_hints(console, [given])
    else:
        print_hints(console, hints.shown(work, result))
        console.print(hints.no_more(result), markup=False, soft_wrap=True)


def answer(
    target: Annotated[str, typer.Argument(help="A written question: valley, foundations.valley, foundations.1.")],
    *,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Show the model answer and the mark scheme of a written question that I have answered."""
    from autograder.learner.answers import answered

    found = answered(target, root_of(course))
    if json:
        print_json(found)
    else:
        from autograder.learner.screen import print_answer

        print_answer(open_console(), found)


def solution(
    target: Annotated[str, typer.Argument(help="An exercise that passes: Linear, layers.Linear.")],
    *,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Show the author's solution of an exercise that I have solved."""
    from autograder.isolation.launcher import open_launcher

    with open_launcher() as launcher:
        from autograder.learner.solutions import solution as find

        found = find(target, root_of(course), launcher)
    if json:
        print_json(found)
    else:
        typer.echo(found.source)


def progress(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments; by default all that were started.")] = None,
    *,
    run_checks: Annotated[bool, typer.Option("--check", help="First check what has changed.")] = False,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Show what is done, what is next, and why, from the last checks."""
    root = root_of(course)
    chosen = assignment_names(names, root)
    if run_checks:
        from autograder.isolation.launcher import open_launcher

        with open_launcher() as launcher:
            from autograder.learner.checking import check_changed

            for sentence in check_changed(root, chosen, launcher, cores()):
                complain(sentence)
    from autograder.learner.progress import progress as gather

    found = gather(root, chosen)
    if json:
        print_json(found)
        return
    from autograder.learner.screen import print_progress

    print_progress(open_console(), found)


def submit(
    name: Annotated[str | None, typer.Argument(help="An assignment; by default what I worked on last.")] = None,
    *,
    to: Annotated[Path | None, typer.Option(help="The zip file, or a folder for it; by default here.")] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    course: CourseOption = None,
) -> None:
    """Show what I would hand in, and pack it into a zip file."""
    from autograder.learner.handing_in import describe, pack, write
    from autograder.learner.screen import print_manifest
    from autograder.learner.work import chosen, open_work

    loaded, path = chosen(name, root_of(course))
    work = open_work(loaded, path or loaded.released)
    manifest = describe(work)
    to = to or Path()
    target = to / f"{manifest.assignment}.zip" if to.is_dir() else to
    if target.suffix != ".zip":
        message = f"{target} is neither a folder nor a name that ends in .zip. Name one of the two with --to."
        raise usage(message)
    content = pack(work, manifest)
    there = target.is_file() and target.read_bytes() != content
    if not json:
        print_manifest(open_console(), manifest)
    if yes or (not json and agreed(f"{'Replace' if there else 'Write'} {target}?", yes=yes)):
        try:
            write(target, content)
        except OSError as error:
            message = f"{target} cannot be written ({error.strerror}). Name another place with --to."
            raise usage(message) from error
    if json:
        print_json({"to": str(target), "packed": yes, "manifest": manifest})
    else:
        open_console().print(f"Packed: {target}. Hand this file in.", markup=False, soft_wrap=True)


def reset(
    target: Annotated[str, typer.Argument(help="An assignment, an exercise (Linear) or a part (Linear.backward).")],
    *,
    source: Annotated[Path | None, typer.Option("--from", help="A folder with the assignment as released.")] = None,
    yes: YesOption = False,
    course: CourseOption = None,
) -> None:
    """Restore the stub, and keep my text in a .bak file beside it."""
    from autograder.learner.resetting import carry_out, plan
    from autograder.learner.work import reset_target

    loaded, exercise, part = reset_target(target, root_of(course))
    changes = plan(loaded, exercise, part, source)
    console = open_console()
    if not changes:
        console.print(f"{target} is already the stub: nothing was changed.", markup=False, soft_wrap=True)
        return
    what = f"{target} in {' and '.join(change.path.name for change in changes)}"
    if not agreed(f"Restore the stub of {what}? The old text is kept.", yes=yes):
        return
    for change in changes:
        kept = carry_out(change)
        where = f" The old text is in {kept.name}." if kept else ""
        console.print(f"{change.path} holds the stub of {target} again.{where}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (start, check, watch, hint, answer, solution, progress, submit, reset):
        app.command()(command)
