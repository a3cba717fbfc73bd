"""A submission's way from file to verdict, with the module that takes each step."""

from __future__ import annotations

from typing import NamedTuple

from extensions.drawing import GREY, LINE, PADDING, PALE, WARM, Drawing, wrapped

GRADER, WORKER = 40, 600
"""Left edges of the two lanes."""
WIDE, NARROW, WIDTH = 420, 280, 920


class Step(NamedTuple):
    """One box: what happens, and where in the repository."""

    name: str
    what: str
    where: tuple[str, ...]


BEFORE = (
    Step("Find", "Every file under the folder is assigned to a student and an assignment, or listed with the reason.",
         ("autograder/classroom/finding.py",)),
    Step("Choose", "Of several files the one that holds work counts.", ("autograder/submission/choosing.py",)),
    Step("Slice", "Cells become statements; each exercise keeps those that can define or change a name it uses.",
         ("dlkit/extraction.py", "dlkit/slicing.py")),
)  # fmt: skip
EACH = (
    Step("Start", "A worker is forked and its isolation is proved.", ("autograder/grading/workplace.py",)),
    Step("Observe", "A check draws cases and calls the student's code on them.",
         ("autograder/checks/", "autograder/subject.py")),
    Step("Judge", "What was observed is compared with what the reference does on the same cases.",
         ("autograder/course/answers.py", "autograder/spec/comparison.py")),
    Step("Measure", "Speed, memory and growth, read from outside the worker, as ratios to the reference.",
         ("autograder/measuring/",)),
    Step("Diagnose", "A failed check is compared with every planted mistake and every known pattern.",
         ("autograder/diagnosis/",)),
)  # fmt: skip
AFTER = (
    Step("Report", "One report per submission: verdicts, points, seed, hashes, isolation.",
         ("autograder/grading/grader.py", "autograder/report/")),
    Step("Show", "Pages, terminal, gradebooks and platforms read the report and decide nothing.",
         ("autograder/render/", "autograder/export/")),
)  # fmt: skip
ANSWERS = {
    "Start": Step("Load", "The slice is executed, within a time limit.", ("autograder/isolation/child.py",)),
    "Observe": Step("Answer", "The student's code runs; arrays and plain data go back.",
                    ("autograder/isolation/executor.py",)),
    "Measure": Step("Run again", "The same calls, on new inputs.", ("autograder/isolation/executor.py",)),
}  # fmt: skip
SENT = {"Start": ("source text", ""), "Observe": ("calls, inputs", "results"), "Measure": ("timed calls", "")}


def draw() -> str:
    """The picture as SVG."""
    return drawing().svg()


def drawing() -> Drawing:
    """Draw two lanes: the trusted process on the left, the worker that runs student code on the right."""
    picture = Drawing(WIDTH, "A submission's way from file to verdict")
    picture.text(GRADER, 26, "Grader process, trusted", bold=True)
    picture.text(WORKER, 26, "Worker process, untrusted", bold=True)
    y = _steps(picture, BEFORE, 44)
    group = y + 6
    picture.arrow((GRADER + WIDE / 2, y - 20), (GRADER + WIDE / 2, group + 26))
    y = _steps(picture, EACH, group + 26)
    height = y - group - 8
    picture.frame(GRADER - 16, group, WIDTH - 2 * (GRADER - 16), height)
    picture.text(GRADER + WIDE / 2 + 14, group + 17, "for each exercise, in a fresh worker", size=12, colour=GREY)
    picture.arrow((GRADER + WIDE / 2, y - 20), (GRADER + WIDE / 2, y + 12))
    _steps(picture, AFTER, y + 12)
    return picture


def _steps(picture: Drawing, steps: tuple[Step, ...], y: float) -> float:
    """Draw boxes below each other with arrows between them; return where the next one begins."""
    for i, step in enumerate(steps):
        height = _height(step, WIDE)
        if answer := ANSWERS.get(step.name):
            height = max(height, _height(answer, NARROW))
            picture.box(WORKER, y, NARROW, height, fill=WARM)
            _fill(picture, answer, WORKER, y, NARROW)
            _exchange(picture, y + height / 2, *SENT[step.name])
        picture.box(GRADER, y, WIDE, height, fill=PALE)
        _fill(picture, step, GRADER, y, WIDE)
        if i < len(steps) - 1:
            picture.arrow((GRADER + WIDE / 2, y + height), (GRADER + WIDE / 2, y + height + 20))
        y += height + 20
    return y


def _exchange(picture: Drawing, y: float, there: str, back: str) -> None:
    left, right, middle = GRADER + WIDE, WORKER, (GRADER + WIDE + WORKER) / 2
    picture.arrow((left, y - 8), (right, y - 8))
    picture.text(middle, y - 14, there, size=12, colour=GREY, middle=True)
    if back:
        picture.arrow((right, y + 8), (left, y + 8))
        picture.text(middle, y + 24, back, size=12, colour=GREY, middle=True)


def _height(step: Step, width: float) -> float:
    return LINE * (1 + len(wrapped(step.what, width - 2 * PADDING)) + len(step.where)) + 12


def _fill(picture: Drawing, step: Step, x: float, y: float, width: float) -> None:
    """Write a step's text into its box."""
    picture.text(x + PADDING, y + LINE, step.name, bold=True)
    lines = wrapped(step.what, width - 2 * PADDING)
    for i, line in enumerate(lines):
        picture.text(x + PADDING, y + LINE * (i + 2), line)
    for i, place in enumerate(step.where):
        picture.text(x + PADDING, y + LINE * (i + 2 + len(lines)), place, font="mono", size=11, colour=GREY)
