"""What an attack is, the world it runs in, and what is expected of the outcome.

The classes are numbered as in docs/security.md.  An attack hands in an incorrect Tanh, and a trick.
"""

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from autograder.report import Report
from autograder.submission import read_submission

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
NAIVE = dict.fromkeys(("script", "unittest", "notebook", "gradcheck", "pickle"), "naive.py")
NAIVE |= {"pipe": "naive_host.py", "folder": "naive_folder.py"}
HEAD = "from dlkit import Layer\nimport numpy as np\n\n"
NAIVE_SECONDS = 20
SETTLED_S = 2.0
PR_SET_CHILD_SUBREAPER = 36
ZYGOTES = []
"""Those that are meant to be there."""
OTHERS = set()
"""Process ids of those that other tests began."""
NAIVE_KILOBYTES = 4 << 20
"""Address space of a naive grader, which has no limits itself."""
SIBLING = """
import ctypes, time
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)  # anybody may look into it, as of old
print("ready", flush=True)
time.sleep(600)
"""


@contextlib.contextmanager
def open_folder():
    """A folder that everybody may enter, for the length of the block.

    It is not below pytest's own, which every other run of pytest on the machine closes to others as it begins.
    """
    folder = Path(tempfile.mkdtemp(prefix="open-"))
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class World:
    """Everything an attack could want: a secret, another student's report, a server, a process.

    All of it is open to every user of the machine, so that only the defence protects it.
    """

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self):
        self.folder.mkdir(mode=0o777)
        self.folder.chmod(0o777)
        self.secret, self.victim = self.folder / "secret.txt", self.folder / "bob.json"
        self.secret.write_text(self.token)
        self.victim.write_text('{"points": 48}')
        self.victim.chmod(0o666)
        self.shared = Path("/dev/shm", self.token)  # noqa: S108 - what everybody may write to
        self._servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
        self._port = self._servers[0].getsockname()[1]
        self._servers[1].bind(f"\0{self.token}")
        self._servers[1].listen()
        self._servers.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._servers[2].bind(("127.0.0.1", self._port))
        for server in self._servers:
            server.settimeout(0)
        self._called = 0
        self.sibling = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", SIBLING, self.token],
            env={**os.environ, "DLKIT_SECRET": self.token},
            stdout=subprocess.PIPE,
        )
        self.sibling.stdout.readline()
        self.before = self.state()

    def names(self):
        """What an attack's source may name, each with a dollar sign before it; two stand for one."""
        return {
            "FOLDER": self.folder,
            "SECRET": self.secret,
            "VICTIM": self.victim,
            "PORT": self._port,
            "SOCKET": self.token,
            "HOST": os.getpid(),
            "SIBLING": self.sibling.pid,
            "PYTHON": sys.executable,
            "COURSE": ROOT,
            "PACKAGES": Path(np.__file__).parents[1],
            "SHARED": self.shared,
            "KEY": int(self.token[:7], 16) + 1,
            "MANY": int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2]) + 500,
        }

    def fill(self, text):
        """Put the world's names in."""
        return string.Template(text).safe_substitute(self.names())

    def state(self):
        """Every file of the world, who called, what is shared by all, and how the sibling is."""
        files = {
            path.name: (path.lstat().st_mode, path.lstat().st_nlink, path.read_bytes() if path.is_file() else None)
            for path in self.folder.iterdir()
        }
        return files, self._calls(), self.shared.exists(), self._shared_memory(), self._sibling()

    def _calls(self):
        """How many have called so far."""
        for server in self._servers:
            with contextlib.suppress(BlockingIOError):
                if server.type == socket.SOCK_DGRAM:
                    server.recv(100)
                else:
                    server.accept()[0].close()
                self._called += 1
        return self._called

    def _sibling(self):
        """Whether the sibling lives, its priority, and whether it was stopped."""
        if self.sibling.poll() is not None:
            return "dead"
        state = Path(f"/proc/{self.sibling.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return os.getpriority(os.PRIO_PROCESS, self.sibling.pid), state in "tT"

    def _shared_memory(self):
        """Segments, queues and semaphores of the old kind that bear this world's key."""
        key = str(self.names()["KEY"])
        files = (Path("/proc/sysvipc", kind) for kind in ("shm", "msg", "sem"))
        lines = [line.split() for file in files if file.exists() for line in file.read_text().splitlines()[1:]]
        return [line[1] for line in lines if line[0] == key]

    @property
    def is_untouched(self):
        """Whether all is as it was."""
        return self.state() == self.before

    def close(self):
        """End the servers and the sibling; remove what is shared."""
        self.sibling.kill()
        self.sibling.stdout.close()
        self.sibling.wait()
        for server in self._servers:
            server.close()
        self.shared.unlink(missing_ok=True)
        libc = ctypes.CDLL(None)
        for number in map(int, self._shared_memory()):
            libc.shmctl(number, 0, None)
            libc.msgctl(number, 0, None)
            libc.semctl(number, 0, 0)


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attack: this project's report, or what a naive grader printed."""

    world: World
    report: Report | None = None
    printed: str = ""

    @property
    def said(self):
        """Every sentence of the report, or the naive grader's whole output."""
        if self.report is None:
            return self.printed
        sentences = [problem.sentence for problem in self.report.problems]
        sentences += [verdict.sentence for result in self.report.exercises for verdict in result.verdicts]
        return "\n".join(sentences)

    @property
    def earned(self):
        """Points that the attack was given; a naive grader that lost its result gave none."""
        if self.report is not None:
            return self.report.points
        with contextlib.suppress(ValueError, IndexError, TypeError, KeyError, AttributeError):
            return float(json.loads(self.printed.strip().splitlines()[-1])["points"])
        return 0.0


def earns(outcome):
    """It was given points."""
    return outcome.earned > 0


def steals(outcome):
    """The secret was revealed."""
    return outcome.world.token in outcome.said


def touches(outcome):
    """A file changed, the server was called, something shared was left behind, or the other process was harmed."""
    return not outcome.world.is_untouched


def gets_through(outcome):
    """The kernel did what was requested, and the attack says so."""
    return "got through" in outcome.said


def loses_the_result(outcome):
    """Nobody is graded: the grader itself ended, or had to be ended."""
    return outcome.report is None and not any(line.startswith('{"points"') for line in outcome.printed.splitlines())


def leaves_a_process(_outcome):
    """A process is still there that came out of a worker, and is not about to go: a signal takes its time."""
    until = time.monotonic() + SETTLED_S
    while strays() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(strays())


@dataclass(frozen=True)
class Attack:
    """One trick.

    number: its class; name: what it does; source: the hand-in, with the world's names as $NAMES;
    succeeds: whether it reached its end, by its outcome;
    stopped_by: layers that each stop it alone, so that it succeeds with all of them switched off; where there are
    none, it succeeds against a naive grader (``naive.py``), of the kind "script" or "notebook".
    tried: what the report must name as tried; said: what some sentence of the report must contain.
    suffix: ".py" or ".ipynb" (then ``source`` is the notebook's text); files: further files beside it.
    in_the_way: layers that may stop it too, by the machine and its user: off where it is to succeed.
    needs: a line of Python that fails on a machine where the attack cannot succeed, with or without a defence.
    seconds: for how long a naive grader is waited for.
    """

    number: int
    name: str
    source: str
    succeeds: Callable[[Outcome], bool] = earns
    stopped_by: tuple[str, ...] = ()
    naive: str = "script"
    tried: str = ""
    said: str = ""
    suffix: str = ".py"
    files: dict[str, str] = field(default_factory=dict)
    in_the_way: tuple[str, ...] = ()
    needs: str = ""
    seconds: float = NAIVE_SECONDS

    def __str__(self):
        return f"{self.number} {self.name}"

    def hand_in(self, world, folder):
        """Write the hand-in into a folder; return its path."""
        folder.mkdir()
        for name, text in {f"layers{self.suffix}": self.source, **self.files}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(world.fill(text))
        return folder / f"layers{self.suffix}"


def tanh(forward="return 0 * x", backward="return 0 * dy", before="", body=""):
    """Source of a Tanh with these lines; it is incorrect unless they correct it.

    before: lines above the class; body: lines of the class itself.
    """

    def indented(text, by):
        return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * by)

    return (
        f"{HEAD}{textwrap.dedent(before)}\n\nclass Tanh(Layer):\n{indented(body, 4)}\n"
        f"    def forward(self, x):\n{indented(forward, 8)}\n\n"
        f"    def backward(self, dy):\n{indented(backward, 8)}\n"
    )


