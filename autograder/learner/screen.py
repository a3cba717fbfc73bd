"""What ``watch``, ``hint``, ``answer``, ``progress`` and ``submit`` print: at 80 columns, without colour, in ASCII."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from autograder.learner.answers import Answered
from autograder.learner.formulas import readable
from autograder.learner.hints import FORMULA
from autograder.learner.records import AssignmentProgress, ExerciseProgress, Hint, Manifest, Progress, View
from autograder.render.page import STYLES, Page
from autograder.render.reading import MEANING, RIGHT, number
from autograder.render.terminal import print_exercise, print_report
from autograder.report import Status

__all__ = ["print_answer", "print_hints", "print_manifest", "print_progress", "print_view"]

BAR = 20
UNKNOWN = "?"
SHOWN_FROM_S = 0.005
MOST_CHARACTERS = 1500
"""Characters of one hint; a longer one loses its middle."""
MOST_OF_AN_ANSWER = 8000
KEYS = (("h", "hint"), ("n", "next"), ("p", "previous"), ("a", "all"), ("?", "help"), ("q", "quit"))
HELP = (
    ("h", "the next hint: where to look, then the formula, then the step"),
    ("n, p", "the next exercise, the previous one"),
    ("a", "check every exercise of the assignment"),
    ("q", "quit, like Ctrl-C"),
    ("save", "saving the file checks the exercise that changed"),
)


def print_view(console: Console, view: View) -> None:
    """Print what ``watch`` shows: in place of the previous screen where the terminal can, below it elsewhere."""
    page = Page(console)
    if view.running:
        page.line(page.text(f"Checking {view.running} ...", "dim"))
        return
    with console:  # one write, so that nothing flickers
        if view.keys and console.is_terminal and not console.is_dumb_terminal:
            console.clear()
        _print_head(page, view)
        page.gap()
        if view.problem:
            page.line(page.mark(Status.BROKEN), " ", page.text(view.problem), hang=2)
        elif view.report:
            print_report(console, view.report)
        elif view.result:
            print_exercise(console, view.result)
        print_hints(console, view.hints)
        page.gap()
        _print_foot(page, view)


def _print_head(page: Page, view: View) -> None:
    page.line(page.text(f"{view.assignment} · {view.title}", "bold"), "  ", page.text(view.file, "dim"))
    marks = Text()
    for name, status in view.statuses.items():
        here = name == view.current
        marks.append_text(Text("[" if here else "") + _mark(page, status) + Text("]" if here else ""))
    done = sum(status in RIGHT for status in view.statuses.values())
    if view.statuses:
        page.line(marks, "  ", page.text(f"{done} of {len(view.statuses)} correct", "dim"))


def _mark(page: Page, status: str) -> Text:
    return page.mark(Status(status)) if status else Text(UNKNOWN, "dim")


def _print_foot(page: Page, view: View) -> None:
    if view.notice:
        page.line(page.text(view.notice, "yellow"))
    elif view.result and not view.report and view.result.status in RIGHT and not view.problem:
        page.line(page.text(_onward(view), "green"))
    if view.help:
        for key, meaning in HELP:
            page.line(Text(f"{key:<5}", "bold"), page.text(meaning), hang=5)
    if view.seconds >= SHOWN_FROM_S and not view.problem:
        page.line(page.text(f"Checked in {view.seconds:.2f} s; waiting for the next save.", "dim"))
    elif view.problem or not view.keys:
        page.line(page.text("Waiting for the next save.", "dim"))
    if view.keys:
        page.line(*(part for key, word in KEYS for part in (Text(key, "bold"), Text(f" {word}  "))))


def _onward(view: View) -> str:
    """What to do after an exercise is correct."""
    names = list(view.statuses)
    left = [name for name in names if view.statuses[name] not in RIGHT]
    if not left:
        return f"All of {view.assignment} is correct. Hand it in: autograder submit {view.assignment}"
    after = names[names.index(view.current) + 1 :]
    return f"Correct. {'Press n for ' + after[0] if after and view.keys else 'Left to do: ' + ', '.join(left)}."


def print_hints(console: Console, hints: Sequence[Hint]) -> None:
    """Print hints, each with its number and the total; several formulas on separate lines."""
    page = Page(console)
    for hint in hints:
        page.line(page.text(f"Hint {hint.level} of {hint.of}, {hint.kind}:", "bold"), indent=4)
        is_formula = hint.kind == FORMULA
        for text in re.split(r"(?<=;)\s+", hint.text) if is_formula else [hint.text]:
            spelled = _in_plain_signs(text) if page.plain else text
            page.line(page.text(spelled.removesuffix(";"), limit=MOST_CHARACTERS), indent=6, hang=2 * is_formula)


def print_answer(console: Console, found: Answered) -> None:
    """Print a model answer, and the mark scheme below it."""
    page = Page(console)
    points = number(found.question.points)
    page.line(page.text(f"{found.question.name} of {found.assignment}, {points} points. A model answer:", "bold"))
    for text, title in ((found.model.answer, ""), (found.model.scheme, "Mark scheme: ")):
        for i, paragraph in enumerate(readable(text)):
            page.gap()
            spelled = _in_plain_signs(paragraph) if page.plain else paragraph
            page.line(Text("" if i else title, "bold"), page.text(spelled, limit=MOST_OF_AN_ANSWER), indent=2)


def _in_plain_signs(text: str) -> str:
    """Spell for ASCII what would be spelled as in prose, where a dot separates words and a hat is an accent."""
    rooted = re.sub("√(\\w\u0302?)(?![\\w(])", r"√(\1)", text)
    return rooted.replace("·", "*").replace("\u0302", "_hat")


def print_progress(console: Console, progress: Progress) -> None:
    """Print a bar and the exercises of every assignment, then what is next and why."""
    page = Page(console)
    for assignment in progress.assignments:
        _print_assignment(page, assignment)
        page.gap()
    if progress.next:
        next_, why = progress.next, page.text(f": {progress.next.why}.")
        page.line(Text("Next: ", "bold"), page.text(f"{next_.exercise} of {next_.assignment}", "bold"), why, hang=6)
    elif progress.assignments:
        page.line(page.text("Everything that you have started is correct.", "green"))
    if progress.not_begun:
        names = ", ".join(progress.not_begun)
        page.line(page.text(f"Not started: {names}. Start with: autograder start {progress.not_begun[0]}", "dim"))


def _print_assignment(page: Page, assignment: AssignmentProgress) -> None:
    total = assignment.of
    full = BAR * assignment.done // total if total else 0  # a bar is full only if nothing is missing
    line = Text.assemble(
        page.shorten(page.text(f"{assignment.name} · {assignment.title}", "bold"), page.width),
        "\n",
        (page.bar[0] * full, "green"),
        (page.bar[1] * (BAR - full), "dim"),
        f"  {assignment.done} of {total} correct",
    )
    line.append(f", {number(assignment.points)} / {number(assignment.max_points)} points", "dim")
    if assignment.questions:
        line.append(f", {assignment.answered} / {assignment.questions} questions", "dim")
    page.line(line)
    if assignment.problem:
        page.line(page.mark(Status.BROKEN), " ", page.text(assignment.problem), indent=2, hang=2)
    groups: dict[tuple[str, str], list[ExerciseProgress]] = {}
    for exercise in sorted(assignment.exercises, key=lambda one: (one.bonus, not one.max_points)):
        kind = "" if not exercise.bonus else "bonus, " if exercise.max_points else "optional, "
        groups.setdefault((kind, exercise.status), []).append(exercise)
    for (kind, status), those in groups.items():
        meaning = f"{kind}{MEANING[Status(status)] if status else 'not checked yet'}"
        names = page.text(", ".join(one.name for one in those), limit=4000)
        page.line(_mark(page, status), Text(f" {meaning}: "), names, indent=2, hang=2)
    if stale := [one.name for one in assignment.exercises if one.stale]:
        text = f"changed since the last check: {', '.join(stale)}. See autograder progress --check."
        page.line(page.text(text, "yellow", 4000), indent=4)


def print_manifest(console: Console, manifest: Manifest) -> None:
    """Print what would be handed in, and what may be unintended."""
    page = Page(console)
    page.line(page.text(f"Hand-in of {manifest.assignment}", "bold"))
    for file in manifest.files:
        page.line(page.text(f"{file.name}: {file.size:,} bytes, sha256 {file.sha256[:16]}"), indent=2)
    for state in ("written", "partly written", "not written"):
        if names := [one.name for one in manifest.exercises if one.state == state]:
            mark = {"written": Status.PASSED, "partly written": Status.PARTLY}.get(state, Status.NOT_ATTEMPTED)
            text = Text(page.marks[mark], "dim" if mark is Status.PASSED else STYLES[mark])
            page.line(text, " ", page.text(f"{state}: {', '.join(names)}", limit=4000), indent=2, hang=2)
    for question, answered in manifest.answers.items():
        page.line(page.text(f"question {question}: {'answered' if answered else 'no answer yet'}"), indent=2)
    for warning in manifest.warnings:
        page.line(page.mark(Status.BROKEN), " ", page.text(warning), indent=2, hang=2)
