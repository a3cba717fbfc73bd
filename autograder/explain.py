"""From an error of the student's code to the sentence that its author needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.subject import SubjectRaisedError

if TYPE_CHECKING:
    from autograder.workplace import Workplace

__all__ = ["at", "explain", "waits"]


def explain(error: SubjectRaisedError, title: str, place: Workplace) -> str:
    """Say in one sentence what was raised, where, and what to do.

    title: the part at fault (``Linear.forward``); place: where it ran, with what could not be loaded.
    """
    name = place.exercise.name
    on_load = place.load_errors.get(name)
    if on_load and error.type == "NameError" and error.message == f"{name} is not defined":
        return f"{name} could not be defined: {_reason(on_load, place)}" if on_load.type else on_load.message
    if error.unwritten:
        return f"{error.message}: {title} is missing. Keep the methods of the stub."
    return _reason(error, place)


def _reason(error: SubjectRaisedError, place: Workplace) -> str:
    """Say what an error means, with its cure where it is one of those that everybody meets."""
    if error.type == "NameError" and (reason := _why_undefined(error, place)):
        return reason
    if error.type == "HostTransferError":
        return f"{error.message}{at(error)}. Let xp = array_module(x) do the work where x lives."
    if error.type == "MemoryError":
        return f"asked for more memory than an exercise may use ({place.memory_mb} MB){at(error)}"
    return _text(error)


def _why_undefined(error: SubjectRaisedError, place: Workplace) -> str:
    """Say why a name is missing here that the student's notebook had."""
    name = error.message.partition("'")[2].partition("'")[0]
    found = place.submission.extraction
    if name in found.refused:
        return (
            f"{name} comes from {found.refused[name]}, which an exercise may not import{at(error)}. "
            "Allowed are the standard library, numpy and dlkit."
        )
    if name in found.left_out and name not in found.defined:
        return (
            f"{name} is set by a call in {found.left_out[name]}, and calls outside of an exercise are not run "
            f"when it is graded{at(error)}. Set it inside the exercise."
        )
    if name in place.load_errors and place.load_errors[name] is not error:
        return f"{name} could not be defined: {_text(place.load_errors[name])}"
    return ""


def _text(error: SubjectRaisedError) -> str:
    message = " ".join(error.message.split())
    text = f"{error.type}: {message}" if message else error.type
    return f"raised {text[:300]}{at(error)}"


def waits(error: SubjectRaisedError) -> bool:
    """Whether an unwritten part was called; a method that is not there at all is the base class's to miss."""
    return error.unwritten and not error.message.endswith(" yet")


def at(error: SubjectRaisedError) -> str:
    """Where it was raised, in brackets; empty where that is not in the submission."""
    if not error.where:
        return ""
    return f" ({error.where}: {error.code})" if error.code else f" ({error.where})"
