"""Attacks on the machine: what belongs to the grader, to other students, to everybody.

Those that only a system call reaches go through ctypes, by its number: no function of Python stands in between.
"""

import platform

from tests.hostile.harness import (
    Attack,
    gets_through,
    leaves_a_process,
    loses_the_result,
    steals,
    strays,
    tanh,
    touches,
)

WITHOUT_RIGHTS = ("landlock", "privileges")
BY_CTYPES = "call machine code through ctypes"
REFUSED, DENIED = "Operation not permitted", "Permission denied"
HANGS = {"succeeds": loses_the_result, "seconds": 1.2}
ENDLESS = "look for a loop that does not end"

CALLS = """
import ctypes, os, struct, time
def zeros(count):
    return ctypes.create_string_buffer(count)
def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = libc.syscall(ctypes.c_long(number), *given)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def done(what):
    raise RuntimeError("%s through: %s" % ("got", what))
"""
NUMBERS = {
    "clone": (56, 220), "clone3": (435, 435), "exit": (60, 93), "openat2": (437, 437), "memfd_create": (319, 279),
    "process_vm_readv": (310, 270), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425), "tgkill": (234, 131), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424),
    "ptrace": (101, 117), "keyctl": (250, 219), "add_key": (248, 217), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180), "mq_unlink": (241, 181), "sched_setaffinity": (203, 122),
    "prlimit64": (302, 261), "prctl": (157, 167), "bpf": (321, 280), "perf_event_open": (298, 241),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "chroot": (161, 51), "personality": (135, 92),
    "userfaultfd": (323, 282),
}  # fmt: skip
ON_X86 = platform.machine() == "x86_64"
SYS = {name: numbers[0 if ON_X86 else 1] for name, numbers in NUMBERS.items()}


def by_number(number, name, forward, **more):
    """An attack through ``syscall``, in whose source each of SYS is known by its name."""
    known = "".join(f"{call} = {n}\n" for call, n in SYS.items() if call in forward)
    given = {"succeeds": gets_through, "stopped_by": ("seccomp",), "tried": BY_CTYPES, "said": REFUSED} | more
    given.setdefault("in_the_way", (*WITHOUT_RIGHTS, "rlimits"))
    return Attack(number, name, tanh(forward, before=CALLS + known), **given)


def where_anybody_may(calls):
    """What fails where the kernel refuses these calls to everybody; every one of SYS is known by its name."""
    return CALLS + "".join(f"{call} = {n}\n" for call, n in SYS.items()) + calls


# --- 19: writing -----------------------------------------------------------------------------

CHANGES = {
    "creates a file": ('open("$FOLDER/new.txt", "x").close()', "write $FOLDER/new.txt", DENIED),
    "empties a file that it opens for reading": (
        'os.open("$VICTIM", os.O_RDONLY | os.O_TRUNC)',
        "write $VICTIM",
        DENIED,
    ),
    "appends": ('os.open("$VICTIM", os.O_WRONLY | os.O_APPEND); open("$VICTIM", "a").write("0")', "", DENIED),
    "cuts a file short": ('os.truncate("$VICTIM", 3)', "change files", REFUSED),
    "deletes": ('os.remove("$VICTIM")', "change files", REFUSED),
    "renames": ('os.rename("$VICTIM", "$FOLDER/mallory.json")', "change files", REFUSED),
    "changes who may read": ('os.chmod("$VICTIM", 0o400)', "change files", REFUSED),
    "leaves a symbolic link": ('os.symlink("$SECRET", "$FOLDER/link")', "change files", REFUSED),
    "leaves a hard link": ('os.link("$VICTIM", "$FOLDER/link")', "change files", REFUSED),
    "makes a folder": ('os.mkdir("$FOLDER/new")', "change files", REFUSED),
    "leaves a pipe with a name": ('os.mkfifo("$FOLDER/new")', "", REFUSED),
    "leaves a file in shared memory": ('open("$SHARED", "x").close()', "write $SHARED", DENIED),
    "writes through what it opened as a mere path": (
        'os.open("/proc/self/fd/%d" % os.open("$VICTIM", os.O_PATH), os.O_WRONLY | os.O_TRUNC)',
        "",
        DENIED,
    ),
    "writes a database": (
        'import sqlite3; sqlite3.connect("$FOLDER/new.db").execute("create table marks (points)")',
        "",
        "unable to open database file",
    ),
    "fills the disk": ('open("$FOLDER/full", "wb", buffering=0).write(bytes(1 << 24))', "write $FOLDER/full", DENIED),
}
WRITING = [
    Attack(
        19,
        "writes another student's report",
        tanh('open("$VICTIM", "w").write("0 points")'),
        succeeds=touches,
        stopped_by=("landlock", "seccomp"),
        in_the_way=("rlimits",),
        tried="write $VICTIM",
        said=DENIED,
    ),
    *(
        Attack(
            19,
            name,
            tanh(f"import os; {line}"),
            succeeds=touches,
            stopped_by=("seccomp",),
            in_the_way=(*WITHOUT_RIGHTS, "rlimits"),
            tried=tried,
            said=said,
        )
        for name, (line, tried, said) in CHANGES.items()
    ),
    by_number(
        19,
        "creates a file by a call that few filters know",
        'syscall(openat2, -100, b"$FOLDER/new.txt", struct.pack("<QQQ", os.O_CREAT | os.O_WRONLY, 0o644, 0), 24)',
        succeeds=touches,
    ),
    Attack(
        19,
        "writes to a file without a name",
        tanh('done(os.open("$FOLDER", os.O_TMPFILE | os.O_RDWR))', before=CALLS),
        succeeds=gets_through,
        stopped_by=("seccomp", "landlock"),
        in_the_way=("privileges",),
        said=DENIED,
    ),
    by_number(19, "holds a file in memory", 'done(syscall(memfd_create, b"x", 0))'),
]

