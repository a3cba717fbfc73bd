"""Two planted mistakes in one source, and in one hand-in."""

import pytest

from autograder.isolation.launcher import open_launcher
from autograder.spec import Edit, Mistake, SpecError
from autograder.spec.mistake import with_mistakes
from tests.diagnosis.judging import ROWS, Judges

SOURCE = "def f(x):\n    total = x + 1\n    return total"
DOUBLES = Mistake("doubles", (Edit(("total = x +",), ("total = 2 * x +",)),), hint="no")
SUBTRACTS = Mistake("subtracts", (Edit(("total = x + 1",), ("total = x - 1",)),), hint="no")
DIVIDES = Mistake("divides", (Edit(("x + 1",), ("x / 1",)),), hint="no")


@pytest.mark.parametrize("both", [(DOUBLES, SUBTRACTS), (SUBTRACTS, DOUBLES)])
def test_two_mistakes_may_quote_one_line_and_change_different_tokens_of_it(both):
    assert with_mistakes(SOURCE, both, "f") == "def f(x):\n    total = 2 * x - 1\n    return total"


def test_two_mistakes_that_change_the_same_token_are_refused():
    with pytest.raises(SpecError, match="subtracts \\+ divides change the same tokens"):
        with_mistakes(SOURCE, (SUBTRACTS, DIVIDES), "f")


def test_the_second_mistake_may_edit_what_the_first_one_wrote():
    renames = Mistake("renames", (Edit(("x - 1",), ("x - 2",)),), hint="no")
    assert with_mistakes(SOURCE, (SUBTRACTS, renames), "f") == "def f(x):\n    total = x - 2\n    return total"


def test_two_mistakes_in_one_line_are_both_diagnosed():
    row = next(row for row in ROWS if row.name == "overwrites the gradient, with 2 W in it")
    with open_launcher() as launcher:
        (judged,) = Judges(launcher, seed=7).judge((row,))
    assert {"mistake: doubles the gradient", "mistake: overwrites the gradient"} <= set(judged.claims)


def test_a_backward_that_is_correct_for_its_forward_in_one_case_only_is_not_called_correct():
    row = next(row for row in ROWS if row.name == "turns the first mask over and has no ReLU at the end")
    with open_launcher() as launcher:
        (judged,) = Judges(launcher, seed=3).judge((row,))
    assert judged.claims == ["mistake: forgets the ReLU after the sum"]
