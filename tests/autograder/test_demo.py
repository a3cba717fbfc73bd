"""The made-up class of the demonstration: which assignments it is of."""

import shutil

from autograder.classroom.demo import shown


def test_the_demonstration_is_of_layers_and_losses_whatever_comes_before_them(root):
    assert shown(root) == ["02_layers", "03_losses"]


def test_a_course_of_one_assignment_shows_that_one(small_course):
    assert shown(small_course) == ["02_layers"]


def test_an_assignment_of_functions_alone_is_not_shown(own_course):
    target = own_course / "solutions/01_sums"
    target.mkdir()
    shutil.copy(own_course / "solutions/02_layers/layers.py", target / "sums.py")
    (target / "checks.py").write_text(
        "from autograder.checks import Assignment, Case, FunctionExercise\n"
        "f = FunctionExercise('gradient_norms', cases=lambda rng: [Case(x=rng.normal(size=3))], points=1)\n"
        "ASSIGNMENT = Assignment('01_sums', title='Sums', exercises=[f])\n"
    )
    assert shown(own_course) == ["02_layers"]
