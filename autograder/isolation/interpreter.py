"""How this project starts Python again: no module is searched for in the current folder, which may be a stranger's.

``multiprocessing`` starts its helpers as ``python -c``, and that looks into the current folder before the standard
library: a hand-in named ``selectors.py`` would run as the grader's user.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

__all__ = ["NEUTRAL", "enter_neutral_folder", "isolated_processes"]

NEUTRAL = os.path.abspath(os.sep)  # noqa: PTH100 - a folder that only the system's owner may write to
SAFE_PATH = "PYTHONSAFEPATH"
"""As the option -P, and handed on to every process that a helper starts in its turn."""


@contextmanager
def isolated_processes(*preload: str) -> Iterator[BaseContext]:
    """Within the block, processes of this context search no module in the current folder.

    preload: modules that one process imports for all the others, where the system can fork from it; that one and
    ``multiprocessing``'s resource tracker live in a neutral folder.
    """
    from multiprocessing import get_all_start_methods, get_context

    can_fork = "forkserver" in get_all_start_methods()
    with _variable(SAFE_PATH, "1"):
        context: BaseContext = get_context("forkserver" if can_fork else "spawn")
        if can_fork:
            from multiprocessing.forkserver import ensure_running

            context.set_forkserver_preload(list(preload))
            with chdir(NEUTRAL):
                ensure_running()
        yield context


def enter_neutral_folder() -> None:
    """Leave the folder that the command was typed in: a helper is given whole paths."""
    with suppress(OSError):
        os.chdir(NEUTRAL)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
