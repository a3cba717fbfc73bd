"""Where a new array lies."""

from dlkit import backend


def place(x: object) -> str:
    """Whether an array lies on the active device, in words."""
    return "there" if isinstance(x, backend.current().array_type) else "elsewhere"
