"""Incorrect implementations by people who had not read the checks, one file per exercise; a hint says what is wrong.

``true:`` lines say which claims of a diagnosis were judged true of an implementation, as patterns of file names
(``factor *``, ``mistake: averages the weight gradient``); every other claim about it is false.  ``true: nothing``: no
claim was judged true.  Without such a line, what is said of it was not judged.  ``missed: REASON``: no check notices
it, and why that is accepted.
"""

from dataclasses import dataclass
from pathlib import Path

from autograder.course.mistake_files import REPLACE_ALL, Entry
from tests.solutions.implementations import implementations

NOTHING = "nothing"


@dataclass(frozen=True)
class Wrong:
    """An incorrect implementation of one exercise.

    true: claims that are true of it, None where they were not judged; missed: why no check notices it, or empty.
    """

    exercise: str
    name: str
    source: str
    true: tuple[str, ...] | None
    missed: str


def _wrong(exercise: str, entry: Entry) -> Wrong:
    where = f"{exercise}: “{entry.name}”"
    assert entry.hint, f"{where} has no hint: write after '> ' what is wrong"
    true, missed = entry.fields.get("true"), entry.fields.get("missed", [""])
    assert true is None or NOTHING not in true or len(true) == 1, f"{where}: 'true: nothing' stands alone"
    assert len(missed) == 1, f"{where}: one reason"
    assert missed[0] or "missed" not in entry.fields, f"{where}: write after 'missed: ' why that is accepted"
    assert entry.source is not None
    judged = None if true is None else tuple(claim for claim in true if claim != NOTHING)
    return Wrong(exercise, entry.name, entry.source, judged, missed[0])


WRONG = {
    assignment: tuple(_wrong(exercise, entry) for exercise, entry in found)
    for assignment, found in implementations(
        Path(__file__).parent, keys=("true", "missed"), classes=(REPLACE_ALL,)
    ).items()
}
"""By assignment, in the order of the course."""
