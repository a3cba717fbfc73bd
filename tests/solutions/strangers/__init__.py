"""Right implementations in the styles of many people, written from what the student is told, before any check was read.

``slow`` and ``bulky`` are right and ask more time or memory than an exercise that grades them allows.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Right:
    """A right implementation of one exercise: methods that replace the reference's, or a function."""

    exercise: str
    name: str
    source: str
    slow: bool = False
    bulky: bool = False
