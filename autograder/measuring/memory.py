"""Memory as a ratio: a worker's peak with one call, compared with the reference's, read from outside.

Resident memory, as counted by the kernel, in fresh workers.  Both peaks count from what the reference's worker holds
before the call, when inputs and parameters exist already: what code takes while it is loaded, or while its inputs
are sent, and releases or uses in the call, counts as its own.

Where code is to take no memory at all, a ratio says nothing; then what it takes beyond the reference is measured, as a
share of an array (``of=``).  That array is larger than 32 MB: the allocator keeps none so large for later, so that
every array like it is seen.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import ClassVar

from autograder.isolation.launcher import NotMeasuredError
from autograder.measuring.ratio import Ratio
from autograder.report import Footprint
from autograder.spec import REFERENCE, Bench, Case, Check, Judgement, Observations, Seeded, SpecError, Stored
from autograder.spec.comparison import Mismatch
from autograder.subject import RemoteSubject

__all__ = ["FLOOR", "Memory", "Taken", "compare", "grow", "ratio", "sentence", "used"]

PAIRS, CLEAR = 3, 1.5
FLOOR = 1 << 18
"""Bytes by which any process may grow by itself."""
SPARE = 2 << 20
"""Bytes by which code may be larger than the reference before the call: its functions, what it imports."""
LARGE = 32 << 20
"""Bytes from which on glibc hands every freed array back to the system."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class Taken:
    """Bytes in a worker's memory: before a call and after it, and at the most in its whole life."""

    before: int
    after: int
    peak: int
    grew: int

    @property
    def kept(self) -> int:
        """What stays allocated after the call."""
        return max(self.after - self.before, 0)

    @property
    def beyond(self) -> int:
        """What there was at the most, before the call or in it, beyond what is there before it."""
        return max(self.grew, self.peak - self.before)


@dataclass(frozen=True)
class Memory(Ratio):
    """A limit on peak memory, beyond inputs and parameters.  Let the reference use at least a megabyte.

    of: an input that is ``Seeded``, larger than 32 MB, where the reference takes next to nothing: the limit is then the
    share of its bytes that code may take beyond the reference.  The second of two calls is measured, in which all
    arrays exist, and what the first one took counts as well.
    """

    name: ClassVar[str] = "sparing with memory"
    part: ClassVar[str] = "memory"
    variant: ClassVar[str] = "bulky"
    cost: ClassVar[str] = "memory"
    advice: ClassVar[str] = (
        "Find your largest array: is one of its axes summed over later, or can it be processed in blocks?"
    )
    is_calibrated: ClassVar[bool] = True
    of: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        problem = ""
        if self.of and self.against != REFERENCE:
            problem = "memory as a share of an input is measured against the reference"
        elif self.of and not isinstance(self.case.inputs.get(self.of), Seeded):
            problem = f"memory is measured as a share of '{self.of}', which is no Seeded input of the case"
        elif self.of and self.size <= LARGE:
            problem = f"'{self.of}' has {self.size} bytes: arrays of at most {LARGE} are not handed back when freed"
        if problem:
            raise SpecError(problem)

    @property
    def size(self) -> int:
        """Bytes of the input that memory is a share of."""
        whole = replace(self.case.inputs[self.of], dtype=self.dtype)
        return int(whole.nbytes)

    def ratio(self, peak: float, its_peak: float) -> float:
        """What is compared with the limit, of bytes at the peak of the code and of what it is compared with."""
        return max(peak - its_peak, FLOOR) / self.size if self.of else ratio(peak, its_peak)

    def measure(self, check: Check, bench: Bench) -> Judgement:
        """Compare the peak of one call with the reference's."""
        figures, mismatch = compare(self, check, bench)
        return self.refuse(mismatch) if mismatch else self._judged(figures)

    def estimate(self, check: Check, bench: Bench, stored: Stored | None) -> Judgement | None:
        """Compare the peak of one call with the reference's at release."""
        if stored is None or not stored.peak:
            return None
        peak, kept = self._peak(check, bench)
        return self._judged(_figures(self, peak, stored.peak, kept, estimated=True))

    def calibrate(self, check: Check, bench: Bench) -> Stored:
        """The reference's peak; 0 if this system does not report it."""
        try:
            peak, _ = self._peak(check, bench)
        except NotMeasuredError:
            return Stored("")
        return Stored("", peak=max(peak, 1))

    def _peak(self, check: Check, bench: Bench) -> tuple[int, int]:
        """Bytes by which a worker grows in one call: at the peak, and permanently."""
        case = bench.cases(check)[0]
        with bench.code() as code:
            taken, _ = grow(check, code, case, self.run.draw(bench.rng, case))
        return taken.beyond if self.of else taken.grew, taken.kept

    def _judged(self, figures: Footprint) -> Judgement:
        return self.judge(figures, f"correct, but {sentence(figures)}")


def compare(memory: Memory, check: Check, bench: Bench) -> tuple[Footprint, Mismatch | None]:
    """Measure code and reference: the figures, and a Mismatch if an output was incorrect."""
    case = bench.cases(check)[0]
    pairs, kept, mismatch = [], 0, None
    for _ in range(PAIRS):
        fresh = memory.run.draw(bench.rng, case)
        with bench.code() as code, bench.reference() as reference:
            ours, seen = grow(check, code, case, fresh)
            theirs, expected = grow(check, reference, case, fresh)
        peak, its_peak, kept = used(ours, theirs), theirs.beyond if memory.of else theirs.grew, ours.kept
        pairs.append((peak, its_peak))
        mismatch = check.judge(seen, expected, fresh)
        if mismatch or _is_clear(memory.ratio(peak, its_peak), memory.at_most):
            break
    middle, its_middle = (statistics.median(side) for side in zip(*pairs, strict=True))
    return _figures(memory, middle, its_middle, kept), mismatch


def used(ours: Taken, theirs: Taken) -> int:
    """Bytes that code uses at its peak, beyond what the reference's worker holds before the call."""
    return max(ours.grew, ours.peak - min(ours.before, theirs.before + SPARE))


def _figures(memory: Memory, peak: float, its_peak: float, kept: int, *, estimated: bool = False) -> Footprint:
    found, half = memory.ratio(peak, its_peak), memory.half_at
    within = half is not None and found <= half
    return Footprint(
        round(found, 3),
        memory.at_most,
        round(peak),
        round(its_peak),
        kept,
        half,
        within,
        estimated=estimated,
        against=memory.against,
        of=memory.of,
    )


def ratio(peak: float, its_peak: float) -> float:
    """One peak as a multiple of another, both increased by what any process may grow."""
    return (peak + FLOOR) / (its_peak + FLOOR)


def _is_clear(found: float, limit: float) -> bool:
    """Whether one pair is enough, as memory hardly varies."""
    return found > CLEAR * limit or found * CLEAR < limit


def grow(check: Check, subject: RemoteSubject, case: Case, fresh: Case) -> tuple[Taken, Observations]:
    """What a worker's memory was around one call, and the outputs."""
    trial = check.prepare(subject, case)
    trial.renew(fresh)
    before, peak_before = subject.worker.memory()
    trial.go()
    after, peak = subject.worker.memory()
    grew = peak - before if peak > peak_before else after - before
    return Taken(before, after, peak, max(grew, 0)), trial.collect()


def sentence(figures: Footprint) -> str:
    """Say that it uses too much, and how much stays allocated; the figures themselves are shown beside it."""
    kept = figures.kept / MEGABYTE
    stays = f"; {kept:.1f} MB stay allocated after the call" if kept > figures.peak / MEGABYTE / 2 else ""
    return f"uses too much memory{stays}"
