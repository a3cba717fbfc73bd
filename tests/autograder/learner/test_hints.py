import io
import json
from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.authoring.release import public_files
from autograder.checks import Case, FunctionExercise
from autograder.course import catalogue
from autograder.learner import hints, state
from autograder.learner.formulas import formulas, plain, prose
from autograder.learner.records import Hint
from autograder.learner.screen import MOST_CHARACTERS, print_hints
from autograder.learner.work import open_work
from autograder.render.reading import ascii_fallback
from autograder.report import ExerciseResult, Status, Verdict
from autograder.spec import Assignment, SpecError


def result(*verdicts):
    return ExerciseResult("Tanh", [Verdict(*verdict) for verdict in verdicts])


@pytest.fixture
def with_hints(loaded):
    """The learner's work on 02_layers, as if the author had given Tanh these hints by part."""

    def make(**told):
        tanh, *others = loaded.assignment.exercises
        assert tanh.name == "Tanh"
        exercises = [replace(tanh, hints=told), *others]
        return open_work(replace(loaded, assignment=Assignment(loaded.assignment.name, title="", exercises=exercises)))

    return make


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
    assert texts[0].startswith("Look at Tanh.backward. Did forward store the input")
    assert "dx = dy · (1 − y²)" in texts[1]
    assert not any("dx *= dy" in text or "return dx" in text for text in texts)
    status, out, _ = autograder("hint", "Tanh")
    assert status == 0
    assert "You have seen every hint for this verdict." in out


def test_without_the_author_they_come_from_verdict_docstring_and_notebook(with_hints):
    first, second, third = hints.ladder(with_hints(), WRONG)
    assert first.text == (
        "Look at Tanh.backward: “gradients match numerical differences” is the first of its checks to fail. "
        "Already correct: forward."
    )
    assert "tanh'(x) = 1 - tanh²(x)" in second.text
    assert third.text.startswith("Take the smallest input, compute Tanh.backward by hand")


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
    assert "Tanh is correct: no hint is needed." in autograder("hint", "Tanh")[1]


def test_an_unwritten_part_is_named_with_its_shapes(with_hints):
    untouched = result(
        ("forward matches the reference", "forward", Status.NOT_ATTEMPTED, 0, 1, "Tanh.forward is still to be written")
    )
    first, second, third = hints.ladder(with_hints(), untouched)
    assert "docstring describes inputs" in first.text
    assert second.text.startswith("y = tanh x")
    assert third.text == "Write Tanh.forward(x). Shapes: x, y any."


def test_a_diagnosed_mistake_gives_its_hint_as_the_step_and_no_sooner(loaded):
    diagnosed = result(
        ("gradients", "backward", Status.FAILED, 0, 1, "dx is wrong", "forgets dy", "Chain rule: multiply by dy.")
    )
    found = hints.ladder(open_work(loaded), diagnosed)
    assert [("Chain rule" in hint.text) for hint in found] == [False, False, True]
    assert [(v.mistake, v.hint) for v in hints.without_step(diagnosed).verdicts] == [("forgets dy", "")]


def test_the_authors_hints_come_before_what_can_be_derived(with_hints):
    told = ("What is the slope at zero?", "tanh′ = 1 − tanh²", "Keep y in forward; it is all you need.")
    first, second, third = hints.ladder(with_hints(backward=told), WRONG)
    assert first.text == "Look at Tanh.backward. What is the slope at zero?"
    assert (second.text, third.text) == told[1:]
    assert "compute Tanh.backward by hand" in hints.ladder(with_hints(backward=told[:2]), WRONG)[2].text


def test_the_authors_question_waits_where_the_whole_exercise_has_one_reason(with_hints):
    work = with_hints(backward=("Where?", "this", "that"), forward=("Where?", "this", "that"))
    reason = "line 3 does not parse"
    broken = result(
        ("forward", "forward", Status.FAILED, 0, 1, reason), ("backward", "backward", Status.FAILED, 0, 1, reason)
    )
    waits = result(("forward", "forward", Status.SKIPPED, 0, 1, "waits for Linear"))
    assert hints.ladder(work, broken)[0].text == reason
    assert hints.ladder(work, waits)[0].text == "Tanh waits for Linear."


