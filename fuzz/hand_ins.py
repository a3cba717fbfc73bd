"""The whole path of a hand-in, from bytes to pages and exports: none of it may raise, or end in a fault of the grader.

The first byte says what the bytes are handed in as: a Python file, a notebook, or both, of which the second follows a
line of tildes.
"""

from __future__ import annotations

import atexit
import json
import random
import shutil
from functools import lru_cache

import msgspec

from autograder.course import catalogue
from autograder.export import classroom, gradescope, junit, prairielearn, table
from autograder.grading.grader import Grader, unreadable
from autograder.grading.options import Options
from autograder.isolation.allowance import Share
from autograder.isolation.launcher import Limits, open_launcher
from autograder.render.html import class_page, student_page
from autograder.report import Report, Status
from autograder.spec import Scope
from autograder.submission import SubmissionError, own_earlier, read_submission
from fuzz import notebooks, scripts

SCRIPT, NOTEBOOK, BOTH = b"P", b"N", b"B"
BETWEEN = b"\n~~~~~~~~\n"
TANH = "import numpy as np\nfrom dlkit import Layer\n\n\nclass Tanh(Layer):\n    def forward(self, x):\n        "
BACKWARD = "\n\n    def backward(self, dy):\n        return (1 - self.y**2) * dy\n"
RIGHT = f"{TANH}self.y = np.tanh(x)\n        return self.y{BACKWARD}"
HEX = "0x" + "f" * 5_000
HARD = {
    "a number beside a statement": f"X = 1; Y = {HEX}\n",
    "a number in a method": f"{TANH}return {HEX}{BACKWARD}",
    "a sum": f"{TANH}raise ValueError(1{' + 1' * 2_500}){BACKWARD}",
    "a chain of elif": "if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 1_000,
    "brackets": "x = " + "(" * 5_000,
    "blocks": "\n".join(" " * depth + "if 1:" for depth in range(120)) + " pass\n",
    "signs": "x = " + "-" * 10_000 + "1\n",
    "statements": "x=1;" * 11_000 + "\n",
    "a text without end": "'''" + "\\'''" * 2_000,
}
"""What once stopped a class, or looks like it."""


def seeds() -> list[bytes]:
    """What once stopped a class: alone, beside a correct Tanh, in one of two files; and the seeds of both formats."""
    found = [SCRIPT + RIGHT.encode(), BOTH + RIGHT.encode() + BETWEEN + _notebook(RIGHT + "\nx = 1")]
    for text in HARD.values():
        found += [
            SCRIPT + text.encode(),
            NOTEBOOK + _notebook(RIGHT, text),
            BOTH + RIGHT.encode() + BETWEEN + _notebook(RIGHT, text),
        ]
    found += [SCRIPT + seed for seed in scripts.seeds()]
    return found + [NOTEBOOK + seed for seed in notebooks.seeds()]


def _notebook(*cells: str) -> bytes:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells]
    return json.dumps({"cells": made, "metadata": notebooks.STAMP, "nbformat": 4, "nbformat_minor": 5}).encode()


def one(data: bytes) -> None:
    """Hand the bytes in, grade them, and draw and export the report."""
    kind, content = data[:1], data[1:]
    first, _, second = content.partition(BETWEEN)
    target = scripts.folder() / "02_layers"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    if kind == NOTEBOOK:
        (target / "layers.ipynb").write_bytes(content)
    else:
        (target / "layers.py").write_bytes(first)
    if kind == BOTH:
        (target / "layers.ipynb").write_bytes(second)
    grader = _grader()
    try:
        submission = read_submission(target, grader.loaded)
        own_earlier(target.parent, grader.loaded)
    except SubmissionError as error:
        report = unreadable(grader.loaded, "ada", target.name, str(error), seed=1)
    else:
        report = grader.grade(submission, "ada")
        assert not grader.faults, grader.faults[0]
    assert Status.BROKEN not in {result.status for result in report.exercises}
    _write(report)


def _write(report: Report) -> None:
    """Everything that is made of a report."""
    student_page(report).encode()
    class_page("Layers", [report], {}).encode()
    msgspec.json.encode([gradescope.results(report), classroom.result(report), prairielearn.result(report)])
    junit.document(report)
    table.table([report])


@lru_cache(maxsize=1)
def _grader() -> Grader:
    """A grader of Tanh alone, with little time for what the bytes may turn out to do."""
    launcher = open_launcher()
    atexit.register(launcher.close)
    options = Options(
        seed=1,
        scope=Scope(capstones=False),
        only=frozenset({"Tanh"}),
        limits=Limits(cpu_s=0.5, wall_s=5.0, memory_mb=512, life_cpu_s=5),
        share=Share(cpu_s=2.0, wall_s=20.0, idle_s=1.0),
    )
    return Grader(catalogue.load("02_layers", scripts.ROOT), launcher, options)


def mutate(data: bytes, source: random.Random) -> bytes:
    """Change one of the files as its own target does, or what they are handed in as."""
    kind, content = data[:1], data[1:]
    first, between, second = content.partition(BETWEEN)
    if not source.randrange(12):
        return source.choice((SCRIPT, NOTEBOOK, BOTH)) + content
    if kind == NOTEBOOK:
        return kind + notebooks.mutate(content, source)
    if kind == BOTH and source.randrange(2):
        return kind + first + between + notebooks.mutate(second, source)
    return kind + scripts.mutate(first, source) + between + second
