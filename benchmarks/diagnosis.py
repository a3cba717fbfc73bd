"""How many incorrect implementations that nobody planted get a true explanation, a false one, or none."""

from __future__ import annotations

from collections.abc import Iterator

from autograder.isolation.launcher import open_launcher
from benchmarks.table import Row, Table

SEEDS = (1, 2, 3, 4, 5)


def tables(*, quick: bool) -> Iterator[Table]:
    """Grade each with several seeds: the inputs also decide what can be recognised."""
    from tests.diagnosis.judging import HELD_OUT, OPEN_TO_SEE, Judged, Judges

    sets = {"held out": HELD_OUT, "open to see": OPEN_TO_SEE}
    judged: dict[str, list[Judged]] = {name: [] for name in sets}
    with open_launcher() as launcher:
        for seed in SEEDS[:1] if quick else SEEDS:
            judges = Judges(launcher, seed=seed)
            for name, rows in sets.items():
                judged[name] += judges.judge(rows[:6] if quick else rows)
    judged["all"] = [one for found in judged.values() for one in found]
    for name, found in judged.items():
        rows = [
            _row("get a true explanation", sum(one.truth == "true" for one in found), len(found), at_least=70),
            _row("get a false one", sum(one.truth == "false" for one in found), len(found), at_most=2),
            _row("get none, but where the error sits", sum(one.truth == "silent" for one in found), len(found)),
            _row("of them with what was not foreseen", sum(not one.as_foreseen for one in found), len(found)),
        ]
        yield Table(f"Diagnosis of unseen mistakes, {name}", rows)


def _row(what: str, count: int, of: int, *, at_least: float | None = None, at_most: float | None = None) -> Row:
    share = 100 * count / of
    if at_least is not None:
        return Row(what, share, "%", 100, at_least, f"{count} of {of}")
    return Row(what, share, "%", at_most, note=f"{count} of {of}")
