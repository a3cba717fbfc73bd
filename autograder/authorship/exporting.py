"""Folders of hand-ins as code, in the form that other tools compare: Dolos, JPlag, compare50."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.authorship.hand_ins import HandIn, Released
from autograder.course.catalogue import UsageError
from autograder.writing import write_atomically

__all__ = ["FORMS", "export", "refuse_form"]

FORMS = ("dolos", "jplag", "compare50")


def refuse_form(form: str) -> None:
    """Raise UsageError for a form that is not known."""
    if form not in FORMS:
        message = f"--export: expected dolos, jplag or compare50, got '{form}'."
        raise UsageError(message)


def export(
    tool: tuple[str, Path], assignment: str, hand_ins: Sequence[HandIn], stub: Released, names: Mapping[str, str]
) -> str:
    """Write one assignment's folder for a tool; return the command that compares it.

    tool: its name, and the folder for all assignments.  Each student's code is whole, with the released stub apart,
    which the tool leaves out by itself.
    """
    form, folder = tool
    place = folder / assignment
    files = {one.student: Path("submissions", one.student, f"{assignment}.py") for one in hand_ins}
    for one in hand_ins:
        write_atomically(place / files[one.student], _encoded(one.whole), within=folder)
    base = f"base/{assignment}.py"
    write_atomically(place / base, _encoded(stub.text), within=folder)
    quoted = shlex.quote(str(place))
    if form == "dolos":
        write_atomically(place / "info.csv", _information(files, names), within=folder)
        return f"cd {quoted} && dolos run -l python -i {base} info.csv"
    if form == "jplag":
        return f"cd {quoted} && java -jar jplag.jar -l python3 -bc base submissions"
    return f"cd {quoted} && compare50 submissions/* -d base/*"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _information(files: Mapping[str, Path], names: Mapping[str, str]) -> bytes:
    """Dolos's list of files, with students' names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["filename", "full_name"])
    writer.writerows([path.as_posix(), names.get(student, student)] for student, path in files.items())
    return text.getvalue().encode("utf-8", "surrogateescape")  # paths as they are on the disk
