"""Reports as pages: each is one self-contained file, without network access; a student's page has no script.

Whatever a template prints passes through ``_shown``: control characters are removed, long text is shortened, and
jinja2 escapes the rest.  A student's page depends on that student's report alone.  Pages with a table of students have
one script, ``templates/table.js``, and a policy that allows no other.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.render.attention import attention, missing_isolation, questions
from autograder.render.drawn import Drawn
from autograder.render.figures import distribution, exercise_rates, share, troubled, versions
from autograder.render.items import FEWEST, analysed
from autograder.render.leaderboard import leaderboard
from autograder.render.measured import class_measures, far_from_the_rest, measures, slow_to_grade
from autograder.render.mistakes import common_mistakes, unexplained
from autograder.render.not_graded import counted, to_look_at, told
from autograder.render.overview import Totals, totals_table
from autograder.render.plots import pace_of_class, pace_of_one, points_by_exercise
from autograder.render.reading import (
    COMMENT,
    ISOLATION,
    MARKS,
    MEANING,
    NAME,
    RIGHT,
    clean,
    counted_points,
    exercise_names,
    left_out,
    next_steps,
    number,
    tried,
    unread,
)
from autograder.render.searchable import is_local, students_table, table_script
from autograder.render.sheet import load_matplotlib
from autograder.report import NotGraded, Report, Status

__all__ = ["Drawn", "class_page", "environment", "index_page", "leaderboard_page", "student_page", "warm_up"]

MOST_LISTED = 12
"""Rows of a list before the rest is folded."""
MOST_ROWS = 120
"""All rows of a list on the class's page, and of its table without scripting: students' own pages hold the others."""
MOST_NAMES, MOST_FOLDED_NAMES = 5, 60
LARGE = 500
"""Students from which fewer names are folded, in proportion: a page of any class stays below a megabyte."""
MOST_STEPS = 5
MOST_LINES, MOST_CODE = 6, 200
FEWEST_MEASURED = 2
"""Ratios from which a figure shows more than the checks' own lines."""


def student_page(report: Report) -> str:
    """Draw one student's result of one assignment."""
    told = {problem.sentence for problem in report.problems}
    ratios = measures(report)
    points, most = counted_points(report)
    return (
        environment()
        .get_template("student.html")
        .render(
            report=report,
            exercises=[Drawn(exercise, told, i) for i, exercise in enumerate(report.exercises)],
            steps=next_steps(report),
            complete=points == most,
            most_steps=MOST_STEPS,
            by_hand=sum(answer.max_points for answer in report.written),
            counts=_counts(exercise.status for exercise in report.exercises),
            attempts=tried(report),
            left_out=left_out(report),
            measured=ratios,
            pace=pace_of_one(ratios) if len(ratios) >= FEWEST_MEASURED else "",
            most_listed=MOST_LISTED,
        )
    )


