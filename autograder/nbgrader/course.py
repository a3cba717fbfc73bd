"""Lays out a course for nbgrader: ``source/``, a configuration, a header.

Written files are recorded by their hashes, so that a second run updates unchanged files and keeps the others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from autograder.authoring.release import author_version, public_files, student_version, write_cases
from autograder.course import catalogue
from autograder.measuring import yardstick
from autograder.writing import write_atomically

__all__ = ["Laid", "lay_out"]

RECORD = ".autograder-release.json"
EXCHANGE = "/usr/local/share/nbgrader/exchange"
HEADER = """\
**How to work.** Write your code in place of `YOUR CODE HERE`, run the cell, then the `check(…)` cell below it. It shows
what is correct, what is wrong, and why. The points below its table are a first estimate: your work is graded from the
code that you hand in, with other inputs, and also for speed.

**Hand in.** Save the notebook, then press *Submit* in the list of assignments, or type `nbgrader submit` and the
assignment's name. Keep the notebook's name."""
CONFIG = """\
# Written by autograder release --nbgrader.  You may change this file: a changed file is not overwritten.
c = get_config()

c.CourseDirectory.course_id = {course_id!r}

# The folder through which assignments are released and collected: the same for you and for your students.
{exchange}

c.IncludeHeaderFooter.header = "source/header.ipynb"

# Turns any student's file into a notebook with the released graded cells.
c.Autograde.exporter_class = "autograder.nbgrader.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "autograder.nbgrader.Sanitize",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Student code runs in isolated workers, not in a kernel.  To execute notebooks instead, unofficially and without
# isolation, replace GradeOutside by "nbgrader.preprocessors.Execute".
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader.GradeOutside",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "autograder.nbgrader.AskForAHand",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

c.GradeOutside.course = {kit!r}
# c.GradeOutside.isolation = "full"       # lowest level for student code; or "partial", "none", at your own risk
# c.GradeOutside.earlier = "reference"    # grade later work on the reference's earlier work, or on the student's "own"
# c.GradeOutside.capstones = True         # whether to grade checks that train a model
# c.GradeOutside.bonus = True             # whether to grade bonus exercises
# c.GradeOutside.reports = "graded"       # where reports go; autograder report graded draws their pages
# c.GradeOutside.seed = 7                 # the same inputs every time; by default drawn once, stored in graded/seed.txt
# c.GradeOutside.execute_others = False   # whether Execute runs assignments that are not of the kit

# Seconds per cell, if notebooks are executed: a capstone trains a model.
c.Execute.timeout = 300
"""


@dataclass
class Laid:
    """What a run did to the course folder.

    written; removed: what an earlier version wrote and this one does not; kept: because it was changed by hand.
    """

    written: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)


def lay_out(root: Path, names: list[str], target: Path, *, exchange: Path | None = None) -> Laid:
    """Write or update an nbgrader course of these assignments in ``target``.

    Writes only ``source/`` and the configuration; no file that was changed since it was written is touched.
    exchange: for the configuration; nbgrader's own if None.  Raises SpecError if a source is invalid,
    MissingExtraError if nbgrader is not installed.
    """
    import nbformat

    texts = {Path("nbgrader_config.py"): _config(root, target, exchange), Path("source/header.ipynb"): _header()}
    for name in names:
        loaded = catalogue.load(name, root)
        folder = Path("source", name)
        student_version(author_version(loaded))  # as nbgrader will make it; raises if that fails
        texts[folder / f"{loaded.assignment.module}.ipynb"] = nbformat.writes(author_version(loaded), indent=1) + "\n"
        texts |= {folder / file: text for file, text in public_files(loaded).items()}
        if (loaded.released / yardstick.FILE).is_file():  # measured when assignments/ was released
            texts[folder / yardstick.FILE] = (loaded.released / yardstick.FILE).read_text(encoding="utf-8")
    record = _Record(target)
    laid = Laid()
    for file, text in texts.items():
        path = target / file
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            record.note(file)
        elif record.is_ours(file):
            write_atomically(path, text, within=target)
            record.note(file)
            laid.written.append(path)
        else:
            laid.kept.append(path)
    for name in names:
        file = Path("source", name, "cases.npz")
        if not record.is_ours(file):
            laid.kept.append(target / file)
        elif write_cases(catalogue.load(name, root), target / file, target):
            laid.written.append(target / file)
        if target / file not in laid.kept:
            record.note(file)
        _remove_former(record.below(Path("source", name)) - texts.keys() - {file}, target, record, laid)
    record.save()
    return laid


def _remove_former(files: set[Path], target: Path, record: _Record, laid: Laid) -> None:
    """Remove what an earlier version wrote and this one does not, unless it was changed."""
    for file in sorted(files):
        if record.is_ours(file):
            (target / file).unlink(missing_ok=True)
            record.forget(file)
            laid.removed.append(target / file)
        else:
            laid.kept.append(target / file)


class _Record:
    """Hashes of the files as they were last written."""

    def __init__(self, target: Path) -> None:
        self._target = target
        path = target / RECORD
        self._hashes: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def is_ours(self, file: Path) -> bool:
        """Whether a file is missing, or unchanged since it was written here."""
        path = self._target / file
        return not path.exists() or self._hashes.get(file.as_posix()) == _sha256(path)

    def below(self, folder: Path) -> set[Path]:
        """Every file below a folder that was written here."""
        return {file for name in self._hashes if (file := Path(name)).is_relative_to(folder)}

    def forget(self, file: Path) -> None:
        """Record that a file is gone."""
        del self._hashes[file.as_posix()]

    def note(self, file: Path) -> None:
        """Record a file's present content."""
        self._hashes[file.as_posix()] = _sha256(self._target / file)

    def save(self) -> None:
        """Write the record."""
        text = json.dumps(self._hashes, indent=1, sort_keys=True) + "\n"
        write_atomically(self._target / RECORD, text, within=self._target)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _config(root: Path, target: Path, exchange: Path | None) -> str:
    line = f"c.Exchange.root = {str(exchange.resolve())!r}" if exchange else f"# c.Exchange.root = {EXCHANGE!r}"
    return CONFIG.format(course_id=target.resolve().name, exchange=line, kit=str(root.resolve()))


def _header() -> str:
    import nbformat
    from nbformat import v4

    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [v4.new_markdown_cell(HEADER, id="header")]
    return f"{nbformat.writes(v4.new_notebook(cells=cells, metadata={'kernelspec': kernel}), indent=1)}\n"
