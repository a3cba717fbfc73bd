"""Replays recorded durations with more workers than this machine has, and says what limits the pace.

A run feeds W workers: it reads and sends a hand-in, the scheduler passes it on, a worker grades it, the report comes
back and is written.  The run and the scheduler each serve one at a time, so does the network link of the run's machine;
a worker grades one hand-in at a time.  At most ``AHEAD`` hand-ins for each worker are on the way.  At the beginning the
course is sent to every worker, and each examines its machine.

    python -m benchmarks.replay FILE    where FILE was written by benchmarks.ten_thousand --record FILE
"""

from __future__ import annotations

import heapq
import json
import math
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path

from benchmarks.table import Grid, Row, Table, print_table

AHEAD = 2
NETWORK = 1e9 / 8
"""Bytes a second of a link of one gigabit."""
EXAMINE_S = 2.0
"""Seconds in which a worker unpacks the course, starts its zygote and proves its isolation."""
WORKERS = (1, 2, 10, 100, 1000)
HAND_INS = 10_000
TOLERANCE = 0.2
LARGE_S = 0.64
"""Seconds of a complete submission of 02 layers; all hand-ins are that much longer, as endless ones have a limit."""
PARTS = 10


@dataclass(frozen=True)
class Recorded:
    """What one run recorded.

    seconds: of each hand-in on its worker; client_s, scheduler_s, drawing_s: of each hand-in in the run, in the
    scheduler, and to draw its page; rate: hand-ins a second that were measured.
    """

    seconds: Sequence[float]
    client_s: float = 0.0
    scheduler_s: float = 0.0
    drawing_s: float = 0.0
    hand_in_bytes: float = 0.0
    report_bytes: float = 0.0
    course_bytes: float = 0.0
    rate: float = math.nan


