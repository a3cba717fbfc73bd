"""How mistakes in ``course.toml`` are reported: the place, what is wrong, the cure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from autograder.course.catalogue import UsageError
from autograder.render.reading import NAME, clean

__all__ = ["UsageError", "refuse_unknown"]

MOST_NAMED = 12


def refuse_unknown(word: str, known: Iterable[str], place: str, what: str, *, only_misspelt: bool = False) -> None:
    """Raise UsageError if ``word`` is not among the known ones: with the closest, or else with all of them.

    only_misspelt: only if there is a close one, where not all that there may be are known.
    """
    names = sorted(set(known))
    if word in names:
        return
    folded = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    if only_misspelt and not close:
        return
    shown = ", ".join(clean(name, NAME) for name in names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    cure = f"Did you mean '{clean(folded[close[0]], NAME)}'?" if close else f"Choose one of: {shown or 'none yet'}."
    message = f"{place}: there is no {what} '{clean(word, NAME)}'. {cure}"
    raise UsageError(message)
