"""Seccomp: allows the system calls that computing needs, and no others.

Source: https://docs.kernel.org/userspace-api/seccomp_filter.html.  The filter is a program for the kernel's packet
filter machine: it sees a call's number and its arguments, never what they point to.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass, field

from autograder.isolation.linux.kernel import syscall

__all__ = ["ARCHITECTURES", "Filter", "allow_list"]

ALLOW, KILL = 0x7FFF0000, 0x80000000
SET_MODE_FILTER = 1
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

ARCHITECTURES = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}
"""Audit number of the architecture, and its number for seccomp itself."""

FREELY = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "close": (3, 57), "close_range": (436, 436), "fstat": (5, 80), "lseek": (8, 62),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "madvise": (28, 233),
    "brk": (12, 214), "membarrier": (324, 283),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "restart_syscall": (219, 128),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "setitimer": (38, 103), "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getrusage": (98, 165),
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getrlimit": (97, 163), "uname": (63, 160), "sysinfo": (99, 179),
    "getcwd": (79, 17), "getrandom": (318, 278), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""Allowed with any arguments: name → number on x86-64, number on 64-bit Arm."""

WITH_CONDITIONS = {
    "open": (2, None), "openat": (257, 56), "newfstatat": (262, 79), "fcntl": (72, 25), "clone": (56, 220),
    "clone3": (435, 435), "tgkill": (234, 131), "prlimit64": (302, 261), "ioctl": (16, 29),
}  # fmt: skip

FOREIGN_NUMBERS = 0x40000000
"""From this number on, x86-64 uses another convention, x32."""
WRITE_FLAGS = 0o3 | 0o100 | 0o1000
"""Open for writing, create, truncate."""
EMPTY_PATH = 0x1000
CLONE_THREAD = 0x00010000
FEW = 4
FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""Duplicate a descriptor; get and set its flags."""

STEP = struct.Struct("<HBBI")
Step = tuple[int, "str | int | None", "str | int | None", int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


@dataclass
class Filter:
    """A filter: steps with labels, assembled once by ``finish``.

    own_pid: places into which the process's own id is inserted.
    """

    machine: str = field(default_factory=platform.machine)
    steps: list[Step] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    own_pid: list[int] = field(default_factory=list)
    _assembled: bytes = b""

    def __post_init__(self) -> None:
        if self.machine not in ARCHITECTURES:
            message = f"no list of system calls for {self.machine}"
            raise OSError(errno.ENOSYS, message)
        self.audit, self.seccomp = ARCHITECTURES[self.machine]

    def number(self, numbers: tuple[int, int | None]) -> int | None:
        """The number of a call on this machine; None if it has no such call."""
        return numbers[list(ARCHITECTURES).index(self.machine)]

    def load(self, offset: int) -> None:
        """Fetch 32 bits of the call's description."""
        self.steps.append((LOAD, None, None, offset))

    def jump(self, test: int, value: int, then: str | None = None, otherwise: str | None = None) -> None:
        """Jump to a label by a test of the fetched value; without a label, continue."""
        self.steps.append((test, then, otherwise, value))

    def end(self, label: str, action: int) -> None:
        """Decide."""
        self.labels[label] = len(self.steps)
        self.steps.append((RETURN, None, None, action))

    def assemble(self) -> bytes:
        """Resolve the labels; return the kernel's form."""
        code = []
        for at, (operation, then, otherwise, value) in enumerate(self.steps):
            jumps = [self.labels[label] - at - 1 if isinstance(label, str) else 0 for label in (then, otherwise)]
            if not all(0 <= jump <= 0xFF for jump in jumps):  # noqa: PLR2004 - a jump is one byte
                message = "the filter is too long for a jump"
                raise ValueError(message)
            code.append(STEP.pack(operation, *jumps, value))
        return b"".join(code)

    def finish(self) -> None:
        """Assemble once for every process that will enter."""
        self._assembled = self.assemble()

    def enter(self, pid: int) -> None:
        """Apply to this process for good; it must not be able to gain privileges any more."""
        code = ctypes.create_string_buffer(self._assembled)
        for at in self.own_pid:
            struct.pack_into("<I", code, at * STEP.size + 4, pid)
        program = _Program(len(self.steps), ctypes.cast(code, ctypes.c_void_p))
        syscall(self.seccomp, ctypes.c_uint(SET_MODE_FILTER), ctypes.c_uint(0), ctypes.byref(program))


