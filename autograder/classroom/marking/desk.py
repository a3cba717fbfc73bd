"""What the marking page shows and saves: answers of a class by question, a student's exercises, the comment bank.

Students are named towards the page by codes drawn for the session.  With ``anonymous`` no name, id or file leaves here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from autograder.classroom.class_record import read_record
from autograder.classroom.marking.store import EXERCISE, LONGEST_COMMENT, QUESTION, Store, now
from autograder.course.catalogue import UsageError
from autograder.course.model_answers import ModelAnswer, QuestionText, question_texts
from autograder.render.reading import NAME, clean, findings, number, several_lines
from autograder.report import Report, Status, WrittenAnswer, read_report
from autograder.report.marks import SAME_POINTS, AssignmentMarks, Mark, read_marking, read_marks

__all__ = ["Desk", "RefusedError", "Request"]

MOST_POINTS = 10_000.0
MOST_FINDINGS, SENTENCE = 4, 300
BROKEN_LINE = re.compile(r"(?<=[^\n$|])\n(?=[^\s$|*+-])(?!\d+\.)")
"""A line end inside a paragraph: not before a list, a table, a formula of its own or an empty line."""
PICTURES = ("](attachment:", "<img", "](data:")


class RefusedError(Exception):
    """What the page asked for is not possible: one sentence."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mark as the page sends it; student: the session's code; revision: of the mark that was shown."""

    assignment: str
    student: str
    kind: str
    name: str
    revision: int
    points: float | None = None
    comment: str = ""
    answer_sha256: str = ""


@dataclass(frozen=True)
class _Exercise:
    """One exercise of a report, as far as whoever marks needs it; told: what did not pass, and why."""

    name: str
    status: Status
    points: float
    max_points: float
    bonus: bool
    told: list[str]


@dataclass(frozen=True)
class _Sheet:
    """One report, without what marking does not need: a class of 300 has thirty megabytes of reports."""

    student: str
    file: str
    answers: dict[str, WrittenAnswer]
    exercises: dict[str, _Exercise]


@dataclass
class _Assignment:
    """One assignment: its reports by student, and when their files were read."""

    name: str
    title: str = ""
    questions: dict[str, float] = field(default_factory=dict)
    exercises: set[str] = field(default_factory=set)
    reports: dict[str, _Sheet] = field(default_factory=dict)
    stamps: dict[str, tuple[int, int]] = field(default_factory=dict)


