"""What an export refuses, in one sentence."""

from __future__ import annotations

__all__ = ["ExportError"]


class ExportError(Exception):
    """An export was asked for that cannot be made: one sentence with the cure."""
