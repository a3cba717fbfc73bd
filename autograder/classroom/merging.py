"""Joins the parts of a class that were graded side by side into one run: its reports, faults and record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from autograder.classroom.class_record import ClassRecord, read_record, set_stale_aside, update_record
from autograder.classroom.faults import fault_path, record_fault
from autograder.classroom.finding import Entry, report_path
from autograder.classroom.history import note_replaced
from autograder.classroom.parts import WHOLE, Part
from autograder.classroom.runs import Run, keep, read_run, refuse_other_run
from autograder.course.catalogue import UsageError
from autograder.report import NotGraded, Report, ReportError, refuse_later_report
from autograder.submission.files import shown
from autograder.writing import refuse_links

__all__ = ["Merged", "decoded", "encoded", "join"]

MOST_NAMED = 3


def encoded(entry: Entry) -> str:
    """A hand-in in a part's record; a student's id may be no text, as it is the name of a folder."""
    return quote(f"{entry.student}/{entry.assignment}", errors="surrogateescape")


def decoded(text: str) -> Entry:
    """The hand-in that ``encoded`` wrote."""
    student, _, assignment = unquote(text, errors="surrogateescape").rpartition("/")
    return Entry(student, assignment, "")


class Merged(msgspec.Struct):
    """What was joined: the hand-ins with a report, the class's record, and reports that were set aside."""

    run: Run
    entries: list[Entry]
    record: ClassRecord
    stale: list[Path]


class _Share(msgspec.Struct, frozen=True):
    """The folder of one part, with its run and record."""

    folder: Path
    run: Run
    record: ClassRecord

    @property
    def entries(self) -> list[Entry]:
        return [decoded(text) for text in self.record.hand_ins]


def join(folders: Sequence[Path], out: Path, *, unfinished: bool = False) -> Merged:
    """Copy the reports of all parts to ``out``, each whole or not at all; those that are there already stay.

    unfinished: join also where parts, or reports of parts, are missing, which are then listed as not graded.
    Raises UsageError if the folders are not the parts of one run, if some are missing, or if ``out`` holds something
    else; LinkedPathError if a link in ``out`` is in the way.
    """
    shares = sorted((_read(folder) for folder in folders), key=lambda share: share.run.part.number)
    run = _one_run(shares)
    lacking = _lacking(shares)
    if lacking and not unfinished:
        message = f"{lacking[0].reason} Run its command again, which resumes, or join what is there with --unfinished."
        raise UsageError(message)
    refuse_other_run(Path(run.root), out, Path(run.submissions))
    entries = [entry for share in shares for entry in share.entries if report_path(share.folder, entry).is_file()]
    for entry in entries:
        refuse_links(report_path(out, entry), out)
        refuse_later_report(report_path(out, entry))
    keep(out / "run.json", run, within=out)
    everybody = [entry for share in shares for entry in share.entries]
    scope = {entry.assignment for entry in everybody}
    stale = set_stale_aside(out, everybody, scope)
    names = {student: name for share in shares for student, name in share.record.names.items()}
    seen = dict.fromkeys(row for share in shares for row in share.record.not_graded)
    record = update_record(out, ClassRecord(names, list(seen)), scope)
    for share in shares:
        for entry in share.entries:
            _copy(share.folder, out, entry)
    entries.sort(key=lambda entry: (entry.student, entry.assignment))
    return Merged(run, entries, ClassRecord(record.names, [*record.not_graded, *lacking]), stale)


def _read(folder: Path) -> _Share:
    run = read_run(folder)
    if run is None:
        message = f"There is no run in {folder}. Name the --out folders of autograder grade --part."
        raise UsageError(message)
    if run.part == WHOLE:
        message = f"{folder} holds a run of the whole class, which needs no merge. Name folders of grade --part."
        raise UsageError(message)
    return _Share(folder, run, read_record(folder))


def _one_run(shares: Sequence[_Share]) -> Run:
    """The run that these are the parts of.  UsageError if they differ in anything that decides a mark."""
    first = shares[0]
    checks: dict[str, str] = {}
    for share in shares:
        theirs = (share.run.seed, share.run.options, share.run.part.of)
        ours = (first.run.seed, first.run.options, first.run.part.of)
        same_checks = all(checks.setdefault(name, digest) == digest for name, digest in share.run.checks.items())
        if theirs != ours or not same_checks:
            what = "other checks" if theirs == ours else _difference(first.run, share.run)
            message = (
                f"{first.folder} and {share.folder} were graded with {what}, so they are not parts of one run. "
                "Grade one of them again with the other's options."
            )
            raise UsageError(message)
    twice = [part for part, count in Counter(share.run.part for share in shares).items() if count > 1]
    if twice:
        those = " and ".join(str(share.folder) for share in shares if share.run.part == twice[0])
        message = f"{those} both hold {twice[0]}. Name one folder for each part."
        raise UsageError(message)
    return msgspec.structs.replace(first.run, checks=checks, part=WHOLE)


def _difference(one: Run, other: Run) -> str:
    """Name what differs between two runs."""
    if one.part.of != other.part.of:
        return f"different numbers of parts ({one.part.of} and {other.part.of})"
    if one.seed != other.seed:
        return f"different seeds ({one.seed} and {other.seed})"
    return "different options"


def _lacking(shares: Sequence[_Share]) -> list[NotGraded]:
    """Parts of which there is no folder, and hand-ins without a report."""
    of = shares[0].run.part.of
    there = {share.run.part.number for share in shares}
    absent = [Part(number, of) for number in range(1, of + 1) if number not in there]
    found = [NotGraded(str(part), f"{str(part).capitalize()} is missing.") for part in absent]
    for share in shares:
        missing = [entry for entry in share.entries if not report_path(share.folder, entry).is_file()]
        if missing:
            named = ", ".join(shown(f"{entry.student}/{entry.assignment}") for entry in missing[:MOST_NAMED])
            more = ", …" if len(missing) > MOST_NAMED else ""
            reason = (
                f"{str(share.run.part).capitalize()} in {share.folder} is not finished: {len(missing)} of "
                f"{len(share.entries)} reports are missing ({named}{more})."
            )
            found.append(NotGraded(str(share.folder), reason))
    return found


def _copy(folder: Path, out: Path, entry: Entry) -> None:
    """Copy one report and, where the grader failed on the hand-in, the traceback."""
    source, target = report_path(folder, entry), report_path(out, entry)
    if not source.is_file():
        return
    content = source.read_bytes()
    try:
        report = msgspec.json.decode(content, type=Report)
    except msgspec.DecodeError as error:
        message = f"{source} cannot be read as a report ({error}). Grade that part again."
        raise ReportError(message) from error
    if not target.is_file() or target.read_bytes() != content:
        note_replaced(out, entry, report)
        keep(target, content, within=out)
    fault = fault_path(folder, entry)
    record_fault(out, entry, fault.read_text(encoding="utf-8") if fault.is_file() else "")
