"""Ratios to verdicts: under, over, too close to tell; what is charged; which line costs the time."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograder.course.catalogue import load
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.linux import instructions
from autograder.isolation.worker import Worker
from autograder.measuring import Speed, hotspots, speed, timing
from autograder.measuring.timing import interval, judge
from autograder.report import Pace, Pair, Status, Timing
from autograder.spec import Assignment, Case, SpecError, Trial
from autograder.subject import LocalSubject, RemoteSubject
from autograder.submission import Submission
from dlkit import backend
from dlkit.extraction import take


def around(centre, spread=0.05, count=15):
    return list(centre + spread * np.random.default_rng(1).normal(size=count))


@pytest.mark.parametrize(
    ("ratios", "pace"),
    [
        (around(1.0), Pace.UNDER),
        (around(3.0), Pace.OVER),
        (around(2.0), Pace.OPEN),
        ([*around(1.0), 90.0, 70.0], Pace.UNDER),
        ([*around(3.0), 0.01, 0.01], Pace.OVER),
        ([], Pace.OPEN),
    ],
    ids=["far under", "far over", "at the limit", "two outliers up", "two outliers down", "nothing measured"],
)
def test_the_interval_of_the_median_decides(ratios, pace):
    assert judge([ratios], limit=2.0) is pace


def test_one_odd_process_decides_nothing():
    odd = [around(9.0, count=5), around(9.0, count=5), around(1.0, count=2), around(1.0, count=2)]
    assert judge(odd, limit=2.0) is Pace.OPEN
    assert judge([around(9.0, count=5)] * 3, limit=2.0) is Pace.OVER


def test_after_the_last_round_only_an_interval_with_the_limit_in_it_is_undecided():
    odd = [around(7.0, count=5), around(7.0, count=5), around(7.0, count=5), around(5.9, count=5), around(5.9, count=5)]
    assert judge(odd, limit=6.0) is Pace.OPEN
    assert judge(odd, limit=6.0, last=True) is Pace.OPEN  # the interval reaches down to 5.9
    higher = [*odd, around(7.0, count=5), around(7.0, count=5)]
    assert interval([ratio for group in higher for ratio in group]).low > 6.0
    assert judge(higher, limit=6.0) is Pace.OPEN
    assert judge(higher, limit=6.0, last=True) is Pace.OVER


def test_the_same_ratios_give_the_same_interval():
    ratios = around(1.0, 0.3)
    assert interval(ratios) == interval(ratios)
    assert interval(ratios).low <= np.median(ratios) <= interval(ratios).high


def test_more_ratios_narrow_the_interval():
    few, many = interval(around(1.0, 0.3, 5)), interval(around(1.0, 0.3, 45))
    assert many.high - many.low < few.high - few.low


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    inside = 0
    for seed in range(200):
        found = interval(list(np.random.default_rng(seed).lognormal(0, 0.2, size=15)))
        inside += found.low <= 1 <= found.high
    assert inside >= 190


def test_half_of_the_points_must_be_for_more_than_all_of_them():
    with pytest.raises(SpecError, match=r"half of the points are for up to 2\.0 times: that must be more than 3\.0"):
        Speed(Case(x=(2, 2)), at_most=3.0, half_at=2.0)


# --- from figures to a verdict ---------------------------------------------------------------


@pytest.fixture
def relu(root):
    loaded = load("02_layers", root)
    whole = loaded.assignment
    return replace(loaded, assignment=Assignment(whole.name, title=whole.title, exercises=[whole.exercise("ReLU")]))


@pytest.fixture
def paced(relu, zygote, monkeypatch):
    """Grade the reference as if these figures had been measured; the speed check's verdict."""

    def grade(**figures):
        made = Timing(**{"ratio": 2.0, "limit": 1.5, "pairs": [2.0], "raw": [Pair(2.0, 1.0, 2.0, 1.0)], **figures})
        monkeypatch.setattr(speed, "compare", lambda *_: (made, None))
        report = Grader(relu, zygote, Options(seed=1)).grade(Submission("layers.py", take(cells_of(relu)), ""))
        return report.exercises[0].verdicts[-1]

    return grade


def cells_of(loaded):
    return [(chunk.label, chunk.line, chunk.source) for chunk in loaded.reference.chunks]


def test_under_the_limit_passes(paced):
    verdict = paced(pace=Pace.UNDER)
    assert (verdict.status, verdict.points) == (Status.PASSED, verdict.max_points)


def test_what_cannot_be_told_costs_nothing_and_is_flagged(paced):
    verdict = paced(pace=Pace.OPEN)
    assert (verdict.status, verdict.points) == (Status.INCONCLUSIVE, verdict.max_points)
    assert "too close to the limit to decide" in verdict.sentence


def test_over_the_limit_fails(paced):
    verdict = paced(pace=Pace.OVER)
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert verdict.sentence.startswith("correct, but too slow")


def test_over_the_limit_and_within_the_second_earns_half(paced):
    verdict = paced(pace=Pace.OVER, half_limit=3.0, within_half=True)
    assert (verdict.status, verdict.points) == (Status.FAILED, verdict.max_points / 2)
    assert "within 3 × the reference: half of the points" in verdict.sentence


