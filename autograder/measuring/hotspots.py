"""From sampled lines to the code that takes the time: the loop around them, if there is one."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from autograder.report import HotSpot
from autograder.spec import Case, Check
from autograder.subject import RemoteSubject
from dlkit.extraction import Chunk

__all__ = ["find", "sentence"]

AT_LEAST = 0.1
MOST = 3
RUNS_S = 0.1
MOST_RUNS = 200
LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)
MOST_CODE = 100


def find(check: Check, subject: RemoteSubject, case: Case, statements: Sequence[Chunk]) -> list[HotSpot]:
    """Run a speed check's calls again under the sampler; return the most expensive places, the worst first.

    The submission could forge the worker's replies, so this explains a verdict and decides none.
    """
    trial = check.prepare(subject, case)
    trial.renew(case)
    subject.request("sample", on=True)
    until = subject.worker.cpu_seconds() + RUNS_S
    for _ in range(MOST_RUNS):
        trial.go()
        if subject.worker.cpu_seconds() > until:
            break
    return places(subject.request("sample", on=False), statements)


def places(samples: object, statements: Sequence[Chunk]) -> list[HotSpot]:
    """Sum up samples ``[label, line, share]`` by their loop; a worker may have sent anything."""
    found: defaultdict[tuple[str, int, bool], float] = defaultdict(float)
    for sample in samples if isinstance(samples, list) else []:
        match sample:
            case [str(label), int(line), float(share)] if 0 < share <= 1:
                loop = _loop_around(label, line, statements)
                found[label, loop or line, loop is not None] += share
    spots = [
        HotSpot(f"{label}, line {line}", _code(label, line, statements), round(min(share, 1.0), 3), is_loop)
        for (label, line, is_loop), share in sorted(found.items(), key=lambda item: -item[1])[:MOST]
    ]
    return [spot for spot in spots if spot.share >= AT_LEAST and spot.code]


def sentence(spots: Iterable[HotSpot]) -> str:
    """Say where most of the time goes; empty if nothing stands out."""
    for spot in spots:
        what = "in the Python loop" if spot.loop else "in one line"
        return f"{100 * spot.share:.0f} % of the time is {what} at {spot.where}: {spot.code}"
    return ""


def _loop_around(label: str, line: int, statements: Sequence[Chunk]) -> int | None:
    """First line of the innermost loop or comprehension around a line; None if there is none."""
    spans = [span for chunk in statements if chunk.label == label for span in _loops(chunk)]
    return max((first for first, last in spans if first <= line <= last), default=None)


@lru_cache(maxsize=256)
def _loops(chunk: Chunk) -> tuple[tuple[int, int], ...]:
    """First and last line of every loop and comprehension of a statement, as lines of its cell or file."""
    above = chunk.line - 1
    try:
        nodes = [node for node in ast.walk(ast.parse(chunk.source)) if isinstance(node, LOOPS)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple((node.lineno + above, (node.end_lineno or node.lineno) + above) for node in nodes)


def _code(label: str, line: int, statements: Sequence[Chunk]) -> str:
    for chunk in statements:
        lines = chunk.source.split("\n")
        if chunk.label == label and 0 <= line - chunk.line < len(lines):
            return lines[line - chunk.line].strip()[:MOST_CODE]
    return ""
