"""An exercise's result below the cell that checked it: HTML for a notebook, text for everywhere else."""

from __future__ import annotations

import io

from rich.console import Console

from autograder.render.html import Drawn, environment
from autograder.render.terminal import print_exercise, print_report
from autograder.verdict import ExerciseResult, Report

__all__ = ["notebook_html", "notebook_text"]

COLUMNS = 80


def notebook_html(result: Report | ExerciseResult) -> str:
    """Draw one exercise, or every exercise of a report, for a notebook's output.

    One line where all is right; styles are inline, and colours follow the notebook's theme.
    """
    told = {problem.sentence for problem in result.problems} if isinstance(result, Report) else set()
    exercises = result.exercises if isinstance(result, Report) else [result]
    html = (
        environment()
        .get_template("notebook.html")
        .render(
            problems=result.problems if isinstance(result, Report) else [],
            exercises=[Drawn(exercise, told) for exercise in exercises],
        )
    )
    return "\n".join(line for line in html.splitlines() if line.strip())


def notebook_text(result: Report | ExerciseResult) -> str:
    """Write the same as plain text of at most 80 columns."""
    console = Console(file=io.StringIO(), width=COLUMNS, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        if isinstance(result, Report):
            print_report(console, result)
        else:
            print_exercise(console, result)
    return capture.get().rstrip("\n")
