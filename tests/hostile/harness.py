"""What an attack is, the world it is let loose in, and what is asked of the outcome.

The classes are numbered as in docs/security.md.  An attack hands in a Tanh that is not right, and a trick.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import string
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.submission import read_submission
from autograder.verdict import Report

NAIVE = Path(__file__).with_name("naive.py")
HEAD = "from dlkit import Layer\nimport numpy as np\n\n"
NAIVE_SECONDS = 20


@dataclass
class World:
    """Everything an attack could want: a secret, another student's report, a server, a process.

    All of it is open to every user of the machine, so that nothing but the defence stands between.
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
        self.before = self.listing()
        self.calls = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._abstract.bind(f"\0{self.token}")
        self._abstract.listen()
        for server in (self._server, self._abstract):
            threading.Thread(target=self._answer, args=(server,), daemon=True).start()
        self.sibling = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    def _answer(self, server):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                self.calls += 1
                connection.close()

    def names(self):
        """What an attack's source may name, each with a dollar sign before it; two stand for one."""
        return {
            "FOLDER": self.folder,
            "SECRET": self.secret,
            "VICTIM": self.victim,
            "PORT": self._server.getsockname()[1],
            "SOCKET": self.token,
            "HOST": os.getpid(),
            "SIBLING": self.sibling.pid,
            "PYTHON": sys.executable,
        }

    def fill(self, text):
        """Put the world's names in."""
        return string.Template(text).safe_substitute(self.names())

    def listing(self):
        """Every file of the world with its content."""
        return {path.name: path.read_bytes() if path.is_file() else None for path in self.folder.iterdir()}

    @property
    def is_untouched(self):
        """Whether every file is as it was, nobody called, and the sibling lives."""
        return self.listing() == self.before and not self.calls and self.sibling.poll() is None

    def close(self):
        """End the servers and the sibling."""
        self.sibling.kill()
        self.sibling.wait()
        self._server.close()
        self._abstract.close()


@dataclass(frozen=True)
class Outcome:
    """What came of an attack: in this project's report, or in what a naive grader printed."""

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
    """The secret came out."""
    return outcome.world.token in outcome.said


def touches(outcome):
    """A file changed, somebody was called, or the other process was hurt."""
    return not outcome.world.is_untouched


def leaves_a_process(_outcome):
    """A process is still there that came out of a worker."""
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

    def __str__(self):
        return f"{self.number} {self.name}"

    def hand_in(self, world, folder):
        """Write the hand-in into a folder; return its path."""
        folder.mkdir()
        for name, text in {f"layers{self.suffix}": self.source, **self.files}.items():
            (folder / name).write_text(world.fill(text))
        return folder / f"layers{self.suffix}"


def tanh(forward="return 0 * x", backward="return 0 * dy", before="", body=""):
    """Source of a Tanh with these lines; it is not right unless they make it so.

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
    """Grade the attack as graders did before; its outcome."""
    path = attack.hand_in(world, folder)
    command = [sys.executable, str(NAIVE), attack.naive, str(path)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=NAIVE_SECONDS, cwd=folder, check=False, errors="replace"
    )
    return Outcome(world, printed=run.stdout + run.stderr + f"\nexit status {run.returncode}\n" * bool(run.returncode))


def strays():
    """Processes that came out of a worker and have outlived it: they bear the zygote's name and are no child of it."""
    alive = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if b"isolation/zygote.py" in command and state != "Z":
                alive[int(entry.name)] = int(parent)
    hosts = {pid for pid, parent in alive.items() if parent not in alive and _is_a_host(parent)}
    return sorted(set(alive) - hosts)


def _is_a_host(pid):
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"pytest" in command or b"python" in command or b"autograder" in command
    return False


def clean_up():
    """Kill what an attack left running."""
    for pid in strays():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
