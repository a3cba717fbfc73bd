"""The made-up class of the demonstration: which assignments it is of."""

from autograder.classroom.demo import shown
from tests.autograder.conftest import write_assignment


def test_the_demonstration_is_of_layers_and_losses_whatever_comes_before_them(root):
    assert shown(root) == ["02_layers", "03_losses"]


def test_a_course_of_one_assignment_shows_that_one(small_course):
    assert shown(small_course) == ["02_layers"]


def test_an_assignment_of_functions_alone_is_not_shown(own_course):
    target = own_course / "solutions/01_sums"
    write_assignment(
        target,
        "from autograder.checks import Case, FunctionExercise\n"
        "f = FunctionExercise('gradient_norms', cases=lambda rng: [Case(x=rng.normal(size=3))])\n",
        title="Sums",
        points={"gradient_norms": 1},
    )
    (target / "sums.py").write_text("")
    assert shown(own_course) == ["02_layers"]
