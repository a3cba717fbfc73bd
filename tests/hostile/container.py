"""Run a command as a container's root has it: ``python container.py new|old COMMAND…``.

Docker's default capabilities, and the system calls that its default profile refuses; "old" refuses Landlock too, as
profiles did before 2022.  Source: https://docs.docker.com/engine/security/seccomp/ and the moby project's profile.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autograder.isolation.linux import seccomp
from autograder.isolation.linux.kernel import prctl, syscall
from autograder.isolation.linux.privileges import CAPABILITY_VERSION, CAPSET, _Header, _Sets

CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
DROP_FROM_BOUNDING_SET = 24
MOST_CAPABILITIES = 41
REFUSED = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "kexec_load": (246, 104), "reboot": (169, 142),
    "swapon": (167, 224), "init_module": (175, 105), "open_by_handle_at": (304, 265), "quotactl": (179, 60),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "settimeofday": (164, 170), "acct": (163, 89),
    "move_pages": (279, 239), "lookup_dcookie": (212, 18),
}  # fmt: skip
LANDLOCK = {"create": (444, 444), "add": (445, 445), "restrict": (446, 446)}
NEW_NAMESPACES = 0x7E020000


def profile(*, old):
    """The filter: everything but a list."""
    made = seccomp.Filter()
    made.load(seccomp.NUMBER)
    for numbers in REFUSED.values():
        made.jump(seccomp.EQUAL, made.number(numbers), then="refuse")
    for numbers in LANDLOCK.values() if old else ():
        made.jump(seccomp.EQUAL, made.number(numbers), then="refuse")
    for name in ("clone", "clone3"):
        made.jump(seccomp.EQUAL, made.number(seccomp.WITH_CONDITIONS[name]), then=name)
    made.end("allow", seccomp.ALLOW)
    made.labels["clone"] = len(made.steps)
    made.load(seccomp.FIRST_ARGUMENT)
    made.jump(seccomp.ANY_BIT, NEW_NAMESPACES, then="refuse")
    made.end("clone allowed", seccomp.ALLOW)
    made.end("clone3", 0x00050000 | errno.ENOSYS)
    made.end("refuse", 0x00050000 | errno.EPERM)
    made.finish()
    return made


def enter(*, old):
    """Give up what a container's root has not."""
    profile(old=old).enter(os.getpid())
    for capability in set(range(MOST_CAPABILITIES)) - set(CAPABILITIES):
        prctl(DROP_FROM_BOUNDING_SET, capability)
    bits = sum(1 << capability for capability in CAPABILITIES)
    header, sets = _Header(CAPABILITY_VERSION, 0), (_Sets * 2)(_Sets(bits, bits, 0), _Sets(0, 0, 0))
    syscall(CAPSET[os.uname().machine], ctypes.byref(header), ctypes.byref(sets))


if __name__ == "__main__":
    enter(old=sys.argv[1] == "old")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command is the point
