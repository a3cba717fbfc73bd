"""Reports at the terminal: readable at 80 columns, without colour, and in ASCII."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from autograder.render.errormap import telling, text_map
from autograder.render.measured import slow_to_grade, timing_of, words_beside
from autograder.render.mistakes import common_mistakes, personal_mistake
from autograder.render.page import ASCII_MARKS, STYLES, Page
from autograder.render.reading import (
    COMMENT,
    ISOLATION,
    MEANING,
    NAME,
    RIGHT,
    Finding,
    clean,
    counted_points,
    decided_by_hand,
    exercise_names,
    findings,
    left_out,
    number,
    points_earned,
    remark_of,
    shared_sentence,
    tried,
    unread,
    waiting,
)
from autograder.report import ExerciseResult, Report, Status, Verdict

__all__ = ["ASCII_MARKS", "print_class", "print_exercise", "print_report"]

STATUS_WIDTH = max(map(len, Status))
BAR = 24
WIDE = 104
"""Terminal width from which a class shows a mark for every exercise."""
MOST_MARKS = 24
MOST_STUDENTS = 500
"""Rows of a class; its page has all of them."""
TIMED_AT = 33
"""Column of a speed ratio, beyond the width of the names."""


def print_report(console: Console, report: Report, *, verbose: bool = False) -> None:
    """Print one assignment's result for its author.

    One line per exercise; below it what did not pass, each cause once, with the mistake and its hint.
    verbose: every check of every exercise, and how it was graded.
    """
    page = Page(console)
    title = f"{report.assignment} · {report.title}" if report.title else report.assignment
    page.line(page.text(title, "bold"))
    about = [part for part in (report.student, report.file) if part]
    if about:
        page.line(page.text(" · ".join(clean(part, NAME) for part in about), "dim"))
    page.gap()
    for problem in report.problems:
        page.line(page.mark(Status.BROKEN), " ", page.text(problem.sentence), hang=2)
    if attempts := tried(report):
        page.line(page.mark(Status.BROKEN), " ", page.text(attempts), hang=2)
    if report.problems or attempts:
        page.gap()
    _print_exercises(page, report, verbose=verbose)
    for answer in report.written:
        state = "answered" if answer.answered else "no answer yet"
        if report.counts_written and answer.points is not None:
            state = f"{number(answer.points)} given" if answer.answered else state
        text = page.text(f"by hand: {clean(answer.name, 160)} ({number(answer.max_points)} points, {state})", "dim")
        page.line(page.mark(Status.SKIPPED if answer.answered else Status.NOT_ATTEMPTED), " ", text, hang=2)
    page.gap()
    _print_total(page, report)
    _print_origin(page, report, verbose=verbose)


def _print_exercises(page: Page, report: Report, *, verbose: bool) -> None:
    told = {problem.sentence for problem in report.problems}
    width = min(max((cell_len(e.name) for e in report.exercises), default=0), 28, max(8, page.width - 34))
    quiet: dict[str, list[ExerciseResult]] = {}
    for exercise in report.exercises:
        if verbose:
            _print_exercise(page, exercise, width, verbose=True)
        elif exercise.status is Status.NOT_ATTEMPTED:
            why = "not attempted, for bonus points" if exercise.bonus else "not attempted yet"
            why = "optional steps, not written" if exercise.optional else why
            quiet.setdefault(why, []).append(exercise)
        elif shared_sentence(exercise.verdicts) in told:
            quiet.setdefault("not graded because of the file, see above", []).append(exercise)
        else:
            _print_exercise(page, exercise, width, verbose=False)
    for why, those in quiet.items():
        points = number(sum(exercise.max_points for exercise in those))
        worth = "" if all(exercise.optional for exercise in those) else f" ({points} points)"
        text = page.text(f"{why}: {', '.join(exercise.name for exercise in those)}{worth}", "dim", 4000)
        page.line(page.mark(those[0].status), " ", text, hang=2)
    if not report.exercises:
        page.line(page.text("No exercise was graded.", "dim"))


def print_exercise(console: Console, exercise: ExerciseResult, *, verbose: bool = False) -> None:
    """Print one exercise's result: one line if everything is correct, else what did not pass and why."""
    page = Page(console)
    _print_exercise(page, exercise, min(cell_len(exercise.name), max(8, page.width - 34)), verbose=verbose)
    if exercise.status is Status.NOT_ATTEMPTED and not verbose:
        for sentence in dict.fromkeys(verdict.sentence for verdict in exercise.verdicts if verdict.sentence):
            page.line(page.text(sentence, "dim"), indent=4)


