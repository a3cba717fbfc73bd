"""What a student waits for at the prompt: ``autograder check``, and the import of the command line."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.grading import ASSIGNMENT, complete_submission
from benchmarks.table import ROOT, Row, Table, in_turns

CHECK_S, IMPORT_S = 1.0, 0.150


def course_with_work(folder: Path) -> Path:
    """Copy the course, with a complete notebook in place of the student's."""
    course = folder / "course"
    for part in ("assignments", "solutions"):
        shutil.copytree(ROOT / part, course / part)
    work = complete_submission(folder / "class")
    shutil.copy(work, course / "assignments" / ASSIGNMENT / work.name)
    return course


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure the command from prompt to verdict, and its import against an interpreter that does nothing."""
    python = [sys.executable, "-c"]
    with tempfile.TemporaryDirectory() as folder:
        course = course_with_work(Path(folder))

        def check() -> None:
            command = [*python, "import sys; from autograder.cli import main; sys.exit(main())", "check", ASSIGNMENT]
            done = subprocess.run(
                [*command, "--course", course], cwd=course, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr

        def import_it() -> None:
            subprocess.run([*python, "import autograder.cli"], cwd=course, check=True)

        def do_nothing() -> None:
            subprocess.run([*python, "pass"], cwd=course, check=True)

        if not quick:
            check()  # the files are in the system's cache from here on
        (checked,) = in_turns(check, rounds=1 if quick else 9)
        imported, bare = in_turns(import_it, do_nothing, rounds=2 if quick else 21)
    over = statistics.median(a - b for a, b in zip(imported, bare, strict=True))
    yield Table(
        f"The command line: autograder check {ASSIGNMENT}",
        [
            Row("prompt to verdict, complete work", statistics.median(checked), "s", CHECK_S),
            Row("import, over a bare interpreter", 1000 * over, "ms", 1000 * IMPORT_S),
            Row("a bare interpreter", 1000 * statistics.median(bare), "ms"),
        ],
    )
