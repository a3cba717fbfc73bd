"""Privileges: a worker of root becomes a user that owns nothing; capabilities are given up by everyone."""

from __future__ import annotations

import contextlib
import ctypes
import os

from autograder.isolation.linux.kernel import prctl, syscall

__all__ = ["READ_ANYWHERE", "drop", "forbid_new"]

SET_DUMPABLE, SET_KEEPCAPS, SET_NO_NEW_PRIVS = 4, 8, 38
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPABILITY_VERSION = 0x20080522
READ_ANYWHERE = 1 << 2
"""CAP_DAC_READ_SEARCH: reading past the permissions of folders, such as a home's on the way to the interpreter."""
FIRST_UID, UIDS = 61184, 4096
"""User numbers that no account has: systemd's range for users that last as long as a process."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop(*, keep: int) -> None:
    """Stop being root where one is, and give up every capability but those in ``keep``.

    Every worker of root gets a user number of its own, by its process id.  Raises OSError where the kernel refuses
    to take capabilities away; a root that may not change its user stays one without capabilities.
    """
    uid = FIRST_UID + os.getpid() % UIDS
    if os.geteuid() == 0:
        prctl(SET_KEEPCAPS, 1)
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        prctl(SET_KEEPCAPS, 0)
    _set_capabilities(keep)
    prctl(SET_DUMPABLE, 0)


def _set_capabilities(keep: int) -> None:
    header = _Header(CAPABILITY_VERSION, 0)
    sets = (_Sets * 2)(_Sets(keep, keep, 0), _Sets(0, 0, 0))
    number = CAPSET[os.uname().machine]
    try:
        syscall(number, ctypes.byref(header), ctypes.byref(sets))
    except PermissionError:  # those to keep were never there
        sets = (_Sets * 2)()
        syscall(number, ctypes.byref(header), ctypes.byref(sets))


def forbid_new() -> None:
    """No program started from here gains a privilege: what Landlock and seccomp ask for."""
    prctl(SET_NO_NEW_PRIVS, 1)
