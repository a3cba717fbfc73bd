"""Privileges: a worker of root becomes a user that owns nothing; every worker gives up its capabilities."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

from autograder.isolation.linux.kernel import prctl, syscall

__all__ = ["REACH", "drop", "forbid_new", "prepare"]

SET_PDEATHSIG, SET_DUMPABLE, SET_KEEPCAPS, SET_NO_NEW_PRIVS = 1, 4, 8, 38
CAPSET = {"x86_64": 126, "aarch64": 91}
CAPGET = {"x86_64": 125, "aarch64": 90}
CAPABILITY_VERSION = 0x20080522
READ_ANYWHERE, REACH_ANYWHERE = 1 << 2, 1 << 1
REACH = READ_ANYWHERE | REACH_ANYWHERE
"""CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE if a container has only that: to pass folders without permission, such as
a home on the way to the interpreter.  Landlock still limits what can be read."""
FIRST_UID, UIDS = 61184, 4096
"""User numbers that no account has: systemd's range for users of a single process."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop(*, reach: bool) -> None:
    """If this is root, become another user; give up every capability.

    reach: keep the one that passes folders without permission.
    Every worker of root gets its own user number, by its process id.  Raises OSError if the kernel refuses to drop
    capabilities; if root may not change its user, it remains root without capabilities.
    """
    uid = FIRST_UID + os.getpid() % UIDS
    if os.geteuid() == 0:
        prctl(SET_KEEPCAPS, 1)
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        prctl(SET_KEEPCAPS, 0)
    for kept in (READ_ANYWHERE, REACH_ANYWHERE) if reach else ():
        with contextlib.suppress(PermissionError):  # it was never held
            _set_capabilities(kept)
            break
    else:
        _set_capabilities(0)
    prctl(SET_DUMPABLE, 0)
    prctl(SET_PDEATHSIG, signal.SIGKILL)  # if the grader is killed, the zygote is killed, and then its busy workers


def prepare() -> None:
    """Make the first call of each kind here, so that no fork has to pay for it."""
    prctl(SET_KEEPCAPS, 0)
    syscall(CAPGET[os.uname().machine], ctypes.byref(_Header(CAPABILITY_VERSION, 0)), ctypes.byref((_Sets * 2)()))


def _set_capabilities(kept: int) -> None:
    header = _Header(CAPABILITY_VERSION, 0)
    sets = (_Sets * 2)(_Sets(kept, kept, 0), _Sets(0, 0, 0))
    syscall(CAPSET[os.uname().machine], ctypes.byref(header), ctypes.byref(sets))


def forbid_new() -> None:
    """Programs started from here gain no privileges, as Landlock and seccomp require."""
    prctl(SET_NO_NEW_PRIVS, 1)
