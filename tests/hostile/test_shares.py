"""Class 26, in total: a hand-in that stays within every limit of one call, and exhausts the machine in a thousand.

Each attack runs twice: within a share, where a sentence says what was used up, and without one, where the
grader's own account of it shows that more was used.
"""

import gc
import os
import sys
import threading
import time
import tracemalloc

import pytest

from autograder.grading import replies, session
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.allowance import Allowance, Share, share_of
from autograder.isolation.launcher import Limits
from autograder.isolation.worker import UNBOUNDED, SubjectLostError, UsedUpError, Worker, Zygote
from autograder.report import Status
from tests.hostile.conftest import LIMITS
from tests.hostile.harness import ZYGOTES, Attack, let_loose, tanh
from tests.limits import limits
from tests.sampling import some

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sleep and CPU time are read from /proc")
MB = 1 << 20
SMALL = Share(cpu_s=0.4, wall_s=1000.0, idle_s=0.4, received=MB)


def wasting(forward, backward=""):
    """A correct Tanh that wastes something in every call."""
    return tanh(f"{forward}\nself.y = np.tanh(x)\nreturn self.y", f"{backward}\nreturn (1 - self.y**2) * dy")


SLEEPS = "import time; time.sleep(0.1)"
COMPUTES = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass"
WASTES = {
    "sleeps in every call": (wasting(SLEEPS, SLEEPS), "idle_s", "the 0.4 s that it may sleep or wait"),
    "waits for a lock in every call": (
        wasting("import threading; threading.Lock().acquire() and threading.Event().wait(0.1)"),
        "idle_s",
        "the 0.4 s that it may sleep or wait",
    ),
    "stops its own process for a while in every call": (
        wasting("import select; select.select([], [], [], 0.1)"),
        "idle_s",
        "the 0.4 s that it may sleep or wait",
    ),
    "computes for nothing in every call": (wasting(COMPUTES, COMPUTES), "cpu_s", "its 0.4 s of computing"),
    "computes between the calls": (
        tanh(
            "if not Tanh.begun:\n    Tanh.begun = True\n    threading.Thread(target=spin, daemon=True).start()\n"
            "time.sleep(0.02)\nself.y = np.tanh(x)\nreturn self.y",
            "return (1 - self.y**2) * dy",
            before="import threading, time\ndef spin():\n    while True: pass",
            body="begun = False",
        ),
        "cpu_s",
        "its 0.4 s of computing",
    ),
    "returns half a megabyte in every call": (
        tanh("return np.zeros((1 << 16,) + (1,) * (x.ndim - 1))", "return np.zeros(1 << 16)"),
        "received",
        "the 1 MB that it may return",
    ),
}


@pytest.fixture
def grader_with(layers, graders):
    """Make a grader of Tanh with such a share, and limits of one call."""
    graders()
    zygote = ZYGOTES[0]
    return lambda share, limits=LIMITS: Grader(layers, zygote, Options(seed=7, limits=limits, share=share))


@pytest.mark.parametrize("name", WASTES)
def test_a_hand_in_that_uses_up_its_share_is_ended_with_a_sentence(name, grader_with, world, tmp_path, honest):
    source, what, said = WASTES[name]
    grader = grader_with(SMALL)
    outcome = let_loose(Attack(26, name, source), world, tmp_path / "mallory", grader)
    assert f"the whole hand-in has used up {said}, so no more of it is run" in outcome.said
    statuses = {verdict.status for result in outcome.report.exercises for verdict in result.verdicts}
    assert Status.BROKEN not in statuses
    used = getattr(grader.allowance, what)
    assert used < 3 * getattr(SMALL, what) + 0.2
    assert grader.grade(honest).status is Status.PASSED  # the next one has a share of its own


@pytest.mark.parametrize("name", some(WASTES, of=3))
def test_without_a_share_more_is_used(name, grader_with, world, tmp_path):
    source, what, _ = WASTES[name]
    grader = grader_with(UNBOUNDED)
    outcome = let_loose(Attack(26, name, source), world, tmp_path / "mallory", grader)
    assert "used up" not in outcome.said
    assert getattr(grader.allowance, what) > getattr(SMALL, what)


