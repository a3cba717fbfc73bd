"""Proof that the course is sound: every check catches a mistake, every reference passes, every stub earns nothing."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

import msgspec
import numpy as np

from autograder.authoring.hint_lint import unsound_hints
from autograder.authoring.variant_runs import VariantRuns
from autograder.checks.power import powers
from autograder.course import catalogue
from autograder.course.answers import generator
from autograder.course.repairs import attempted
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import Launcher, open_launcher
from autograder.measuring.ratio import Ratio
from autograder.report import ExerciseResult, Status, Verdict
from autograder.spec import FROZEN, Budget, Check, Exercise, Mistake, SpecError
from autograder.submission import Submission, read_submission
from dlkit.extraction import Extraction

__all__ = ["Audit", "Margin", "Piece", "added_up", "audit", "look_at", "pieces"]

FEWEST = 3
CLEARANCE = 1.25
"""A speed limit keeps this factor from both sides."""
FEWEST_WITH_BACKWARD = 5
SAMPLED = 4
"""So many mistakes of an exercise are in a sample, and of each check that mistakes are meant for at least one."""
FEWER, SELDOM = 2, 4
"""Of so many exercises, a sample tries mistakes, a mutation, variants or capstones in one; costly mutations in one.

To name one mistake takes all of its exercise, which are compared: to try fewer of each would save little.
"""


class Margin(msgspec.Struct, frozen=True):
    """A limit between what it must let pass and what it must not: ratios to the reference, as measured.

    part: which the limit's points are given to; variant: what it must not let pass, and ``wasteful``, its ratio.
    """

    assignment: str
    exercise: str
    part: str
    limit: float
    reference: float
    plain: float
    variant: str
    wasteful: float

    @property
    def below(self) -> float:
        """The limit as a multiple of the larger of reference and plain solution."""
        return self.limit / max(self.reference, self.plain, 1e-9)

    @property
    def above(self) -> float:
        """The wasteful solution as a multiple of the limit."""
        return self.wasteful / self.limit

    def __str__(self) -> str:
        return (
            f"{self.exercise}, {self.part}: limit {self.limit:g}, plain {self.plain:.2f} ({self.below:.1f} × below), "
            f"{self.variant} {self.wasteful:.1f} ({self.above:.1f} × above)"
        )


class Audit(msgspec.Struct):
    """What was proved: counts, and one sentence for everything that was not.

    mistakes: planted by authors; mutations: of standard checks; caught and diagnosed count mistakes;
    left_out: mistakes, mutations, variants and capstones of which only a sample is tried;
    margins: of every speed limit.
    """

    assignments: int = 0
    exercises: int = 0
    checks: int = 0
    mistakes: int = 0
    caught: int = 0
    diagnosed: int = 0
    left_out: int = 0
    mutations: int = 0
    slow_variants: int = 0
    margins: list[Margin] = []
    failures: list[str] = []


def audit(
    root: Path,
    names: list[str],
    *,
    seed: int,
    only: frozenset[str] | None = None,
    stale: Callable[[Path, str], list[str]] | None = None,
    sample: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Audit assignments.

    only: exercises to look at (all where None); stale: finds generated files that differ from their
    source (the release's business); sample: as ``look_at`` takes it;
    progress: called with what is looked at.
    """
    found = []
    with open_launcher() as launcher:
        for piece in pieces(root, names, only):
            progress(f"{piece.assignment}: {piece.exercise}" if piece.exercise else piece.assignment)
            generated = stale if only is None else None
            found.append(look_at(root, piece, launcher, seed=seed, stale=generated, sample=sample))
    return added_up(found)


class Piece(msgspec.Struct, frozen=True):
    """What is audited in one go: an exercise, or, where ``exercise`` is empty, what concerns its whole assignment."""

    assignment: str
    exercise: str = ""


def pieces(root: Path, names: list[str], only: frozenset[str] | None = None) -> list[Piece]:
    """Everything that there is to audit, in order; of an assignment that cannot be loaded, that it cannot."""
    found = []
    for name in names:
        found.append(Piece(name))
        with suppress(SpecError):
            exercises = catalogue.load(name, root).assignment.exercises
            found += [Piece(name, each.name) for each in exercises if only is None or each.name in only]
    return found