def let_loose(attack, world, folder, grader):
    """Grade the attack; its outcome."""
    submission = read_submission(attack.hand_in(world, folder), grader.loaded)
    return Outcome(world, grader.grade(submission, "mallory"))


def against_naive(attack, world, folder):
    """Grade the attack as graders did before, with a file of the grader's own left open; its outcome."""
    path = attack.hand_in(world, folder)
    bounded = ["/bin/sh", "-c", f'ulimit -v {NAIVE_KILOBYTES}; exec "$@"', "sh"]
    command = [*bounded, sys.executable, str(HERE / NAIVE[attack.naive]), attack.naive, str(path)]
    paths = [str(folder)] * (attack.naive == "folder") + [os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONFAULTHANDLER", None)
    with world.secret.open() as own, (folder / "printed").open("w+", errors="replace") as printed:
        run = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            cwd=folder,
            env=environment,
            pass_fds=[own.fileno()],
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(attack.seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        status = run.wait()
        printed.seek(0)
        text = printed.read()
    return Outcome(world, printed=text + f"\nexit status {status}\n" * bool(status))


def why_not_here(attack):
    """Why this machine cannot show the attack's success; empty where it can."""
    if not attack.needs:
        return ""
    run = subprocess.run(
        [sys.executable, "-c", attack.needs], capture_output=True, text=True, check=False, cwd="/", timeout=20
    )
    last = run.stderr.strip().splitlines()[-1:] or [f"status {run.returncode}"]
    return f"refused to everybody on this machine: {last[0]}" if run.returncode else ""


def adopt_orphans():
    """Have what a worker leaves behind come to this process, where it can be distinguished from what others left."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def strays():
    """Processes that came out of a worker of this run and have outlived it; they bear the zygote's name."""
    parents, named = {}, set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            parents[int(entry.name)] = int(parent)
            if b"isolation/zygote.py" in (entry / "cmdline").read_bytes() and state != "Z":
                named.add(int(entry.name))
    expected = OTHERS | {zygote.pid for zygote in ZYGOTES}
    return sorted(pid for pid in named - expected if _descends_from(os.getpid(), pid, parents))


def _descends_from(ancestor, pid, parents):
    while pid in parents and pid != ancestor:
        pid = parents[pid]
    return pid == ancestor


def clean_up():
    """Kill what an attack left running."""
    for pid in strays():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
