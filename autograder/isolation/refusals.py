"""What the system's refusals mean to a student: “Permission denied” does not say that a file was to be written.

An audit hook of the interpreter remembers the last request; it refuses nothing itself.
"""

from __future__ import annotations

import errno
import os
import sys
from types import TracebackType

__all__ = ["EVENTS", "Refusals", "writes"]

NO_FILES, NO_PROCESSES, NO_NETWORK = (
    "exercises write no files",
    "exercises start no processes",
    "exercises use no network",
)
REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.EROFS, errno.EFBIG, errno.ENOSYS})
PROCESSES = ("multiprocessing", "subprocess", "concurrent.futures.process")
"""Modules that start processes, and fail in several ways where that is refused."""
EVENTS = {
    "os.fork": "start a process",
    "os.forkpty": "start a process",
    "os.posix_spawn": "start a program",
    "os.exec": "start a program",
    "os.system": "start a program",
    "subprocess.Popen": "start a program",
    "socket.__new__": "open a network socket",
    "socket.getaddrinfo": "look up a name on the network",
    "os.kill": "send a signal to a process",
    "os.killpg": "send a signal to a process",
    "ctypes.dlopen": "call machine code through ctypes",
    "ctypes.dlsym": "call machine code through ctypes",
    "ctypes.string_at": "read memory by its address",
    "os.mkdir": "change files",
    "os.remove": "change files",
    "os.rename": "change files",
    "os.rmdir": "change files",
    "os.link": "change files",
    "os.symlink": "change files",
    "os.truncate": "change files",
    "os.chmod": "change files",
    "os.chown": "change files",
    "sys.addaudithook": "hook into the interpreter",
    "os.listdir": "list a folder",
    "os.scandir": "list a folder",
}
"""Event → what was tried, as follows “tried to”."""
MEANINGS = {
    "start a process": NO_PROCESSES,
    "start a program": NO_PROCESSES,
    "open a network socket": NO_NETWORK,
    "look up a name on the network": NO_NETWORK,
    "change files": NO_FILES,
}


def writes(flags: object) -> bool:
    """Whether a file is opened for writing, by the flags of an audit event."""
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


class Refusals:
    """Remembers the last request to the system, and explains its refusal."""

    def __init__(self) -> None:
        self._last = ""

    def begin(self) -> None:
        """Listen in this process from now on."""
        sys.addaudithook(self._hook)

    def meaning(self, error: BaseException) -> str:
        """What an error means, where the system refused something that no exercise needs; else empty."""
        if not isinstance(error, OSError) or error.errno not in REFUSED:
            return ""
        why = NO_PROCESSES if _within(error.__traceback__, PROCESSES) else self._last
        return f"{why} ({os.strerror(error.errno)})" if why else ""

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            self._last = NO_FILES if writes(arguments[2]) else ""
        elif meaning := MEANINGS.get(EVENTS.get(event, "")):
            self._last = meaning


def _within(trace: TracebackType | None, modules: tuple[str, ...]) -> bool:
    """Whether an error went through one of these modules."""
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(modules):
            return True
        trace = trace.tb_next
    return False
