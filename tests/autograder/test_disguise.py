"""Every seed of a capstone gives data that look different and are as hard to learn."""

import numpy as np
import pytest

from autograder.checks.model import DISGUISES, Task, disguise

EIGHT = [(quarters, mirrored) for quarters in range(4) for mirrored in (False, True)]


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    x, x_test = rng.random((20, 1, 6, 6), dtype=np.float32), rng.random((5, 1, 6, 6), dtype=np.float32)
    return Task(x, np.arange(20) % 4, x_test, np.arange(5) % 4)


def view(rows, quarters, mirrored):
    return np.rot90(rows[..., ::-1] if mirrored else rows, quarters, axes=(2, 3))


def test_images_are_seen_from_one_of_eight_sides_all_from_the_same(task):
    found = set()
    for seed in range(60):
        other = disguise(task, "sides", np.random.default_rng(seed))
        [side] = [side for side in EIGHT if np.array_equal(other.x, view(task.x, *side))]
        np.testing.assert_array_equal(other.x_test, view(task.x_test, *side))
        found.add(side)
    assert found == set(EIGHT)


@pytest.mark.parametrize("how", [how for how in DISGUISES if how != "none"])
def test_classes_are_numbered_anew_alike_in_both_parts(task, how):
    numberings = set()
    for seed in range(10):
        other = disguise(task, how, np.random.default_rng(seed))
        numbering = dict(zip(task.y.tolist(), other.y.tolist(), strict=True))
        assert sorted(numbering.values()) == [0, 1, 2, 3]
        np.testing.assert_array_equal(other.y_test, [numbering[label] for label in task.y_test.tolist()])
        numberings.add(tuple(numbering.values()))
    assert len(numberings) > 1


@pytest.mark.parametrize("how", DISGUISES)
def test_a_disguise_keeps_shape_and_dtype_and_writes_to_nothing(task, how):
    before = task.x.copy()
    other = disguise(task, how, np.random.default_rng(1))
    assert (other.x.shape, other.x.dtype) == (task.x.shape, task.x.dtype)
    assert (other.x_test.shape, other.x_test.dtype) == (task.x_test.shape, task.x_test.dtype)
    np.testing.assert_array_equal(task.x, before)
