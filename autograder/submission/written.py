"""Written questions: which have an answer, and its text."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from autograder.report import MOST_TEXT, WrittenAnswer
from dlkit import extraction

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded
    from autograder.spec import Question

__all__ = ["written_answers"]

NO_ANSWER = "YOUR ANSWER HERE"
NUMBERED = re.compile(r"# \*\*Question (\d+)")


def written_answers(found: extraction.Extraction, loaded: Loaded) -> list[WrittenAnswer]:
    """The answer to each written question: its cell in a notebook, its comment in a Python file."""
    texts = _notebook_answers(found.text)
    if texts is None:
        texts = _script_answers(found.text, loaded)
    return [_answer(question, texts.get(question.name, "")) for question in loaded.assignment.questions]


def _answer(question: Question, text: str) -> WrittenAnswer:
    if not _is_answer(text):
        return WrittenAnswer(question.name, question.points, answered=False)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return WrittenAnswer(question.name, question.points, answered=True, text=text.strip()[:MOST_TEXT], sha256=digest)


def _is_answer(text: str) -> bool:
    return bool(text.strip()) and NO_ANSWER not in text


def _notebook_answers(text: str) -> dict[str, str] | None:
    """The texts of named cells; None where this is no notebook."""
    if not text.lstrip().startswith("{"):
        return None
    texts: dict[str, str] = {}
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    for cell in cells if isinstance(cells, list) else ():
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        grade = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        name = grade.get("grade_id") if isinstance(grade, dict) else None
        if isinstance(name, str):
            source = cell.get("source", "")
            texts[name] = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return texts


def _script_answers(text: str, loaded: Loaded) -> dict[str, str]:
    """Each answer is the markdown cell after its question, which begins with **Question and its number."""
    cells = text.split("\n# %% [markdown]\n")[1:]
    asked = [(found, answer) for cell, answer in pairwise(cells) if (found := NUMBERED.match(cell))]
    after = {int(found[1]): answer.partition("\n# %%")[0] for found, answer in asked}
    plain = {number: re.sub(r"^# ?", "", text, flags=re.MULTILINE) for number, text in after.items()}
    return {question.name: plain.get(i, "") for i, question in enumerate(loaded.assignment.questions, 1)}
