"""A class of any size for one small exercise: correct, wrong and hostile hand-ins, and the mark that each earns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

ASSIGNMENT, MODULE = "90_center", "center"
FULL = 4.0
OUTLINE = f"""
from autograder.checks import Outline

OUTLINE = Outline(title="Columns without their mean", minutes=5, points={{"center": {FULL:g}}}, questions={{}})
"""
EXERCISE = """
from autograder.checks import Case, FunctionExercise


def cases(rng):
    for shape in [(1, 4), (7, 3), (5, 1)]:
        yield Case(x=rng.normal(3.0, 2.0, size=shape))


center = FunctionExercise("center", cases=cases)
"""
SOLUTION = """\
# %%
import numpy as np

from autograder import check

# %%
def center(x):
    ### BEGIN SOLUTION
    return x - x.mean(axis=0)
    ### END SOLUTION

# %%
check(center)
"""


@dataclass(frozen=True)
class Kind:
    """A kind of hand-in: the function's body, what is written above it, the points that it earns."""

    name: str
    body: str
    points: float = 0.0
    above: str = ""
    text: str = ""
    """In place of all that: the whole file."""

    def source(self, student: str) -> str:
        """The text of one student's file; no two are the same."""
        if self.text:
            return f"{self.text}\n# {student}\n"
        body = indent(self.body, "    ")
        return f"import os\n\nimport numpy as np\n\n# {student}\n{self.above}\n\ndef center(x):\n{body}\n"


CORRECT = [
    Kind("the mean of each column", "return x - x.mean(axis=0)", FULL),
    Kind("the sum over the rows", "return x - x.sum(axis=0, keepdims=True) / len(x)", FULL),
    Kind("column by column", "return np.stack([c - c.mean() for c in x.T], axis=1).astype(x.dtype)", FULL),
]
WRONG = [
    Kind("along the rows", "return x - x.mean(axis=1, keepdims=True)"),
    Kind("the mean of everything", "return x - x.mean()"),
    Kind("the median", "return x - np.median(x, axis=0)"),
    Kind("half of it", "return (x - x.mean(axis=0)) / 2"),
    Kind("a mistake in Python", "return x - x.men(axis=0)"),
    Kind("not begun", "raise NotImplementedError"),
]
YES = "class Yes(float):\n    def __eq__(self, other): return True\n    __hash__ = float.__hash__\n"
HOSTILE = [
    Kind("ends its process", "os._exit(0)"),
    Kind("kills its process", "os.kill(os.getpid(), 9)"),
    Kind("kills its parent", "os.kill(os.getppid(), 9)\nreturn 0 * x"),
    Kind("returns what equals everything", "return Yes(0)", above=YES),
    Kind("returns a hundred megabytes", "return np.zeros(13 << 20)"),
    Kind("takes all memory", "return np.ones(1 << 40)"),
    Kind("forks for ever", "while True:\n    os.fork()"),
    Kind("writes where it can", "open(os.path.expanduser('~/center'), 'w').write('x')\nreturn 0 * x"),
    Kind("prints a megabyte", "print('x' * (1 << 20))\nreturn 0 * x"),
    Kind("is no Python", "", text="def center(x:\n    return (("),
    Kind("never ends", "while True:\n    pass"),
]
PLAN = 9 * ["correct"] + 7 * ["wrong"] + 4 * ["hostile"]
"""Of every twenty hand-ins."""
ENDLESS = 100
"""Of so many hostile hand-ins one never ends, as each costs seconds."""
STEP = 7
"""With no divisor in common with the plan's length, so that kinds are mixed."""


def kinds(size: int) -> Iterator[Kind]:
    """The kinds of a class of ``size``, in the order of its students."""
    seen = dict.fromkeys(("correct", "wrong", "hostile"), 0)
    quick = HOSTILE[:-1]
    for number in range(size):
        group = PLAN[number * STEP % len(PLAN)]
        place = seen[group]
        seen[group] += 1
        if group == "hostile":
            yield HOSTILE[-1] if place % ENDLESS == ENDLESS - 1 else quick[place % len(quick)]
        else:
            those = CORRECT if group == "correct" else WRONG
            yield those[place % len(those)]


def make_course(folder: Path) -> Path:
    """Write and release a course of the one assignment; return its root."""
    from autograder.authoring.release import release

    source = folder / "solutions" / ASSIGNMENT
    for name, text in {"assignment.py": OUTLINE, f"exercises/{MODULE}.py": EXERCISE, f"{MODULE}.py": SOLUTION}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    release(folder, ASSIGNMENT)
    return folder


def make_class(folder: Path, size: int) -> dict[str, Kind]:
    """Write the hand-ins, ``STUDENT/ASSIGNMENT/center.py``; the kind of each by student."""
    made = {}
    for number, kind in enumerate(kinds(size)):
        student = f"s{number:05d}"
        path = folder / student / ASSIGNMENT / f"{MODULE}.py"
        path.parent.mkdir(parents=True)
        path.write_text(kind.source(student), encoding="utf-8")
        made[student] = kind
    return made
