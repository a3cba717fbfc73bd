"""``autograder new``: the start of an assignment, complete enough to pass the audit."""

from __future__ import annotations

from pathlib import Path

from autograder.course.catalogue import UsageError
from autograder.writing import write_atomically
from dlkit import course

__all__ = ["new_assignment"]

TEMPLATE = Path(__file__).with_name("new_assignment")
"""The files of a new assignment; words between double underscores are filled in."""


def new_assignment(root: Path, name: str) -> list[Path]:
    """Write ``solutions/NAME/`` with one small exercise that the audit accepts; return the files.

    Raises UsageError if the name is not of the form NN_name or is taken.
    """
    if not course.FOLDER.fullmatch(name):
        message = f"'{name}' is not an assignment's name. Use two digits, an underscore, lower-case letters: 16_graphs."
        raise UsageError(message)
    folder = root / "solutions" / name
    if folder.exists():
        message = f"solutions/{name} exists already. Choose another name, or delete it first."
        raise UsageError(message)
    number, _, module = name.partition("_")
    words = {"NAME": name, "NUMBER": number, "SHORT": str(int(number)), "TITLE": module.replace("_", " ").capitalize()}
    written = []
    for source in sorted(TEMPLATE.rglob("*.py")) + sorted(TEMPLATE.rglob("*.md")):
        text = source.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"__{word}__", value)
        inside = source.relative_to(TEMPLATE)
        path = folder / (f"{module}.py" if inside.name == "notebook.py" else inside)
        write_atomically(path, text, within=root)
        written.append(path)
    return written
