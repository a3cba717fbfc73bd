"""Starts further Python processes that do not search the current folder, perhaps a stranger's, for modules.

``multiprocessing`` starts its helpers with ``python -c``, which searches the current folder before the standard
library: a hand-in named ``selectors.py`` would run as the grader's user.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

__all__ = ["NEUTRAL", "end_with_parent", "enter_neutral_folder", "isolated_processes"]

NEUTRAL = os.path.abspath(os.sep)  # noqa: PTH100 - a folder that only the system's owner may write to
SAFE_PATH = "PYTHONSAFEPATH"
"""Equivalent to the option -P, and inherited by every process that a helper starts."""


@contextmanager
def isolated_processes(*preload: str) -> Iterator[BaseContext]:
    """Within the block, processes of this context do not search the current folder for modules.

    preload: modules that one process imports for all others, if the system can fork from it; that one and
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
    """Leave the current folder; a helper receives absolute paths."""
    with suppress(OSError):
        os.chdir(NEUTRAL)


def end_with_parent() -> None:
    """Have this process exit when the one that started it is gone, even if that was killed."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


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