class Desk:
    """One session of marking a run's folder.

    root: the course, for questions and mark schemes; None where it is not at hand; grader: who marks.
    Raises UsageError where there are no reports.
    """

    def __init__(self, out: Path, root: Path | None, grader: str, *, anonymous: bool = False) -> None:
        self.out, self.anonymous, self.grader = out, anonymous, grader
        self.saved = 0
        self._root, self._store = root, Store(out)
        self._label = read_record(out).labels()
        self._secret = secrets.token_bytes(16)
        self._lock = threading.Lock()
        paths = sorted((out / "reports").glob("*/*.json"))
        if not paths:
            message = f"There are no reports in {out}. Name the --out folder of autograder grade."
            raise UsageError(message)
        self._students = {self._code(name): name for name in sorted({path.parent.name for path in paths})}
        self._places = {code: place for place, code in enumerate(sorted(self._students), 1)}
        self._assignments = {name: _Assignment(name) for name in sorted({path.stem for path in paths})}

    # --- what is shown -----------------------------------------------------------------------

    def overview(self) -> dict[str, object]:
        """The assignments with their questions, how many answers are to be marked, and their exercises."""
        return {
            "grader": self.grader,
            "anonymous": self.anonymous,
            "longest": LONGEST_COMMENT,
            "assignments": [self._summary(name) for name in self._assignments],
        }

    def answers(self, assignment: str, question: str) -> dict[str, object]:
        """One question across the class: its text and scheme, every answer with its mark, the comment bank."""
        one = self._read(assignment)
        if question not in one.questions:
            message = f"{assignment} has no written question '{clean(question, NAME)}'."
            raise RefusedError(message)
        text = self._texts(assignment).get(question, QuestionText("", ModelAnswer("")))
        rows = []
        for student, report in self._ordered(one):
            answer = report.answers.get(question)
            mark = self._marks(student, assignment).questions.get(question, Mark())
            rows.append(self._row(student, report) | _answer(answer, mark, _sha256(text.text)))
        return {
            "text": several_lines(_flowing(text.text)),
            "model": several_lines(_flowing(text.model.answer)),
            "scheme": several_lines(_flowing(text.model.scheme)),
            "points": one.questions[question],
            "answers": rows,
            "bank": self._bank(assignment, question),
        }

    def students(self, assignment: str) -> list[dict[str, object]]:
        """Every student of an assignment."""
        return [self._row(student, report) for student, report in self._ordered(self._read(assignment))]

    def exercises(self, assignment: str, code: str) -> list[dict[str, object]]:
        """One student's exercises: what the checks found, and what was given by hand."""
        student = self._student(code)
        report = self._read(assignment).reports.get(student)
        if report is None:
            message = "This student has no report of this assignment."
            raise RefusedError(message)
        marks = self._marks(student, assignment).exercises
        return [
            {
                "name": clean(exercise.name, NAME),
                "id": exercise.name,
                "status": exercise.status,
                "automatic": exercise.points,
                "points": exercise.max_points,
                "bonus": exercise.bonus,
                "told": exercise.told,
                "bank": self._bank(assignment, exercise.name),
                "mark": _shown(mark := marks.get(exercise.name, Mark())),
                "changed": mark.automatic is not None and abs(mark.automatic - exercise.points) > SAME_POINTS,
            }
            for exercise in report.exercises.values()
        ]

    # --- what is saved -----------------------------------------------------------------------

    def save(self, asked: Request) -> dict[str, object]:
        """Save one mark; return it as it is stored now.

        Raises RefusedError if it is not possible, ChangedError if another grader was faster, ReportError and
        UsageError if the files cannot be read or written.
        """
        one, student = self._read(asked.assignment), self._student(asked.student)
        report = one.reports.get(student)
        comment = clean(asked.comment, LONGEST_COMMENT + 1)
        if len(comment) > LONGEST_COMMENT:
            message = f"The comment is longer than {LONGEST_COMMENT} characters. Shorten it."
            raise RefusedError(message)
        mark = Mark(
            None if asked.points is None else round(asked.points, 2), comment, self.grader, now(), asked.revision
        )
        if asked.kind == QUESTION and asked.name in one.questions:
            mark = self._of_question(one, report, asked, mark)
        elif asked.kind == EXERCISE and report and asked.name in report.exercises:
            mark = _of_exercise(report.exercises[asked.name], mark)
        else:
            message = "There is no such question or exercise in this student's report."
            raise RefusedError(message)
        if asked.kind == QUESTION:
            self._store.begin(asked.assignment, one.questions)
        saved = self._store.save(student, asked.assignment, asked.kind, asked.name, mark)
        with self._lock:
            self.saved += 1
        return _shown(saved)

    def keep_comment(self, assignment: str, name: str, comment: str, *, drop: bool) -> list[str]:
        """Add a comment to the bank, or drop it; return the bank of this question or exercise."""
        one = self._read(assignment)
        if name not in one.questions and name not in one.exercises:
            message = "There is no such question or exercise."
            raise RefusedError(message)
        comment = clean(comment, LONGEST_COMMENT)
        if not comment:
            message = "An empty comment is not kept."
            raise RefusedError(message)
        return self._store.keep_comment(assignment, name, comment, drop=drop)

    def _of_question(self, one: _Assignment, report: _Sheet | None, asked: Request, mark: Mark) -> Mark:
        _refuse_points(mark.points, one.questions[asked.name])
        answer = report.answers.get(asked.name) if report else None
        sha256 = answer.sha256 if answer else ""
        if sha256 != asked.answer_sha256:
            message = (
                "The answer was graded again and is another one now. Reload the page, and read it before you mark."
            )
            raise RefusedError(message)
        text = self._texts(asked.assignment).get(asked.name)
        return replace(mark, answer_sha256=sha256, question_sha256=_sha256(text.text) if text else "")

    # --- what it is read from ----------------------------------------------------------------

    def _read(self, assignment: str) -> _Assignment:
        """The assignment's reports; those that changed are read again."""
        if assignment not in self._assignments:
            message = f"There are no reports of '{clean(assignment, NAME)}'."
            raise RefusedError(message)
        with self._lock:
            one = self._assignments[assignment]
            for student in self._students.values():
                path = self.out / "reports" / student / f"{assignment}.json"
                try:
                    state = path.stat()
                except OSError:
                    one.reports.pop(student, None)
                    continue
                stamp = (state.st_mtime_ns, state.st_size)
                if one.stamps.get(student) != stamp:
                    report = read_report(path)
                    one.reports[student], one.stamps[student] = _sheet(report), stamp
                    one.title = one.title or report.title
                    one.questions |= {answer.name: answer.max_points for answer in report.written}
                    one.exercises |= {exercise.name for exercise in report.exercises}
        return one

    def _texts(self, assignment: str) -> dict[str, QuestionText]:
        if self._root is None:
            return {}
        return question_texts(self._root / "solutions" / assignment / f"{assignment.partition('_')[2]}.py")

    def _summary(self, name: str) -> dict[str, object]:
        one = self._read(name)
        waiting = dict.fromkeys(one.questions, 0)
        answered = dict.fromkeys(one.questions, 0)
        for student, report in one.reports.items():
            marks = self._marks(student, name).questions
            for answer in report.answers.values():
                answered[answer.name] += answer.answered
                waiting[answer.name] += answer.answered and marks.get(answer.name, Mark()).points is None
        return {
            "name": name,
            "title": clean(one.title, NAME),
            "exercises": bool(one.exercises),
            "questions": [
                {
                    "name": clean(question, NAME),
                    "id": question,
                    "points": most,
                    "answered": answered[question],
                    "waiting": waiting[question],
                }
                for question, most in one.questions.items()
            ],
        }

    def _marks(self, student: str, assignment: str) -> AssignmentMarks:
        return read_marks(self.out, student).assignments.get(assignment, AssignmentMarks())

    def _bank(self, assignment: str, name: str) -> list[str]:
        return read_marking(self.out).comments.get(assignment, {}).get(name, [])

    def _ordered(self, one: _Assignment) -> list[tuple[str, _Sheet]]:
        """Students by name; in an order of the session where names are not shown."""
        if self.anonymous:
            return sorted(one.reports.items(), key=lambda item: self._code(item[0]))
        return sorted(one.reports.items(), key=lambda item: (self._label(item[1].student).casefold(), item[0]))

    def _row(self, student: str, report: _Sheet) -> dict[str, object]:
        code = self._code(student)
        if self.anonymous:
            return {"student": code, "label": f"Student {self._places[code]}", "file": ""}
        label = clean(self._label(report.student), NAME) or "without a name"
        return {"student": code, "label": label, "file": clean(report.file, NAME)}

    def _code(self, student: str) -> str:
        return hmac.new(self._secret, student.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:20]

    def _student(self, code: str) -> str:
        if code not in self._students:
            message = "There is no such student in this session. Reload the page."
            raise RefusedError(message)
        return self._students[code]


