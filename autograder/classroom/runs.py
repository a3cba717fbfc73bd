"""One run over a class: what decides its reports, kept beside them, so that it resumes where it stopped."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from autograder import catalogue
from autograder.catalogue import UsageError
from autograder.classroom.finding import Entry, report_path
from autograder.submission import Submission
from autograder.verdict import Report, read_report, write_atomically
from autograder.writing import refuse_links

__all__ = ["Run", "is_done", "prepare_run"]


class Run(msgspec.Struct, frozen=True):
    """What decides a run's reports; kept in ``run.json`` beside them.

    earlier: "own" or "reference", whose earlier assignments a later one is graded on;
    isolation: the least level at which student code is run.
    """

    root: str
    out: str
    submissions: str
    seed: int
    checks: dict[str, str]
    backend: str = "numpy"
    capstones: bool = True
    earlier: str = "reference"
    isolation: str = "full"


def prepare_run(
    root: Path,
    out: Path,
    folder: Path,
    entries: list[Entry],
    *,
    seed: int | None,
    backend: str = "numpy",
    capstones: bool = True,
    earlier: str = "reference",
    isolation: str = "full",
) -> Run:
    """Begin a run, or take up the one that ``out`` holds: without ``seed``, its seed goes on.

    Raises UsageError where ``out`` cannot be written or holds something else, LinkedPathError where something in it
    would be written through a link.
    """
    checks = {name: catalogue.load(name, root).checks_sha256 for name in sorted({e.assignment for e in entries})}
    path = out / "run.json"
    if seed is None and path.is_file():
        try:
            seed = msgspec.json.decode(path.read_bytes(), type=Run).seed
        except (msgspec.DecodeError, OSError) as error:
            message = f"{path} is not readable as a run ({error}). Name another --out, or delete that folder."
            raise UsageError(message) from error
    run = Run(
        str(root),
        str(out),
        str(folder.resolve()),
        secrets.randbits(32) if seed is None else seed,
        checks,
        backend,
        capstones,
        earlier,
        isolation,
    )
    for entry in entries:
        for place in (report_path(out, entry), out / "pages" / entry.student / f"{entry.assignment}.html"):
            refuse_links(place, out)
    for part in out.rglob(".*.part"):  # left by a run that was killed while it wrote
        part.unlink(missing_ok=True)
    try:
        write_atomically(path, run)
    except OSError as error:
        message = f"{out} cannot be written ({error.strerror}). Name another --out."
        raise UsageError(message) from error
    return run


def is_done(path: Path, submission: Submission, run: Run, entry: Entry, earlier_sha256: str) -> bool:
    """Whether a report of this very submission, seed, checks and choices is there already."""
    try:
        report: Report = read_report(path)
    except (OSError, msgspec.DecodeError):
        return False
    choices = (run.seed, run.checks[entry.assignment], run.backend, run.capstones, earlier_sha256)
    theirs = (report.seed, report.checks_sha256, report.backend, report.capstones, report.earlier_sha256)
    return report.submission_sha256 == submission.sha256 and theirs == choices
