"""``.autograder/state.json`` beside the learner's work: last verdicts, and how many hints were shown.

Nothing depends on it: if it is damaged or cannot be written, the next check creates it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from autograder.learner.records import Checked, State
from autograder.learner.work import Work
from autograder.report import FORMAT, ExerciseResult, upgrade_result
from autograder.writing import write_atomically

__all__ = ["change", "folder", "key", "last", "read", "remember"]


def folder(root: Path) -> Path:
    """The place in a learner's folder where the commands store their state."""
    return root / ".autograder"


def key(assignment: str, exercise: str) -> str:
    """The name of an exercise in the state file."""
    return f"{assignment}/{exercise}"


def read(root: Path) -> State:
    """The stored state, also of release 0.1; empty if the file is missing, damaged or of a later version."""
    try:
        content = (folder(root) / "state.json").read_bytes()
        state = msgspec.json.decode(content, type=State)
        if state.format < FORMAT:
            state = _from_version_1(msgspec.json.decode(content, type=dict[str, object]))
    except (OSError, msgspec.DecodeError):
        return State()
    return state if state.format == FORMAT else State()


def _from_version_1(known: dict[str, object]) -> State:
    """The state that release 0.1 wrote: its verdicts are in the form of reports of version 1."""
    checked = known.get("checked")
    upgraded = {
        name: {**one, "result": upgrade_result(one.get("result"))}
        for name, one in (checked.items() if isinstance(checked, dict) else ())
        if isinstance(one, dict)
    }
    return msgspec.convert({**known, "checked": upgraded, "format": FORMAT}, State)


def change(root: Path, edit: Callable[[State], None]) -> bool:
    """Read, edit and write the state; return whether it could be written.

    It is read again each time, since ``watch`` and another command may run at the same time.  Raises LinkedPathError
    if it would be written through a link.
    """
    state = read(root)
    edit(state)
    try:
        write_atomically(folder(root) / "state.json", state, within=root)
    except OSError:
        return False
    return True


def last(state: State, work: Work, exercise: str) -> ExerciseResult | None:
    """The last verdict of an exercise, if its text has not changed since."""
    checked = state.checked.get(key(work.assignment.name, exercise))
    return checked.result if checked and checked.identity == work.identity(exercise) else None


def remember(work: Work, results: Iterable[ExerciseResult]) -> bool:
    """Store fresh verdicts; return whether that was possible."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    fresh = {key(work.assignment.name, r.name): Checked(work.identity(r.name), r, now) for r in results}
    return change(work.loaded.root, lambda state: state.checked.update(fresh))
