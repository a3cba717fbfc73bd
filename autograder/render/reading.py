"""Shared by all renderings: safe text, and verdicts in a reader's order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.report import ExerciseResult, Measurement, Report, Status, Verdict

__all__ = [
    "COMMENT",
    "ISOLATION",
    "MARKS",
    "MEANING",
    "NAME",
    "RIGHT",
    "Finding",
    "Step",
    "ascii_fallback",
    "clean",
    "decided_by_hand",
    "exercise_names",
    "findings",
    "left_out",
    "next_steps",
    "nothing_handed_in",
    "number",
    "remark_of",
    "several_lines",
    "shared_sentence",
    "tried",
    "unread",
    "waiting",
]

NOTHING = "nothing was handed in"
"""The beginning of the report of a student who handed in nothing."""
SENTENCE = 600
NAME = 80
COMMENT = 1200
"""Of a comment given by hand, with what is said before it."""
MOST_ACCENTS = 3
MOST_LINES, LINE, MOST_INDENT = 500, 20_000, 40
"""Of a text of several lines."""

RIGHT = (Status.PASSED, Status.INCONCLUSIVE)
"""Statuses that earn full points."""
MARKS = {
    Status.PASSED: "✓",
    Status.FAILED: "✗",
    Status.NOT_ATTEMPTED: "·",
    Status.SKIPPED: "»",
    Status.INCONCLUSIVE: "≈",
    Status.BROKEN: "!",
    Status.PARTLY: "◐",
}
MEANING = {
    Status.PASSED: "correct",
    Status.FAILED: "not correct yet",
    Status.NOT_ATTEMPTED: "still to be written",
    Status.SKIPPED: "waits for something earlier",
    Status.INCONCLUSIVE: "too close to the limit to decide; full points",
    Status.BROKEN: "a fault of the grader; an instructor will look at it",
    Status.PARTLY: "partly correct",
}

ISOLATION = {
    "full": "full isolation, proved before the work was loaded",
    "partial": "partial isolation",
    "none": "no isolation",
    "": "no code was run",
}

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links
    r"|\x1b[PX^_][^\x1b\x9c]*(?:\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_JOINERS = "\u200c\u200d"
_INVISIBLE = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_UNSEEN = frozenset(_INVISIBLE)
_ACCENTS = frozenset({"Mn", "Me"})
_PLAIN = {
    "×": "x", "±": "+-", "…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "·": "-", "−": "-",
    "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "→": "->", "←": "<-", "√": "sqrt", "Σ": "sum", "∑": "sum",
    "∂": "d", "∞": "inf", "ᵀ": "^T", "ˣ": "^x", "⁻": "^-", "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3",
    "⁴": "^4", "½": "1/2", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta",
    "θ": "theta", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "φ": "phi", "ω": "omega", "Φ": "Phi", "Ł": "L", "ł": "l", "ø": "o", "Ø": "O", "ß": "ss", "æ": "ae",
    "Æ": "AE", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "Δ": "Delta", "′": "'", "‖": "||", "∈": "in",
    "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", "ᵗ": "^t", "⁺": "^+", "₋": "-", "⊙": "*", "ᵢ": "_i", "ⱼ": "_j",
    "ₖ": "_k", "ₘ": "_m", "ₙ": "_n", "ₒ": "_o", "ₚ": "_p", "ₜ": "_t", "ᾱ": "alpha_bar",
}  # fmt: skip


def clean(text: str, limit: int = SENTENCE) -> str:
    """Make text of unknown origin safe and short: one line of at most ``limit`` visible characters.

    Escape sequences, control and direction characters are removed, stacked accents are limited; a text that is
    too long keeps its beginning and its end, because the end says where it happened.
    """
    if len(text) > 20 * limit:
        text = f"{text[: 10 * limit]} {text[-10 * limit :]}"
    if _is_plain(text):  # nearly every text; ten times as fast
        return _shortened(" ".join(text.split()), limit)
    text = _ESCAPES.sub("", text)
    kept: list[str] = []
    accents = 0
    for char in text:
        kind = unicodedata.category(char)
        accents = accents + 1 if kind in ("Mn", "Me") else 0
        if kind in ("Zs", "Zl", "Zp") or char in "\t\n\r\v\f\x85":
            kept.append(" ")
        elif char in _INVISIBLE or accents > MOST_ACCENTS or (kind[0] == "C" and char not in _JOINERS):
            continue
        else:
            kept.append(char)
    return _shortened(" ".join("".join(kept).split()), limit)


def several_lines(text: str, most: int = MOST_LINES) -> str:
    """Make a longer text of unknown origin safe, line by line; indentation is kept, lines are not shortened."""
    lines = text.expandtabs(4).splitlines()
    shown = [f"{' ' * min(MOST_INDENT, len(line) - len(line.lstrip(' ')))}{clean(line, LINE)}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"… and {len(lines) - most} more lines")
    return "\n".join(line.rstrip() for line in shown)


def _is_plain(text: str) -> bool:
    """Whether no character would be dropped: no control or direction characters, accents or invisible characters."""
    if not text.isprintable():
        return False
    return text.isascii() or not (_UNSEEN.intersection(text) or _ACCENTS.intersection(map(unicodedata.category, text)))


def _shortened(line: str, limit: int) -> str:
    if len(line) <= limit:
        return line
    end = limit // 4
    return f"{line[: limit - end - 3]} … {line[-end:]}"


def ascii_fallback(text: str, encoding: str) -> str:
    """Spell what a terminal's encoding lacks: × as x, ³ as ^3, é as e, and the unknown as a question mark."""
    if encoding.lower().replace("-", "") in ("utf8", "utf16", "utf32"):
        return text
    return "".join(char if char.isascii() else _spell(char, encoding) for char in text)


