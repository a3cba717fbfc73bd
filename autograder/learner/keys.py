"""Single keys from the terminal, whose settings are restored afterwards.

POSIX: cbreak mode by termios, so that Ctrl-C stays what it is.  Windows: msvcrt.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from autograder.learner.events import KEYS, Event

__all__ = ["keys", "signals"]

Send = Callable[[Event], object]
LOOK_EVERY_S = 0.05


@contextlib.contextmanager
def keys(send: Send) -> Iterator[bool]:
    """Send an event for every key within the block; yield False, and do nothing, if stdin is not a terminal."""
    if not sys.stdin.isatty():
        yield False
    elif sys.platform == "win32":
        with _windows_keys(send):
            yield True
    else:
        with _posix_keys(send):
            yield True


def _take(character: str, send: Send) -> None:
    if event := KEYS.get(character.lower()):
        send(event)


if sys.platform == "win32":

    @contextlib.contextmanager
    def _windows_keys(send: Send) -> Iterator[None]:
        import msvcrt

        ended = threading.Event()

        def read() -> None:
            while not ended.is_set():
                if not msvcrt.kbhit():
                    time.sleep(LOOK_EVERY_S)
                    continue
                character = msvcrt.getwch()
                if character in ("\x00", "\xe0"):  # an arrow or a function key: its second half
                    msvcrt.getwch()
                else:
                    _take(character, send)

        threading.Thread(target=read, daemon=True).start()
        try:
            yield
        finally:
            ended.set()

else:
    import select
    import termios
    import tty

    @contextlib.contextmanager
    def _posix_keys(send: Send) -> Iterator[None]:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        wake, woken = os.pipe()

        def read() -> None:
            while True:
                ready, _, _ = select.select([terminal, wake], [], [])
                if wake in ready:
                    return
                try:
                    typed = os.read(terminal, 64)
                except OSError:  # the terminal is gone
                    typed = b""
                if not typed:
                    send(Event.QUIT)
                    return
                if not typed.startswith(b"\x1b"):  # not an arrow or a function key
                    for character in typed.decode(errors="replace"):
                        _take(character, send)

        def again(_number: int, _frame: FrameType | None) -> None:
            tty.setcbreak(terminal)  # the shell has set its own mode while this was stopped
            send(Event.REDRAW)

        reader = threading.Thread(target=read, daemon=True)
        handler = signal.getsignal(signal.SIGCONT)
        try:
            tty.setcbreak(terminal)
            signal.signal(signal.SIGCONT, again)
            reader.start()
            yield
        finally:
            signal.signal(signal.SIGCONT, handler)
            with contextlib.suppress(termios.error):  # where the terminal is gone, nothing is left to restore
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)
            os.write(woken, b".")
            reader.join(1)
            os.close(wake)
            os.close(woken)


@contextlib.contextmanager
def signals(send: Send) -> Iterator[None]:
    """Turn signals into events within the block: terminate, hang up, resize of the terminal."""
    meaning = {"SIGTERM": Event.STOP, "SIGHUP": Event.STOP, "SIGWINCH": Event.REDRAW}
    events = {number: event for name, event in meaning.items() if (number := getattr(signal, name, None))}
    before = {number: signal.getsignal(number) for number in events}

    def handle(number: int, _frame: FrameType | None) -> None:
        send(events[signal.Signals(number)])

    for number in events:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
