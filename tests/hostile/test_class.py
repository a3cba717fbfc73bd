"""A class with hostile hand-ins in it, graded in one run; ``python -m benchmarks crowd`` does it with five hundred."""

import sys

import pytest

from benchmarks import crowd


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what is left behind is looked for in /proc")
def test_honest_marks_are_the_same_among_hostile_hand_ins_and_nothing_is_left_behind():
    (table,) = crowd.tables(quick=True)
    missed = [row.what for row in table.rows if row.met is False and not row.what.startswith("memory")]
    assert not missed
    assert sum(row.met is True for row in table.rows) >= 5