def _argument(position: int) -> int:
    """Offset of the lower half of an argument, little-endian."""
    return FIRST_ARGUMENT + 8 * position


def allow_list(machine: str | None = None) -> Filter:
    """Make the filter of a worker.

    Threads but no processes, reading but not writing files, signals only to itself, no sockets.  Calls of
    another architecture or convention end the process; unlisted calls return EPERM.
    Raises OSError on a machine with unknown call numbers.
    """
    made = Filter(machine or platform.machine())
    made.load(ARCHITECTURE)
    made.jump(EQUAL, made.audit, otherwise="kill")
    made.load(NUMBER)
    made.jump(AT_LEAST, FOREIGN_NUMBERS, then="kill")
    listed = {number: "allow" for numbers in FREELY.values() if (number := made.number(numbers)) is not None}
    for name, numbers in WITH_CONDITIONS.items():
        number = made.number(numbers)
        if number is not None:
            listed[number] = name
    _search(made, sorted(listed.items()))
    made.end("refuse", _error(errno.EPERM))
    _conditions(made)
    made.end("kill", KILL)
    made.end("allow", ALLOW)
    made.finish()
    return made


def _search(made: Filter, listed: list[tuple[int, str]]) -> None:
    """Branch by the call's number with a binary search: on loading, the kernel runs the filter for every number."""
    if len(listed) <= FEW:
        for number, label in listed:
            made.jump(EQUAL, number, then=label)
        made.jump(AT_LEAST, 0, then="refuse")
        return
    middle = len(listed) // 2
    upper = f"from {listed[middle][0]}"
    made.jump(AT_LEAST, listed[middle][0], then=upper)
    _search(made, listed[:middle])
    made.labels[upper] = len(made.steps)
    _search(made, listed[middle:])


def _conditions(made: Filter) -> None:
    def begin(name: str, argument: int) -> None:
        made.labels[name] = len(made.steps)
        made.load(_argument(argument))

    for name, flags in (("open", 1), ("openat", 2)):
        begin(name, flags)
        made.jump(ANY_BIT, WRITE_FLAGS, then="cannot write", otherwise="allow")
    made.end("cannot write", _error(errno.EACCES))
    begin("newfstatat", 3)
    made.jump(ANY_BIT, EMPTY_PATH, then="allow")
    made.end("no path", _error(errno.EPERM))
    begin("fcntl", 1)
    for command in FCNTL_COMMANDS:
        made.jump(EQUAL, command, then="allow")
    made.end("no command", _error(errno.EPERM))
    begin("clone", 0)
    made.jump(ANY_BIT, CLONE_THREAD, then="allow")
    made.end("no process", _error(errno.EPERM))
    begin("tgkill", 0)
    made.own_pid.append(len(made.steps))
    made.jump(EQUAL, 0, then="allow")
    made.end("no signal", _error(errno.EPERM))
    begin("prlimit64", 2)  # reading limits: the new ones are a null pointer, in both halves
    made.jump(EQUAL, 0, otherwise="no limit")
    made.load(_argument(2) + 4)
    made.jump(EQUAL, 0, then="allow")
    made.end("no limit", _error(errno.EPERM))
    made.end("clone3", _error(errno.ENOSYS))  # the C library then uses clone, whose flags are visible
    made.end("ioctl", _error(errno.ENOTTY))  # nothing here is a terminal


def _error(number: int) -> int:
    return 0x00050000 | number
