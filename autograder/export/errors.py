"""The error of an export."""

from __future__ import annotations

__all__ = ["ExportError"]


class ExportError(Exception):
    """The requested export cannot be made: one sentence with the cure."""
