"""One run over a class: the settings that decide its reports, stored with them, so that it resumes where it stopped."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from autograder.classroom.finding import Entry, report_path
from autograder.classroom.parts import WHOLE, Part
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.options import Options
from autograder.report import ReportError, read_report, refuse_later_report
from autograder.spec import Scope
from autograder.submission import Submission
from autograder.writing import refuse_links, write_atomically

__all__ = ["Run", "is_done", "keep", "prepare_run", "read_run", "refuse_other_run"]


class Run(msgspec.Struct, frozen=True):
    """What decides a run's reports; stored in ``run.json`` beside them.

    checks: the hash of every assignment's checks; part: the share of the class that is graded here; the other fields
    as in ``Options``.
    """

    root: str
    out: str
    submissions: str
    seed: int
    checks: dict[str, str]
    backend: str = "numpy"
    capstones: bool = True
    bonus: bool = True
    earlier: str = "reference"
    isolation: str = "full"
    part: Part = WHOLE

    @property
    def scope(self) -> Scope:
        """What is graded."""
        return Scope(self.capstones, self.bonus)

    @property
    def options(self) -> Options:
        """How its hand-ins are graded."""
        return Options(
            seed=self.seed,
            backend=self.backend,
            scope=self.scope,
            earlier=self.earlier,
            isolation=self.isolation,
        )


def prepare_run(
    root: Path,
    out: Path,
    folder: Path,
    entries: list[Entry],
    options: Options,
    *,
    part: Part = WHOLE,
) -> Run:
    """Begin a run, or resume the one in ``out``: without a seed of the options', with its seed.

    Raises UsageError if ``out`` cannot be written or holds something else, LinkedPathError if something in it
    would be written through a link, ReportError if it holds a report of a later version.
    """
    checks = {name: catalogue.load(name, root).checks_sha256 for name in sorted({e.assignment for e in entries})}
    before = refuse_other_run(root, out, folder, part)
    seed = before.seed if options.seed is None and before else options.seed
    run = Run(
        str(root),
        str(out),
        str(folder.resolve()),
        secrets.randbits(32) if seed is None else seed,
        checks,
        options.backend,
        options.scope.capstones,
        options.scope.bonus,
        options.earlier,
        options.isolation,
        part,
    )
    for entry in entries:
        for place in (report_path(out, entry), out / "pages" / entry.student / f"{entry.assignment}.html"):
            refuse_links(place, out)
        refuse_later_report(report_path(out, entry))
    for torn in out.rglob(".*.part"):  # left by a run that was killed while it wrote
        torn.unlink(missing_ok=True)
    keep(out / "run.json", run, within=out)
    return run


def refuse_other_run(root: Path, out: Path, folder: Path, part: Part = WHOLE) -> Run | None:
    """The run in ``out``; None if there is none.

    Raises UsageError if it is of another course, another folder of hand-ins or another part of the class, or cannot be
    read: the marks of two runs in one folder could not be distinguished.
    """
    run = read_run(out)
    if run is None:
        reports = (out / "reports").glob("*/*.json")
        if any(not path.is_symlink() and not path.parent.is_symlink() for path in reports):  # links are refused as such
            message = f"{out} holds reports, but no run.json that describes them. Name another --out."
            raise UsageError(message)
        return None
    theirs = {"hand-ins": (run.submissions, folder), "course": (run.root, root)}
    for what, (old, new) in theirs.items():
        if Path(old).resolve() != new.resolve():
            message = f"{out} holds a run of other {what} ({old}). Name another --out, or that folder again."
            raise UsageError(message.replace("other course", "another course"))
    if run.part != part:
        what = "the whole class" if run.part == WHOLE else str(run.part)
        message = f"{out} holds a run of {what}. Name an --out of its own for each part."
        raise UsageError(message)
    return run


def read_run(out: Path) -> Run | None:
    """The run in ``out``; None if there is none.  UsageError if it cannot be read."""
    path = out / "run.json"
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (msgspec.DecodeError, OSError) as error:
        message = f"{path} is not readable as a run ({error}). Name another --out, or delete that folder."
        raise UsageError(message) from error


def keep(path: Path, content: object, *, within: Path) -> None:
    """Write a whole file of a run or nothing; within: the run's folder, below which no link is followed.

    Raises UsageError if it cannot be written, LinkedPathError if a link is in the way.
    """
    try:
        write_atomically(path, content, within=within)
    except OSError as error:
        message = (
            f"{path} cannot be written ({error.strerror}). Free space there or name another --out; "
            "the same command resumes where it stopped."
        )
        raise UsageError(message) from error


def is_done(path: Path, submission: Submission, run: Run, entry: Entry, earlier_sha256: str) -> bool:
    """Whether a report of this exact submission, seed, checks and settings exists already."""
    if entry.again:
        return False
    try:
        report = read_report(path)
    except ReportError:
        return False
    choices = (run.seed, run.checks[entry.assignment], run.backend, run.scope, earlier_sha256)
    theirs = (
        report.seed,
        report.checks_sha256,
        report.backend,
        Scope(report.capstones, report.bonus),
        report.earlier_sha256,
    )
    told = report.set_aside == submission.set_aside and all(note in report.problems for note in submission.notes)
    has_texts = all(answer.sha256 or not answer.answered for answer in report.written)
    return report.submission_sha256 == submission.sha256 and theirs == choices and told and has_texts