def look_at(
    root: Path,
    piece: Piece,
    launcher: Launcher,
    *,
    seed: int,
    stale: Callable[[Path, str], list[str]] | None,
    sample: bool = False,
) -> Audit:
    """Audit one piece; arguments as those of ``audit``.

    sample: only a part is tried, the same in every audit: some mistakes of half of the exercises, every second
    mutation; of some exercises what takes long, which is the training of capstones, variants, and numerical differences
    in place of gradients.
    """
    result = Audit()
    try:
        loaded = catalogue.load(piece.assignment, root)
        if piece.exercise:
            grader = Grader(loaded, launcher, Options(seed=seed))
            _Auditor(grader, result, sample=sample).look_at(loaded.assignment.exercise(piece.exercise))
        else:
            result.assignments = 1
            result.failures += stale(root, piece.assignment) if stale else []
    except SpecError as error:
        result.failures.append(str(error))
    return result


def added_up(audits: Iterable[Audit]) -> Audit:
    """Counts added up, and sentences one after the other."""
    whole = Audit()
    for one in audits:
        for field in msgspec.structs.fields(Audit):
            setattr(whole, field.name, getattr(whole, field.name) + getattr(one, field.name))
    return whole


class _Auditor:
    """Proves one exercise.  What the reference shows is graded as a submission is, what is planted in shorter runs."""

    def __init__(self, grader: Grader, result: Audit, *, sample: bool = False) -> None:
        self.loaded = grader.loaded
        self.result = result
        self.sample = sample
        self.grader = grader
        self.runs = VariantRuns(grader)
        self.of_reference: ExerciseResult | None = None

    def look_at(self, exercise: Exercise) -> None:
        """Prove one exercise."""
        self.grader.limit_to({exercise.name})
        self.result.exercises += 1
        self.result.checks += len(exercise.checks)
        if exercise.capstone and self._leaves_out(exercise, FEWER):
            self.result.left_out += 1
            return
        try:
            problems = [
                *self._parts(exercise),
                *unsound_hints(exercise, self.loaded.source_of(exercise)),
                *self._reference(),
                *self._stubs(),
                *self._published(exercise),
                *self._mistakes(exercise),
                *self._mutations(exercise),
                *self._unnoticed(exercise),
                *self._budgets(exercise),
            ]
        except SpecError as error:
            problems = [str(error)]
        finally:
            self.runs.close()
        name = self.loaded.assignment.name
        said = [p if p.startswith(exercise.name) else f"{exercise.name}: {p}" for p in problems]
        self.result.failures += [f"{name}: {problem}" for problem in said]

    def _parts(self, exercise: Exercise) -> Iterator[str]:
        """The spec's parts are those that the source stubs."""
        source = self.loaded.source_of(exercise)
        stubbed = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                text = ast.get_source_segment(source, node) or ""
                if "### BEGIN SOLUTION" in text:
                    stubbed.add(node.name)
        if stubbed != set(exercise.parts):
            yield f"stubs {sorted(stubbed)}, but its parts are {sorted(exercise.parts)}"

    def _reference(self) -> Iterator[str]:
        report = self.grader.grade(Submission("variant.py", Extraction(self.loaded.reference.chunks), ""))
        self.of_reference = report.exercises[0]
        for verdict in self.of_reference.verdicts:
            skipped = verdict.status is Status.SKIPPED and self._lacks_device(verdict.check)
            if verdict.status is Status.PASSED or skipped:
                continue
            sentence = f"the solution fails “{verdict.check}”: {_say(verdict)}"
            if verdict.status is Status.BROKEN:  # nothing can be proved, and all else would say the same
                raise SpecError(sentence)
            yield sentence
        yield from (f"the solution tried to {what}, which reports mention" for what in report.tried)

    def _lacks_device(self, name: str) -> bool:
        """Whether this check of the exercise that is looked at runs on a GPU only, and the audit on none."""
        (exercise,) = self.grader.exercises
        return exercise.find(name).device_only

    def _stubs(self) -> Iterator[str]:
        module = self.loaded.assignment.module
        for suffix in (".py", ".ipynb"):
            path = self.loaded.released / f"{module}{suffix}"
            if not path.is_file():
                yield f"there is no released {path.name}: run autograder release"
                continue
            result = self.grader.grade(_read(path, self.loaded.assignment.name, self.loaded.root)).exercises[0]
            if result.points:  # an optional step has none: its status says the same
                yield f"the stub in {path.name} earns {result.points} points"
            elif result.status is not Status.NOT_ATTEMPTED:
                yield f"the stub in {path.name} is “{result.status}”, not “not attempted”"

    def _published(self, exercise: Exercise) -> Iterator[str]:
        """A repair's published code is wrong in every part, and as somebody's attempt earns nothing."""
        if not exercise.published:
            return
        for part in exercise.published:
            first = next(check for check in exercise.checks if check.part == part)
            verdict = self._run(exercise, self._attempted(exercise, [part]), [first])[first.name]
            if verdict.status is not Status.FAILED:
                yield f"the published {part} is {_say(verdict)} at “{first.name}”"
        points = sum(v.points for v in self._run(exercise, self._attempted(exercise, exercise.parts)).values())
        if points:
            yield f"the published code earns {points} points"

    def _attempted(self, exercise: Exercise, parts: Collection[str]) -> str:
        return attempted(self.loaded.source_of(exercise), exercise, parts)

    def _run(
        self, exercise: Exercise, source: str, checks: Iterable[Check] | None = None, **options: bool
    ) -> dict[str, Verdict]:
        """Verdicts of a variant of the exercise by check, in order; all checks where none are named."""
        chunks, chosen = self.loaded.variant(exercise, source), exercise.checks if checks is None else checks
        result = self.runs.run(exercise, chunks, chosen, **{"explains": False, **options})
        return {verdict.check: verdict for verdict in result.verdicts}

    def _mistakes(self, exercise: Exercise) -> Iterator[str]:
        fewest = FEWEST_WITH_BACKWARD if "backward" in exercise.parts else FEWEST
        if len(exercise.mistakes) < fewest:
            yield f"has {len(exercise.mistakes)} mistakes; at least {fewest} are required"
        sampled = self._sampled(exercise)
        self.result.left_out += len(exercise.mistakes) - len(sampled)
        for mistake in sampled:
            source = mistake.apply(self.loaded.source_of(exercise), exercise.name)
            meant = self._meant(exercise, mistake)
            ast.parse(source)
            if meant.device_only and self._lacks_device(meant.name):
                self.result.left_out += 1
                continue
            self.result.mistakes += 1
            checks = [check for check in exercise.checks if not check.budget or check is meant]
            verdicts = self._run(exercise, source, checks, explains=True, ends_at_failure=True).values()
            first = next((v for v in verdicts if v.status not in (Status.PASSED, Status.SKIPPED)), None)
            if first is None or first.check != meant.name or first.status is not Status.FAILED:
                caught = f"“{first.check}” says: {_say(first)}" if first else "no check sees it"
                yield f"mistake “{mistake.name}” is not caught by “{meant.name}”: {caught}"
                continue
            self.result.caught += 1
            if first.mistake == mistake.name or meant.capstone:
                self.result.diagnosed += 1
            else:
                yield f"mistake “{mistake.name}” is diagnosed as “{first.mistake or 'nothing known'}”: {first.sentence}"

    def _sampled(self, exercise: Exercise) -> Sequence[Mistake]:
        """Mistakes to try: all, or those of a sample, in which every check that mistakes are meant for comes first."""
        if not self.sample:
            return exercise.mistakes
        if not exercise.capstone and _rank(f"{exercise.name}: mistakes")[3] % FEWER:
            return []
        by_check: dict[str, list[Mistake]] = {}
        for mistake in sorted(exercise.mistakes, key=lambda each: _rank(each.name)):
            by_check.setdefault(self._meant(exercise, mistake).name, []).append(mistake)
        each_first = [mistake for row in zip_longest(*by_check.values()) for mistake in row if mistake]
        most = 1 if exercise.capstone else max(SAMPLED, len(by_check))
        return [mistake for mistake in exercise.mistakes if mistake in each_first[:most]]

    def _leaves_out_mutation(self, exercise: Exercise, check: Check) -> bool:
        """Whether a sample leaves it out: of every kind of check, some exercises' mutations are tried."""
        left_out = self.sample and _rank(f"{exercise.name}: {check.name}")[0] % FEWER != 0
        return left_out or (bool(check.cost) and self._leaves_out(exercise, SELDOM))

    def _leaves_out(self, exercise: Exercise, of: int) -> bool:
        """Whether this exercise is one of those in which a sample leaves out what takes long."""
        return self.sample and _rank(exercise.name)[3] % of != 0

    def _meant(self, exercise: Exercise, mistake: Mistake) -> Check:
        """Find the check that a mistake names, or the first of the part that it edits."""
        if mistake.caught_by:
            return exercise.find(mistake.caught_by)
        part, source = exercise.parts[0], self.loaded.source_of(exercise)
        mistake.places(source, exercise.name)  # raises where a text is not found
        line = source.count("\n", 0, mistake.edits[0].places(source)[0][0]) + 1 if mistake.edits else 0
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name in exercise.parts:
                part = node.name if node.lineno <= line <= (node.end_lineno or 0) else part
        return next(check for check in exercise.checks if check.part == part)

    def _mutations(self, exercise: Exercise) -> Iterator[str]:
        source = self.loaded.source_of(exercise)
        named = {self._meant(exercise, mistake).name for mistake in exercise.mistakes}
        for check in exercise.checks:
            if not check.mutation:
                if check.name not in named and not check.budget:
                    yield f"“{check.name}” is not proved: no mistake is meant for it"
                continue
            if self._leaves_out_mutation(exercise, check) or self._lacks_device(check.name):
                self.result.left_out += 1
                continue
            self.result.mutations += 1
            mutated = f"{source}\n\n{check.mutation.replace('{name}', exercise.name)}"
            verdict = self._run(exercise, mutated, [check])[check.name]
            if verdict.status is not Status.FAILED:
                yield f"“{check.name}” misses its mutation, which is {_say(verdict)}"

    def _unnoticed(self, exercise: Exercise) -> Iterator[str]:
        """Claims about draws whose named mistakes are too close to what is correct for their number of draws."""
        names = self.loaded.assignment.name, exercise.name

        def drawn(check: Check) -> np.random.Generator:
            return generator(self.grader.seed, *names, check.name)

        for power in powers(exercise, self.grader.answers.reference(exercise), drawn):
            for mistake in power.missed:
                between = f"{power.count:,} draws do not tell {power.mistakes[mistake]:.4g} from {power.expected:.4g}"
                yield f"“{power.check}” may miss “{mistake}” in {power.claim} ({power.case}): {between}"

    def _budgets(self, exercise: Exercise) -> Iterator[str]:
        """Every limit lies clear of both sides: of the reference and a plain solution, and of what it must not pass."""
        budgets = {check.name: check.budget for check in exercise.checks if check.budget}
        wasteful = {name: budget.variant for name, budget in budgets.items()}
        lenient = {budget.variant for budget in budgets.values() if not budget.is_exclusive}
        frozen = (FROZEN,) if any(budget.against == FROZEN for budget in budgets.values()) else ()
        needed = dict.fromkeys(("plain", *wasteful.values(), *frozen))
        variants = {name: exercise.variants.get(name) for name in needed}
        if budgets:
            yield from (f"is graded for {' and '.join(b.part for b in budgets.values())} and has no {name} variant"
                        for name, text in variants.items() if text is None)  # fmt: skip
        if not budgets or None in variants.values():
            return
        if self._leaves_out(exercise, FEWER):
            self.result.left_out += len(budgets)
            return
        source, verdicts = self.loaded.source_of(exercise), self.of_reference.verdicts if self.of_reference else []
        ratios = {("reference", v.check): v.measurement.value if v.measurement else 0.0 for v in verdicts}
        for variant, text in variants.items():
            ignored = [name for name, budget in budgets.items() if _is_free(variant, budget, lenient)]
            checks = [check for check in exercise.checks if check.name not in ignored]
            if variant == FROZEN:  # it need not keep what else the text promises
                checks = [check for check in checks if check.budget]
            exceeded = wasteful if variant == FROZEN else {n for n, other in wasteful.items() if other == variant}
            found = self._run(exercise, exercise.varied(source, text or ""), checks)
            for verdict in found.values():
                meant = Status.FAILED if verdict.check in exceeded else Status.PASSED
                unmeasured = verdict.check in budgets and meant is Status.FAILED and not verdict.measurement
                if (verdict.status is not meant or unmeasured) and verdict.check not in ignored:
                    should = f"{meant} by what is measured" if unmeasured else meant
                    yield f"the {variant} variant is {_say(verdict)} at “{verdict.check}”; it should be {should}"
                ratios[variant, verdict.check] = verdict.measurement.value if verdict.measurement else 0.0
        for check, budget in budgets.items():
            self.result.slow_variants += 1
            name = budget.variant
            measured = (ratios["reference", check], ratios["plain", check], name, ratios[name, check])
            margin = Margin(self.loaded.assignment.name, exercise.name, budget.part, budget.at_most, *measured)
            self.result.margins.append(margin)
            if margin.below < CLEARANCE or margin.above < CLEARANCE:
                yield f"its limit is too close: {margin}"


@lru_cache(maxsize=2)
def _read(path: Path, assignment: str, root: Path) -> Submission:
    """A released file, which is the same for all exercises of its assignment."""
    return read_submission(path, catalogue.load(assignment, root))


def _is_free(variant: str, budget: Budget, lenient: set[str]) -> bool:
    """Whether this variant may cost whatever it does: it wastes another cost, or the limit is above the frozen one."""
    if variant == FROZEN:
        return not (isinstance(budget, Ratio) and budget.improves)
    return variant in lenient and budget.variant != variant


def _rank(name: str) -> bytes:
    """Orders names as if by chance, and always the same way."""
    return hashlib.sha256(name.encode()).digest()


def _say(verdict: Verdict) -> str:
    measured = verdict.measurement
    ratio = f", {measured.value:.2f} {measured.unit}" if measured else ""
    return f"{verdict.status}{f' ({verdict.sentence})' if verdict.sentence else ''}{ratio}"
