"""Odd replies of every kind, and a modified worker, are the submission's failure, not the grader's."""

import pytest

from autograder.report import Status
from autograder.submission import Submission
from dlkit.extraction import take
from tests.hostile.harness import tanh

LATER = "return {odd} if Tanh.asked else 1 / (1 + np.exp(-x))"
"""A mistake that is recognised, until backward was called: then the grader looks closer."""
ODD = (
    "10**400",
    "-(16**4000)",
    "2**64",
    "1j * x",
    "np.zeros((1 << 20, 1, 1, 1, 1))",
    "np.longdouble('1e4000') + 0 * x",
    "(10**400, x)",
    "[[1, 2], [3]]",
    "{1: 2}",
    "'text'",
    "True",
    "np.full(x.shape, np.inf)",
    "np.full(x.shape, 0x7FF0_0000_0000_0001, np.uint64).view(float)",
    "np.full(x.shape, 1e308)",
    "None",
)
TAMPERED = """
import sys
for module in list(sys.modules.values()):
    kind = module.__dict__.get("Executor")
    if kind is not None:
        {how}
"""
WAYS = {
    "one value where there are two": "kind.call = kind.tally = lambda *_, **__: 5",
    "two letters where there are two values": "kind.call = kind.tally = lambda *_, **__: 'ab'",
    "no arguments after the call": "kind.call = kind.tally = lambda *_, echo=False, **__: (0, [])",
    "a count that no sentence could hold": "kind.tally = lambda *_, **__: (0, 16**4000)",
    "a count that is no number": "kind.tally = lambda *_, **__: (0, 'many')",
}


def grade(grader, source):
    report = grader.grade(Submission("layers.py", take([("layers.py", 1, source)]), ""))
    assert Status.BROKEN not in {verdict.status for result in report.exercises for verdict in result.verdicts}
    return report


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_is_a_wrong_answer(graders, odd):
    at_once = tanh(f"return {odd}", f"x = dy\nreturn {odd}")
    later = tanh(LATER.format(odd=odd), "Tanh.asked = True\nreturn 0 * dy", body="asked = False")
    for source in (at_once, later):
        assert grade(graders(), source).points == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("forward", ["return 0 * x", "return np.tanh(x)"])
def test_a_reply_of_another_kind_is_no_answer(graders, way, forward):
    report = grade(graders(), tanh(forward, body=TAMPERED.format(how=WAYS[way])))
    assert not any(verdict.points for verdict in report.exercises[0].verdicts if verdict.part == "backward")
