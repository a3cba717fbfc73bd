"""Copies rank above independent work, whatever was done to hide them; pages and folders show what is there."""

import builtins
import csv
import json
from itertools import combinations

import pytest

from autograder.authorship.hand_ins import own_code, released
from autograder.authorship.matching import matched
from autograder.authorship.ranking import rank
from autograder.authorship.tokens import tokens_of
from autograder.cli import main
from autograder.course import catalogue
from autograder.render.similarity import Side
from dlkit.extraction import take
from tests.authorship.authors import copied, hand_ins, solutions
from tests.solutions.implementations import ROOT

QUICK = ("04_optimizers",)
"""Where independent solutions are the most alike."""


def ranked(assignment):
    """All pairs of one assignment's authors and their copies; how many authors there are."""
    texts = hand_ins(assignment)
    copies = [copied(text, set(solutions(assignment)), seed) for seed, text in enumerate(texts)]
    stub = released(catalogue.load(assignment, ROOT))
    found = [own_code(str(n), "a.py", take([("a.py", 1, text)]).chunks, stub) for n, text in enumerate(texts + copies)]
    return rank(found, stub.grams, 1000), len(texts)


def share_above(assignments):
    """The share of planted copies that rank above every pair of independent authors' work."""
    above = planted = 0
    for assignment in assignments:
        ranking, authors = ranked(assignment)
        copies = [pair for pair in ranking.pairs if pair.second - pair.first == authors]
        independent = max(pair.similarity for pair in ranking.pairs if pair not in copies)
        assert len(copies) == authors
        planted += len(copies)
        above += sum(pair.similarity > independent for pair in copies)
    return above / planted


def test_copies_rank_above_all_independent_work():
    assert share_above(QUICK) >= 0.95


@pytest.mark.nightly
def test_copies_rank_above_all_independent_work_in_every_assignment():
    assert share_above(catalogue.names(ROOT)) >= 0.95


def test_tokens_are_the_same_under_other_names_layout_and_comments():
    one = 'def f(x):\n    """Doc."""\n    total = np.exp(x)  # e\n    return total.sum(axis=0)\n'
    other = "def g(values):\n    t = np.exp(\n        values)\n\n    return t.sum(axis=0)\n"
    assert [token.text for token in tokens_of(one)] == [token.text for token in tokens_of(other)]
    assert [token.text for token in tokens_of(one)] != [token.text for token in tokens_of(one.replace("exp", "log"))]


def test_what_cannot_be_read_has_no_tokens():
    assert tokens_of("x = (1,") == []


def test_regions_with_one_number_hold_the_same_code():
    stub = released(catalogue.load("02_layers", ROOT))
    first = "def twice(x):\n    return np.hypot(x, x + 3) * np.cumsum(x)\n"
    second = "def half(y):\n    z = 1\n    return np.hypot(y, y + 3) * np.cumsum(y)\n"
    sides = [
        own_code("ab"[n], "a.py", take([("a.py", 1, text)]).chunks, stub) for n, text in enumerate((first, second))
    ]
    left, right = matched(*sides, (), ("Ada", "Bo"))
    [(start, end, number)] = left.marks
    assert "hypot(x, x + 3) * np.cumsum(x)" in left.text[start:end]
    start, end, same = right.marks[-1]
    assert "hypot(y, y + 3) * np.cumsum(y)" in right.text[start:end]
    assert number == same
    assert 0 < right.share < left.share <= 1


def test_lines_keep_their_text_and_marks():
    text = "ab\n  cd\nef"
    lines = dict(Side("a", "f", text, [(1, 6, 3)]).lines)
    assert lines == {
        1: [("a", 0, False), ("b", 3, True)],
        2: [("  c", 3, False), ("d", 0, False)],
        3: [("ef", 0, False)],
    }
    assert ["".join(piece for piece, _, _ in pieces) for pieces in lines.values()] == text.split("\n")


