"""What can happen while work is watched: one list of events, whatever their source."""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["KEYS", "Event"]


class Event(Enum):
    """A file was saved, a verdict arrived, a key was pressed, the terminal changed, the program was told to stop."""

    SAVED = auto()
    VERDICT = auto()
    HINT = auto()
    NEXT = auto()
    PREVIOUS = auto()
    ALL = auto()
    HELP = auto()
    REDRAW = auto()
    QUIT = auto()
    STOP = auto()


KEYS = {
    "h": Event.HINT,
    "n": Event.NEXT,
    "p": Event.PREVIOUS,
    "a": Event.ALL,
    "?": Event.HELP,
    "q": Event.QUIT,
    "\x04": Event.QUIT,
}
"""Keys; the last is Ctrl-D.  Every other key is ignored."""
