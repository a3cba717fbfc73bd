"""Where a new array lies."""

from typing import Any

from dlkit import backend


def place(x: Any) -> str:
    """Whether an array lies on the active device, in words."""
    return "there" if isinstance(x, backend.current().array_type) else "elsewhere"
