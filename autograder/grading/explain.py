"""From an error in the student's code to the sentence that its author needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from autograder.subject import SubjectRaisedError
from autograder.submission.source import PYTHON

if TYPE_CHECKING:
    from autograder.grading.workplace import Workplace

__all__ = ["at", "explain", "missing", "waits"]

NEWER = frozenset({"annotationlib", "compression"})
"""Modules of the standard library that not every Python that can grade has."""


def explain(error: SubjectRaisedError, title: str, place: Workplace) -> str:
    """Say in one sentence what was raised, where, and what to do.

    title: the part at fault (``Linear.forward``); place: where it ran, with the names that could not be loaded.
    """
    name = place.exercise.name
    on_load = place.load_errors.get(name)
    if on_load and error.type == "NameError" and error.message == f"{name} is not defined":
        return f"{name} could not be defined: {_reason(on_load, place)}" if on_load.type else on_load.message
    if error.unwritten:
        return f"{error.message}: {title} is missing. Keep the methods of the stub."
    return _reason(error, place)


def _reason(error: SubjectRaisedError, place: Workplace) -> str:
    """Say what an error means, with its cure where the error is a common one."""
    if (name := missing(error)) and (reason := _why_undefined(name, error, place)):
        return reason
    if error.type == "HostTransferError":
        return f"{error.message}{at(error)}. Compute with xp = array_module(x), on the device of x."
    if error.type == "MemoryError":
        return f"needs more memory than an exercise may use ({place.memory_mb} MB){at(error)}"
    return _text(error)


def _why_undefined(name: str, error: SubjectRaisedError, place: Workplace) -> str:
    """Say why a name is missing that the student's notebook had."""
    found = place.submission.extraction
    if "*" in found.refused and name not in found.refused and name not in found.defined:
        found_in = found.refused["*"]
        return f"{name} is not defined{at(error)}: it may come from {found_in}, which an exercise may not import"
    if name in found.refused:
        return _refused(name, found.refused[name], error)
    if name in found.left_out and name not in found.defined:
        return (
            f"{name} is set by a magic or a shell command in {found.left_out[name]}, which is not run during "
            f"grading{at(error)}. Set it in Python."
        )
    if name in found.not_code and name not in found.defined:
        return f"{name} is not defined: {found.not_code[name]}, which is not run as Python{at(error)}"
    if name in place.load_errors and place.load_errors[name] is not error:
        return f"{name} could not be defined: {_text(place.load_errors[name])}"
    return ""


def _refused(name: str, package: str, error: SubjectRaisedError) -> str:
    """Say that a package may not be imported, or that the grader's Python does not have it yet."""
    if package in NEWER:
        return f"{name} comes from {package}, which the grader's Python {PYTHON} does not have{at(error)}."
    return (
        f"{name} comes from {package}, which an exercise may not import{at(error)}. "
        "Allowed are the standard library, numpy and dlkit."
    )


def _text(error: SubjectRaisedError) -> str:
    message = " ".join(error.message.split())
    if error.type in ("ImportError", "SyntaxError"):
        message = f"{message} (the grader runs Python {PYTHON})"
    text = f"{error.type}: {message}" if message else error.type
    return f"raised {text[:300]}{at(error)}"


def missing(error: SubjectRaisedError) -> str:
    """The name that is not defined; empty for any other error."""
    if error.type != "NameError":
        return ""
    found = re.match(r"(?:name )?'?(\w+)'? is not defined", error.message)
    return found[1] if found else ""


def waits(error: SubjectRaisedError) -> bool:
    """Whether an unwritten part was called; the base class reports a method that is missing altogether."""
    return error.unwritten and not error.message.endswith(" yet")


def at(error: SubjectRaisedError) -> str:
    """Where it was raised, in brackets; empty for a place outside the submission."""
    if not error.where:
        return ""
    return f" ({error.where}: {error.code})" if error.code else f" ({error.where})"
