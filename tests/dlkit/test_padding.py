"""Sequences of different lengths side by side, and batches of them."""

import numpy as np
import pytest

from dlkit.padding import padded, trimmed_batches


def test_sequences_are_filled_up_at_the_end_and_the_mask_shows_where():
    ids, mask = padded([[5, 6, 7], [], [8]], padding=9)
    np.testing.assert_array_equal(ids, [[5, 6, 7], [9, 9, 9], [8, 9, 9]])
    np.testing.assert_array_equal(mask, [[1, 1, 1], [0, 0, 0], [1, 0, 0]])
    assert (ids.dtype, mask.dtype) == (np.int64, np.bool_)


def test_no_sequences_are_an_empty_batch():
    ids, mask = padded([])
    assert ids.shape == mask.shape == (0, 0)


def test_every_row_is_in_one_batch_that_is_as_wide_as_its_longest_sequence(rng):
    lengths = rng.integers(1, 50, size=1000)
    mask = np.arange(60) < lengths[:, None]
    batches = list(trimmed_batches(mask, 16, rng=rng))
    assert sorted(np.concatenate([rows for rows, _ in batches])) == list(range(1000))
    assert [len(rows) for rows, _ in batches] == [*62 * [16], 8]
    assert all(time == lengths[rows].max() for rows, time in batches)


def test_padding_may_stand_anywhere(rng):
    mask = np.zeros((4, 9), bool)
    assert {time for _, time in trimmed_batches(mask, 3, rng=rng)} == {0}
    mask[:, 5] = True
    assert {time for _, time in trimmed_batches(mask, 3, rng=rng)} == {6}


def test_the_order_is_that_of_the_generator():
    mask = np.ones((40, 7), bool)
    first, again, other = (
        np.concatenate([rows for rows, _ in trimmed_batches(mask, 6, rng=np.random.default_rng(seed))])
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(40))


def test_a_batch_without_rows_is_refused(rng):
    with pytest.raises(ValueError, match="1 row or more"):
        list(trimmed_batches(np.ones((2, 3), bool), 0, rng=rng))
