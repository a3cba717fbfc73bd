"""Measuring cost: one class per kind, which defines how it is measured, estimated and judged.

To add a kind, write its class in a new module, like ``memory.py``, and list it in ``KINDS``; if no struct
of ``autograder.report.measurement`` fits its figures, add one there.
"""

from autograder.measuring.memory import Memory
from autograder.measuring.scaling import Scaling
from autograder.measuring.speed import Speed
from autograder.spec import Budget

__all__ = ["KINDS", "Memory", "Scaling", "Speed"]

KINDS: tuple[type[Budget], ...] = (Speed, Memory, Scaling)
