"""A made-up course: its file, and folders of graded reports with the times of their hand-ins."""

from urllib.parse import quote

from autograder.classroom.class_record import ClassRecord
from autograder.classroom.hand_in_times import TIMES, HandInTime, _Record
from autograder.cli import main
from autograder.report import ExerciseResult, Problem, Report, Status, Verdict
from autograder.writing import write_atomically

START = """\
timezone = "Europe/Berlin"
[assignments.02_layers]
due = 2026-03-06T23:59:00
"""


def report(student, points, assignment="02_layers", most=10.0, **more):
    """A report with one exercise, Linear, unless others are given: NAME=(points, maximum)."""
    exercises = more.pop("exercises", {"Linear": (points, most)})
    bonus = more.pop("bonus", ())
    results = [
        ExerciseResult(
            name, [Verdict("forward", "forward", Status.PASSED if got else Status.FAILED, got, of)], name in bonus
        )
        for name, (got, of) in exercises.items()
    ]
    more = {"submission_sha256": "ab", "title": "Layers", **more}
    return Report(student=student, assignment=assignment, exercises=results, **more)


def nothing(student, assignment="02_layers", most=10.0):
    """The report of somebody who handed in nothing."""
    problem = Problem(f"nothing was handed in for {assignment}")
    return report(student, 0.0, assignment, most, submission_sha256="", problems=[problem])


def put(out, *reports, times=None, names=None):
    """Write a run's folder; times: by student, or by (student, assignment)."""
    for one in reports:
        write_atomically(out / "reports" / one.student / f"{one.assignment}.json", one)
    found = {}
    for key, at in (times or {}).items():
        student, assignment = (key, "02_layers") if isinstance(key, str) else key
        time = at if isinstance(at, HandInTime) else HandInTime(at, "file")
        found[quote(f"{student}/{assignment}")] = time
    write_atomically(out / TIMES, _Record(found))
    write_atomically(out / "class.json", ClassRecord(names or {}))
    return out


def course(folder, text=START):
    """Write ``course.toml``; its path."""
    write_atomically(folder / "course.toml", text)
    return folder / "course.toml"


def run(capsys, path, *options, at="2026-04-01T12:00:00"):
    """``autograder course``; the exit status and what was printed."""
    arguments = [str(path), *map(str, options), *(("--at", at) if at else ())]
    status = main(["course", *arguments])
    printed = capsys.readouterr()
    return status, " ".join(f"{printed.out} {printed.err}".split())
