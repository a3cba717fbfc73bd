import json
from dataclasses import replace

import pytest

from autograder import catalogue
from autograder.checks import Case, FunctionExercise
from autograder.learner import hints, state
from autograder.learner.formulas import formulas, plain, prose
from autograder.learner.work import open_work
from autograder.release import public_checks
from autograder.spec import Assignment, SpecError
from autograder.verdict import ExerciseResult, Status, Verdict


def result(*verdicts):
    return ExerciseResult("Tanh", [Verdict(*verdict) for verdict in verdicts])


WRONG = result(
    ("forward matches the reference", "forward", Status.PASSED, 1, 1),
    ("gradients match numerical differences", "backward", Status.FAILED, 0, 1, "dx is wrong in every entry (x (1, 4))"),
)


def test_one_more_each_time_and_never_the_code(autograder, write):
    write.wrong("Tanh", ("dx = 1 - dx", "dx = 1 + dx"))
    texts = []
    for level, kind in enumerate(hints.KINDS, 1):
        status, out, _ = autograder("hint", "Tanh", "--json")
        found = json.loads(out)
        assert (status, found["hint"]["level"], found["hint"]["of"], found["hint"]["kind"]) == (0, level, 3, kind)
        texts.append(found["hint"]["text"])
    assert "Look at Tanh.backward" in texts[0]
    assert texts[0].endswith("Right already: forward.")
    assert "tanh'(x) = 1 - tanh²(x)" in texts[1]
    assert not any("dx *= dy" in text or "return dx" in text for text in texts)
    status, out, _ = autograder("hint", "Tanh")
    assert status == 0
    assert "That was every hint for this verdict." in out


def test_hints_begin_anew_where_the_verdict_changes_and_only_there(autograder, write):
    level = lambda: json.loads(autograder("hint", "Tanh", "--json")[1])["hint"]["level"]
    write.wrong("Tanh", ("dx = 1 - dx", "dx = 1 + dx"))
    assert [level(), level()] == [1, 2]
    write.wrong("Tanh", ("dx = 1 - dx", "dx = 1 + dx  # the same, with a comment"))
    assert level() == 3
    write.wrong("Tanh", ("return self.y", "return -self.y"))
    assert level() == 1


def test_a_right_exercise_has_no_hints(autograder, write):
    write.right("Tanh")
    status, out, _ = autograder("hint", "Tanh", "--json")
    assert (status, json.loads(out)) == (0, {"verdict": "passed", "hint": None})
    assert "Tanh is right: there is nothing to hint at." in autograder("hint", "Tanh")[1]


def test_an_unwritten_part_is_named_with_its_shapes(loaded):
    work = open_work(loaded)
    untouched = result(
        ("forward matches the reference", "forward", Status.NOT_ATTEMPTED, 0, 1, "Tanh.forward is still to be written")
    )
    first, second, third = hints.ladder(work, untouched)
    assert "docstring says what goes in" in first.text
    assert second.text.startswith("y = tanh x")
    assert third.text == "Write Tanh.forward(x). Shapes: x, y any."


def test_a_diagnosed_mistake_gives_its_hint_as_the_step_and_no_sooner(loaded):
    diagnosed = result(
        ("gradients", "backward", Status.FAILED, 0, 1, "dx is wrong", "forgets dy", "Chain rule: multiply by dy.")
    )
    found = hints.ladder(open_work(loaded), diagnosed)
    assert [("Chain rule" in hint.text) for hint in found] == [False, False, True]
    assert [(v.mistake, v.hint) for v in hints.without_step(diagnosed).verdicts] == [("forgets dy", "")]


def test_the_authors_hints_come_before_what_can_be_derived(loaded):
    told = {"backward": ("What is the slope at zero?", "tanh′ = 1 − tanh²", "Keep y in forward; it is all you need.")}
    tanh, *others = loaded.assignment.exercises
    assignment = loaded.assignment
    written = Assignment(assignment.name, title=assignment.title, exercises=[replace(tanh, hints=told), *others])
    work = open_work(replace(loaded, assignment=written))
    assert tuple(hint.text for hint in hints.ladder(work, WRONG)) == told["backward"]
    two = replace(tanh, hints={"backward": told["backward"][:2]})
    work = open_work(replace(loaded, assignment=Assignment(assignment.name, title="", exercises=[two])))
    assert "compute Tanh.backward by hand" in hints.ladder(work, WRONG)[2].text