def test_after_its_share_nothing_of_a_hand_in_is_run(grader_with, world, tmp_path):
    grader = grader_with(Share(idle_s=0.05))
    outcome = let_loose(Attack(26, "sleeps", wasting(SLEEPS, SLEEPS)), world, tmp_path / "mallory", grader)
    assert outcome.earned == 0
    assert grader.allowance.idle_s < 0.3


# --- whose time it is -------------------------------------------------------------------------

PIECE = "import time\ndef f(s):\n    end = time.process_time() + s\n    while time.process_time() < end: pass\n"
THREADS = """
import threading, time
def spin(s):
    end = time.thread_time() + s
    while time.thread_time() < end: pass
def f(s):
    thread = threading.Thread(target=spin, args=(s,))
    thread.start()
    thread.join()
"""


def spin_on(core, until):
    os.sched_setaffinity(0, {core})
    while not os.path.exists(until):  # noqa: PTH110 - a spinning neighbour
        pass


def asked(worker, source, *args):
    worker.ask("load", name="work", chunks=[["work.py", 1, source]])
    return worker.ask("call", handle=None, name="f", args=list(args), kwargs={}, echo=False)


@pytest.mark.parametrize("source", [PIECE, THREADS], ids=["alone", "in a thread"])
def test_waiting_for_a_processor_is_no_sleep(source, graders, tmp_path):
    """Four neighbours on the worker's own core: it gets a fifth of it, and is charged for no idle time."""
    import subprocess

    graders()
    core = min(os.sched_getaffinity(0))
    spin = f"import os; os.sched_setaffinity(0, {{{core}}}); os.write(1, b'.')\nwhile True: pass"
    command = [sys.executable, "-S", "-c", spin]
    neighbours = [subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) for _ in range(4)]
    allowance = Allowance(UNBOUNDED)
    try:
        assert all(neighbour.stdout.read(1) for neighbour in neighbours)  # all of them are at it
        with Worker(ZYGOTES[0], Limits(cpu_s=60, wall_s=600), allowance) as worker:
            worker.keep_to(core)
            asked(worker, source, 0.3)
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.communicate()
    assert allowance.cpu_s >= 0.3
    assert allowance.wall_s > 1.5 * allowance.cpu_s  # it did have to wait
    assert allowance.idle_s < 0.1 * allowance.wall_s


def test_a_grader_that_is_kept_from_looking_charges_nobody(graders):
    """A thread holds the interpreter while the worker has long answered: its wait is the grader's own."""
    graders()
    allowance = Allowance(UNBOUNDED)
    stop = threading.Event()

    def hold():
        while not stop.is_set():
            sum(range(200_000))

    thread = threading.Thread(target=hold)
    with Worker(ZYGOTES[0], LIMITS, allowance) as worker:
        asked(worker, PIECE, 0.0)
        thread.start()
        for _ in range(50):
            worker.ask("call", handle=None, name="f", args=[0.0], kwargs={}, echo=False)
        stop.set()
        thread.join()
    assert allowance.idle_s < 0.05


def test_sleep_ends_a_call_however_much_wall_time_is_left(graders):
    graders()
    started = time.monotonic()
    with Worker(ZYGOTES[0], Limits(cpu_s=60, wall_s=600, idle_s=0.2)) as worker, pytest.raises(SubjectLostError):
        asked(worker, "import time\ndef f():\n    time.sleep(500)\n")
    assert time.monotonic() - started < 100


def test_what_is_left_bounds_the_next_call(graders):
    graders()
    allowance = Allowance(Share(idle_s=0.3))
    with Worker(ZYGOTES[0], LIMITS, allowance) as worker, pytest.raises(UsedUpError, match="sleep or wait"):
        asked(worker, "import time\ndef f():\n    time.sleep(500)\n")
    with Worker(ZYGOTES[0], LIMITS, allowance) as worker, pytest.raises(UsedUpError):
        worker.ask("drop", handle=1)