@pytest.fixture
def handed_in(tmp_path):
    """Three authors, one of whom a fourth copied in a notebook, and somebody who did nothing."""
    texts = hand_ins("02_layers", 3)
    for number, text in enumerate(texts):
        path = tmp_path / "in" / f"author{number}" / "02_layers" / "layers.py"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    cell = {
        "cell_type": "code",
        "source": copied(texts[1], set(solutions("02_layers")), 5) + "\nnote = '</pre><script>'",
    }
    cells = [{"cell_type": "markdown", "source": "# prose", "metadata": {}}, cell | {"metadata": {}, "outputs": []}]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    path = tmp_path / "in" / "=copier" / "02_layers" / "layers.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebook, encoding="utf-8")
    path = tmp_path / "in" / "idle" / "02_layers" / "layers.py"
    path.parent.mkdir(parents=True)
    path.write_bytes((ROOT / "assignments/02_layers/layers.py").read_bytes())
    return tmp_path / "in"


def test_the_page_ranks_pairs_and_shows_both_sources(handed_in, tmp_path):
    out = tmp_path / "out"
    (out / "02_layers").mkdir(parents=True)
    (out / "02_layers" / "9.html").write_text("stale")
    assert main(["similarity", str(handed_in), "--out", str(out), "--course", str(ROOT), "--most", "2"]) == 0
    page = (out / "02_layers.html").read_text(encoding="utf-8")
    assert page.index("=copier") < page.index("author2")
    assert 'href="02_layers/2.html"' in page
    assert 'href="02_layers.csv"' in page
    assert "idle" in page
    pair = (out / "02_layers" / "1.html").read_text(encoding="utf-8")
    assert "<script>" not in pair
    assert "&lt;/pre&gt;&lt;script&gt;" in pair
    assert pair.count('<pre class="source"') == 2
    assert not (out / "02_layers" / "9.html").exists()
    with (out / "02_layers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert {rows[0]["student_1"], rows[0]["student_2"]} == {"'=copier", "author1"}
    assert float(rows[0]["similarity"]) > 2 * float(rows[1]["similarity"])


@pytest.mark.parametrize("tool", ["dolos", "jplag", "compare50"])
def test_a_folder_for_another_tool_holds_each_students_code_and_the_stub_apart(tool, handed_in, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["similarity", str(handed_in), "--export", tool, str(out), "--course", str(ROOT)]) == 0
    place = out / "02_layers"
    files = {path.parent.name: path for path in (place / "submissions").glob("*/*.py")}
    assert files.keys() == {"author0", "author1", "author2", "=copier"}
    assert "prose" not in files["=copier"].read_text(encoding="utf-8")
    assert "NotImplementedError" in (place / "base" / "02_layers.py").read_text(encoding="utf-8")
    assert tool in capsys.readouterr().out
    if tool == "dolos":
        with (place / "info.csv").open(encoding="utf-8") as file:
            assert all((place / row["filename"]).is_file() for row in csv.DictReader(file))


def test_another_tools_name_is_refused(handed_in, tmp_path, capsys):
    assert main(["similarity", str(handed_in), "--export", "moss", str(tmp_path / "out"), "--course", str(ROOT)]) == 2
    assert "expected dolos, jplag or compare50, got 'moss'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_the_extra_one_sentence_says_what_to_install(handed_in, tmp_path, capsys, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["similarity", str(handed_in), "--out", str(tmp_path / "out"), "--course", str(ROOT)]) == 2
    assert capsys.readouterr().err == (
        "autograder: autograder similarity needs scikit-learn: pip install 'dlkit-course[similarity]'.\n"
    )
    assert not (tmp_path / "out").exists()


def test_all_pairs_are_counted_and_only_the_first_returned():
    stub = released(catalogue.load("02_layers", ROOT))
    texts = [f"def f(x):\n    return np.exp(x) * {n} + np.log(x + {n}) - np.tanh(x)\n" for n in range(7)]
    found = [own_code(str(n), "a.py", take([("a.py", 1, text)]).chunks, stub) for n, text in enumerate(texts)]
    whole, short = rank(found, (), 100), rank(found, (), 3)
    assert (whole.count, len(whole.pairs)) == (21, 21)
    assert {(pair.first, pair.second) for pair in whole.pairs} == set(combinations(range(7), 2))
    assert short.pairs == whole.pairs[:3]