def _print_exercise(page: Page, exercise: ExerciseResult, width: int, *, verbose: bool) -> None:
    status = exercise.status
    name = page.shorten(page.text(exercise.name), width)
    line = Text.assemble(page.mark(status), " ", name, " " * (width - name.cell_len))
    line.append(f"  {status:<{STATUS_WIDTH}}", STYLES[status])
    points = f"{number(exercise.points):>5} / {number(exercise.max_points)}{' bonus' if exercise.bonus else ''}"
    line.append(f"  {'optional' if exercise.optional else points}")
    timed = timing_of(verdict for verdict in exercise.verdicts if verdict.status is Status.PASSED)
    if timed and not verbose:
        note = page.text(timed.words, "dim")
        gap = max(2, width + TIMED_AT - line.cell_len)
        if line.cell_len + gap + note.cell_len <= page.width:
            line.append_text(Text(" " * gap) + note)
    page.line(line)
    for text in decided_by_hand(exercise):
        page.line(page.text(text, limit=COMMENT), indent=4)
    if verbose:
        for verdict in exercise.verdicts:
            _print_check(page, verdict)
        return
    for finding in findings(exercise):
        _print_finding(page, finding)
    if remark := remark_of(exercise):
        page.line(page.text(f"Note: {remark}.", "dim"), indent=4)
    if count := waiting(exercise):
        checks = "1 more check waits" if count == 1 else f"{count} more checks wait"
        page.line(page.text(f"{checks} for this.", "dim"), indent=4)


def _print_finding(page: Page, finding: Finding) -> None:
    if finding.status in (Status.NOT_ATTEMPTED, Status.SKIPPED):
        page.line(page.text(finding.sentence or finding.status, "dim"), indent=4)
        return
    name = page.text(finding.checks[0], "bold")
    page.line(name, "" if finding.status is Status.FAILED else Text(f" ({finding.status})", "bold"), indent=4)
    _print_why(page, finding)
    if finding.status is Status.BROKEN:
        page.line(page.text(f"{MEANING[Status.BROKEN]}.".capitalize(), "dim"), indent=6)
    if len(finding.checks) > 1:
        page.labelled("Also", ", ".join(finding.checks[1:]), 6, "dim")


def _print_check(page: Page, verdict: Verdict) -> None:
    said = "" if verdict.status is Status.PASSED else f", {verdict.status}"
    points = f" ({number(verdict.points)} / {number(verdict.max_points)}{said})" if verdict.max_points else said
    page.line(page.mark(verdict.status), " ", page.text(verdict.check), Text(points, "dim"), indent=4, hang=2)
    if verdict.status is Status.NOT_ATTEMPTED:
        return
    _print_why(page, verdict)


def _print_why(page: Page, why: Finding | Verdict) -> None:
    quiet = why.status in (Status.PASSED, Status.SKIPPED)
    if why.sentence:
        page.line(page.text(why.sentence, "dim" if quiet else ""), indent=6)
    if words := words_beside(why):
        page.line(page.text(words, "dim"), indent=6)
    if why.mistake:
        page.labelled("Mistake", why.mistake, 6)
    if why.hint:
        page.labelled("Hint", why.hint, 6)
    _print_place(page, why)