def test_capstones_have_their_own_time_and_a_device_may_be_waited_for():
    assert share_of(1, 20.0).cpu_s == share_of(1, 0.0).cpu_s + 80
    assert share_of(20, 0.0).cpu_s == 5 * share_of(1, 0.0).cpu_s == 300
    assert share_of(1, 20.0).wall_s == 4 * share_of(1, 20.0).cpu_s
    assert share_of(1, 0.0, device=True).idle_s == float("inf")


# --- the grader's memory ----------------------------------------------------------------------

LARGE = {
    "2**27 bytes": ("return np.zeros(1 << 27, np.int8)", "an array of shape (134217728,): 128.0 MB"),
    "100 MB in every call": ("return np.zeros(13 << 20)", "an array of shape (13631488,): 104.0 MB"),
    "100 MB in ten arrays": ("return [np.zeros(10 << 17) for _ in range(10)]", "10 arrays: 100.0 MB"),
    "as much as is just read": ("return np.zeros(1 << 17)", ""),
    "many of what is just read": ("return [np.zeros(1 << 13) for _ in range(15)]", ""),
    "a column that meets a row": ("return np.zeros((1 << 17, 1))", ""),
    "as many truths as are read": ("return np.zeros((1 << 20, 1), bool)", ""),
    "as many numbers in lists as are read": ("return [[0.5] * 9_000] * 5", ""),
    "lists of nothing": ("return [[[]] * 9_000] * 5", ""),
}
MOST = 12 * MB
"""Of the grader's own memory, for one hand-in of tiny arrays."""


def peak_of(grader, source, world, folder):
    """The grader's memory at its peak beyond what it was before, and the outcome."""
    gc.collect()
    tracemalloc.start()
    try:
        outcome = let_loose(Attack(26, "large", source), world, folder, grader)
        return tracemalloc.get_traced_memory()[1], outcome
    finally:
        tracemalloc.stop()


def test_what_explains_a_failure_reads_no_larger_replies(grader_with, honest, world, tmp_path):
    wrong = "return np.zeros((1 << 21, *[1] * (x.ndim - 1))) if Tanh.calls > 9 else 1 / (1 + np.exp(-x))"
    source = tanh(f"Tanh.calls += 1\n{wrong}", "return 0 * dy", body="calls = 0")
    grader = grader_with(None)
    grader.grade(honest)
    peak, outcome = peak_of(grader, source, world, tmp_path / "mallory")
    assert peak < MOST
    assert outcome.earned == 0


@pytest.mark.parametrize("name", some(LARGE, of=3))
def test_a_large_reply_is_not_read_and_no_reply_is_kept(name, grader_with, honest, world, tmp_path):
    result, said = LARGE[name]
    grader = grader_with(None, limits(3.0))  # to fill 128 MB takes half a second on a busy machine
    grader.grade(honest)
    peak, outcome = peak_of(grader, tanh(result, result.replace("x.", "dy.")), world, tmp_path / "mallory")
    assert peak < MOST
    assert said in outcome.said
    if said:
        assert "MB are read" in outcome.said
    assert outcome.earned == 0
    assert Status.BROKEN not in {result.status for result in outcome.report.exercises}


@pytest.mark.nightly
def test_without_the_limit_on_replies_memory_grows(grader_with, world, tmp_path, monkeypatch):
    result = "return np.zeros(1 << 22, np.int8)"
    monkeypatch.setattr(replies, "SPARE", 1 << 28)
    monkeypatch.setattr(session, "KEPT", 1 << 40)
    peak, _ = peak_of(grader_with(UNBOUNDED), tanh(result, result), world, tmp_path / "mallory")
    assert peak > MOST


def test_a_reply_that_is_not_read_is_named_by_what_it_would_have_been(graders):
    graders()
    with Zygote() as zygote, Worker(zygote, LIMITS) as worker:
        worker.expect(1 << 20)
        worker.ask("load", name="work", chunks=[["work.py", 1, "import numpy as np\ndef f(*s): return np.zeros(s)"]])
        said = (
            r"could not be checked: f returned an array of shape \(512, 1024\): 4.0 MB, where at most 1.0 MB are read"
        )
        with pytest.raises(SubjectLostError, match=said):
            worker.ask("call", handle=None, name="f", args=[512, 1024], kwargs={}, echo=False)
