"""Reports that the tests of every format share, and the ways to run the command."""

import contextlib
import io

from autograder.cli import main
from autograder.report import (
    ExerciseResult,
    Footprint,
    Growth,
    HotSpot,
    Pair,
    Problem,
    Report,
    Status,
    Timing,
    Verdict,
    WrittenAnswer,
    encodable,
)
from autograder.writing import write_atomically
from tests.autograder.render.conftest import HOSTILE, report_of, verdict

__all__ = ["HOSTILE", "graded_folder", "hostile_report", "huge_report", "report_of", "run_command", "unreadable_report",
           "varied_report", "verdict"]  # fmt: skip

HOT = [
    HotSpot("cell 3, line 12", "for i in range(len(x)):  # $x$ 名", 0.83, loop=True),
    HotSpot("cell 3, line 9", "y = 1", 0.1),
]
SLOW = Timing(2.7, 2.0, [2.5, 2.9], raw=[Pair(0.123456789, 0.05, 0.2, 0.1)], hot=HOT)


def varied_report(student="Ada Lovelace", **more):
    """A report with a verdict of every status, times, memory, growth, and an exercise that is entirely correct."""
    some = [
        verdict(f"check of {status}", status, sentence="" if status is Status.PASSED else f"sentence of {status}")
        for status in Status
        if status is not Status.PARTLY
    ]
    measured = [
        verdict("fast enough", Status.FAILED, "speed", sentence="correct, but too slow", measurement=SLOW),
        verdict("little memory", part="memory", measurement=Footprint(1.2, 2.0, 5 << 20, 4 << 20)),
        verdict("grows as it should", part="growth", measurement=Growth(1.02, 1.5, "time", [1, 2], [0.1, 0.2])),
        Verdict(
            "gradients", "backward", Status.FAILED, 1.0, 2.0, "off by 0.1", "averages dW", "dW is a sum over the batch."
        ),
    ]
    return report_of(
        student,
        [
            ExerciseResult("Linear", some),
            ExerciseResult("Conv2d", measured),
            ExerciseResult("ReLU", [verdict("forward")]),
        ],
        written=[WrittenAnswer("why", 3.0, answered=True), WrittenAnswer("how", 2.0, answered=False)],
        problems=[Problem("layers.ipynb: cell 12 does not parse (line 3: unexpected indent).", "cell 12")],
        **more,
    )


def right_report(student="Ada Lovelace", points=2, **more):
    """Everything correct: two points per exercise."""
    return report_of(student, [ExerciseResult(f"E{i}", [verdict("forward")]) for i in range(points // 2)], **more)


def unreadable_report(student="Ada Lovelace"):
    sentence = "layers.ipynb does not exist. Check the name and the folder."
    return Report(
        student=student,
        assignment="02_layers",
        title="Layers",
        file="layers.ipynb",
        exercises=[ExerciseResult("Linear", [Verdict("forward", "forward", Status.FAILED, 0.0, 7.0, sentence)])],
        problems=[Problem(sentence)],
    )


def hostile_report(text, student=None):
    """A report of which every text that a student can write is this one."""
    failed = Verdict("the check", "forward", Status.FAILED, 0.0, 2.0, text, text, text, measurement=Timing(
        2.7, 2.0, [2.5, 2.9], hot=[HotSpot(text, text, 0.9)]))  # fmt: skip
    return report_of(
        text if student is None else student,
        [ExerciseResult("Linear", [failed, verdict("other", Status.BROKEN, sentence=text)])],
        problems=[Problem(text, text)],
        written=[WrittenAnswer(text, 3.0, answered=True)],
        tried=[text],
    )


def huge_report():
    """More exercises, checks and words than anybody writes."""
    text = "".join(chr(0x4E00 + 7919 * i % 20000) for i in range(900))
    said = {"sentence": text, "mistake": text, "hint": text}
    checks = [verdict(f"check {i}", Status.FAILED, **said) for i in range(12)]
    slow = ExerciseResult("Slow", [verdict("fast enough", Status.FAILED, "speed", measurement=SLOW)] * 3)
    exercises = [slow, *(ExerciseResult(f"Exercise{i}", checks) for i in range(60))]
    return report_of(exercises=exercises, problems=[Problem(text)] * 100)


def graded_folder(folder, *reports):
    """The folder of a finished run."""
    for number, report in enumerate(reports):
        name = report.student if report.student and "/" not in report.student else f"student{number}"
        write_atomically(folder / "reports" / name / f"{report.assignment}.json", encodable(report))
    return folder


def run_command(*arguments):
    """``autograder export`` with these; exit status, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["export", *map(str, arguments)])
    return status, out.getvalue(), err.getvalue()