def _print_place(page: Page, why: Finding | Verdict) -> None:
    """Print where the errors are, and the lines that reproduce them."""
    if why.places:
        page.labelled("Where", why.places, 6)
    if telling(why.heat):
        for row in text_map(why.heat):
            page.line(Text(f"|{row}|", "dim"), indent=8)
    if why.snippet:
        page.line(Text("To reproduce it:", "bold"), indent=6)
        for line in why.snippet.splitlines():  # whole lines, to be copied; only the terminal may break them
            page.console.print(Text(" " * 8) + page.text(line, limit=2000), soft_wrap=True)


def _print_total(page: Page, report: Report) -> None:
    points, most = counted_points(report)
    full = int(BAR * points / most) if most else 0  # a bar is full only if nothing is missing
    line = Text.assemble(
        (page.bar[0] * full, "green"),
        (page.bar[1] * (BAR - full), "dim"),
        (f"  {points_earned(report)}", "bold"),
    )
    by_hand = sum(answer.max_points for answer in report.written)
    if by_hand and not report.counts_written:
        line.append(f"  and up to {number(by_hand)} by hand", "dim")
    page.line(line)
    if without := left_out(report):
        page.line(page.text(without, "dim"))


def _print_origin(page: Page, report: Report, *, verbose: bool) -> None:
    if not report.official:
        page.line(page.text("Unofficial: these checks ran in your own process. The grade is made elsewhere.", "yellow"))
    parts = [f"isolation: {ISOLATION.get(report.isolation, report.isolation)}"]
    if verbose:
        parts += report.isolation_missing
        parts += [f"seed {report.seed}", f"backend {report.backend}"]
        parts += [f"{name} {version}" for name, version in report.versions.items()]
        parts += [f"submission {report.submission_sha256[:12]}", f"checks {report.checks_sha256[:12]}"]
        parts += [f"{report.seconds:.1f} s", report.graded_at]
    if verbose or report.official:
        page.line(page.text(" · ".join(part for part in parts if part.strip()), "dim"))


def print_class(console: Console, reports: Sequence[Report]) -> None:
    """Print a class: a table for each assignment, then the most common mistakes and what needs attention."""
    page = Page(console)
    if not reports:
        page.line(page.text("There is no report yet.", "dim"))
        return
    for name in sorted({report.assignment for report in reports}):
        group = sorted((r for r in reports if r.assignment == name), key=lambda r: (r.student.casefold(), r.student))
        title = next((report.title for report in group if report.title), "")
        page.line(page.text(f"{name} · {title}" if title else name, "bold"))
        page.gap()
        _print_table(page, group)
        page.gap()
        _print_summary(page, group)
        page.gap()


def _print_table(page: Page, reports: list[Report]) -> None:
    names = exercise_names(reports)
    marks = page.width >= WIDE and len(names) <= MOST_MARKS
    most = f"of {number(max(report.max_points for report in reports))}"
    rows = [_row(page, report, names if marks else None) for report in reports[:MOST_STUDENTS]]
    head = ["Student", most, "Exercises" if marks else "Correct", "Status", "Time", "Mistake"]
    widths = [max(cell_len(row[i].plain) for row in [[Text(h) for h in head], *rows]) for i in range(len(head))]
    widths[0] = min(widths[0], 28 if page.width >= WIDE else 20)
    rest = page.width - sum(widths[:-1]) - 2 * (len(widths) - 1)
    if rest < len(head[-1]):  # too narrow for mistakes
        widths, rest = widths[:-1], page.width
        while len(widths) > 2 and sum(widths) + 2 * (len(widths) - 1) > page.width:  # noqa: PLR2004 - name and points
            widths.pop()
    else:
        widths[-1] = min(widths[-1], rest)
    right = {1, 4} if marks else {1, 2, 4}
    _print_row(page, [Text(text, "bold") for text in head], widths, right)
    page.line(Text(page.bar[1] * min(page.width, sum(widths) + 2 * (len(widths) - 1)), "dim"))
    for row in rows:
        _print_row(page, row, widths, right)
    if len(reports) > MOST_STUDENTS:
        page.line(page.text(f"and {len(reports) - MOST_STUDENTS} more, on the page of the class", "dim"))
    if marks:
        page.gap()
        key = ", ".join(f"{page.marks[status]} {status}" for status in Status)
        page.line(page.text(f"{key}. Exercises: {', '.join(names)}.", "dim", 2000))


