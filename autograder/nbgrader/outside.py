"""The preprocessors that replace ``Execute``: no kernel is started, student code runs in isolated workers.

nbgrader reads a score from a grade cell's first ``execute_result``: a float from 0 to the cell's points, as text.
So each grade cell gets two outputs, the diagnosis as a display and the score as the result.
"""

from __future__ import annotations

import weakref
from html import escape
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool, Enum, Integer, Unicode

from autograder.course.catalogue import UsageError
from autograder.course.trust import find_course
from autograder.grading.options import Options
from autograder.isolation.levels import LEVELS
from autograder.nbgrader.grading import Grading
from autograder.render.notebook import notebook_html, notebook_text
from autograder.render.reading import left_out
from autograder.report import ExerciseResult, Report, Status, grade_cell
from autograder.spec import Scope

__all__ = ["AskForAHand", "GradeOutside", "score", "write"]

REPORT = "autograder_report"


class GradeOutside(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """In ``Autograde.autograde_preprocessors`` in place of ``Execute``.

    The file is graded as it was handed in.  A file that cannot be read earns nothing, with the reason in its feedback.
    """

    course = Unicode("", help="Folder of the course kit, with solutions/; found from the current folder by default.")
    course.tag(config=True)
    reports = Unicode("graded", help="Folder for reports and the seed, relative to the nbgrader course.")
    reports.tag(config=True)
    isolation = Enum(LEVELS, "full", help="The lowest isolation at which student code is run.").tag(config=True)
    earlier = Enum(("reference", "own"), "reference", help="The earlier work that later work is graded on.")
    earlier.tag(config=True)
    capstones = Bool(default_value=True, help="Whether to grade checks that train a model.").tag(config=True)
    bonus = Bool(default_value=True, help="Whether to grade bonus exercises.").tag(config=True)
    seed = Integer(None, allow_none=True, help="Draws the inputs; by default drawn once and stored with the reports.")
    seed.tag(config=True)
    execute_others = Bool(
        default_value=False,
        help="Whether nbgrader's Execute, without isolation, runs assignments that are not of the kit.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Grade the submission; return the notebook with a diagnosis and a score below each of its grade cells.

        Raises UsageError if the assignment or a grade cell is not of the kit, which cannot be graded here.
        """
        about = resources["nbgrader"]
        student, assignment = about["student"], about["assignment"]
        grading = self._grading()
        if not grading.knows(assignment):
            if self.execute_others:
                executed: tuple[NotebookNode, dict[str, Any]] = Execute(parent=self.parent).preprocess(nb, resources)
                return executed
            message = (
                f"{assignment} is not an assignment of the course in {grading.root}. To execute it, without "
                "isolation, set c.GradeOutside.execute_others = True."
            )
            raise UsageError(message)
        folders = CourseDirectory(parent=self)
        handed_in = Path(folders.format_path(folders.submitted_directory, student, assignment))
        report = grading.grade(handed_in / f"{about['notebook']}.ipynb", student, assignment)
        for what in [*(problem.sentence for problem in report.problems), *(f"tried to {t}" for t in report.tried)]:
            self.log.warning("%s, %s: %s", student, assignment, what)
        write(nb, report)
        resources[REPORT] = report
        return nb, resources

    def _grading(self) -> Grading:
        """Return what this run shares; it lives as long as the run's exporter."""
        owner = self.parent or self
        if owner not in _RUNS:
            folders = CourseDirectory(parent=self)
            hand_ins = Path(folders.root, folders.submitted_directory)
            root = find_course(Path(self.course) if self.course else None, hand_ins=hand_ins)
            scope = Scope(self.capstones, self.bonus)
            options = Options(seed=self.seed, scope=scope, earlier=self.earlier, isolation=self.isolation)
            _RUNS[owner] = Grading(root, Path(folders.root), options, reports=self.reports)
        return _RUNS[owner]


_RUNS: weakref.WeakKeyDictionary[Any, Grading] = weakref.WeakKeyDictionary()
"""nbgrader creates its preprocessors again for every notebook, so shared state must live outside them."""


class AskForAHand(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """After ``SaveAutoGrades``: writes bonus points, and flags what needs a manual grade.

    The cell of a bonus exercise has a maximum of 0, to which nbgrader would limit the score that it reads.
    A broken check must not cost the student points, and no automatic score would be correct.  The same holds for what
    the run left out, whose points are part of nbgrader's maximum.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Change the gradebook; return the notebook unchanged."""
        about = resources["nbgrader"]
        report: Report = resources.get(REPORT) or Report(student=about["student"], assignment=about["assignment"])
        broken = [result.name for result in report.exercises if result.status is Status.BROKEN]
        waiting = dict.fromkeys(broken + _left_out_whole(report))
        earned = {result.name: result.points for result in report.exercises if result.bonus}
        where = (about["notebook"], about["assignment"], about["student"])
        if waiting or earned:
            with Gradebook(about["db_url"]) as gradebook:
                for name in waiting:
                    grade = gradebook.find_grade(grade_cell(name), *where)
                    grade.needs_manual_grade = name in broken or grade.max_score > 0
                for name, points in earned.items():
                    grade = gradebook.find_grade(grade_cell(name), *where)
                    grade.auto_score = grade.auto_score if grade.max_score else points
                gradebook.db.commit()
        if broken:
            names = ", ".join(broken)
            self.log.warning("%s, %s: the grader failed on %s: grade by hand", about["student"], report.file, names)
        return nb, resources


def score(result: ExerciseResult, most: float) -> float:
    """Points of a grade cell worth ``most``: those of the exercise, scaled if the cell's maximum differs."""
    if not result.max_points:
        return 0.0
    points = result.points if most == result.max_points else round(result.points / result.max_points * most, 2)
    return min(float(most), max(0.0, float(points)))


def _left_out_whole(report: Report) -> list[str]:
    """Exercises that the run left out completely."""
    graded = {result.name for result in report.exercises}
    return [name for name in report.left_out if name not in graded]


def write(nb: NotebookNode, report: Report) -> None:
    """Give every grade cell its outputs; problems of the file are shown above the first diagnosis.

    A cell whose exercise was left out says so, with 0 points: nbgrader gives full marks to a cell without a result.
    """
    results = {grade_cell(result.name): result for result in report.exercises}
    results |= {grade_cell(name): ExerciseResult(name, []) for name in _left_out_whole(report)}
    problems = report.problems
    count = 0
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if not is_grade(cell) or is_solution(cell):
            continue
        name = cell.metadata.nbgrader["grade_id"]
        if name not in results:
            message = (
                f"{report.assignment}: the grade cell {name} belongs to no exercise and cannot be graded. "
                "Make it a manually graded answer, or an exercise of the kit."
            )
            raise UsageError(message)
        count += 1
        told = _diagnosis(replace(report, exercises=[results[name]], problems=problems))
        points = score(results[name], float(cell.metadata.nbgrader["points"]))
        cell.execution_count = count
        cell.outputs = [
            v4.new_output("display_data", told),
            v4.new_output("execute_result", {"text/plain": repr(points)}, execution_count=count),
        ]
        problems = []


def _diagnosis(report: Report) -> dict[str, str]:
    """The output below the grade cell of a report's only exercise, by MIME type."""
    (result,) = report.exercises
    sentences = [problem.sentence for problem in report.problems]
    if not result.verdicts:
        text = "\n".join([*sentences, left_out(replace(report, left_out=[result.name]))])
        return {"text/html": f"<p>{escape(text)}</p>", "text/plain": text}
    return {"text/html": notebook_html(report), "text/plain": "\n".join([*sentences, notebook_text(result)])}
