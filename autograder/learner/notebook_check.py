"""``check(Linear)`` in a notebook: the same checks on the live class, in the student's own process.

Quick and unofficial: a grade is given only by ``autograder grade``, which runs the code elsewhere.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
import textwrap
from typing import Any

from threadpoolctl import threadpool_limits

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.report import ExerciseResult
from autograder.submission import Submission
from dlkit import course, extraction

__all__ = ["check", "run_checks"]


class _Shown:
    """A result for a notebook: a compact table, or the same as text."""

    def __init__(self, result: ExerciseResult) -> None:
        self.result = result

    def _repr_html_(self) -> str:
        from autograder.render.notebook import notebook_html

        return notebook_html(self.result)

    def __repr__(self) -> str:
        from autograder.render.notebook import notebook_text

        return notebook_text(self.result)


def check(thing: Any) -> float:
    """Check one exercise, a class or function or its name, as it is defined now; show the result and return its points.

    The points are a plain float, and nothing is written to stderr: nbgrader takes the value of a grade cell as its
    score, gives full marks for anything that is not a float, and none for any line on stderr.
    Raises LookupError where the course has no exercise of this name.
    """
    with contextlib.redirect_stderr(sys.stdout):
        result = run_checks(thing)
    ipython = sys.modules.get("IPython")  # if nobody has imported it, there is no notebook
    show = ipython.display.display if ipython else print
    show(_Shown(result))
    return float(result.points)


def run_checks(thing: Any) -> ExerciseResult:
    """Run every check of one exercise, a class or a function, as it is defined now, on one thread as when graded.

    thing: the class or function, or its name in the notebook.
    Raises LookupError where the course has no exercise of this name, or the notebook does not define it.
    """
    name = thing if isinstance(thing, str) else getattr(thing, "__name__", str(thing))
    loaded = _assignment_with(name)
    thing = _by_name(thing) if isinstance(thing, str) else thing
    module = sys.modules.get(getattr(thing, "__module__", ""))
    namespace = {**(vars(module) if module else {}), name: thing}
    found = extraction.take([("cell", 1, "\n\n".join(_sources(name, namespace, loaded)))])
    grader = Grader(loaded, None, Options(only=frozenset({name})), live=namespace)
    with threadpool_limits(1):  # small matrix products are many times slower on many threads
        return grader.grade(Submission("this notebook", found, "")).exercises[0]


def _by_name(name: str) -> Any:
    """The value of a name in the notebook."""
    names = vars(sys.modules["__main__"])
    if name not in names:
        message = f"{name} is not defined in this notebook: run the cell that defines it first."
        raise LookupError(message)
    return names[name]


def _sources(name: str, namespace: dict[str, Any], loaded: catalogue.Loaded) -> list[str]:
    """The source of an exercise, after those of the notebook's functions and classes that it uses."""
    others = {exercise.name for exercise in loaded.assignment.exercises} - {name}
    found, left = dict[str, str](), [name]
    while left:
        current = left.pop()
        thing = namespace.get(current)
        own = getattr(thing, "__module__", None) == getattr(namespace[name], "__module__", "")
        if current in found or current in others or not (own and callable(thing)):
            continue
        found[current] = _source(thing, current)
        with contextlib.suppress(SyntaxError):  # a lambda within a longer line
            left += [node.id for node in ast.walk(ast.parse(found[current])) if isinstance(node, ast.Name)]
    return list(found.values())[::-1]


def _source(thing: Any, name: str) -> str:
    """The source of a function, or of a class's methods: a kernel knows no file for the class itself."""
    if not inspect.isclass(thing):
        return _text(thing) or f"{name} = ..."
    methods = [textwrap.indent(_text(f), "    ") for f in vars(thing).values() if inspect.isfunction(f)]
    return f"class {name}:\n    pass\n" + "".join(methods)


def _text(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""


def _assignment_with(name: str) -> catalogue.Loaded:
    root = course.root()
    catalogue.refuse_former(root)
    for assignment in catalogue.names(root):
        loaded = catalogue.load(assignment, root)
        if any(exercise.name == name for exercise in loaded.assignment.exercises):
            return loaded
    message = (
        f"No assignment of this course has an exercise '{name}'. Pass the class or function itself: check(Linear)."
    )
    raise LookupError(message)
