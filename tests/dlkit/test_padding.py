"""Sequences of different lengths side by side, and batches of them."""

import numpy as np
import pytest

from dlkit.padding import padded, similar_lengths


def test_sequences_are_filled_up_at_the_end_and_the_mask_shows_where():
    ids, mask = padded([[5, 6, 7], [], [8]], padding=9)
    np.testing.assert_array_equal(ids, [[5, 6, 7], [9, 9, 9], [8, 9, 9]])
    np.testing.assert_array_equal(mask, [[1, 1, 1], [0, 0, 0], [1, 0, 0]])
    assert (ids.dtype, mask.dtype) == (np.int64, np.bool_)


def test_no_sequences_are_an_empty_batch():
    ids, mask = padded([])
    assert ids.shape == mask.shape == (0, 0)


def test_every_row_is_in_one_batch_beside_rows_of_similar_length(rng):
    lengths = rng.integers(1, 50, size=1000)
    batches = list(similar_lengths(lengths, 16, rng=rng))
    assert sorted(np.concatenate(batches)) == list(range(1000))
    assert [len(rows) for rows in batches].count(16) == 62
    spread = np.mean([np.ptp(lengths[rows]) for rows in batches])
    assert spread < 6
    firsts = [lengths[rows][0] for rows in batches]
    assert np.mean(np.diff(firsts) > 0) < 0.8  # short batches do not all come first


def test_the_order_is_that_of_the_generator():
    lengths = np.arange(40) % 7
    first, again, other = (list(similar_lengths(lengths, 6, rng=np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


def test_a_batch_without_rows_is_refused(rng):
    with pytest.raises(ValueError, match="1 row or more"):
        list(similar_lengths([1, 2], 0, rng=rng))
