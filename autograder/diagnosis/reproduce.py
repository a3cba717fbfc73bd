"""One small input that reproduces the mistake: three lines to paste into the notebook."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MethodType

import numpy as np

from autograder.diagnosis.outcomes import Raised, observe
from autograder.isolation.tree import Rng
from autograder.spec import Case, Check, Exercise
from autograder.spec.comparison import FLOAT32, FLOAT64, compare
from autograder.subject import Subject, SubjectRaisedError

__all__ = ["snippet"]

MOST_NUMBERS = 12
"""Larger arrays are drawn, not typed."""
DIGITS = 2


def snippet(exercise: Exercise, check: Check, failed: list[Case], subject: Subject, reference: Subject | None) -> str:
    """Write the lines for the smallest of the failed cases, reduced to a few rows where it still fails.

    reference: decides whether the smaller case fails; without it, the smallest case is used as it is.
    Empty where a case cannot be written in three lines (it needs layers that only the checks have).
    """
    if check.budget or check.capstone or exercise.support or check.part not in (*exercise.parts,):
        return ""
    if exercise.is_class and check.part not in ("forward", "backward"):
        return ""
    if any(case.hidden for case in failed) or not _is_one_call(exercise, check):
        return ""  # earlier calls, another mode, many draws: three lines cannot show these
    for case in sorted(failed, key=_size):
        if not all(_text(value) for value in case.arguments.values()) or not all(
            _text(x) for x in case.inputs.values()
        ):
            return ""
        candidates = [rows for rows in (1, 2, 3, None) if rows is None or reference is not None]
        for rows in candidates:
            small = _rounded(_first_rows(case, rows) if rows else case)
            written, lines = _written(exercise, check, small, subject)
            if lines and (reference is None or _fails(check, written, subject, reference)):
                return "\n".join(lines)
    return ""


def _is_one_call(exercise: Exercise, check: Check) -> bool:
    """Whether the check runs what the lines run: one forward, with one backward perhaps, or one call of a function."""
    name = check.observe.__name__ if isinstance(check.observe, MethodType) else ""  # not a function of a custom check
    return name in (("forward", "backward") if exercise.is_class else ("observe",))


def _size(case: Case) -> int:
    return sum(int(np.size(getattr(x, "array", x))) for x in case.inputs.values())


def _first_rows(case: Case, rows: int) -> Case:
    arrays = [x for x in case.inputs.values() if isinstance(x, np.ndarray) and x.ndim]
    count = len(arrays[0]) if arrays else 0
    if rows >= count:
        return case

    def cut(x: object) -> object:
        return x[:rows] if isinstance(x, np.ndarray) and x.ndim and len(x) == count else x

    return _each(cut, case)


def _each(change: Callable[[object], object], case: Case) -> Case:
    """Change every input and every upstream gradient."""
    inputs, upstreams = ({name: change(x) for name, x in named.items()} for named in (case.inputs, case.upstreams))
    return case.with_changes(inputs=inputs).with_upstreams(upstreams)


def _rounded(case: Case) -> Case:
    def short(x: object) -> object:
        x = getattr(x, "array", x)
        return np.round(x, DIGITS) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    return _each(short, case)


def _written(exercise: Exercise, check: Check, case: Case, subject: Subject) -> tuple[Case, list[str]]:
    """The case as the lines build it (with the constructor's parameters), and the lines."""
    if check.part == "forward":
        case = case.with_changes(upstream=None)
    inputs, case = _typed(case)
    names = ", ".join(inputs)
    given = f"{names} = {', '.join(inputs.values())}"
    arguments = ", ".join(f"{name}={_text(value)}" for name, value in case.arguments.items())
    if not exercise.is_class:
        call = ", ".join(part for part in (", ".join(case.inputs), arguments) if part)
        return case, [given, f"print({exercise.name}({call}))"]
    thing = "loss" if exercise.kind == "loss" else "layer"
    make = f"{thing} = {exercise.name}({arguments})"
    try:
        drawn = subject.make(exercise.name, **case.arguments).parameters() if case.parameters else {}
    except SubjectRaisedError:
        return case, []
    parameters = {}
    for path, value in drawn.items():
        raised = not value.any()
        parameters[path] = value + 0.5 if raised else value
        make += f"; {thing}.{_indexed(path)}.data += 0.5" if raised else ""
    if case.parameters and set(parameters) != set(case.parameters):
        return case, []
    forward = f"{thing}.forward({', '.join(case.inputs)})"
    if check.part == "forward":
        return case.with_changes(parameters=parameters), [make, given, f"print({forward})"]
    backward = f"{thing}.backward({', '.join(case.upstreams)})"
    grads = "".join(f", {thing}.{_indexed(path)}.grad" for path in parameters)
    return case.with_changes(parameters=parameters), [make, given, f"{forward}; print({backward}{grads})"]


def _indexed(path: str) -> str:
    """A parameter's path as code: ``norms[0].gamma`` for ``norms.0.gamma``."""
    return re.sub(r"\.(\d+)", r"[\1]", path)


def _typed(case: Case) -> tuple[dict[str, str], Case]:
    """Each input's text, and the case with the values of these texts."""
    texts, values = {}, {}
    for seed, (name, x) in enumerate({**case.inputs, **case.upstreams}.items()):
        if x is None:
            continue
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > MOST_NUMBERS:
            texts[name] = f"np.random.default_rng({seed}).normal(size={x.shape})"
            values[name] = np.random.default_rng(seed).normal(size=x.shape)
        else:
            texts[name], values[name] = _text(x), x
    upstreams = {name: values.pop(name) for name in case.upstreams}
    return texts, case.with_changes(inputs=values).with_upstreams(upstreams)


def _text(value: object) -> str:
    """Write a value as code; empty where there is none for it."""
    value = getattr(value, "array", value)
    if isinstance(value, Rng):
        return f"np.random.default_rng({value.seed})"
    if isinstance(value, np.ndarray):
        kind = "" if value.dtype in (np.float64, np.int64) else f", dtype={value.dtype.name!r}"
        numbers = np.round(value.astype(float), DIGITS) if value.dtype.kind == "f" else value
        return f"np.array({numbers.tolist()}{kind})"
    return repr(value) if isinstance(value, int | float | str | bool | None) else ""


def _fails(check: Check, case: Case, subject: Subject, reference: Subject) -> bool:
    seen, wanted = observe(check, subject, case), observe(check, reference, case)
    if isinstance(wanted, Raised):
        return False
    if isinstance(seen, Raised):
        return True
    single = any(isinstance(x, np.ndarray) and x.dtype == np.float32 for x in case.inputs.values())
    tolerance = FLOAT32 if single else FLOAT64
    return any(compare(seen.get(n), value, n, tolerance) for n, value in wanted.items() if not n.startswith("_"))
