"""The capstone of 08: vectors that were counted, typed in or hardly trained answer too few of its questions."""

import re
from pathlib import Path

import numpy as np
import pytest

from autograder.course import catalogue
from dlkit.datasets import python_manual, words

FEATURES, WINDOW = 50, 5
LOADED = catalogue.load("08_embeddings", Path(__file__).resolve().parents[2])
(CHECK,) = LOADED.assignment.exercise("train_word_vectors").checks


def together(codes, paragraphs, count):
    """How often each pair of words stands within the window, near ones counted more."""
    table = np.zeros((count, count))
    for distance in range(1, WINDOW + 1):
        same = paragraphs[:-distance] == paragraphs[distance:]
        pair = codes[:-distance][same], codes[distance:][same]
        np.add.at(table, pair, 1 / distance)
        np.add.at(table, pair[::-1], 1 / distance)
    return table


def drawn(codes, _paragraphs, _asked, _labels, rng):
    """Vectors at random."""
    return rng.normal(size=(codes.max() + 1, FEATURES))


def frequent_neighbours(codes, paragraphs, _asked, _labels, _rng):
    """How often each word stands near each of the fifty most frequent words."""
    table = together(codes, paragraphs, codes.max() + 1)
    return table[:, np.argsort(-table.sum(axis=0))[:FEATURES]]


def projected(codes, paragraphs, _asked, _labels, rng):
    """All counts of neighbours, mixed into fifty numbers at random."""
    table = together(codes, paragraphs, codes.max() + 1)
    return table @ rng.normal(size=(len(table), FEATURES))


def logarithms(codes, paragraphs, _asked, _labels, rng):
    """The same of their logarithms, which says more."""
    table = np.log1p(together(codes, paragraphs, codes.max() + 1))
    return table @ rng.normal(size=(len(table), FEATURES))


def principal_counts(codes, paragraphs, _asked, _labels, _rng):
    """The first singular vectors of the counts themselves."""
    U, s, _ = np.linalg.svd(together(codes, paragraphs, codes.max() + 1))
    return U[:, :FEATURES] * s[:FEATURES]


def same_paragraphs(codes, paragraphs, _asked, _labels, rng):
    """In which paragraphs each word occurs, mixed into fifty numbers at random."""
    table = np.zeros((codes.max() + 1, paragraphs.max() + 1))
    np.add.at(table, (codes, paragraphs), 1)
    return table @ rng.normal(size=(table.shape[1], FEATURES))


def typed_in(codes, _paragraphs, asked, labels, rng):
    """The groups from memory, by somebody who recognises every word of a group, whatever its number is."""
    vectors = rng.normal(size=(codes.max() + 1, FEATURES))
    grouped = labels < labels.max() - FEATURES + 1
    vectors[asked[grouped]] = np.eye(FEATURES)[labels[grouped]]
    return vectors


def by_frequency(codes, _paragraphs, asked, labels, rng):
    """The same by somebody who recognises a word by its place among all words, the most frequent first."""
    manual = words(python_manual(repeated=False), rarest=5)[1]
    here, there = (np.argsort(-np.bincount(text), kind="stable") for text in (codes, manual))
    grouped = labels < labels.max() - FEATURES + 1
    known = dict(zip(listed(grouped.sum()).tolist(), labels[grouped].tolist(), strict=True))
    vectors = rng.normal(0, 0.01, size=(codes.max() + 1, FEATURES))
    for mine, word in zip(here.tolist(), there.tolist(), strict=True):
        if word in known:
            vectors[mine, known[word]] += 1
    return vectors


def listed(count):
    """The ids, in the manual, of the words of all groups."""
    vocabulary = words(python_manual(repeated=False), rarest=5)[0]
    text = (LOADED.folder / "exercises" / "word_vectors.py").read_text(encoding="utf-8")
    found = re.search(r'GROUPS = """\n(.*?)"""', text, re.DOTALL)[1].split()
    assert len(found) == count
    return np.array([vocabulary.index(word) for word in found])


WEAK = [
    drawn,
    frequent_neighbours,
    projected,
    logarithms,
    principal_counts,
    same_paragraphs,
    typed_in,
    by_frequency,
]


def missed(make, seed):
    """What the check says of some vectors; None where they pass."""
    rng = np.random.default_rng(seed)
    case = CHECK.cases(rng, None)[0]
    asked, labels = case.hidden["x"], case.hidden["y"]
    vectors = make(*case.inputs.values(), asked, labels, rng)
    return CHECK.judge({"scores": vectors[asked]}, {"labels": labels}, case)


@pytest.mark.parametrize("make", WEAK, ids=lambda make: make.__name__)
def test_weak_vectors_answer_too_few_questions(make):
    expected = (
        r"the model has [2-5]\d\.\d% incorrect answers on unseen data; 12\.0% incorrect answers or less is required"
    )
    assert re.fullmatch(expected, missed(make, 0).sentence)


def test_factorized_mutual_information_is_as_good_as_training():
    def factorized(codes, paragraphs, _asked, _labels, _rng):
        table = together(codes, paragraphs, codes.max() + 1)
        total = table.sum(axis=1)
        U, s, _ = np.linalg.svd(np.log(np.maximum(table * total.sum() / np.outer(total, total), 1)))
        return U[:, :FEATURES] * np.sqrt(s[:FEATURES])

    assert missed(factorized, 0) is None


def test_every_text_has_synonyms_and_numbers_of_its_own():
    first, second = CHECK.cases(np.random.default_rng(0), None)[:2]
    assert not np.array_equal(first.hidden["x"], second.hidden["x"])
    assert not np.array_equal(first.inputs["x"][:1000], second.inputs["x"][:1000])
    for case in (first, second):
        assert case.inputs["x"].shape == case.inputs["y"].shape
        assert 0.88 < len(case.inputs["x"]) / 46_817 < 0.92
        assert len(set(case.hidden["x"].tolist())) == 207
        assert np.bincount(case.hidden["y"])[-FEATURES:].tolist() == [2] * FEATURES