def _row(page: Page, report: Report, names: list[str] | None) -> list[Text]:
    statuses = {exercise.name: exercise.status for exercise in report.exercises}
    if names is None:
        counted = [exercise.status for exercise in report.exercises if not exercise.bonus]
        right = Text(f"{sum(status in RIGHT for status in counted)}/{len(counted)}")
    else:
        right = Text.assemble(*(page.mark(statuses[name]) if name in statuses else " " for name in names))
    status = report.status if report.exercises else Status.NOT_ATTEMPTED
    return [
        page.text(report.student, limit=NAME),
        Text(number(report.points)),
        right,
        Text.assemble(page.mark(status), " ", (str(status), STYLES[status])),
        Text(f"{report.seconds:.1f} s"),
        page.text(personal_mistake(report), "dim"),
    ]


def _print_row(page: Page, cells: list[Text], widths: list[int], right: set[int]) -> None:
    line = Text()
    for i, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        short = page.shorten(cell, width)
        gap = " " * (width - short.cell_len)
        line.append_text(Text("  " if i else "") + (Text(gap) + short if i in right else short + Text(gap)))
    line.rstrip()
    page.line(line)


def _print_summary(page: Page, reports: list[Report]) -> None:
    points = [report.points for report in reports if not unread(report)] or [0.0]
    count = "1 student" if len(reports) == 1 else f"{len(reports)} students"
    most = number(reports[0].max_points)
    middle = f"median {number(statistics.median(points))}, mean {number(statistics.fmean(points))} of {most} points"
    waiting = sum(len(report.to_mark) for report in reports if report.counts_written)
    perfect = sum(report.status in RIGHT and bool(report.exercises) for report in reports)
    missing = sum(map(unread, reports))
    unreadable = f", {missing} not readable and not counted" if missing else ""
    unmarked = f", {waiting} written {'answer' if waiting == 1 else 'answers'} to be marked" if waiting else ""
    page.line(page.text(f"{count}, {middle}, {perfect} all correct{unreadable}{unmarked}"))
    if without := next((text for report in reports if (text := left_out(report))), ""):
        page.line(page.text(without, "dim"))
    for one in common_mistakes(reports)[:3]:
        page.line(page.text(f"{one.students} × {one.exercise}: {one.mistake}", "dim"), indent=2, hang=4)
    for text in _for_the_teacher(reports):
        page.line(page.mark(Status.BROKEN), " ", page.text(text), hang=2)
    levels = Counter(report.isolation or "nothing ran" if report.official else "unofficial" for report in reports)
    page.line(page.text("isolation: " + ", ".join(f"{level} ({n})" for level, n in levels.most_common()), "dim"))


def _for_the_teacher(reports: list[Report]) -> list[str]:
    by_kind = {
        "the grader itself failed": [r for r in reports if _has(r, Status.BROKEN)],
        "speed too close to the limit to decide": [r for r in reports if _has(r, Status.INCONCLUSIVE)],
        "something is wrong with the file": [r for r in reports if r.problems],
        "the code tried what no exercise needs": [r for r in reports if r.tried],
        "slow to grade": slow_to_grade(reports),
    }
    lines = []
    for what, who in by_kind.items():
        if who:
            more = f"; and {len(who) - 5} more" if len(who) > 5 else ""  # noqa: PLR2004 - as many names as fit a line
            lines.append(f"{what}: {'; '.join(clean(r.student, 24) for r in who[:5])}{more}")
    return lines


def _has(report: Report, status: Status) -> bool:
    return any(
        verdict.status is status
        for exercise in report.exercises
        if not exercise.is_overridden
        for verdict in exercise.verdicts
    )
