"""An exercise's result below the cell that checked it: HTML for a notebook, text for everywhere else."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len
from rich.console import Console

from autograder.render.drawn import Drawn, Gauge
from autograder.render.errormap import levels, telling, text_map
from autograder.render.html import environment
from autograder.render.page import Page
from autograder.render.reading import Finding, findings, number, remark_of
from autograder.render.terminal import print_exercise, print_report
from autograder.report import ExerciseResult, Report, Status, Verdict

__all__ = ["notebook_html", "notebook_text"]

COLUMNS = 80
WORDS = {Status.SKIPPED: "waiting", Status.NOT_ATTEMPTED: "still to be written"}
"""Words for several checks of one status, where they differ from its name."""


def notebook_html(result: Report | ExerciseResult) -> str:
    """Draw one exercise, or every exercise of a report, for a notebook's output.

    One line if everything is correct, with the checks folded; else a table of its parts and what did not pass, each
    cause once.  Styles are inline, colours follow the notebook's theme, and there is no script and no id: tables and
    text remain in a notebook that is not trusted.
    """
    told = {problem.sentence for problem in result.problems} if isinstance(result, Report) else set()
    exercises = result.exercises if isinstance(result, Report) else [result]
    html = (
        environment()
        .get_template("notebook.html")
        .render(
            problems=result.problems if isinstance(result, Report) else [],
            exercises=[_Below(exercise, told) for exercise in exercises],
        )
    )
    return "\n".join(line for line in html.splitlines() if line.strip())


def notebook_text(result: Report | ExerciseResult) -> str:
    """Write the same as plain text of at most 80 columns."""
    console = Console(
        file=io.StringIO(),
        width=COLUMNS,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,  # in a kernel it would add an empty output
        legacy_windows=False,
    )
    with console.capture() as capture:
        if isinstance(result, Report):
            print_report(console, result)
        else:
            print_exercise(console, result)
    text = capture.get().rstrip("\n")
    return text if isinstance(result, Report) else _with_parts(Page(console), result, text)


def _with_parts(page: Page, exercise: ExerciseResult, text: str) -> str:
    """Put the result of each part below the first line; if everything is correct, on that line."""
    below = _Below(exercise)
    head, _, rest = text.partition("\n")
    if below.right:
        lines = [f"{head}  {note}" for note in (below.note, below.left_out)] if below.note else [head]
        return next((line for line in lines if cell_len(line) <= page.width), text)
    if below.untouched or len(below.rows) == 1:
        return text
    parts = [f"{page.marks[row.status]} {row.part} {row.points} / {row.max_points}" for row in below.rows]
    line = f"    {'   '.join(parts)}"
    return "\n".join((head, *([line] if cell_len(line) <= page.width else []), rest)).rstrip("\n")


class _Below(Drawn):
    """One exercise below its cell: its parts in a table, and the causes of what did not pass."""

    def __init__(self, exercise: ExerciseResult, told: AbstractSet[str] = frozenset()) -> None:
        super().__init__(exercise, told)
        self._exercise = exercise

    @cached_property
    def rows(self) -> list[_Row]:
        """One row per part."""
        statuses = self._exercise.parts()
        return [_Row(part, statuses[part], [line.verdict for line in lines]) for part, lines in self.parts]

    @cached_property
    def causes(self) -> list[_Cause]:
        """What did not pass, each cause once, with the measurement of its first check."""
        gauges = {line.verdict.check: line.gauge for _, lines in self.parts for line in lines}
        return [_Cause(one, gauges[one.checks[0]]) for one in findings(self._exercise)]

    @property
    def note(self) -> str:
        """The remark on a correct exercise: that answers are less exact than they could be, or what was not run."""
        skipped = [verdict.sentence for verdict in self._exercise.verdicts if verdict.status is Status.SKIPPED]
        return next((sentence for sentence in (remark_of(self._exercise), *skipped) if sentence), "")

    @property
    def left_out(self) -> str:
        """The same in a few words."""
        return f"not run here: {', '.join(row.part for row in self.rows if row.status is Status.SKIPPED)}"


@dataclass(frozen=True)
class _Row:
    """One part of an exercise."""

    part: str
    status: Status
    verdicts: list[Verdict]

    @property
    def points(self) -> str:
        return number(sum(verdict.points for verdict in self.verdicts))

    @property
    def max_points(self) -> str:
        return number(sum(verdict.max_points for verdict in self.verdicts))

    @property
    def words(self) -> str:
        """The results of its checks; the reason, if it was not run."""
        counts = Counter(verdict.status for verdict in self.verdicts)
        if set(counts) == {Status.SKIPPED} and self.verdicts[0].sentence:
            return self.verdicts[0].sentence
        return ", ".join(f"{counts[status]} {WORDS.get(status, status)}" for status in Status if counts[status])


@dataclass(frozen=True)
class _Cause:
    """One cause of what did not pass."""

    why: Finding
    gauge: Gauge | None

    @property
    def heat(self) -> list[list[tuple[int, str]]]:
        """The size of the error, entry by entry: a level and its character; empty if that shows nothing new."""
        if not telling(self.why.heat):
            return []
        drawn = [line.split(" ") for line in text_map(self.why.heat)]
        return [list(zip(row, line, strict=True)) for row, line in zip(levels(self.why.heat), drawn, strict=True)]

    @property
    def untouched(self) -> bool:
        """Whether there is nothing to fix yet."""
        return self.why.status in (Status.NOT_ATTEMPTED, Status.SKIPPED)
