"""The result format of GitHub Classroom's reporter and Exercism, version 3, and the workflow that makes it.

Sources: Exercism's test runner interface; github.com/classroom-resources/autograding-grading-reporter, which reads
base64 from an environment variable ``<RUNNER>_RESULTS`` and adds up the tests' scores.
"""

from __future__ import annotations

import base64
import json
import re
from string import Template

from autograder.export.by_hand import HandRow, hand_rows
from autograder.export.feedback import fitted, is_unreadable, lines, title
from autograder.render.reading import RIGHT, clean, number
from autograder.report import Report, Status

__all__ = ["MOST", "output_line", "result", "workflow"]

MOST = 120_000
"""Bytes of base64: one environment variable holds 128 KiB on Linux, and the reporter reads one."""


def result(report: Report) -> bytes:
    """JSON of a whole submission, small enough for an environment variable."""
    return fitted(lambda limit: _result(report, limit), MOST, lambda content: len(base64.b64encode(content)))


def output_line(content: bytes) -> str:
    """The line that a step appends to ``$GITHUB_OUTPUT``."""
    return f"result={base64.b64encode(content).decode('ascii')}\n"


def _result(report: Report, limit: int) -> dict[str, object]:
    tests = _checks(report, limit) if limit else _exercises(report)
    tests += [
        _by_hand(row, len(report.listed) + i) for i, row in enumerate(hand_rows(report), 1) if limit or row.points
    ]
    made: dict[str, object] = {"version": 3, "status": "pass", "max_score": report.max_points, "tests": tests}
    told = [clean(problem.sentence) for problem in report.problems]
    if is_unreadable(report) or (tests and all(test["status"] == "error" for test in tests)):
        made |= {"status": "error", "message": " ".join(told) or "The grader itself failed; the work is not to blame."}
    elif any(_status(one.status) != "pass" for each in report.listed if not each.optional for one in each.verdicts):
        made["status"] = "fail"
    return made


def _scores(report: Report) -> list[float]:
    """Points of every check, which added up as floats give the report's own: 5, and not 5.000000000000001."""
    scores = [verdict.points for exercise in report.listed for verdict in exercise.verdicts]
    by_hand = sum(row.points or 0.0 for row in hand_rows(report))
    earned = [index for index, score in enumerate(scores) if score]
    for index in earned[-3:]:
        scores[index] += round(report.points - by_hand, 2) - sum(scores)
    return scores


def _by_hand(row: HandRow, task: int) -> dict[str, object]:
    return {
        "name": row.title,
        "status": "pass" if row.points is not None and row.points >= row.max_points else "fail",
        "message": "\n".join(row.told) or None,
        "test_code": "",
        "task_id": task,
        "score": row.points or 0.0,
    }


def _checks(report: Report, limit: int) -> list[dict[str, object]]:
    scores = iter(_scores(report))
    return [
        {
            "name": title(exercise, verdict),
            "status": _status(verdict.status),
            "message": "\n".join(lines(verdict, limit)) or None,
            "test_code": "",
            "task_id": task,
            "filename": clean(report.file, 80),
            "line_no": 0,
            "duration": 0,
            "score": next(scores),
        }
        for task, exercise in enumerate(report.listed, 1)
        for verdict in exercise.verdicts
    ]


def _exercises(report: Report) -> list[dict[str, object]]:
    """If not even short lines fit: one test per exercise."""
    return [
        {
            "name": clean(exercise.name, 40),
            "status": _status(exercise.status),
            "message": None,
            "test_code": "",
            "task_id": task,
            "score": exercise.automatic_points,
        }
        for task, exercise in enumerate(report.listed, 1)
    ]


def _status(status: Status) -> str:
    return "pass" if status in RIGHT else "error" if status is Status.BROKEN else "fail"


WORKFLOW = Template("""\
# Checks $assignment at every push: $points points, as GitHub Classroom's reporter counts them.
# This is feedback for the author of this repository, who may change everything in it. The marks that count are those
# of `autograder grade` with the references. Speed is measured only there, so a correct solution gets fewer points here.
# The reporter requires exactly this name of the workflow, and exactly this one job.
name: Autograding Tests
on: [push, workflow_dispatch]
permissions:
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-24.04
    if: github.actor != 'github-classroom[bot]'
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install the kit
        run: python -m pip install $kit
      - name: $name
        id: $runner
        run: |
          mkdir -p "$$RUNNER_TEMP/in/student"
          cp -R assignments/$assignment "$$RUNNER_TEMP/in/student/"
          autograder grade "$$RUNNER_TEMP/in" --assignment $assignment --course . --out "$$RUNNER_TEMP/graded"
          autograder export classroom "$$RUNNER_TEMP/graded" --assignment $assignment --to "$$RUNNER_TEMP/results"
          cat "$$RUNNER_TEMP/results/student/$assignment.output" >> "$$GITHUB_OUTPUT"
      - name: Report
        uses: classroom-resources/autograding-grading-reporter@v1
        env:
          ${variable}_RESULTS: "$${{ steps.$runner.outputs.result }}"
        with:
          runners: $runner
""")


def workflow(report: Report, kit: str) -> str:
    """Write the workflow of one assignment.

    kit: what pip installs, for instance ``git+https://…``; a bare name could be anybody's package.
    """
    runner = re.sub(r"[^a-z0-9]", "", report.assignment.lower()).lstrip("0123456789")
    return WORKFLOW.substitute(
        assignment=report.assignment,
        name=json.dumps(f"{clean(report.title) or report.assignment} ({number(report.max_points)} points)"),
        points=number(report.max_points),
        kit=json.dumps(kit),
        runner=runner,
        variable=runner.upper(),
    )
