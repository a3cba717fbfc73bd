"""Code that checks run in the worker, beside a student's: files of this folder are sent as text.

They import NumPy and dlkit alone, and nothing from each other.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

__all__ = ["packaged_support", "packaged_support_files"]


@cache
def packaged_support(name: str) -> str:
    """The text of one file.  Raises FileNotFoundError where no file has this name."""
    return (resources.files(__name__) / f"{name}.py").read_text(encoding="utf-8")


def packaged_support_files() -> list[str]:
    """The names that ``packaged_support`` knows."""
    found = (file.name for file in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(".py") for name in found if name.endswith(".py") and not name.startswith("_"))
