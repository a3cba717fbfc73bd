"""Wrong implementations that nobody planted: written afresh, before the patterns that are to recognise them.

``true`` lists what may be said of one, as patterns of file names on the claims of a diagnosis (``factor *``,
``mistake: averages the weight gradient``), as it was written down beforehand.  ``also`` lists what was said, was not
foreseen, and was found to be true on a second look.  Everything else that is claimed is false.  Every third is held
out: nothing was tuned to it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unseen:
    """A wrong implementation of one exercise: methods that replace the reference's, or a function."""

    exercise: str
    name: str
    source: str
    true: tuple[str, ...]
    double: bool = False
    also: tuple[str, ...] = ()


def collected(*rows: Unseen) -> tuple[Unseen, ...]:
    """Give them back, and see that no two of an exercise have one name."""
    names = [(row.exercise, row.name) for row in rows]
    assert len(set(names)) == len(names)
    return rows


def held_out(rows: tuple[Unseen, ...]) -> tuple[Unseen, ...]:
    """Every third."""
    return rows[2::3]


def open_to_see(rows: tuple[Unseen, ...]) -> tuple[Unseen, ...]:
    """The others."""
    return tuple(row for i, row in enumerate(rows) if i % 3 != 2)
