"""A course with an exercise of each kind that 01 to 07 do not have is released, audited and graded like any other."""

import shutil
from pathlib import Path

import pytest

from autograder.authoring.audit import audit
from autograder.authoring.release import release

NAME = "16_kinds"
COURSE = Path(__file__).with_name("course")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("kinds")
    shutil.copytree(COURSE, root, dirs_exist_ok=True)
    release(root, NAME)
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mistakes", "mutations"), [("BytePairs", 8, 6), ("gan_step", 9, 7), ("RunningMean", 6, 16)]
)
def test_every_mistake_of_a_new_kind_is_caught_and_recognised(course, name, mistakes, mutations):
    found = audit(course, [NAME], seed=1, only=frozenset({name}))
    assert found.failures == []
    assert (found.mistakes, found.diagnosed, found.mutations) == (mistakes, mistakes, mutations)
