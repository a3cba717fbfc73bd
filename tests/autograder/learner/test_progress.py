import io
import json

import pytest
from rich.console import Console

from autograder.learner.records import AssignmentProgress, ExerciseProgress, Next, Progress
from autograder.learner.screen import print_progress


def told(autograder, *arguments):
    status, out, err = autograder("progress", "--json", *arguments)
    assert (status, err) == (0, "")
    found = json.loads(out)
    return {e["name"]: (e["status"], e["stale"]) for e in found["assignments"][0]["exercises"]}, found


def test_nothing_is_run_to_answer(autograder, write, monkeypatch):
    monkeypatch.setattr("autograder.grading.grader.Grader.grade", None)
    write.right("Tanh")
    exercises, found = told(autograder)
    assert exercises == {"Tanh": ("", False), "Flatten": ("not attempted", False)}
    assert found["assignments"][0]["done"] == 0
    assert found["next"]["exercise"] == "Tanh"
    assert found["next"]["why"] == "it has not been checked"


def test_checks_are_remembered_until_something_changes_that_they_are_about(autograder, write, script):
    write.right("Tanh")
    write.right("Flatten")
    assert autograder("check", "02_layers")[0] == 0
    exercises, found = told(autograder)
    assert exercises == {"Tanh": ("passed", False), "Flatten": ("passed", False)}
    assert (found["assignments"][0]["done"], found["next"]) == (2, None)
    assert found["assignments"][0]["points"] == found["assignments"][0]["max_points"] == 5

    write.wrong("Tanh", ("return self.y", "return -self.y"))
    exercises, _ = told(autograder)
    assert exercises == {"Tanh": ("passed", True), "Flatten": ("passed", False)}
    exercises, found = told(autograder, "--check")
    assert exercises == {"Tanh": ("failed", False), "Flatten": ("passed", False)}
    assert found["next"] == {"assignment": "02_layers", "exercise": "Tanh", "why": "it is not correct yet"}

    script.write_text(script.read_text().replace("import numpy as np", "import numpy as np\n\nSCALE = 1.0", 1))
    exercises, _ = told(autograder)
    assert exercises == {"Tanh": ("failed", False), "Flatten": ("passed", False)}  # neither needs it

    script.write_text(script.read_text().replace("SCALE = 1.0", "from dlkit import Layer\nLayer.scale = 1.0", 1))
    exercises, _ = told(autograder)
    assert exercises == {"Tanh": ("failed", True), "Flatten": ("passed", True)}


def test_a_comment_elsewhere_makes_nothing_stale(autograder, write, script):
    write.right("Tanh")
    autograder("check", "Tanh")
    script.write_text("# %% [markdown]\n# A note of mine.\n\n" + script.read_text())
    assert told(autograder)[0]["Tanh"] == ("passed", False)


def test_only_what_changed_is_checked(autograder, write, monkeypatch):
    write.right("Tanh")
    autograder("progress", "--check")
    asked = []
    from autograder.learner.checking import Checker

    real = Checker.check
    monkeypatch.setattr(Checker, "check", lambda self, work, names: asked.append(names) or real(self, work, names))
    autograder("progress", "--check")
    assert asked == []
    write.right("Flatten")
    autograder("progress", "--check")
    assert asked == [["Flatten"]]


def test_what_cannot_be_read_is_reported_beside_the_rest(autograder, script):
    script.write_text("")
    status, out, _ = autograder("progress")
    assert status == 0
    assert "layers.py is empty" in " ".join(out.split())


def test_what_can_still_be_begun_is_named(autograder, mine, monkeypatch):
    monkeypatch.setattr("autograder.learner.progress.available", lambda _: ["02_layers", "03_losses"])
    out = autograder("progress")[1]
    assert "Not started: 03_losses. Start with: autograder start 03_losses" in out


def test_a_wrong_name_is_one_sentence(autograder, mine):
    assert autograder("progress", "99")[::2] == (
        2,
        "autograder: There is no assignment '99'. Choose one of: 02_layers.\n",
    )


def drawn(progress, encoding="utf-8", width=80):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    print_progress(Console(file=file, width=width, color_system=None, legacy_windows=False), progress)
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.fixture
def half_way():
    exercises = [
        ExerciseProgress("Linear", "passed", 7, 7),
        ExerciseProgress("Tanh", "failed", 1, 4, stale=True),
        ExerciseProgress("a_capstone_with_a_long_name", "", 0, 6, depends=["Linear", "Tanh"]),
    ]
    one = AssignmentProgress("02_layers", "Layers — “and more”", exercises, [], 1, 8, 17, 1, 2)
    return Progress([one], Next("02_layers", "Tanh", "it is not correct yet"), ["03_losses"])


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp437"])
@pytest.mark.parametrize("width", [30, 80])
def test_every_terminal_can_show_it(half_way, encoding, width):
    text = drawn(half_way, encoding, width)
    assert max(map(len, text.splitlines())) <= width
    flat = " ".join(text.split())
    for said in ("1 of 3 correct", "correct: Linear", "not correct yet: Tanh", "changed since the last check: Tanh"):
        assert said in flat
    assert "Next: Tanh of 02_layers: it is not correct yet." in flat


def test_a_bar_is_full_only_where_nothing_is_missing(half_way):
    assert drawn(half_way, "ascii").count("#") == 6