@dataclass(frozen=True)
class Replayed:
    """One simulated run: when the first worker was ready and all reports were written, and how busy each part was."""

    ready_s: float
    total_s: float
    hand_ins: int
    busy: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Hand-ins a second, once the workers are ready."""
        return self.hand_ins / max(self.total_s - self.ready_s, 1e-12)

    @property
    def limit(self) -> str:
        """The part that was busy for the largest share of the time."""
        return max(self.busy, key=self.busy.__getitem__)


class Station:
    """Serves as many at a time as it has places; those who come wait in turn.  spent: seconds of service in all."""

    def __init__(self, places: int = 1) -> None:
        self._free = [0.0] * places
        self.spent, self.places = 0.0, places

    def serve(self, now: float, seconds: float) -> float:
        """Serve one who comes now, after all who came before; when that is done."""
        begin = max(now, heapq.heappop(self._free))
        heapq.heappush(self._free, begin + seconds)
        self.spent += seconds
        return begin + seconds


def replay(recorded: Recorded, workers: int, hand_ins: int, *, network: float = NETWORK) -> Replayed:
    """Simulate one run, event by event; every event of a hand-in is the end of one step."""
    client, scheduler, link, machines = Station(), Station(), Station(), Station(workers)
    ready = workers * recorded.course_bytes / network + EXAMINE_S
    seconds = list(islice(cycle(recorded.seconds), hand_ins))
    out, back = recorded.hand_in_bytes / network, recorded.report_bytes / network
    half, pass_on = recorded.client_s / 2, recorded.scheduler_s / 2  # once on the way there, once on the way back
    steps = [
        (client, lambda _: half),
        (link, lambda _: out),
        (scheduler, lambda _: pass_on),
        (machines, lambda one: seconds[one]),
        (scheduler, lambda _: pass_on),
        (link, lambda _: back),
        (client, lambda _: half),
    ]
    events = [(ready, number, 0) for number in range(min(AHEAD * workers, hand_ins))]
    coming, last = len(events), ready
    while events:
        now, number, step = heapq.heappop(events)
        if step == len(steps):
            last = max(last, now)
            if coming < hand_ins:
                heapq.heappush(events, (now, coming, 0))
                coming += 1
            continue
        station, cost = steps[step]
        heapq.heappush(events, (station.serve(now, cost(number)), number, step + 1))
    span = max(last - ready, 1e-12)
    stations = {"the run": client, "the scheduler": scheduler, "the network": link, "the workers": machines}
    busy = {what: station.spent / station.places / span for what, station in stations.items()}
    return Replayed(ready, last, hand_ins, busy)


def fed(recorded: Recorded) -> float:
    """How many workers one run keeps busy: the time of a hand-in by that of the slowest part that all share."""
    link = (recorded.hand_in_bytes + recorded.report_bytes) / NETWORK
    return statistics.fmean(recorded.seconds) / max(recorded.client_s, recorded.scheduler_s, link)


def compared(recorded: Mapping[int, Recorded], passing: Recorded) -> Iterator[Table | Grid]:
    """The simulation beside what was measured with so many workers, and with more of them.

    Each is replayed with its own durations: where workers share cores with the run, hand-ins take longer.
    passing: a run whose workers grade nothing, so that the run and the scheduler are as busy as they can be; from it
    is what they do for each hand-in where there are many.
    """
    one = recorded[min(recorded)]
    rows = [
        Row(
            f"replayed pace beside the measured, workers: {workers}",
            replay(each, workers, len(each.seconds)).rate / each.rate,
            "×",
            1 + TOLERANCE,
            1 - TOLERANCE,
            note=f"{1000 * statistics.fmean(each.seconds):.0f} ms each, {each.rate:.1f}/s measured",
        )
        for workers, each in recorded.items()
    ]
    rows += [
        Row("passed on by a run whose workers grade nothing", passing.rate, "/s"),
        Row("work of the run for each hand-in, all its threads", 1000 * passing.client_s, "ms"),
        Row("work of the scheduler for each hand-in", 1000 * passing.scheduler_s, "ms"),
        Row("a hand-in and its report on the network", (one.hand_in_bytes + one.report_bytes) / 1000, "kB"),
        Row("the course, once for each worker", one.course_bytes / 1000, "kB"),
    ]
    yield Table("The replay beside what was measured", rows)
    mean = statistics.fmean(one.seconds)
    most = 1 / passing.rate  # the work of several threads, added up, may be more than that
    small = replace(one, client_s=min(passing.client_s, most), scheduler_s=min(passing.scheduler_s, most))
    large = replace(small, seconds=[each + max(LARGE_S - mean, 0) for each in one.seconds])
    yield grid(f"{HAND_INS} hand-ins of {1000 * mean:.0f} ms, replayed", small)
    yield grid(f"{HAND_INS} hand-ins of {1000 * LARGE_S:.0f} ms, as of 02 layers, replayed", large)


def save(file: Path, recorded: Mapping[int, Recorded], passing: Recorded) -> None:
    """Write what was recorded with so many workers, and of the run whose workers graded nothing."""
    found = {str(workers): asdict(one) for workers, one in recorded.items()}
    file.write_text(json.dumps({"workers": found, "passing": asdict(passing)}), encoding="utf-8")


def saved(file: Path) -> tuple[dict[int, Recorded], Recorded]:
    """Read the same again."""
    found = json.loads(file.read_text(encoding="utf-8"))
    return {int(workers): Recorded(**one) for workers, one in found["workers"].items()}, Recorded(**found["passing"])


def grid(title: str, recorded: Recorded) -> Grid:
    """A row for each number of workers: the pace, the time of the class, what limits it, and the same in parts."""
    made = Grid(title, ["workers", "hand-ins a second", "graded after", "busiest", "how busy", f"in {PARTS} parts"])
    for workers in WORKERS:
        found = replay(recorded, workers, HAND_INS)
        parts = ""
        if workers >= PARTS:
            part = replay(recorded, workers // PARTS, HAND_INS // PARTS)
            parts = f"{PARTS * part.rate:.0f}"
        busy = f"{found.busy[found.limit]:.0%}"
        made.rows.append([str(workers), f"{found.rate:.1f}", f"{found.total_s / 60:.1f} min", found.limit, busy, parts])
    made.note = (
        f"One run feeds {fed(recorded):.0f} workers. Drawing, on the run's machine alone, takes "
        f"{recorded.drawing_s * HAND_INS / 60:.1f} min more. The parts are runs of their own, each with a scheduler. "
        "Where nothing is busy all the time, hand-ins that never end are waited for."
    )
    return made


if __name__ == "__main__":
    for table in compared(*saved(Path(sys.argv[1]))):
        print_table(table)
