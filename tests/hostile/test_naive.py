"""The naive graders are graders: correct code earns all points, merely incorrect code none."""

import json

import pytest

from tests.hostile.attacks.verdict import notebook
from tests.hostile.harness import Attack, against_naive, tanh

KINDS = {"script": 4, "unittest": 3, "notebook": 1, "gradcheck": 1, "pickle": 2}
RIGHT = tanh("self.y = np.tanh(x)\nreturn self.y", "return (1 - self.y**2) * dy")
WRONG = tanh("return x * x")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_right_earns_all_and_what_is_wrong_earns_nothing(world, tmp_path, kind):
    for source, points in ((RIGHT, KINDS[kind]), (WRONG, 0)):
        text, suffix = (notebook(source), ".ipynb") if kind == "notebook" else (source, ".py")
        attack = Attack(0, "no attack", text, naive=kind, suffix=suffix)
        printed = against_naive(attack, world, tmp_path / str(points)).printed
        assert json.loads(printed.strip().splitlines()[-1])["points"] == points