def class_page(
    title: str,
    reports: Sequence[Report],
    links: Mapping[str, str],
    not_graded: Sequence[NotGraded] = (),
    *,
    index: str = "",
) -> str:
    """Draw a class: one assignment, all its students.  Unreadable hand-ins are in no figure.

    links: the relative address of each student's page by the student's name, percent-encoded; a student
    without one, or with an address outside the folder, is listed without a link.
    not_graded: files among the hand-ins that were not graded; index: the address of the index page, if there is one.
    """
    ordered = sorted(reports, key=lambda report: (report.student.casefold(), report.student))
    counted_in = [report for report in ordered if not unread(report)]
    rates = exercise_rates(counted_in)
    ratios = class_measures(ordered)
    most = max((report.max_points for report in ordered), default=0.0)
    script, source = table_script()
    return (
        environment()
        .get_template("class.html")
        .render(
            title=title,
            index=index,
            script=script,
            script_source=source,
            reports=ordered,
            links={student: link for student, link in links.items() if is_local(link)},
            table=students_table(ordered, links, exercise_names(ordered), most),
            most=most,
            middle=statistics.median([report.points for report in counted_in]) if counted_in else 0.0,
            mean=statistics.fmean([report.points for report in counted_in]) if counted_in else 0.0,
            unreadable=len(ordered) - len(counted_in),
            not_graded=to_look_at(not_graded),
            also_seen=counted(not_graded),
            perfect=sum(bool(report.exercises) and report.status in RIGHT for report in ordered),
            left_out=next((text for report in ordered if (text := left_out(report))), ""),
            untouched=sum(report.status is Status.NOT_ATTEMPTED for report in ordered),
            columns=distribution(counted_in),
            exercises=rates,
            spread=points_by_exercise(rates) if rates else "",
            troubled=troubled(rates),
            items=analysed(ordered),
            fewest=FEWEST,
            mistakes=common_mistakes(ordered),
            unexplained=unexplained(ordered),
            attention=attention(ordered),
            questions=questions(ordered),
            measured=ratios,
            pace=pace_of_class(ratios) if ratios else "",
            far=far_from_the_rest(ratios),
            **_origin(ordered),
            most_listed=MOST_LISTED,
            most_rows=MOST_ROWS,
            most_names=MOST_NAMES,
            most_folded_names=max(MOST_NAMES, MOST_FOLDED_NAMES * LARGE // max(LARGE, len(ordered))),
        )
    )


def _origin(reports: Sequence[Report]) -> dict[str, object]:
    """How a class was graded."""
    return {
        "isolation": Counter(report.isolation for report in reports).most_common(),
        "missing": missing_isolation(reports),
        "unofficial": sum(not report.official for report in reports),
        "slow": slow_to_grade(reports),
        "usual": statistics.median([report.seconds for report in reports]) if reports else 0.0,
        "seeds": sorted({report.seed for report in reports}),
        "checks": sorted({report.checks_sha256 for report in reports if report.checks_sha256}),
        "versions": versions(reports),
        "graded": max((report.graded_at for report in reports), default=""),
    }


def index_page(assignments: Sequence[Totals], label: Callable[[str], str]) -> str:
    """Draw the index: all assignments of a run, and every student's points over them; label: as in ``totals_table``."""
    table = totals_table(assignments, label)
    script, source = table_script()
    points = [points for row in table.rows if (points := row.cells[0]) is not None]
    page: str = (
        environment()
        .get_template("index.html")
        .render(
            assignments=assignments,
            table=table,
            most=sum(one.most for one in assignments),
            middle=statistics.median(points) if points else 0.0,
            mean=statistics.fmean(points) if points else 0.0,
            most_rows=MOST_ROWS,
            script=script,
            script_source=source,
        )
    )
    return page


def warm_up() -> None:
    """Load matplotlib and compile the templates before the first page, in a thread during grading."""
    environment()
    for template in ("student.html", "class.html"):
        environment().get_template(template)
    load_matplotlib()


def leaderboard_page(title: str, reports: Sequence[Report]) -> str:
    """Draw the leaderboard of a class: pseudonyms and ratios, nothing else of anybody; empty if nobody is on it."""
    found = leaderboard(reports)
    if found is None:
        return ""
    page: str = environment().get_template("leaderboard.html").render(title=title, board=found)
    return page


@cache
def environment() -> Environment:
    """Make the templates' environment: everything is escaped and cleaned, undefined names are errors."""
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        lines=_lines,
        told=told,
        number=number,
        name=_name,
        code=escape,
        comment=lambda text: escape(clean(text, COMMENT)),
        slug=lambda s: str(s).replace(" ", "-"),
        when=_when,
    )
    env.globals.update(MARKS=MARKS, MEANING=MEANING, ISOLATION=ISOLATION, Status=Status, share=share, percent=_percent)
    return env


def _shown(value: object) -> object:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return clean(value)
    return value


def _name(text: str) -> str:
    return clean(text, NAME) or "without a name"


def _lines(text: str) -> Markup:
    """Keep a text's first lines, each cleaned and escaped separately."""
    return Markup("\n").join(clean(line, MOST_CODE) for line in text.split("\n")[:MOST_LINES])


def _when(stamp: str) -> str:
    return clean(stamp, 32).replace("T", " ").removesuffix("Z") + (" UTC" if stamp.endswith("Z") else "")


def _percent(part: float, whole: float) -> str:
    """Write a share for people: 100 % only if nothing is missing."""
    return f"{int(100 * part / whole)} %" if whole else "–"


def _counts(statuses: Iterable[Status]) -> list[tuple[Status, int]]:
    found = Counter(statuses)
    return [(status, found[status]) for status in Status if found[status]]