# --- where the time goes ---------------------------------------------------------------------


def work(source):
    return Submission("work.py", take([("cell 1", 1, source)]), "")


def statements(source):
    return work(source).extraction.chunks


LOOP = """def f(x):
    y = x * 2
    for row in range(len(x)):
        for column in range(3):
            y[row] += column
    return y
"""


@pytest.mark.parametrize(
    ("line", "where", "code", "loop"),
    [
        (5, "cell 1, line 4", "for column in range(3):", True),
        (3, "cell 1, line 3", "for row in range(len(x)):", True),
        (2, "cell 1, line 2", "y = x * 2", False),
    ],
)
def test_a_line_is_named_with_the_loop_it_is_in(line, where, code, loop):
    (spot,) = hotspots.places([["cell 1", line, 0.8]], statements(LOOP))
    assert (spot.where, spot.code, spot.share, spot.loop) == (where, code, 0.8, loop)


def test_lines_of_one_loop_are_added_up():
    samples = [["cell 1", 5, 0.5], ["cell 1", 4, 0.3], ["cell 1", 2, 0.2]]
    spots = hotspots.places(samples, statements(LOOP))
    assert [(spot.share, spot.loop) for spot in spots] == [(0.8, True), (0.2, False)]
    said = "80 % of the time is in the Python loop at cell 1, line 4: for column in range(3):"
    assert hotspots.sentence(spots) == said


@pytest.mark.parametrize(
    "samples",
    [None, 3, "x", [3], [["cell 1", 5]], [["cell 1", "5", 0.5]], [["cell 1", 5, 7.0]], [["elsewhere", 5, 0.9]],
     [["cell 1", 10**9, 0.9]], [["cell 1", -3, 0.9]], [["cell 1", 5, 0.01]]],
    ids=str,
)  # fmt: skip
def test_what_a_worker_makes_up_is_no_place(samples):
    assert hotspots.places(samples, statements(LOOP)) == []


def test_the_loop_that_costs_the_time_is_named(relu, zygote):
    exercise = relu.assignment.exercise("ReLU")
    source = "\n".join(chunk.source for chunk in relu.reference.chunks if "ReLU" not in chunk.defines)
    slow = exercise.slowed(relu.source_of(exercise))
    report = Grader(relu, zygote, Options(seed=1)).grade(work(f"{source}\n\n{slow}"))
    verdict = report.exercises[0].verdicts[-1]
    assert verdict.status is Status.FAILED
    assert verdict.measurement.hot[0].loop
    assert verdict.measurement.hot[0].share > 0.5
    assert "% of the time is in the Python loop at cell 1, line" in verdict.sentence
    assert verdict.measurement.raw


# --- outputs of timed calls -------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "status"), [((), "passed"), ((3,), "passed"), ((3, 4), "failed")], ids=str)
def test_one_incorrect_output_does_not_count_and_a_second_one_is_the_verdict(relu, zygote, wrong, status):
    source = relu.source_of(relu.assignment.exercise("ReLU")).replace(
        "def forward(self, x):",
        "def forward(self, x):\n        y = self.right(x)\n        if x.size < 10_000:\n            return y\n"
        "        ReLU.calls += 1\n"
        f"        return y + (ReLU.calls in {wrong})\n\n    calls = 0\n\n    def right(self, x):",
    )
    others = "\n".join(chunk.source for chunk in relu.reference.chunks if "ReLU" not in chunk.defines)
    report = Grader(relu, zygote, Options(seed=1)).grade(work(f"{others}\n\n{source}"))
    verdict = report.exercises[0].verdicts[-1]
    assert (verdict.check, verdict.status) == ("fast enough", status)
    assert ("while measured: y is wrong" in verdict.sentence) == (status == "failed")


# --- on which core ----------------------------------------------------------------------------

some_core = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system lets nobody choose a core")


@some_core
def test_workers_that_are_compared_share_a_core_and_the_next_pair_has_the_next(zygote):
    cores = os.sched_getaffinity(0)
    with Worker(zygote) as ours, Worker(zygote) as theirs:
        shared = []
        for number in range(len(cores)):
            timing.share_core((RemoteSubject(ours), RemoteSubject(theirs)), number)
            shared += [os.sched_getaffinity(ours.pid)]
            assert os.sched_getaffinity(theirs.pid) == shared[-1]
        assert [len(core) for core in shared] == [1] * len(cores)
        assert set.union(*shared) == cores
    assert os.sched_getaffinity(0) == cores


THREADED = """
import threading
import time

def go_on():
    while True:
        time.sleep(0.001)

threads = [threading.Thread(target=go_on, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
"""


@some_core
def test_threads_that_were_started_before_are_kept_to_the_core_too(worker):
    worker.ask("load", name="work", chunks=[["work.py", 1, THREADED]])
    worker.keep_to(max(os.sched_getaffinity(0)))
    threads = [int(path.name) for path in Path(f"/proc/{worker.pid}/task").iterdir()]
    assert len(threads) == 4
    assert all(os.sched_getaffinity(thread) == {max(os.sched_getaffinity(0))} for thread in threads)