def _sheet(report: Report) -> _Sheet:
    exercises = [
        _Exercise(
            exercise.name,
            exercise.status,
            exercise.points,
            exercise.max_points,
            exercise.bonus,
            [clean(one.hint or one.sentence, SENTENCE) for one in findings(exercise)[:MOST_FINDINGS]],
        )
        for exercise in report.exercises
    ]
    return _Sheet(
        report.student,
        report.file,
        {answer.name: answer for answer in report.written},
        {exercise.name: exercise for exercise in exercises},
    )


def _answer(answer: WrittenAnswer | None, mark: Mark, question_sha256: str) -> dict[str, object]:
    """An answer as the page shows it.  Text of students is cleaned here, and written as text there."""
    text, sha256 = (answer.text, answer.sha256) if answer else ("", "")
    is_marked = not mark.is_empty
    return {
        "answered": bool(answer and answer.answered),
        "text": several_lines(text),
        "unread": bool(answer and answer.answered and not text),
        "pictures": any(sign in text for sign in PICTURES),
        "sha256": sha256,
        "mark": _shown(mark),
        "changed": is_marked and mark.answer_sha256 not in ("", sha256),
        "question_changed": is_marked and mark.question_sha256 not in ("", question_sha256),
    }


def _flowing(text: str) -> str:
    """A text of the course without the line ends inside its paragraphs."""
    return BROKEN_LINE.sub(" ", text)


def _shown(mark: Mark) -> dict[str, object]:
    return {
        "points": mark.points,
        "comment": clean(mark.comment, LONGEST_COMMENT),
        "by": clean(mark.by, NAME),
        "at": mark.at,
        "revision": mark.revision,
        "source": mark.source,
    }


def _of_exercise(exercise: _Exercise, mark: Mark) -> Mark:
    _refuse_points(mark.points, exercise.max_points)
    if mark.points is not None and not mark.comment:
        message = "Say in the comment why the points of the checks do not count."
        raise RefusedError(message)
    return replace(mark, automatic=exercise.points if mark.points is not None else None)


def _refuse_points(points: float | None, most: float) -> None:
    if points is not None and not 0 <= points <= min(most, MOST_POINTS):
        message = f"Give between 0 and {number(most)} points."
        raise RefusedError(message)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
