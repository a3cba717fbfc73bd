"""The formats of ``autograder export``, and how each is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.export.errors import ExportError
from autograder.export.filling import Wanted
from autograder.export.sheet import Sheet, read_sheet
from autograder.report import Report, read_marked
from autograder.writing import write_atomically

__all__ = ["FORMATS", "Choices", "Graded", "Told", "assignments_in", "find_assignment", "read_graded", "write"]

MOST_NAMED = 10


@dataclass(frozen=True)
class Graded:
    """One report and its path below the run's ``reports/``: ``STUDENT/ASSIGNMENT.json``."""

    place: Path
    report: Report


@dataclass(frozen=True)
class Choices:
    """The options of an export.

    out: the run's folder; to: where to write (a file, a folder, a gradebook's address); root: the course's folder,
    if a format needs it; the others are those of the command line.
    """

    out: Path
    to: str | None = None
    root: Callable[[], Path] = field(default=Path.cwd)
    sheet: Path | None = None
    column: str | None = None
    match: str | None = None
    feedback: str | None = None
    scale: bool = False
    in_place: bool = False
    semicolons: bool = False
    workflow: Path | None = None
    kit: str | None = None


@dataclass(frozen=True)
class Told:
    """Sentences on what was written; complete: whether nothing was left out."""

    sentences: list[str]
    complete: bool = True


Writer = Callable[[Sequence[Graded], Choices], list[str]]


def write(name: str, assignment: str | None, choices: Choices) -> Told:
    """Write a run's reports in one format; return what there is to say about it.

    assignment: only this one.  Raises ExportError if the format is unknown or something that it needs is missing.
    """
    if name not in FORMATS:
        message = f"There is no format '{name}'. Choose one of: {', '.join(FORMATS)}, gradescope-zip."
        raise ExportError(message)
    try:
        if name == GRADEBOOK:
            return _gradebook(_paths(choices.out, assignment), choices)
        return Told(WRITERS[name](read_graded(choices.out, assignment), choices))
    except OSError as error:
        message = (
            f"{error.filename or choices.to or choices.out} cannot be written ({error.strerror}). Name another --to."
        )
        raise ExportError(message) from error


def assignments_in(out: Path) -> list[str]:
    """Names of the assignments that a run graded.  ExportError if there are no reports."""
    names = sorted({path.stem for path in (out / "reports").glob("*/*.json")})
    if not names:
        message = f"There are no reports in {out}. Name the --out folder of autograder grade."
        raise ExportError(message)
    return names


def find_assignment(target: str, out: Path) -> str:
    """Complete the name of a graded assignment: ``02``, ``layers``, ``02_layers``."""
    known = assignments_in(out)
    for name in known:
        if target in (name, *name.split("_", 1)):
            return name
    message = f"There are no reports of '{target}' in {out}. Choose one of: {', '.join(known)}."
    raise ExportError(message)


def read_graded(out: Path, assignment: str | None = None) -> list[Graded]:
    """Read a run's reports as they count, by student; ReportError if one cannot be read."""
    return [
        Graded(path.relative_to(out / "reports"), read_marked(out, path.parent.name, path.stem))
        for path in _paths(out, assignment)
    ]


def _paths(out: Path, assignment: str | None) -> list[Path]:
    names = assignments_in(out) if assignment is None else [find_assignment(assignment, out)]
    return [path for name in names for path in sorted((out / "reports").glob(f"*/{name}.json"))]


# --- one file per student --------------------------------------------------------------------


def _each(graded: Sequence[Graded], folder: Path, suffix: str, make: Callable[[Report], object]) -> list[str]:
    failed = []
    for one in graded:
        try:
            content = make(one.report)
        except ExportError:
            raise
        except Exception as error:  # noqa: BLE001 - one report that cannot be written stops no other
            failed.append(f"{one.place} ({type(error).__name__})")
            continue
        write_atomically(folder / one.place.with_suffix(suffix), content, within=folder)
    told = [f"{len(graded) - len(failed)} files in {folder}: STUDENT/ASSIGNMENT{suffix}."]
    if failed:
        what = "1 report" if len(failed) == 1 else f"{len(failed)} reports"
        told.append(f"{what} cannot be written in this format: {', '.join(failed[:MOST_NAMED])}.")
    return told