def test_a_speed_check_compares_on_one_core(relu, zygote, monkeypatch):
    kept = []
    monkeypatch.setattr(Worker, "keep_to", lambda worker, core: kept.append((worker.pid, core)))
    Grader(relu, zygote, Options(seed=1)).grade(Submission("layers.py", take(cells_of(relu)), ""))
    pairs = list(zip(kept[::2], kept[1::2], strict=True))
    assert pairs
    assert all(ours[0] != theirs[0] and ours[1] == theirs[1] for ours, theirs in pairs)


def test_to_keep_a_worker_that_is_gone_to_a_core_stops_nothing(zygote):
    with Worker(zygote) as worker:
        pass
    worker.keep_to(0)


def test_a_core_that_was_taken_away_stops_nothing(worker):
    worker.keep_to(10_000)
    assert worker.ask("load", name="work", chunks=[["work.py", 1, "def f(x):\n    return x"]]) == []


# --- clocks and counters beside the CPU's ----------------------------------------------------


class Clocked:
    """A subject whose worker's clocks are given beforehand, a pair (CPU, device) per call."""

    backend = "cupy"

    def __init__(self, calls):
        self.calls = iter(calls)
        self.cpu = self.device = self.asleep = 0.0
        self.worker = self

    def cpu_seconds(self):
        return self.cpu

    def instructions(self):
        return None

    def asleep_seconds(self):
        return self.asleep

    def request(self, verb):
        assert verb == "device_seconds"
        return self.device

    def trial(self):
        def go():
            cpu, device = next(self.calls)
            self.cpu += cpu
            self.device += device

        return Trial(lambda _case: None, go, dict)


@pytest.mark.parametrize(
    ("cpu", "device", "charged"),
    [(0.1, 0.4, 0.4), (0.4, 0.1, 0.4), (0.4, -5.0, 0.4), (0.4, float("nan"), 0.4), (0.4, float("inf"), 0.4)],
    ids=[
        "the device computes",
        "the CPU does",
        "a negative time is reported",
        "no number is reported",
        "infinity is reported",
    ],
)
def test_on_a_device_its_own_clock_counts_and_can_hide_nothing(cpu, device, charged):
    subject = Clocked([(cpu, device)])
    spent = timing.Meter(subject, subject.trial()).run(Case(), overhead=0.0)
    assert spent.computing == pytest.approx(charged)


@pytest.mark.parametrize(
    ("wall", "asleep", "charged"),
    [(9.0, 0.0, 0.1), (9.0, 0.8, 0.1), (9.0, 1.0, 1.1), (2.0, 2.0, 2.1)],
    ids=["it waits for a processor", "a short sleep", "most of a second", "all of it"],
)
def test_sleep_is_charged_and_waiting_for_a_processor_is_not(wall, asleep, charged):
    assert timing.Spent(0.1, 0.0, wall, asleep).charged == pytest.approx(charged)


def test_a_meter_reads_how_long_its_worker_slept():
    subject = Clocked([(0.1, 0.0)])
    subject.asleep = 3.0
    trial = subject.trial()

    def go():
        trial.go()
        subject.asleep += 2.0

    spent = timing.Meter(subject, replace(trial, go=go)).run(Case(), overhead=0.0)
    assert spent.asleep == 2.0


def test_a_device_is_timed_by_the_clock_that_its_backend_brings(monkeypatch):
    ticks = iter([0.25, 0.5])
    backend.register(
        "clocked", lambda: replace(backend.current(), name="clocked", begin_timing=lambda: lambda: next(ticks))
    )
    subject = LocalSubject.from_chunks("work", [["work.py", 1, "def f(x):\n    return x"]])
    subject.backend = "clocked"
    for _ in range(2):
        subject.compute("f", 1.0)
    assert subject.request("device_seconds") == 0.75


def test_a_cpu_has_no_device_clock(worker):
    worker.ask("load", name="work", chunks=[["work.py", 1, "def f(x):\n    return x"]])
    RemoteSubject(worker).compute("f", 1.0)
    assert worker.ask("device_seconds") == 0


def test_instructions_are_a_ratio_too():
    counted = [Pair(2.0, 1.0, 2.0, 1.0, 0.0, 3 * n, n) for n in (100, 110, 120)]
    made = Timing(2.0, 1.5, [2.0], raw=counted)
    assert made.instructions == 3
    assert Timing(2.0, 1.5, [2.0], raw=[Pair(2.0, 1.0, 2.0, 1.0)]).instructions is None


def test_a_counter_counts_what_a_process_does():
    software, task_clock = 1, 1  # the kernel's own event: a machine without hardware counters has it too
    counter = instructions.open_counter(os.getpid(), software, task_clock)
    if counter is None:
        pytest.skip("the kernel does not let this user count events (perf_event_paranoid)")
    before = counter.read()
    sum(range(200_000))
    after = counter.read()
    counter.close()
    assert after > before > 0


def test_without_hardware_counters_a_worker_says_that_it_has_none(worker, monkeypatch):
    monkeypatch.setattr(instructions, "CALL", {})
    assert worker.instructions() is None
