"""Docstrings as the site shows them: every line that begins something new stays a line of its own."""

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"

pytest.importorskip("sphinx", reason="the site is built by Sphinx: pip install '.[docs]'")


@pytest.fixture(scope="module")
def restructured():
    sys.path.insert(0, str(DOCS))
    try:
        from extensions.docstrings import restructured as function
    finally:
        sys.path.remove(str(DOCS))
    return lambda text: [line for line in function(text) if line]


def test_lines_that_begin_with_a_name_become_items(restructured):
    text = "Summary.\n\nx: inputs (samples, …); y: targets,\n    on one backend.\nepochs: 0 or more.  size: 1 or more."
    assert restructured(text) == [
        "Summary.",
        "- **x**: inputs (samples, …)",
        "- **y**: targets,",
        "  on one backend.",
        "- **epochs**: 0 or more.",
        "- **size**: 1 or more.",
    ]


def test_a_name_with_arguments_is_an_item(restructured):
    assert restructured("S.\n\nloss(y, t): a number.")[1] == "- **loss(y, t)**: a number."


def test_what_is_raised_begins_a_paragraph(restructured):
    lines = restructured("S.\n\nx: an array.\nRaises ValueError where it is empty.")
    assert lines == ["S.", "- **x**: an array.", "Raises ValueError where it is empty."]


def test_text_after_an_item_that_was_continued_is_no_part_of_it(restructured):
    lines = restructured("S.\n\nfolder: holds the files,\n    packed or plain.\nSets like it are read.")
    assert lines == ["S.", "- **folder**: holds the files,", "  packed or plain.", "Sets like it are read."]


def test_a_name_with_its_shape_is_an_item_where_a_sentence_begins(restructured):
    lines = restructured(
        "S.\n\nW (out, in): rows are outputs,\n    columns inputs.\nx (n, 3) float32, used\nthere (once, twice)."
    )
    assert lines == [
        "S.",
        "- **W** (out, in): rows are outputs,",
        "  columns inputs.",
        "- **x** (n, 3) float32, used",
        "  there (once, twice).",
    ]


def test_lists_of_shapes_keep_their_lines(restructured):
    lines = restructured("S.\n\nShapes\n    x  (batch, in)      y  (batch, out)\n    b  (out,)")
    assert lines == ["S.", "Shapes", "| x\u2003(batch, in)\u2003y\u2003(batch, out)", "| b\u2003(out,)"]


def test_what_would_be_markup_is_shown_as_it_is_written(restructured):
    assert restructured("h = max(1, |x|), *xs and 2 * 3") == [r"h = max(1, \|x\|), \*xs and 2 \* 3"]
    assert restructured("It *adds* to ``*xs``.") == ["It *adds* to ``*xs``."]


def test_a_summary_with_a_colon_is_no_item(restructured):
    assert restructured("loss: the base class") == ["loss: the base class"]