def _spell(char: str, encoding: str) -> str:
    try:
        char.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        if char in _PLAIN:
            return _PLAIN[char]
        bare = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
        return bare if bare.isascii() and (bare or unicodedata.combining(char)) else "?"
    return char


def number(value: float) -> str:
    """Points without needless zeros: 7, 2.5, 40.07."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass
class Finding:
    """One cause of failure, and the checks that show it."""

    status: Status
    sentence: str
    mistake: str = ""
    hint: str = ""
    measurement: Measurement | None = None
    checks: list[str] = field(default_factory=list)
    places: str = ""
    heat: list[list[float]] = field(default_factory=list)
    snippet: str = ""


def findings(exercise: ExerciseResult) -> list[Finding]:
    """Group what did not pass by its cause: a diagnosed mistake, else the same sentence.

    Checks that wait for another are left out if the other is among the findings; parts that are still to
    be written are named only in an exercise that has been started.
    """
    kinds = {Status.FAILED, Status.BROKEN, Status.INCONCLUSIVE}
    if exercise.status is not Status.NOT_ATTEMPTED:
        kinds.add(Status.NOT_ATTEMPTED)
    if not kinds & {verdict.status for verdict in exercise.verdicts}:
        kinds.add(Status.SKIPPED)
    found: dict[tuple[str, ...], Finding] = {}
    for verdict in exercise.verdicts:
        if verdict.status not in kinds:
            continue
        cause = (verdict.mistake, verdict.hint) if verdict.mistake else (verdict.sentence,)
        if not any(cause):
            cause = (verdict.check,)
        one = found.setdefault(
            (verdict.status, *cause),
            Finding(
                verdict.status,
                verdict.sentence,
                verdict.mistake,
                verdict.hint,
                verdict.measurement,
                places=verdict.places,
                heat=verdict.heat,
                snippet=verdict.snippet,
            ),
        )
        one.checks.append(verdict.check)
    return list(found.values())


def remark_of(exercise: ExerciseResult) -> str:
    """The first remark on a check that passed: that its answers are less exact than they could be; mostly empty."""
    passed = (verdict for verdict in exercise.verdicts if verdict.status is Status.PASSED and not verdict.measurement)
    return next((f"{verdict.part} {verdict.sentence}" for verdict in passed if verdict.sentence), "")


def waiting(exercise: ExerciseResult) -> int:
    """How many checks of an exercise wait for others that are among its findings."""
    if not any(verdict.status is Status.FAILED for verdict in exercise.verdicts):
        return 0
    return sum(verdict.status is Status.SKIPPED for verdict in exercise.verdicts)


def shared_sentence(verdicts: Sequence[Verdict]) -> str:
    """Find the one sentence that all verdicts share (a cell that does not parse); empty if they differ."""
    sentences = {verdict.sentence for verdict in verdicts}
    return sentences.pop() if len(sentences) == 1 else ""


def nothing_handed_in(report: Report) -> bool:
    """Whether there was no file to grade."""
    return not report.submission_sha256 and any(one.sentence.startswith(NOTHING) for one in report.problems)


def unread(report: Report) -> bool:
    """Whether something was handed in but could not be read: then its zero says nothing about the work."""
    return not report.submission_sha256 and bool(report.problems) and not nothing_handed_in(report)


def exercise_names(reports: Iterable[Report]) -> list[str]:
    """Every exercise's name, in the order of the assignment."""
    return list(dict.fromkeys(exercise.name for report in reports for exercise in report.exercises))