@pytest.mark.parametrize(
    ("part", "where", "step"),
    [
        ("speed", "Look at the speed of Tanh", "one operation on whole arrays"),
        ("memory", "Look at the memory of Tanh", "your largest array"),
        ("scaling", "Look at the growth of Tanh", "grows with the size"),
    ],
)
def test_what_costs_too_much_is_neither_forward_nor_a_formula(with_hints, part, where, step):
    right, wrong = ("forward matches", "forward", Status.PASSED, 1, 1), ("costs", part, Status.FAILED, 0, 1, "7 ×")
    first, second = hints.ladder(with_hints(), result(right, wrong))
    assert first.text.startswith(f"{where}: “costs” is the first of its checks to fail.")
    assert step in second.text


@pytest.mark.parametrize(
    "wrong", [{"sideways": ("a",)}, {"f": ()}, {"f": ("a", "b", "c", "d")}, {"f": "a sentence, not a list of them"}]
)
def test_hints_that_cannot_be_are_refused(wrong):
    with pytest.raises(SpecError, match="f: hints for '"):
        FunctionExercise("f", cases=lambda rng: [Case(x=rng.normal(size=3))], points=1, hints=wrong)


def test_the_authors_hints_are_released_and_the_hints_of_mistakes_are_not(own_course):
    source = own_course / "solutions/02_layers/layers.py"
    before, tanh, after = source.read_text().partition('hints="Tanh"')
    question = "Did forward store the input, or already its tanh?"
    assert after.count(question) == 1
    source.write_text(before + tanh + after.replace(question, "Think of the slope at zero."))
    loaded = catalogue.load.__wrapped__("02_layers", own_course)
    released = "".join(public_files(loaded).values())
    assert "Think of the slope at zero." in released
    secret = [mistake.hint for exercise in loaded.assignment.exercises for mistake in exercise.mistakes]
    assert secret
    assert not any(hint in released for hint in secret)


SHOWN = [
    Hint(
        "Adam",
        2,
        3,
        "the formula",
        "m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t = 1 at the very first of all the steps; θ ← √v̂ · √G",
    ),
    Hint("Adam", 3, 3, "the step", "Keep m; multiply by x · x."),
]


def shown_as(encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    print_hints(Console(file=stream, width=80), SHOWN)
    return stream.buffer.getvalue().decode(encoding).splitlines()


def test_every_formula_has_a_line_of_its_own():
    assert shown_as("utf-8") == [
        "    Hint 2 of 3, the formula:",
        "      m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t = 1 at the very first of all the",
        "        steps",
        "      θ ← √v̂ · √G",
        "    Hint 3 of 3, the step:",
        "      Keep m; multiply by x · x.",
    ]


def test_a_formula_means_the_same_at_a_plain_terminal():
    assert shown_as("ascii") == [
        "    Hint 2 of 3, the formula:",
        "      m_hat = m / (1 - beta1^t), v_hat = v / (1 - beta2^t), t = 1 at the very",
        "        first of all the steps",
        "      theta <- sqrt(v_hat) * sqrt(G)",
        "    Hint 3 of 3, the step:",
        "      Keep m; multiply by x * x.",
    ]


@pytest.fixture(scope="module")
def every_hint(root):
    """Every hint of every author of the course."""
    assignments = [catalogue.load(name, root).assignment for name in catalogue.names(root)]
    triples = [triple for one in assignments for exercise in one.exercises for triple in exercise.hints.values()]
    assert len(triples) > 100
    return [hint for triple in triples for hint in triple]


def test_no_sign_of_a_hint_is_lost_at_a_plain_terminal(every_hint):
    lost = [hint for hint in every_hint if ascii_fallback(hint, "ascii").count("?") != hint.count("?")]
    assert lost == []


def test_no_hint_is_cut_short(every_hint):
    assert max(map(len, every_hint)) <= MOST_CHARACTERS


def test_no_two_parts_of_the_course_share_a_hint(every_hint):
    assert [hint for hint, count in Counter(every_hint).items() if count > 1] == []


def test_a_broken_grader_gives_no_hints(loaded):
    broken = result(("forward", "forward", Status.BROKEN, 0, 1, "the grader itself failed"))
    assert hints.ladder(open_work(loaded), broken) == []
    assert "The grader itself failed on Tanh" in hints.no_more(broken)


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
