"""Every seed of a capstone gives data that look different and are as hard to learn."""

import numpy as np
import pytest

from autograder.checks import disguises
from autograder.checks.disguises import DISGUISES, Task, disguise

IMAGES = ("warp", "mixed warp", "mixed columns", "warped columns")


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    x, x_test = rng.random((20, 1, 6, 6), dtype=np.float32), rng.random((5, 1, 6, 6), dtype=np.float32)
    return Task(x, np.arange(20) % 4, x_test, np.arange(5) % 4)


@pytest.fixture
def given(task):
    """The task as a disguise takes it: images as rows of pixels where it is for those."""

    def of(how):
        if not how.endswith("ed columns"):
            return task
        return Task(task.x.reshape(20, 36), task.y, task.x_test.reshape(5, 36), task.y_test)

    return of


def bars(places):
    """Images of 20 by 20 with a bright square of 4 by 4 at each place."""
    images = np.zeros((len(places), 20, 20))
    for image, (row, column) in zip(images, places, strict=True):
        image[row : row + 4, column : column + 4] = 1
    return images


def centres(images):
    rows, columns = np.mgrid[:20, :20]
    return np.stack([(images * axis).sum(axis=(1, 2)) / images.sum(axis=(1, 2)) for axis in (rows, columns)], axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_a_warp_moves_all_images_alike_and_nothing_out_of_sight(seed):
    images = bars([(4, 8), (8, 4), (8, 12), (12, 8)])
    other = disguise(Task(images, np.arange(4), images[::-1], np.arange(4)), "warp", np.random.default_rng(seed))
    np.testing.assert_array_equal(other.x, other.x_test[::-1])
    assert (other.x.sum(axis=(1, 2)) > 0.5 * images.sum(axis=(1, 2))).all()


def test_a_warp_rotates_by_any_angle_and_mirrors_every_other_time():
    images = bars([(4, 8), (8, 12)])
    angles, turns = [], []
    for seed in range(80):
        other = disguise(Task(images, np.arange(2), images, np.arange(2)), "warp", np.random.default_rng(seed))
        first, second = centres(other.x) - 9.5
        angles.append(np.arctan2(first[1], first[0]))
        turns.append(first[0] * second[1] - first[1] * second[0] > 0)
    gaps = np.diff(np.sort([*angles, min(angles) + 2 * np.pi]))
    assert gaps.max() < np.pi / 4
    assert 20 < sum(turns) < 60


@pytest.mark.parametrize("how", ["rotation", *IMAGES])
def test_a_continuous_change_is_never_the_same_twice(given, how):
    found = [disguise(given(how), how, np.random.default_rng(seed)).x for seed in range(6)]
    for n, one in enumerate(found):
        assert all(abs(one - other).max() > 0.1 for other in found[:n])


def test_mixed_columns_keep_distances_and_are_in_no_order(given):
    rows = given("mixed columns")
    other = disguise(rows, "mixed columns", np.random.default_rng(3))
    distances = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in (rows.x, other.x)]
    np.testing.assert_allclose(*distances, atol=1e-5)
    assert abs(np.sort(other.x, axis=1) - np.sort(rows.x, axis=1)).max() > 0.1


def test_a_warp_moves_small_images_by_the_same_share_of_their_size():
    """Their middle, on average over seeds; images larger than usual by as many pixels."""
    moved = {}
    for size in (8, 28, 56):
        origins = np.stack([disguises._origins(size, size, np.random.default_rng(seed)) for seed in range(60)])
        middle = origins[..., size // 2 - 1 : size // 2 + 1, size // 2 - 1 : size // 2 + 1].mean(axis=(2, 3))
        moved[size] = np.abs(middle - (size - 1) / 2).mean()
    assert moved[8] / 8 == pytest.approx(moved[28] / 28, rel=0.1)
    assert moved[56] == pytest.approx(moved[28], rel=0.1)


@pytest.mark.parametrize("how", ["warp", "mixed warp"])
def test_mixing_pixels_keeps_distances_and_grey_areas(monkeypatch, how):
    from autograder.checks import disguises

    monkeypatch.setattr(disguises, "GAMMA", 0.0)
    monkeypatch.setattr(disguises, "_origins", lambda height, width, _rng: np.mgrid[:height, :width].astype(float))
    x = np.random.default_rng(1).random((8, 6, 6))
    other = disguise(Task(x, np.arange(8), x, np.arange(8)), how, np.random.default_rng(2))
    assert abs(other.x - x).max() > 0.1
    distances = [np.linalg.norm(rows.reshape(8, 1, 36) - rows.reshape(1, 8, 36), axis=2) for rows in (x, other.x)]
    np.testing.assert_allclose(*distances, atol=1e-12)
    np.testing.assert_allclose(x.sum(axis=(1, 2)), other.x.sum(axis=(1, 2)))


@pytest.mark.parametrize("how", [how for how in DISGUISES if how != "none"])
def test_classes_are_numbered_anew_alike_in_both_parts(given, how):
    task, numberings = given(how), set()
    for seed in range(10):
        other = disguise(task, how, np.random.default_rng(seed))
        numbering = dict(zip(task.y.tolist(), other.y.tolist(), strict=True))
        assert sorted(numbering.values()) == [0, 1, 2, 3]
        np.testing.assert_array_equal(other.y_test, [numbering[label] for label in task.y_test.tolist()])
        numberings.add(tuple(numbering.values()))
    assert len(numberings) > 1


@pytest.mark.parametrize("how", DISGUISES)
def test_a_disguise_keeps_shape_and_dtype_and_writes_to_nothing(given, how):
    task = given(how)
    before = task.x.copy()
    other = disguise(task, how, np.random.default_rng(1))
    assert (other.x.shape, other.x.dtype) == (task.x.shape, task.x.dtype)
    assert (other.x_test.shape, other.x_test.dtype) == (task.x_test.shape, task.x_test.dtype)
    np.testing.assert_array_equal(task.x, before)


def test_warped_columns_stay_within_the_grey_values(given):
    """Nothing is mixed: what is 0 to 1 stays 0 to 1, so that an attack has the same limits for every seed."""
    rows = given("warped columns")
    for seed in range(5):
        other = disguise(rows, "warped columns", np.random.default_rng(seed))
        assert other.x.shape == rows.x.shape
        assert other.x.dtype == rows.x.dtype
        for part in (other.x, other.x_test):
            assert part.min() >= 0
            assert part.max() <= rows.x.max()