def tried(report: Report) -> str:
    """One sentence on what the code attempted and no exercise needs; empty if there is nothing."""
    if not report.tried:
        return ""
    return f"The code tried to {', to '.join(report.tried)}. No exercise needs that; it changes no mark."


def left_out(report: Report) -> str:
    """One sentence on what the run did not grade; empty if it graded everything."""
    if not report.left_out:
        return ""
    return f"This run left out {', '.join(report.left_out)}: not counted in the points or their maximum."


@dataclass
class Step:
    """One thing to do next: its exercise, its points, and a hint if there is one."""

    exercise: str
    what: str
    hint: str = ""
    points: float = 0.0
    mistake: str = ""


def counted_points(report: Report) -> tuple[float, float]:
    """Points and maximum of all but bonus exercises; of these where nothing else was graded."""
    counted = [exercise for exercise in report.exercises if not exercise.bonus] or report.exercises
    points, most = (sum(one.points for one in counted), sum(one.max_points for one in counted))
    if report.counts_written:
        points += sum(answer.points or 0.0 for answer in report.written)
        most += sum(answer.max_points for answer in report.written)
    return round(points, 2), round(most, 2)


def decided_by_hand(exercise: ExerciseResult) -> list[str]:
    """What a person decided on an exercise: the points in place of the automatic ones, and the comment."""
    by_hand = exercise.by_hand
    if by_hand is None:
        return []
    told = []
    if by_hand.points is not None:
        told.append(f"{number(by_hand.points)} points by hand, in place of {number(exercise.automatic_points)}.")
    return told + ([clean(by_hand.comment, COMMENT)] if by_hand.comment else [])


def points_earned(report: Report) -> str:
    """The points in one line; bonus points are named, for the sum may exceed the maximum; so is what is unmarked."""
    if report.counts_written:
        bonus = f", with {number(report.bonus_points)} bonus points" if report.bonus_points else ""
        unmarked = f", {number(report.open_by_hand)} still to be marked" if report.open_by_hand else ""
        return f"{number(report.points)} of {number(report.max_points)} points{bonus}{unmarked}"
    if report.exercises and all(exercise.optional for exercise in report.exercises):
        return "optional steps, without points"
    if report.exercises and all(exercise.bonus for exercise in report.exercises):
        return f"{number(report.points)} of {number(counted_points(report)[1])} bonus points"
    bonus = f", with {number(report.bonus_points)} bonus points" if report.bonus_points else ""
    return f"{number(report.points)} of {number(report.max_points)} points{bonus}"


def next_steps(report: Report) -> list[Step]:
    """What the author should do next: first what is wrong, by points, then what is unwritten.

    One step per exercise.  What the file itself explains is reported once, and faults of the grader are not steps.
    """
    told = {problem.sentence for problem in report.problems}
    lost: dict[str, float] = {}
    wrong, unfinished, unwritten = [], [], []
    for exercise in report.exercises:
        missing = round(exercise.max_points - exercise.points, 2)
        if exercise.by_hand is not None and exercise.is_overridden:
            if missing > 0:  # whoever gave the points said why
                unfinished.append(Step(exercise.name, clean(exercise.by_hand.comment), points=missing))
            continue
        if (sentence := shared_sentence(exercise.verdicts)) and sentence in told:
            lost[sentence] = lost.get(sentence, 0.0) + missing
        elif exercise.status is Status.NOT_ATTEMPTED:
            unwritten.append(exercise)
        elif failed := [one for one in findings(exercise) if one.status is Status.FAILED]:
            first = next((one for one in failed if one.mistake), failed[0])
            wrong.append(Step(exercise.name, first.sentence, first.hint, missing, first.mistake))
        elif exercise.status is Status.PARTLY:
            waits = [one.sentence for one in findings(exercise) if one.sentence]
            unfinished.append(Step(exercise.name, waits[0] if waits else "", points=missing))
    steps = [Step("", sentence, points=points) for sentence, points in lost.items()]
    steps += sorted(wrong, key=lambda step: -step.points) + sorted(unfinished, key=lambda step: -step.points)

    def write(exercises: list[ExerciseResult], why: str) -> list[Step]:
        names = ", ".join(exercise.name for exercise in exercises)
        points = round(sum(exercise.max_points for exercise in exercises), 2)
        return [Step("", f"Write {names}{why}.", points=points)] if exercises else []

    steps += write([exercise for exercise in unwritten if not exercise.bonus], "")
    steps += [
        Step("", f"Answer “{one.name}”.", points=one.max_points)
        for one in report.written
        if not (one.answered or one.mark)
    ]
    return steps + write(
        [exercise for exercise in unwritten if exercise.bonus and not exercise.optional], " for bonus points"
    )
