"""What isolation costs: grading one complete submission, compared with the CPU time of its checks alone.

*Grading* is everything from the file to the Report, with a warm Grader and zygote: reading the notebook, one worker per
exercise, every call over the pipe, the verdicts.

*Computing* is what every grader has to do: the same checks on the same cases, observed on the same source loaded
into this process, and judged.  Of a speed check only the timed calls count, of the student and of the reference, as
often as the graded run measured them; building the layer and drawing and verifying its data are grading.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.classroom.demo import make_class
from autograder.course import catalogue
from autograder.course.answers import generator
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.measuring import Speed
from autograder.measuring.timing import PAIRS_EACH
from autograder.report import Report
from autograder.subject import LocalSubject
from autograder.submission import Submission, read_submission
from benchmarks.table import ROOT, Row, Table, in_turns

ASSIGNMENT = "02_layers"
TIMES, EXTRA_S = 2.0, 0.050


def complete_submission(folder: Path, assignment: str = ASSIGNMENT) -> Path:
    """Write the made-up class's complete submission, a notebook; return its path."""
    written = make_class(catalogue.load(assignment, ROOT), folder)
    return next(path for path in written if path.parts[-3] == "amara")


class Computing:
    """The checks of one submission, run in this process."""

    def __init__(self, grader: Grader, submission: Submission) -> None:
        self.grader = grader
        self.loaded = grader.loaded
        self.submission = submission

    def seconds(self, report: Report) -> float:
        """Seconds of every check that the graded run did, and nothing else."""
        verdicts = {(e.name, v.check): v for e in report.exercises for v in e.verdicts}
        total = 0.0
        for exercise in self.loaded.assignment.exercises:
            needed = tuple(chunk for _, chunk in self.submission.slice(exercise))
            student = self._load(exercise, catalogue.wire(needed))
            for check in exercise.checks:
                if isinstance(check.budget, Speed):
                    rounds = len(verdicts[exercise.name, check.name].measurement.pairs) // PAIRS_EACH
                    reference = self._load(exercise, catalogue.wire(self.loaded.reference.chunks))
                    total += self._timed_calls(exercise, check, (student, reference), rounds * (PAIRS_EACH + 1))
                    continue
                answers = self.grader.answers.of(exercise, check)
                subject = student.on(check.backend or "numpy")
                started = time.perf_counter()
                for case, expected in answers:
                    assert check.judge(check.observe(subject, case), expected, case) is None
                total += time.perf_counter() - started
        return total

    def _load(self, exercise: Any, chunks: list[Any]) -> LocalSubject:
        return LocalSubject.from_chunks(self.loaded.assignment.module, chunks, support=exercise.support)

    def _timed_calls(self, exercise: Any, check: Any, subjects: tuple[LocalSubject, ...], pairs: int) -> float:
        rng = generator(self.grader.seed, exercise.name, check.name)
        case = check.cases(rng, subjects[1])[0]
        trials = [check.trial(subject, case) for subject in subjects]
        total = 0.0
        for _ in range(pairs):
            for trial in trials:
                trial.renew(check.budget.run.draw(rng, case))
                started = time.perf_counter()
                trial.go()
                total += time.perf_counter() - started
        return total


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure grading and computing alternately."""
    loaded = catalogue.load(ASSIGNMENT, ROOT)
    with tempfile.TemporaryDirectory() as folder, Zygote() as zygote:
        path = complete_submission(Path(folder))
        grader = Grader(loaded, zygote, Options(seed=1))
        reports: list[Report] = []

        def grade() -> None:
            reports.append(grader.grade(read_submission(path, loaded)))

        grade()  # draws the cases and loads the references, once for a whole class
        assert reports[0].status == "passed", "the complete submission does not pass: run autograder audit"
        computing = Computing(grader, read_submission(path, loaded))
        runs = (grade, lambda: computing.seconds(reports[-1]))
        graded, computed = (statistics.median(s) for s in in_turns(*runs, rounds=1 if quick else 9))
    checks = sum(len(exercise.verdicts) for exercise in reports[0].exercises)
    limit = TIMES * computed + EXTRA_S
    yield Table(
        f"Grading one complete submission of {ASSIGNMENT}",
        [
            Row(f"its {checks} checks alone, in one process", 1000 * computed, "ms"),
            Row(
                "graded, isolated", 1000 * graded, "ms", 1000 * limit, note=f"target: {TIMES:g} × the row above + 50 ms"
            ),
            Row("graded over computed", graded / computed, "×"),
        ],
    )