@pytest.mark.parametrize(
    "wrong", [{"sideways": ("a",)}, {"f": ()}, {"f": ("a", "b", "c", "d")}, {"f": "a sentence, not a list of them"}]
)
def test_hints_that_cannot_be_are_refused(wrong):
    with pytest.raises(SpecError, match="f: hints for '"):
        FunctionExercise("f", cases=lambda rng: [Case(x=rng.normal(size=3))], points=1, hints=wrong)


def test_the_authors_hints_are_released_and_the_hints_of_mistakes_are_not(own_course):
    checks = own_course / "solutions/02_layers/checks.py"
    text = checks.read_text()
    told = 'hints={"backward": ("Think of the slope at zero.",)},'
    text = text.replace('    "Tanh",\n', f'    "Tanh",\n    {told}\n', 1)
    checks.write_text(text)
    loaded = catalogue.load.__wrapped__("02_layers", own_course)
    released = public_checks(loaded)
    assert "Think of the slope at zero." in released
    secret = [mistake.hint for exercise in loaded.assignment.exercises for mistake in exercise.mistakes]
    assert secret
    assert not any(hint in released for hint in secret)


def test_a_broken_grader_gives_no_hints(loaded):
    broken = result(("forward", "forward", Status.BROKEN, 0, 1, "the grader failed here"))
    assert hints.ladder(open_work(loaded), broken) == []
    assert "The grader failed at Tanh, not you" in hints.no_more(broken)


def test_work_that_does_not_parse_still_has_hints(autograder, script):
    before, tanh, after = script.read_text().partition("class Tanh(Layer):")
    script.write_text(before + tanh + after.replace("def forward(self, x):", "def forward(self, x:", 1))
    found = json.loads(autograder("hint", "Tanh", "--json")[1])
    assert found["verdict"] == "failed"
    assert "does not parse" in found["hint"]["text"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 99}', b'{"checked": 3}', b"\xff\xfe"])
def test_a_damaged_state_is_as_good_as_none(autograder, mine, damage):
    (mine / ".autograder/state.json").write_bytes(damage)
    assert state.read(mine) == state.State()
    assert json.loads(autograder("hint", "Tanh", "--json")[1])["hint"]["level"] == 1
    assert json.loads(autograder("hint", "Tanh", "--json")[1])["hint"]["level"] == 2


def test_a_state_that_cannot_be_written_stops_nobody(autograder, mine):
    (mine / ".autograder/state.json").unlink()
    (mine / ".autograder/state.json").mkdir()
    status, out, _ = autograder("hint", "Tanh", "--json")
    assert (status, json.loads(out)["hint"]["level"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Conv2d"], "There is no assignment or exercise 'Conv2d'. Assignments are: 02_layers."),
        (["losses.Tanh"], "There is no assignment or exercise 'losses"),
        (["Tanh.sideways"], "Tanh has no part 'sideways'. Its parts are: forward, backward."),
        ([], "issing argument"),
    ],
)
def test_wrong_usage_is_one_sentence(autograder, mine, arguments, sentence):
    status, out, err = autograder("hint", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


# --- formulas --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"y = x W + b, \qquad y_{nj} = \sum_i x_{ni} W_{ij}", "y = x W + b, y_nj = Σ_i x_ni W_ij"),
        (r"dW = x^\top dy", "dW = xᵀ dy"),
        (r"\frac{1}{1 + e^{-x}}", "1/(1 + e^(-x))"),
        (r"\frac{\partial L}{\partial p_i} = \frac{2}{N}\,(p_i - t_i)", "∂L/∂p_i = 2/N(p_i - t_i)"),
        (r"\tfrac12 d^2", "1/2 d²"),
        (r"\begin{cases} x & x > 0 \\ s\,x & x \le 0 \end{cases}", "x if x > 0; s x if x ≤ 0"),
        (r"\sqrt{2/\pi}", "√(2/π)"),
    ],
)
def test_latex_is_spelled_for_a_terminal(latex, text):
    assert plain(latex) == text


def test_a_section_is_what_stands_before_its_exercise(mine):
    folder = mine / "assignments/02_layers"
    for file in (folder / "layers.py", folder / "layers.ipynb"):
        found = prose(file, file.read_text(), "Tanh")
        assert found.strip().startswith("## 2.3 Tanh")
        assert "Flatten" not in found
        assert prose(file, file.read_text(), "Nobody") == ""


def test_examples_in_numbers_are_no_formulas():
    section = "$$ y = 2x $$ and $dx = 2\\,dy$, by hand $dx = (3\\;\\; {-9})$, $$ y = (5, -1) $$"
    assert formulas(section, backward=False) == ["y = 2x"]
    assert formulas(section, backward=True) == ["dx = 2 dy"]
