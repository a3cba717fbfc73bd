"""``autograder new``: the beginning of an assignment, complete enough for the audit to pass."""

from __future__ import annotations

from pathlib import Path

from autograder.course.catalogue import UsageError
from autograder.report.verdict import write_atomically
from dlkit import course

__all__ = ["new_assignment"]

SOURCE = '''# %% [markdown]
# # {number} · {title}
#
# Say what this assignment is about, why it matters, and what the student will have built at the end.

# %%
import numpy as np
from autograder import check
from dlkit import Layer, array_module

# %% [markdown]
# ## {short}.1 Parabola
#
# Motivation, formula, the backward pass derived step by step, one example by hand:
#
# $$ y = s\\,x^2, \\qquad dx = 2\\,s\\,x\\,dy $$


# %%
class Parabola(Layer):
    """Square of every element, times a constant:  y = s x²

    Shapes
        x, y  any
    s: the constant.

    Source: author (year), section or equation.
    """

    def __init__(self, s):
        self.s = s

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        return self.s * x * x
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return 2 * self.s * self.x * dy
        ### END SOLUTION


# %%
check(Parabola)

# %% [markdown]
# **Question 1.** *(2 points)* Ask for what no check can grade.

# %% [markdown] question="why"
# ### BEGIN SOLUTION
# A model answer, and the mark scheme.
# ### END SOLUTION
'''

CHECKS = '''"""What is graded of {name}: cases, points, limits, and the mistakes that people really make."""

from autograder.checks import Assignment, Case, LayerExercise, Mistake, Points, Question, swap


def parabola_cases(rng):
    for shape, s in [((1, 4), 3.0), ((7, 3), -0.5), ((2, 3, 5), 1.5)]:
        yield Case({{"s": s}}, x=rng.normal(size=shape))


parabola = LayerExercise(
    "Parabola",
    cases=parabola_cases,
    points=Points(forward=1, backward=2),
    mistakes=[
        Mistake("adds the constant", swap("self.s * x * x", "self.s + x * x"), hint="y = s x² is a product."),
        Mistake("forgets the square", swap("self.s * x * x", "self.s * x"), hint="y = s x²: x twice."),
        Mistake("forgets the two", swap("2 * self.s * self.x", "self.s * self.x"), hint="The derivative of x² is 2 x."),
        Mistake("forgets the input", swap("2 * self.s * self.x", "2 * self.s"), hint="The derivative of x² is 2 x."),
        Mistake("forgets dy", swap("self.x * dy", "self.x + 0 * dy"), hint="Chain rule: multiply by dy."),
    ],
    hints={{  # for whoever asks: where to look, the formula (";" begins a new line), the step; never the code
        "forward": (
            "Which of the two is squared, x or the constant?",
            "y = s x², entry by entry; x, y of one shape",
            "Keep x, which backward needs. Multiply it by itself, then by the constant.",
        ),
        "backward": (
            "x stands in the product twice: what does the product rule make of that?",
            "dx = 2 s x dy; dx, dy of the shape of x",
            "Twice the constant times the kept x is the slope; then the chain rule, times dy.",
        ),
    }},
)

ASSIGNMENT = Assignment("{name}", title="{title}", exercises=[parabola], questions=[Question("why", points=2)])
'''


def new_assignment(root: Path, name: str) -> list[Path]:
    """Write ``solutions/NAME/`` with one small exercise that the audit accepts; return the files.

    Raises UsageError where the name is not of the form NN_name or is taken.
    """
    if not course.FOLDER.fullmatch(name):
        message = f"'{name}' is no assignment's name. Use two digits, an underscore, lower-case letters: 15_graphs."
        raise UsageError(message)
    folder = root / "solutions" / name
    if folder.exists():
        message = f"solutions/{name} is there already. Choose another name, or delete it first."
        raise UsageError(message)
    number, _, module = name.partition("_")
    fields = {"name": name, "number": number, "short": str(int(number)), "title": module.replace("_", " ").capitalize()}
    files = {folder / f"{module}.py": SOURCE, folder / "checks.py": CHECKS}
    for path, text in files.items():
        write_atomically(path, text.format(**fields), within=root)
    return list(files)
