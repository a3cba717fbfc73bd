"""CPU time of grading correct hand-ins of every assignment, capstones included or left out, and an earlier version's.

The reference is handed in as a notebook by a class of one and by a class of three.  CPU time is that of the command
that an instructor types, of its grading process and of every worker.  *First* is the class of one: interpreter,
imports and the work of the reference, which a class shares, are in it.  *Further* is what each further hand-in adds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.course import catalogue
from benchmarks.table import ROOT, Grid
from benchmarks.tricks_graders import say

CLASS, ROUNDS, SEED = 3, 3, 1
SET_CHILD_SUBREAPER = 36
ONLY = "DLKIT_ASSIGNMENTS"
"""Environment variable: names of assignments, separated by commas; by default all."""
SHARE, MOST_S, MOST_WITHOUT_S = 0.3, 20.0, 2.5
"""Targets: the mean of one hand-in as a share of the earlier version's; one hand-in; one without capstones."""
MAKE = """
import sys
from pathlib import Path
try:
    from autograder.classroom.demo import make_class
    from autograder.course import catalogue
except ImportError:  # an earlier version
    from autograder import catalogue
    from autograder.demo import make_class
root, name, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
print(next(path for path in make_class(catalogue.load(name, root), folder) if path.parts[-3] == "amara"))
"""
"""Writes the class of the demonstration, and prints the path of its complete submission."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the first hand-in of a class, and of each further one; of one kind, in one version."""

    first: float
    further: float

    @property
    def mean(self) -> float:
        """CPU seconds per hand-in of the class of three."""
        return (self.first + (CLASS - 1) * self.further) / CLASS


def cpu_seconds(command: list[str], root: Path) -> float:
    """Run a command of the version in ``root``; return its CPU seconds, with those of all its descendants.

    RuntimeError with the end of its output where it fails.
    """
    _adopt_orphans()
    before = _of_children()
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command, cwd=root, env=_environment(root), stdout=output, stderr=subprocess.STDOUT, check=False
        )
        with contextlib.suppress(ChildProcessError):  # until there is none left
            while True:
                os.wait()
        if done.returncode:
            output.seek(0)
            message = f"{' '.join(command)} failed: {output.read().decode(errors='replace')[-1000:]}"
            raise RuntimeError(message)
    return _of_children() - before


def _of_children() -> float:
    """CPU seconds of all children of this process that were waited for, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _adopt_orphans() -> None:
    """Become the parent of what outlives a grading process: its zygote, to which every worker's time is charged."""
    if ctypes.CDLL(None, use_errno=True).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("The table cost needs Linux: here the time of workers cannot be added up.")


def _environment(root: Path) -> dict[str, str]:
    """That of this process, with the version in ``root``, whose bytecode is kept between runs as it usually is."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**usual, "PYTHONPATH": str(root)}


def hand_ins(root: Path, name: str, folder: Path) -> None:
    """Write the classes ``folder/one`` and ``folder/three``, each student with the reference of ``root``."""
    command = [sys.executable, "-c", MAKE, str(root), name, str(folder / "demo")]
    done = subprocess.run(command, cwd=root, env=_environment(root), capture_output=True, text=True, check=True)
    work = Path(done.stdout.strip())
    for what, many in (("one", 1), ("three", CLASS)):
        for number in range(many):
            copy = folder / what / f"student-{number}" / name / work.name
            copy.parent.mkdir(parents=True)
            copy.write_bytes(work.read_bytes())


def cost_of(root: Path, name: str, *, capstones: bool, rounds: int) -> Cost:
    """Grade both classes, in turns; medians over the rounds."""
    with tempfile.TemporaryDirectory(prefix="cost-") as scratch:
        folder = Path(scratch)
        hand_ins(root, name, folder)
        seconds: dict[str, list[float]] = {"one": [], "three": []}
        for number in range(rounds):
            for what, taken in seconds.items():
                command = [sys.executable, "-m", "autograder", "grade", str(folder / what), "--jobs", "1"]
                command += ["--out", str(folder / f"graded-{what}-{number}"), "--seed", str(SEED + number)]
                command += ["--isolation", "none", "--course", str(root)]
                command += [] if capstones else ["--without", "capstones"]
                taken.append(cpu_seconds(command, root))
    one, three = (statistics.median(taken) for taken in seconds.values())
    return Cost(one, max(0.0, three - one) / (CLASS - 1))


@contextlib.contextmanager
def version(before: str) -> Iterator[Path]:
    """The folder of an earlier version: ``before`` itself, or a worktree of that commit within the block."""
    if Path(before).is_dir():
        yield Path(before).resolve()
        return
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory(prefix="before-") as scratch:
        root = Path(scratch, "version")
        done = subprocess.run([*git, "add", "--detach", str(root), before], capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"--before {before} is neither a folder nor a commit of this repository: {done.stderr.strip()}")
            sys.exit(2)
        try:
            yield root
        finally:
            subprocess.run([*git, "remove", "--force", str(root)], capture_output=True, check=False)


def row(name: str, now: Cost, earlier: Cost | None, most: float) -> list[str]:
    """One line: this version, the earlier one, their ratio, and whether a hand-in is within ``most`` seconds."""
    old = [f"{earlier.mean:.2f} s", f"{now.mean / earlier.mean:.2f}"] if earlier else ["", ""]
    figures = [f"{value:.2f} s" for value in (now.first, now.further, now.mean)]
    return [name, *figures, *old, "met" if now.mean <= most else f"MISSED ({most:g} s)"]


def tables(*, quick: bool, before: str = "") -> Iterator[Grid]:
    """Grade every assignment's reference; those that the earlier version has, there too, in the same run."""
    only = [name for name in os.environ.get(ONLY, "").split(",") if name]
    names = [name for name in catalogue.names(ROOT) if not only or name in only][: 1 if quick else None]
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(version(before)) if before else None
        yield from _measured(names, old, 1 if quick else ROUNDS)


def _measured(names: list[str], old: Path | None, rounds: int) -> Iterator[Grid]:
    for kind, capstones, most in (("without capstones", False, MOST_WITHOUT_S), ("whole", True, MOST_S)):
        rows, pairs = [], []
        for name in names:
            now = cost_of(ROOT, name, capstones=capstones, rounds=rounds)
            both = old is not None and (old / "assignments" / name).is_dir()
            earlier = cost_of(old, name, capstones=capstones, rounds=rounds) if old and both else None
            pairs += [(now, earlier)] if earlier else []
            rows.append(row(name, now, earlier, most))
            say(f"{kind}: {' · '.join(rows[-1])}")
        header = ["assignment", "first", "further", "per hand-in", "before", "share of before", "target"]
        yield Grid(f"CPU time of a correct hand-in, {kind}", header, rows, _mean_share(pairs))


def _mean_share(pairs: list[tuple[Cost, Cost]]) -> str:
    if not pairs:
        return ""
    mean: Callable[[int], float] = lambda which: statistics.fmean(pair[which].mean for pair in pairs)  # noqa: E731
    ours, theirs = mean(0), mean(1)
    return f"mean {ours:.2f} s, before {theirs:.2f} s: {ours / theirs:.2f} of it (target {SHARE:g} for whole hand-ins)"