# --- 20: ending the process ------------------------------------------------------------------

ENDINGS = {
    "os._exit": ("os._exit(0)", "ended its own process with exit status 0"),
    "sys.exit": ("sys.exit(0)", "raised SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    "an error that is no Exception": ("raise BaseException('x')", "raised BaseException: x"),
    "an error whose text ends the process": (
        "class Last(Exception):\n    def __str__(self): os._exit(0)\n    __repr__ = __str__\nraise Last",
        "ended its own process with exit status 0",
    ),
    "a segfault": ("ctypes.string_at(0)", "killed by the system (signal SIGSEGV)"),
    "abort": ("os.abort()", "killed by the system (signal SIGABRT)"),
    "a deadly signal": ("signal.raise_signal(signal.SIGKILL)", "killed by the system (signal SIGKILL)"),
    "a signal without a name": ("signal.raise_signal(40)", "killed by the system (signal 40)"),
    "a signal to all that began with it": ("os.kill(0, signal.SIGKILL)", REFUSED),
    "another program in its place": ("os.execv('/bin/true', ['true'])", REFUSED),
}
ENDING = [
    *(
        Attack(
            20,
            f"ends the process by {name}",
            tanh(f"import ctypes, os, signal, sys\n{line}"),
            loses_the_result,
            said=said,
        )
        for name, (line, said) in ENDINGS.items()
    ),
    Attack(
        20,
        "ends the process while it is loaded",
        tanh(body="import os\nos._exit(0)"),
        loses_the_result,
        said="(definition of Tanh) ended its own process with exit status 0",
    ),
    Attack(20, "stops the process", tanh("import signal; signal.raise_signal(signal.SIGSTOP)"), **HANGS, said=ENDLESS),
]

# --- 21 and 22: going on afterwards ----------------------------------------------------------

PRINT_A_VERDICT = """os.write(1, b'{"points": 1}\\n')"""
AFTERWARDS = [
    Attack(21, "has a verdict printed at the end", tanh("import atexit; atexit.register(print, '{\"points\": 1}')")),
    Attack(
        21,
        "leaves an object that prints a verdict when it goes",
        tanh(
            "builtins.kept = Last(); return 0 * x",
            before=f"import builtins, os\nclass Last:\n    def __del__(self): {PRINT_A_VERDICT}",
        ),
    ),
    Attack(
        22,
        "leaves a thread that prints a verdict after the last",
        tanh(
            f"""
            import os, threading, time
            def later():
                time.sleep(0.2)
                {PRINT_A_VERDICT}
            threading.Thread(target=later).start()
            return 0 * x
            """
        ),
    ),
    Attack(
        22,
        "leaves its main thread, another goes on",
        tanh(
            f"""
            import threading
            threading.Thread(target=time.sleep, args=(60,)).start()
            syscall({SYS["exit"]}, 0)
            """,
            before=CALLS,
        ),
        **HANGS,
        said=ENDLESS,
    ),
    Attack(
        22,
        "forks a child that outlives the verdict",
        tanh(
            """
            import os, time
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            return 0 * x
            """
        ),
        succeeds=leaves_a_process,
        stopped_by=("seccomp", "session"),
        tried="start a process",
        said=REFUSED,
    ),
    Attack(
        22,
        "forks twice and leaves its session",
        tanh(
            """
            import os, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(60)
                os._exit(0)
            return 0 * x
            """
        ),
        succeeds=leaves_a_process,
        stopped_by=("seccomp",),
        tried="start a process",
        said=REFUSED,
    ),
    *(
        by_number(
            22,
            f"forks by the number of {name}",
            f"if syscall({call}) == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\nreturn 0 * x",
            succeeds=leaves_a_process,
            in_the_way=(),
            said=said,
        )
        for name, call, said in (
            ("clone", "clone, 17, 0, 0, 0, 0", REFUSED),
            ("clone3", "clone3, struct.pack('<8Q', 0, 0, 0, 0, 17, 0, 0, 0), 64", "not implemented"),
        )
    ),
    Attack(
        22,
        "starts a program",
        tanh('import os; os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", ": > $VICTIM"], {}), 0)'),
        succeeds=touches,
        stopped_by=("seccomp", "landlock"),
        tried="start a program",
        said=REFUSED,
    ),
]

# --- 23: files beside the submission ---------------------------------------------------------

VERDICT_OF_ITS_OWN = "import os, sys; print('{\"points\": 1}', flush=True); os._exit(0)\n"
SHADOWS = ("numpy.py", "numpy/__init__.py", "unittest.py", "dlkit.py", "sitecustomize.py", "x.pth")
SHADOWING = [
    Attack(23, f"lays {name} beside its file", tanh(), naive="folder", files={name: VERDICT_OF_ITS_OWN})
    for name in SHADOWS
]

# --- 24: reading -----------------------------------------------------------------------------

SCAN = """
import ctypes, os, re, struct
def stack():
    for line in open("/proc/$SIBLING/maps"):
        if "[stack]" in line:
            return [int(each, 16) for each in line.split()[0].split("-")]
def tell(data):
    raise RuntimeError(re.search(rb"DLKIT_SECRET=(\\w+)", data)[1].decode())
"""
READINGS = {
    "a hidden file": 'open("$SECRET").read()',
    "a hidden file through the root of its own process": 'open("/proc/self/root$SECRET").read()',
    "a hidden file through its working folder": 'open("/proc/self/cwd/..$SECRET").read()',
    "a hidden file by steps from a mere path": (
        'os.read(os.open("secret.txt", os.O_RDONLY, dir_fd=os.open("$FOLDER", os.O_PATH)), 99).decode()'
    ),
    "a hidden file that it opened as a mere path": ('open("/proc/self/fd/%d" % os.open("$SECRET", os.O_PATH)).read()'),
    "another process's arguments": 'open("/proc/$SIBLING/cmdline").read()[-17:-1]',
    "another process's environment": 'open("/proc/$SIBLING/environ").read().split("DLKIT_SECRET=")[1][:16]',
}
READING = [
    *(
        Attack(
            24,
            f"reads {what}",
            tanh(f"import os; text = {line}\nraise RuntimeError(text)"),
            succeeds=steals,
            stopped_by=("landlock",),
            in_the_way=("privileges",),
            said=DENIED,
        )
        for what, line in READINGS.items()
    ),
    *(
        Attack(
            24,
            f"reads {what}",
            tanh(f'text = open("{path}").read()\ndone(len(text) > 100)', before=CALLS),
            succeeds=gets_through,
            stopped_by=("landlock",),
            in_the_way=("privileges",),
            tried=f"read {path}",
            said=DENIED,
        )
        for what, path in {
            "a solution": "$COURSE/solutions/02_layers/layers.py",
            "the checks": "$COURSE/solutions/02_layers/exercises/activations.py",
            "the planted mistakes": "$COURSE/solutions/02_layers/mistakes/Tanh.md",
            "the data that models are judged on": "$COURSE/dlkit/datasets/data/LICENSE-MNIST.md",
            "the grader's own source": "$COURSE/autograder/grading/session.py",
            "a package that does the work": "$PACKAGES/sklearn/__init__.py",
            "the grader's memory map": "/proc/$HOST/maps",
            "the accounts of the machine": "/etc/passwd",
        }.items()
    ),
    Attack(
        24,
        "reads another process's memory",
        tanh(
            """
            low, high = stack()
            with open("/proc/$SIBLING/mem", "rb", buffering=0) as memory:
                memory.seek(low)
                tell(memory.read(high - low))
            """,
            before=SCAN,
        ),
        succeeds=steals,
        stopped_by=("landlock",),
        in_the_way=("privileges",),
        tried="read /proc/$SIBLING/maps",
        said=DENIED,
    ),
    Attack(
        24,
        "has the kernel copy another process's memory",
        tanh(
            f"""
            try:
                low, high = stack()
            except PermissionError:
                low, high = 4096, 8192
            room = zeros(high - low)
            here = struct.pack("<QQ", ctypes.addressof(room), high - low)
            syscall({SYS["process_vm_readv"]}, $SIBLING, here, 1, struct.pack("<QQ", low, high - low), 1, 0)
            tell(room.raw)
            """,
            before=CALLS + SCAN,
        ),
        succeeds=steals,
        stopped_by=("seccomp", "landlock"),
        in_the_way=("privileges",),
        tried=BY_CTYPES,
        said=REFUSED,
    ),
    Attack(
        24,
        "opens a hidden file by its handle",
        tanh(
            f"""
            handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136)
            syscall({SYS["name_to_handle_at"]}, -100, b"$SECRET", handle, zeros(4), 0)
            folder = os.open("$FOLDER", os.O_RDONLY)
            text = os.read(syscall({SYS["open_by_handle_at"]}, folder, handle, 0), 99).decode()
            raise RuntimeError(text)
            """,
            before=CALLS,
        ),
        succeeds=steals,
        stopped_by=("seccomp", "landlock"),
        in_the_way=("privileges",),
        needs=where_anybody_may(
            'handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136)\n'
            'syscall(name_to_handle_at, -100, b"/tmp", handle, zeros(4), 0)\n'
            'syscall(open_by_handle_at, os.open("/tmp", 0), handle, 0)\n'
        ),
        said=REFUSED,
    ),
    Attack(
        24,
        "reads what the grader has open",
        tanh(
            """
            import os
            for fd in range(3, 1024):
                try:
                    text = os.pread(fd, 16, 0).decode()
                except (OSError, UnicodeDecodeError):
                    continue
                raise RuntimeError(text)
            return 0 * x
            """
        ),
        succeeds=steals,
    ),
    Attack(
        24,
        "lists a folder",
        tanh('text = " ".join(os.listdir("$FOLDER"))\nraise RuntimeError(text)', before="import os"),
        succeeds=lambda outcome: "bob.json" in outcome.said,
        stopped_by=("landlock", "seccomp"),
        in_the_way=("privileges",),
        tried="list a folder",
    ),
    Attack(
        24,
        "looks up a file",
        tanh('size = os.stat("$SECRET").st_size\ndone(size)', before=CALLS),
        succeeds=gets_through,
        stopped_by=("seccomp",),
        said=REFUSED,
    ),
]

# --- 25: other processes, other machines, the kernel -----------------------------------------

INTERNET = {"stopped_by": ("seccomp",), "tried": "open a network socket", "said": REFUSED, "succeeds": touches}
TO_OTHERS = {"stopped_by": ("seccomp",), "in_the_way": WITHOUT_RIGHTS, "said": REFUSED, "succeeds": touches}
KILL_FORBIDDEN = "send a signal to a process"
REACHING_OUT = [
    Attack(
        25,
        "calls out over the network",
        tanh('import socket; socket.socket().connect(("127.0.0.1", $PORT))'),
        in_the_way=("landlock",),
        **INTERNET,
    ),
    Attack(
        25,
        "sends a datagram",
        tanh('import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", $PORT))'),
        **INTERNET,
    ),
    Attack(
        25,
        "calls an abstract socket of the machine",
        tanh('import socket; socket.socket(socket.AF_UNIX).connect("\\x00$SOCKET")'),
        in_the_way=("landlock",),
        **INTERNET,
    ),
    Attack(
        25,
        "looks up a name and calls it",
        tanh('import socket; socket.create_connection(("localhost", $PORT))'),
        succeeds=touches,
        stopped_by=("seccomp",),
        in_the_way=WITHOUT_RIGHTS,
        tried="look up a name on the network",
    ),
    Attack(
        25,
        "kills another process",
        tanh("os.kill($SIBLING, 9); time.sleep(0.2)", before=CALLS),
        **TO_OTHERS,
        tried=KILL_FORBIDDEN,
    ),
    Attack(
        25,
        "reaches the grader by a signal",
        tanh("done(os.kill($HOST, 0))", before=CALLS),
        **TO_OTHERS | {"succeeds": gets_through},
        tried=KILL_FORBIDDEN,
    ),
    Attack(
        25,
        "slows another process down",
        tanh("os.setpriority(os.PRIO_PROCESS, $SIBLING, 19)", before=CALLS),
        **TO_OTHERS,
    ),
    by_number(
        25,
        "kills a thread of another process",
        "syscall(tgkill, $SIBLING, $SIBLING, 9); time.sleep(0.2)",
        succeeds=touches,
    ),
    by_number(
        25,
        "kills another process by a descriptor of it",
        "syscall(pidfd_send_signal, syscall(pidfd_open, $SIBLING, 0), 9, 0, 0); time.sleep(0.2)",
        succeeds=touches,
    ),
    Attack(
        25,
        "has the kernel kill another process when a pipe is read",
        tanh(
            """
            import fcntl
            ours, theirs = os.pipe()
            fcntl.fcntl(ours, fcntl.F_SETOWN, $SIBLING)
            fcntl.fcntl(ours, 10, 9)  # F_SETSIG: which signal
            fcntl.fcntl(ours, fcntl.F_SETFL, fcntl.fcntl(ours, fcntl.F_GETFL) | os.O_ASYNC)
            os.write(theirs, b"x")
            time.sleep(0.2)
            """,
            before=CALLS,
        ),
        **TO_OTHERS,
    ),
    by_number(25, "attaches to another process as a debugger", "done(syscall(ptrace, 16, $SIBLING, 0, 0))"),
    by_number(25, "moves another process", 'done(syscall(sched_setaffinity, $SIBLING, 8, b"\\xff" * 8))'),
    by_number(25, "limits another process", 'done(syscall(prlimit64, $SIBLING, 7, struct.pack("<QQ", 64, 64), 0))'),
    *(
        by_number(25, f"leaves {what} behind", line, succeeds=touches)
        for what, line in {
            "a shared segment": "syscall(shmget, $KEY, 4096, 0o1666)",
            "a queue": "syscall(msgget, $KEY, 0o1666)",
            "a semaphore": "syscall(semget, $KEY, 1, 0o1666)",
        }.items()
    ),
    by_number(
        25,
        "opens a queue of messages",
        'opened = syscall(mq_open, b"dlkit-$SOCKET", os.O_CREAT, 0o666, 0)\n'
        'syscall(mq_unlink, b"dlkit-$SOCKET")\ndone(opened)',
        stopped_by=("seccomp", "rlimits"),
        in_the_way=("landlock",),
        needs=where_anybody_may('syscall(mq_open, b"dlkit", os.O_CREAT, 0o666, 0)\nsyscall(mq_unlink, b"dlkit")'),
    ),
    *(
        by_number(25, f"asks the kernel to {what}", f"done({call})", needs=where_anybody_may(call))
        for what, call in {
            "take orders through a ring": "syscall(io_uring_setup, 4, zeros(120))",
            "keep a key": 'syscall(add_key, b"user", b"dlkit", b"x", 1, -2)',
            "name its ring of keys": "syscall(keyctl, 0, -3, 1)",
            "adopt the children of others": "syscall(prctl, 36, 1, 0, 0, 0)",
            "run a program of its own inside it": 'syscall(bpf, 0, struct.pack("<12I", 2, 4, 4, 1, *[0] * 8), 48)',
            "count its events": (
                'syscall(perf_event_open, struct.pack("<IIQQQQQ", 1, 112, 0, 0, 0, 0, 0x60) + bytes(64), 0, -1, -1, 0)'
            ),
            "make it root of a world of its own": "syscall(unshare, 0x10000000)",
            "change its world": 'syscall(setns, os.open("/proc/self/ns/uts", 0), 0)',
            "change its root": 'syscall(chroot, b"/")',
            "mount in a world of its own": 'syscall(unshare, 0x20000) + syscall(mount, b"x", b"/", 0, 0x44000, 0)',
            "treat it as another kind of program": "syscall(personality, 0xFFFFFFFF)",
            "hand it the faults of its memory": "syscall(userfaultfd, 1)",
        }.items()
    ),
]
OTHER_CONVENTIONS = [
    by_number(
        25,
        "makes the calls of a 32-bit program",
        """
        import mmap
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes([0xB8, 2, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # fork, as it was numbered then
        if ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        """,
        succeeds=leaves_a_process,
        in_the_way=(),
        needs="import ctypes, mmap\npage = mmap.mmap(-1, 4096, prot=7)\n"
        "page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))\n"
        "assert ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))() > 0\n",
        tried="",
        said="killed by the system (signal SIGSYS)",
    ),
    by_number(
        25,
        "makes the calls of an x32 program",
        "if syscall(0x40000000 | 57) == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)",
        succeeds=leaves_a_process,
        in_the_way=(),
        needs=where_anybody_may("syscall(0x40000000 | 39)"),
        tried="",
        said="killed by the system (signal SIGSYS)",
    ),
]

# --- 26: using things up ---------------------------------------------------------------------

ENDLESSLY = {
    "loops": ("while True: pass", ""),
    "sleeps": ("import time; time.sleep(600)", ""),
    "computes in threads": (
        """
        import threading
        def spin():
            while True: pass
        threads = [threading.Thread(target=spin) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """,
        "",
    ),
    "searches for a pattern": ("import re; re.match('(a+)+$', 'a' * 40 + 'b')", ""),
    "raises what tells no end of itself": (
        "raise Endless",
        "class Endless(Exception):\n    def __str__(self):\n        while True: pass\n    __repr__ = __str__",
    ),
    "recurses": ("sys.setrecursionlimit(1 << 30); deeper()", "import sys\ndef deeper(): deeper()"),
}
TOO_MUCH = {"succeeds": gets_through, "stopped_by": ("rlimits",)}
OUT_OF_MEMORY = "needs more memory than an exercise may use (512 MB)"
USING_UP = [
    *(
        Attack(26, f"{name} without end", tanh(forward, before=before), **HANGS, said=ENDLESS)
        for name, (forward, before) in ENDLESSLY.items()
    ),
    Attack(
        26,
        "returns what turns into an array without end",
        tanh("return Endless()", before="class Endless:\n    def __array__(self, *_, **__):\n        while True: pass"),
        **HANGS,
        said="Endless",
    ),
    Attack(
        26,
        "keeps 700 MB of bytes",
        tanh("done(len(bytes(700 << 20)))", before=CALLS),
        **TOO_MUCH,
        said=OUT_OF_MEMORY,
    ),
    Attack(
        26,
        "keeps 700 MB of numbers",
        tanh("done(np.zeros(700 << 17).size)", before=CALLS),
        **TOO_MUCH,
        said=OUT_OF_MEMORY,
    ),
    Attack(
        26,
        "maps 700 MB",
        tanh("import mmap; done(len(mmap.mmap(-1, 700 << 20)))", before=CALLS),
        **TOO_MUCH,
        said="Cannot allocate memory",
    ),
    Attack(
        26,
        "keeps hundreds of descriptors",
        tanh("done([os.dup(0) for _ in range(300)])", before=CALLS),
        **TOO_MUCH,
        said="Too many open files",
    ),
    Attack(
        26,
        "keeps more threads than it may",
        tanh(
            """
            import _thread, threading
            threading.stack_size(1 << 16)
            gate = _thread.allocate_lock()
            gate.acquire()
            done([_thread.start_new_thread(gate.acquire, ()) for _ in range($MANY)][:1])
            """,
            before=CALLS,
        ),
        **TOO_MUCH,
        said="can't start new thread",
    ),
    Attack(
        26,
        "forks again and again",
        tanh(
            """
            import os, time
            for _ in range(20):
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(60)
                    os._exit(0)
            """
        ),
        succeeds=lambda _: len(strays()) >= 20,
        stopped_by=("seccomp",),
        tried="start a process",
        said=REFUSED,
    ),
    *(
        Attack(26, name, tanh(line), succeeds=lambda outcome: len(outcome.printed) > 1 << 24, said=said)
        for name, line, said in (
            ("prints 32 MB", "print('x' * (1 << 25)); return 0 * x", ""),
            ("complains of 32 MB", "import sys; sys.stderr.write('x' * (1 << 25)); return 0 * x", ""),
            ("raises an error of 32 MB", "raise ValueError('x' * (1 << 25))", "raised ValueError: xxx"),
        )
    ),
]

# --- 18 and 29: what goes over the pipe ------------------------------------------------------

FRAMES = """
import json, os, pickle, struct, sys, time
def call_id():
    at = sys._getframe()
    while at:
        if isinstance(at.f_locals.get("header"), dict):
            return at.f_locals["header"].get("id", "")
        at = at.f_back
    return "0" * 16
def answer(value, call=None):
    from autograder.isolation.protocol import Channel
    from autograder.isolation.tree import encode
    arrays = []
    value = encode(value, arrays)
    Channel(10, 11).send({"id": call or call_id(), "value": value}, arrays)
def write(arrays, body=b"", header=b""):
    text = header or json.dumps({"id": call_id(), "value": {"a": 0}, "arrays": arrays}).encode()
    os.write(11, struct.pack("<IQ", len(text), len(body)) + text + body)
class Order:
    def __reduce__(self):
        return exec, ("open('$VICTIM', 'w').write('0')",)
"""
NO_ANSWER = "sent an invalid reply"


def over_the_pipe(name, forward="return 0 * x", body="", number=29, **more):
    """An attack by bytes on the pipe: nothing but the grader process's own reading of them prevents it."""
    given = {"naive": "pipe", "said": NO_ANSWER} | more
    return Attack(number, name, tanh(forward, before=FRAMES, body=body), **given)


FRAMING = [
    over_the_pipe(
        "answers the next call with this one's",
        "answer(np.tanh(x)); answer(1 - np.tanh(x) ** 2); return 0 * x",
        said=f"{NO_ANSWER} (the reply belongs to another call)",
    ),
    over_the_pipe(
        "answers before it is asked",
        body="y = np.tanh([[0.5, -1], [2, 0]])\nanswer(y, '0' * 16); answer(1 - y**2, '0' * 16)",
        said="invalid reply (the reply belongs to another call)",
    ),
    over_the_pipe(
        "sends what a careless reader executes",
        "order = pickle.dumps(Order()); order += bytes(-len(order) % 8); write([['|O', [len(order) // 8]]], order)",
        number=18,
        succeeds=touches,
    ),
    over_the_pipe(
        "announces four gigabytes of header",
        'os.write(11, struct.pack("<IQ", (1 << 32) - 1, 0)); return 0 * x',
        **HANGS,
    ),
    over_the_pipe(
        "announces more bytes than there are",
        'os.write(11, struct.pack("<IQ", 16, 1 << 62) + bytes(16)); return 0 * x',
        succeeds=loses_the_result,
    ),
    over_the_pipe(
        "announces an array larger than all memory", 'write([["<f8", [1 << 60]]], bytes(8)); return 0 * x', **HANGS
    ),
    over_the_pipe(
        "announces an array of fewer than no elements",
        'write([["<f8", [-1, -4]]], bytes(32)); return 0 * x',
        succeeds=loses_the_result,
    ),
    over_the_pipe(
        "announces an array of a kind that is none",
        'write([["<q9", [4]]], bytes(32)); return 0 * x',
        succeeds=loses_the_result,
    ),
    over_the_pipe("sends noise", "write([], header=os.urandom(64)); return 0 * x", succeeds=loses_the_result),
    over_the_pipe("sends brackets", "write([], header=b'[' * 100_000); return 0 * x", succeeds=loses_the_result),
    over_the_pipe(
        "answers a byte at a time",
        "for byte in struct.pack('<IQ', 1 << 16, 0) + b' ' * (1 << 16): os.write(11, bytes([byte])); time.sleep(0.01)",
        **HANGS | {"said": ENDLESS},
    ),
    over_the_pipe("answers, and never listens again", "answer(0 * x); time.sleep(600)", **HANGS | {"said": ENDLESS}),
    over_the_pipe(
        "closes the pipe", "os.close(11); return 0 * x", succeeds=loses_the_result, said="ended its own process"
    ),
    over_the_pipe(
        "closes the pipe and lives on",
        "os.close(10); os.close(11)\ntime.sleep(600)",
        **HANGS | {"said": "killed by the system"},
    ),
]

ATTACKS = [
    *WRITING,
    *ENDING,
    *AFTERWARDS,
    *SHADOWING,
    *READING,
    *REACHING_OUT,
    *(OTHER_CONVENTIONS if ON_X86 else []),
    *USING_UP,
    *FRAMING,
]
