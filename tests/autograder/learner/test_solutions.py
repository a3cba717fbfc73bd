"""Solutions of exercises: shown to whoever has solved them, where the course ships them."""

import json

import pytest

from autograder.authoring.release import release, stale
from autograder.course.released_solutions import SOLUTIONS, solutions_in

NAME = "02_layers"


@pytest.fixture
def shipped(handed_out):
    """The course that the learner takes assignments from, with its solutions for the while of a test."""
    path = handed_out / "assignments" / NAME / SOLUTIONS

    def put(**solutions):
        path.write_text(json.dumps(solutions))

    yield put
    path.unlink(missing_ok=True)


def test_solutions_are_read_and_not_run(tmp_path):
    source = tmp_path / "layers.py"
    assert solutions_in(source, ["f"]) == {}
    source.write_text(
        "1 / 0\n\n\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n\n\ndef g():\n    pass\n"
    )
    assert solutions_in(source, ["f"]) == {"f": "def f():\n    return 1"}


def test_a_solution_is_shown_once_the_own_one_passes(autograder, write, shipped):
    shipped(Tanh="class Tanh(Layer):\n    pass  # the author's")
    status, _, err = autograder("solution", "Tanh")
    assert status == 2
    assert "Your own Tanh does not pass yet" in err
    assert "autograder hint Tanh" in err
    write.right("Tanh")
    assert autograder("solution", "layers.Tanh") == (0, "class Tanh(Layer):\n    pass  # the author's\n", "")
    status, out, _ = autograder("solution", "Tanh", "--json")
    assert json.loads(out)["assignment"] == NAME


def test_a_course_without_solutions_says_so(autograder, write):
    write.right("Tanh")
    status, out, err = autograder("solution", "Tanh")
    assert (status, out) == (2, "")
    assert "handed out without solutions" in err


def test_a_file_of_solutions_that_cannot_be_read_counts_as_none(autograder, write, shipped, handed_out):
    write.right("Tanh")
    shipped()
    (handed_out / "assignments" / NAME / SOLUTIONS).write_text("no JSON")
    assert "handed out without solutions" in autograder("solution", "Tanh")[2]


def test_a_release_has_solutions_only_on_demand(own_course):
    path = own_course / "assignments" / NAME / SOLUTIONS
    release(own_course, NAME, solutions=True)
    assert "### BEGIN" not in path.read_text()
    assert json.loads(path.read_text())["Tanh"].startswith("class Tanh")
    assert stale(own_course, NAME) == []
    path.write_text("{}")
    assert stale(own_course, NAME) == [f"{NAME}: {SOLUTIONS} is out of date: run autograder release --solutions {NAME}"]
    release(own_course, NAME)
    assert not path.exists()
