"""The benchmarks run and give rows; what they measure is for ``make bench`` to say, never for a test."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["grading", "workers", "command", "peers"])
def test_a_table_has_rows_or_says_why_not(name):
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    tables = json.loads(done.stdout)
    assert tables
    for table in tables:
        assert table["rows"] or "Install the extra" in table["note"]
        assert all(math.isfinite(row["measured"]) for row in table["rows"])


def test_a_row_says_whether_its_target_is_met():
    from benchmarks.table import Row

    assert Row("time", 2.0, "ms", 3.0).met is True
    assert Row("time", 4.0, "ms", 3.0).met is False
    assert Row("memory", 0.5, "×", 1.1, 0.9).met is False
    assert Row("only told", 0.5, "×").met is None
