"""Sheets for a viva: questions for the student, and the same with answers for the teacher."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from autograder.render.html import environment
from autograder.render.page import Page
from autograder.render.similarity import code

__all__ = ["Question", "print_questions", "viva_page"]

MOST_LINES = 80
AROUND = 30
"""Lines of a long source shown before the changed one."""


@dataclass(frozen=True)
class Question:
    """One question.

    source: the student's code of the exercise; line: number of the first line that changes; old, new: the lines that
    differ; check: the first that then fails; sentence: what it says; hint: why, if the change is a planted mistake.
    """

    assignment: str
    exercise: str
    source: str
    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    check: str
    sentence: str
    hint: str = ""

    @property
    def numbered(self) -> list[tuple[int, str, bool]]:
        """Lines of the source: number, text, and whether it changes."""
        first = max(0, self.line - AROUND) if self.source.count("\n") > MOST_LINES else 0
        lines = self.source.split("\n")[first : first + MOST_LINES]
        changing = range(self.line, self.line + len(self.old))
        return [(number, code(text), number in changing) for number, text in enumerate(lines, first + 1)]

    @property
    def asked(self) -> str:
        """The question's first words."""
        last = self.line + len(self.old) - 1
        return f"if line {self.line} read" if last == self.line else f"if lines {self.line} to {last} read"

    @property
    def instead(self) -> list[str]:
        """The lines in their place."""
        return [code(line) for line in textwrap.dedent("\n".join(self.new)).split("\n")]


def viva_page(student: str, questions: Sequence[Question], *, answers: bool) -> str:
    """Draw one sheet; answers: whether it is the teacher's."""
    template = environment().get_template("viva.html")
    page: str = template.render(student=student, questions=questions, answers=answers)
    return page


def print_questions(console: Console, student: str, questions: Sequence[Question]) -> None:
    """Print questions with their answers."""
    page = Page(console)
    page.line("Questions for ", page.text(student))
    for number, question in enumerate(questions, 1):
        page.gap()
        page.line(f"{number}. {question.assignment}, {question.exercise}: {question.asked}")
        for line in question.instead:
            page.line(page.text(line), indent=6)
        page.line("   in place of")
        for line in textwrap.dedent("\n".join(question.old)).split("\n"):
            page.line(page.text(line), indent=6)
        page.line("   which check would fail, and why?")
        page.labelled("Answer", f"“{question.check}”. {question.sentence}", 3)
        if question.hint:
            page.labelled("The course’s hint", question.hint, 3)
