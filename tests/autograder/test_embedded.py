"""How much data a capstone's code carries: measured on its text, whatever form it has."""

import numpy as np
import pytest

from autograder.submission.embedded import (
    MOST,
    MOST_COMPRESSED,
    bare,
    carried,
    compressed,
    embedded_data,
    too_much_data,
)
from dlkit.extraction import take

LETTERS = "".join(map(chr, np.random.default_rng(0).integers(97, 123, size=5000)))


@pytest.mark.parametrize(
    "source",
    [
        f"key = 0x{'7' * 3400}\n",
        f"rows = {[[n, -n / 8] for n in range(800)]}\n",
        f"bits = {[n % 3 == 0 for n in range(4100)]}\n",
        f"text = '{LETTERS}'\n",
        f"text = b'{LETTERS}'\n",
        f"text = f'{LETTERS}{{1}}'\n",
        f"text = '{chr(0x4E00) * 1400}'\n",
        f"class {LETTERS}:\n    pass\n",
        f"def f({', '.join(LETTERS[n : n + 20] for n in range(0, 5000, 20))}):\n    pass\n",
        f"x.{LETTERS} = 1\n",
        f"f({LETTERS}=1)\n",
        f"'''{LETTERS}''' % 1\n",
    ],
    ids=["integer", "table", "booleans", "text", "bytes", "f-string", "wide", "class", "arguments", "attribute",
         "keyword", "formatted"],
)  # fmt: skip
def test_data_count_in_every_form(source):
    assert carried([source]) > MOST
    assert "characters of data" in too_much_data([source])
    (told,) = embedded_data(take([("submission.py", 1, source)]).chunks)
    assert told == f"embed {carried([source]):,} characters of data"


def test_the_numbers_of_a_literal_are_exact():
    assert carried(["abc = 'défg'"]) == 3 + 5
    assert carried(["abc = 1234 + abc"]) == 3 + 4
    assert carried(["abc = None"]) == carried(["abc = True"]) == 3 + 1


def test_data_in_the_form_of_code_count_when_compressed():
    rng = np.random.default_rng(1)
    signs = ["".join(rng.choice(list("+-~"), size=200)) + "x" for _ in range(300)]
    sources = [f"y = {sign}\n" for sign in signs]
    assert carried(sources) < 100
    assert compressed(sources) > MOST_COMPRESSED
    assert "when it is compressed" in too_much_data(sources)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('def f():\n    """one\n    two"""\n    return 1  # three\n', "def f():\n    None\n\n    return 1  \n"),
        ('def f(): "one"; return 2', "def f(): None; return 2"),
        ('class A:\n    """x\n y"""; z = 1\n    # only\n', "class A:\n    None; z = 1\n\n    \n"),
        ('x = "# no comment"  # é\n', 'x = "# no comment"  \n'),
        ('def f():\n    """é"""; "two"  # é\n    y = f"{1}" "#"\n', 'def f():\n    None; None\n    y = f"{1}" "#"\n'),
        ("def f():\n    ('''a\nb''')\n    return 2", "def f():\n    None\n\n    return 2"),
        ("def f(:\n", "def f(:\n"),
    ],
)
def test_docstrings_and_comments_are_removed_and_lines_stay(source, expected):
    assert bare(source) == expected
    assert not too_much_data([source])


def test_what_is_removed_does_not_count():
    assert not too_much_data([f'def f():\n    """{LETTERS}"""\n', f"x = 1  # {LETTERS}\n"])
    assert not embedded_data(take([("submission.py", 1, f'def f():\n    """{LETTERS}"""\n')]).chunks)


def test_what_cannot_be_parsed_counts_as_a_whole():
    assert carried([f"def f(: # {LETTERS}"]) > MOST
