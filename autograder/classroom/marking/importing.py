"""Takes marks that people gave in nbgrader's formgrader into a run's store, so that every export has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autograder.classroom.marking.store import EXERCISE, QUESTION, Store, now
from autograder.export.gradebook_marks import GivenByHand, given_by_hand
from autograder.render.reading import NAME, clean
from autograder.report import Report, ReportError, read_report
from autograder.report.marks import GRADEBOOK, SAME_POINTS, AssignmentMarks, Mark, read_marks

__all__ = ["Imported", "import_marks"]

MOST_NAMED = 12


@dataclass
class Imported:
    """What became of a gradebook's marks.

    taken, unchanged: how many are new or changed here, or were here already; kept: those that were not taken, since
    another mark was given on the page; strange: students or cells that the run has no report of.
    """

    out: Path
    taken: int = 0
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """What there is to say."""
        what = "1 mark" if self.taken == 1 else f"{self.taken} marks"
        told = [f"{what} of the gradebook taken, {self.unchanged} unchanged."]
        if self.kept:
            told.append(
                f"Not taken, because another mark was given here: {_listed(self.kept)}. "
                "--replace takes the gradebook's."
            )
        if self.strange:
            told.append(f"Without a report in {self.out}: {_listed(self.strange)}.")
        if self.taken:
            told.append(f"autograder report {self.out} draws the pages with them.")
        return told


def import_marks(out: Path, url: str, *, replace: bool = False) -> Imported:
    """Take the marks of a gradebook; importing again changes nothing.

    replace: also where another mark was given on the page.  Raises ExportError if the gradebook cannot be read,
    UsageError or ReportError if the store cannot be read or written.
    """
    found, store = Imported(out), Store(out)
    places = {path.parent.name.encode("utf-8", "replace").decode(): path.parent.name for path in _reports(out)}
    reports: dict[tuple[str, str], Report | None] = {}
    begun: dict[str, dict[str, float]] = {}
    for one in given_by_hand(url):
        key = (one.student, one.assignment)
        if key not in reports:
            reports[key] = _report(out, places.get(one.student), one.assignment)
        report = reports[key]
        mark = _mark(report, one) if report else None
        if report is None or mark is None:
            found.strange.append(_name(one))
            continue
        if one.question and one.assignment not in begun:
            begun[one.assignment] = {answer.name: answer.max_points for answer in report.written}
            store.begin(one.assignment, begun[one.assignment])
        _take(store, places[one.student], one, mark, found, replace=replace)
    return found


def _take(store: Store, student: str, one: GivenByHand, mark: Mark, found: Imported, *, replace: bool) -> None:
    kind, name = (EXERCISE, one.exercise) if one.exercise else (QUESTION, one.question)
    own = read_marks(found.out, student).assignments.get(one.assignment, AssignmentMarks())
    there = (own.exercises if one.exercise else own.questions).get(name, Mark())
    if _is_same(there, mark):
        found.unchanged += 1
    elif there.is_empty or there.source == GRADEBOOK or replace:
        saved = Mark(
            mark.points,
            mark.comment or there.comment,
            "nbgrader",
            now(),
            there.revision,
            GRADEBOOK,
            mark.answer_sha256,
            "",
            mark.automatic,
        )
        store.save(student, one.assignment, kind, name, saved)
        found.taken += 1
    else:
        found.kept.append(_name(one))


def _is_same(there: Mark, mark: Mark) -> bool:
    if (there.points is None) != (mark.points is None) or (mark.comment and mark.comment != there.comment):
        return False
    return there.points is None or abs(there.points - (mark.points or 0.0)) < SAME_POINTS


def _mark(report: Report, one: GivenByHand) -> Mark | None:
    """The mark for the store; None where the report has no such question or exercise."""
    comment = clean(one.comment, 1000)
    if one.exercise:
        exercise = next((each for each in report.exercises if each.name == one.exercise), None)
        return (
            Mark(one.points, comment, automatic=exercise.points if one.points is not None else None)
            if exercise
            else None
        )
    answer = next((each for each in report.written if each.name == one.question), None)
    return Mark(one.points, comment, answer_sha256=answer.sha256) if answer else None


def _report(out: Path, student: str | None, assignment: str) -> Report | None:
    if student is None:
        return None
    path = out / "reports" / student / f"{assignment}.json"
    if not path.is_file():
        return None
    try:
        return read_report(path)
    except ReportError:
        return None


def _reports(out: Path) -> list[Path]:
    return sorted((out / "reports").glob("*/*.json"))


def _name(one: GivenByHand) -> str:
    return f"{clean(one.student, NAME)}, {clean(one.assignment, NAME)}, {clean(one.exercise or one.question, NAME)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more
