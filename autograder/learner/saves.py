"""Notices when a folder's files are saved: by the system's notifications, and by polling where there are none."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import watch

__all__ = ["saves"]

SETTLE_MS = 20
"""Quiet time after which a burst of saves is over; editors write, rename and touch within a few milliseconds."""
BURST_MS = 200
LOOK_MS = 500


@contextlib.contextmanager
def saves(folder: Path, names: frozenset[str], send: Callable[[], object]) -> Iterator[None]:
    """Call ``send`` after every save of one of these files within the block, from a thread.

    A file that is renamed into place, deleted or restored counts, and so does a folder that is created again.  Changes
    that a network drive does not announce are detected by time and size, within a second.
    """
    ended = threading.Event()
    seen = _look(folder, names)

    def run() -> None:
        nonlocal seen
        while not ended.is_set():
            identity = _identity(folder)
            if identity is None:
                ended.wait(LOOK_MS / 1000)
                seen = _report(folder, names, seen, send)
                continue
            with contextlib.suppress(FileNotFoundError):  # it was deleted before watching began
                for changes in watch(
                    folder,
                    watch_filter=None,
                    step=SETTLE_MS,
                    debounce=BURST_MS,
                    stop_event=ended,
                    rust_timeout=LOOK_MS,
                    yield_on_timeout=True,
                    recursive=False,
                    raise_interrupt=False,
                ):
                    if not changes or any(Path(path).name in names for _, path in changes):
                        seen = _report(folder, names, seen, send)
                    if _identity(folder) != identity:
                        break

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2 * LOOK_MS / 1000)


Seen = dict[str, tuple[int, int, int]]


def _report(folder: Path, names: frozenset[str], before: Seen, send: Callable[[], object]) -> Seen:
    now = _look(folder, names)
    if now != before:
        send()
    return now


def _look(folder: Path, names: frozenset[str]) -> Seen:
    found = {}
    for name in names:
        with contextlib.suppress(OSError):
            status = (folder / name).stat()
            found[name] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