def _folder(choices: Choices, name: str) -> Path:
    return Path(choices.to) if choices.to else choices.out / name


def _gradescope(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.gradescope import results

    return _each(graded, _folder(choices, "gradescope"), ".json", results)


def _classroom(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.classroom import output_line, result, workflow

    if choices.workflow and not choices.kit:
        message = "The workflow must install the kit: name with --kit what pip installs, such as git+https://…"
        raise ExportError(message)
    folder = _folder(choices, "classroom")
    told = _each(graded, folder, ".json", result)
    _each(graded, folder, ".output", lambda report: output_line(result(report)))
    if choices.workflow and choices.kit:
        write_atomically(choices.workflow, workflow(_one_assignment(graded)[0], choices.kit))
        told.append(f"The workflow is {choices.workflow}: copy it to .github/workflows/ in the students' repository.")
    return told


def _prairielearn(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.prairielearn import result

    return _each(graded, _folder(choices, "prairielearn"), ".json", result)


def _junit(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.junit import document

    return _each(graded, _folder(choices, "junit"), ".xml", document)


# --- one file per class ----------------------------------------------------------------------


def _csv(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.table import table

    reports = [one.report for one in graded]
    if choices.to:
        _one_assignment(graded)
    told = []
    for name in sorted({report.assignment for report in reports}):
        path = Path(choices.to) if choices.to else choices.out / f"{name}.csv"
        those = [report for report in reports if report.assignment == name]
        write_atomically(path, table(those, semicolons=choices.semicolons))
        told.append(f"{len(those)} students in {path}.")
    return told


def _canvas(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.canvas import fill

    return _filled(graded, choices, "canvas.csv", fill)


def _moodle(graded: Sequence[Graded], choices: Choices) -> list[str]:
    from autograder.export.moodle import fill

    return _filled(graded, choices, "moodle.csv", fill)


def _filled(
    graded: Sequence[Graded],
    choices: Choices,
    name: str,
    fill: Callable[[Sheet, Sequence[Report], Wanted], list[str]],
) -> list[str]:
    """Fill a downloaded sheet; overwrite it only with ``--in-place``."""
    reports = _one_assignment(graded)
    if choices.sheet is None:
        message = "There is no sheet to fill. Download it from the platform, and name it with --sheet."
        raise ExportError(message)
    target = choices.sheet.resolve() if choices.in_place else Path(choices.to) if choices.to else choices.out / name
    if not choices.in_place and _same(target, choices.sheet):
        message = f"{target} is the sheet itself. Name another --to, or overwrite it with --in-place."
        raise ExportError(message)
    sheet = read_sheet(choices.sheet)
    wanted = Wanted(choices.sheet, choices.column, choices.match, choices.feedback, choices.scale)
    told = fill(sheet, reports, wanted)
    write_atomically(target, sheet.content())
    return [*told, f"The filled sheet is {target}."]


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other) or (one.exists() and other.exists() and one.samefile(other))


def _one_assignment(graded: Sequence[Graded]) -> list[Report]:
    names = sorted({one.report.assignment for one in graded})
    if len(names) > 1:
        message = f"This format holds one assignment at a time. Choose one with --assignment: {', '.join(names)}."
        raise ExportError(message)
    return [one.report for one in graded]


def _gradebook(paths: Sequence[Path], choices: Choices) -> Told:
    """Write a database; one report that cannot be read or written stops no other."""
    from autograder.export.database import shown
    from autograder.export.gradebook import reports_at, submissions_of, write_gradebook

    url = choices.to or "sqlite:///gradebook.db"
    summary = write_gradebook(reports_at(paths), choices.root(), url, submissions_of(choices.out))
    return Told([f"Gradebook {shown(url)}: {summary}.", *summary.sentences()], not summary.left_out)


WRITERS: dict[str, Writer] = {
    "gradescope": _gradescope,
    "classroom": _classroom,
    "prairielearn": _prairielearn,
    "junit": _junit,
    "csv": _csv,
    "canvas": _canvas,
    "moodle": _moodle,
}
GRADEBOOK = "gradebook"
FORMATS = (*WRITERS, GRADEBOOK)
