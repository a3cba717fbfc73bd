"""Model answers and mark schemes of written questions: in the notebook's source, or released in ``answers.json``.

::

    # %% [markdown] question="valley"
    # ### BEGIN SOLUTION
    # What a good answer says.
    #
    # Mark scheme: 1 point for …
    # ### END SOLUTION
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from autograder.course.text_files import read_text

__all__ = ["ANSWERS", "ModelAnswer", "QuestionText", "model_answers", "question_texts", "released_answers"]

ANSWERS = "answers.json"

CELL = re.compile(r'^# %% \[markdown\].*\bquestion="(\w+)".*\n((?:#.*\n?)*)', re.MULTILINE)
BETWEEN = re.compile(r"### BEGIN SOLUTION\n(.*?)\n### END SOLUTION", re.DOTALL)
SCHEME = re.compile(r"^Mark scheme: ?", re.MULTILINE)


class ModelAnswer(msgspec.Struct, frozen=True):
    """What a good answer says, and what earns points; scheme: empty where the author wrote none."""

    answer: str
    scheme: str = ""


def model_answers(source: Path) -> dict[str, ModelAnswer]:
    """Model answers by question, from a notebook's source; none if there is no such file."""
    found = {}
    for name, cell in CELL.findall(read_text(source) if source.is_file() else ""):
        if between := BETWEEN.search(re.sub(r"^# ?", "", cell, flags=re.MULTILINE)):
            answer, _, scheme = (part.strip() for part in _divided(between[1]))
            found[name] = ModelAnswer(answer, scheme)
    return found


def _divided(text: str) -> tuple[str, str, str]:
    scheme = SCHEME.search(text)
    return (text[: scheme.start()], scheme[0], text[scheme.end() :]) if scheme else (text, "", "")


def released_answers(path: Path) -> dict[str, ModelAnswer]:
    """The model answers of a release; none if there is no such file, or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, ModelAnswer])
    except (OSError, msgspec.DecodeError):
        return {}


class QuestionText(msgspec.Struct, frozen=True):
    """A written question for whoever marks it: its text, the model answer and the mark scheme, as Markdown."""

    text: str
    model: ModelAnswer


def question_texts(source: Path) -> dict[str, QuestionText]:
    """The written questions of a notebook's source by name, in order; the text is the cell before the answer's."""
    whole = read_text(source) if source.is_file() else ""
    models = model_answers(source)
    found = {}
    for cell in CELL.finditer(whole):
        before = whole[: cell.start()].rpartition("\n# %%")[2].partition("\n")[2]
        text = re.sub(r"^# ?", "", before, flags=re.MULTILINE).strip()
        found[cell[1]] = QuestionText(text, models.get(cell[1], ModelAnswer("")))
    return found
