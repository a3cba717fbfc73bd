"""A diagnosis is given only where the numbers prove it."""

import numpy as np
import pytest

from autograder.diagnosis.arrays import same
from autograder.diagnosis.evidence import Evidence, Pair, gather
from autograder.diagnosis.outcomes import Raised, take_fingerprints, wrong_names
from autograder.diagnosis.pattern import first
from autograder.diagnosis.patterns import PATTERNS
from autograder.diagnosis.places import places
from autograder.diagnosis.probe import Probe
from autograder.diagnosis.properties import PROPERTIES, Violation
from autograder.spec import Case

RNG = np.random.default_rng(0)
SHAPES = [(7, 3), (5, 4), (2, 3)]


def evidence(change, draw=None, **arguments):
    """One name in three cases, with what ``change(wanted, case)`` makes of the expected values."""
    rng = np.random.default_rng(1)
    pairs = []
    for shape in SHAPES:
        wanted = draw(shape) if draw else rng.normal(size=shape)
        case = Case(dict(arguments), x=rng.normal(size=shape)).with_changes(upstream=rng.normal(size=shape))
        pairs.append(Pair(np.asarray(change(wanted, case)), wanted, case, {}, {"dx": wanted}))
    return Evidence("dx", tuple(pairs))


def said(of):
    found = first(PATTERNS, of, Probe(None, None, None))
    return found.key if found else ""


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda w, _: -w, "sign"),
        (lambda w, _: 2 * w, "factor 2"),
        (lambda w, _: -w * w.size, "sign, factor size"),
        (lambda w, _: w * len(w) / (len(w) - 1), "factor rows/(rows − 1)"),
        (lambda w, _: 1.7321 * w, "factor constant"),
        (lambda w, case: w * case.inputs["x"] / 2, "extra factor x, factor 1/2"),
        (lambda w, case: w + case.upstream * case.inputs["x"], "term x · dy"),
        (lambda w, _: abs(w), "absolute"),
        (lambda w, _: np.stack([w / 4] * 4), "missing sum"),
        (lambda w, _: w.sum(axis=0, keepdims=True) + 0 * w, "summed too far"),
        (lambda w, case: np.where(case.inputs["x"] > 0, w, 3 * w), "branch x < 0: factor 3"),
        (lambda w, _: w + RNG.normal(size=w.shape), ""),
    ],
)
def test_a_relation_is_named(change, key):
    assert said(evidence(change)) == key


def test_arrays_that_are_alike_prove_nothing():
    assert said(evidence(lambda w, _: 2 * w, draw=np.ones)) == ""
    assert said(evidence(lambda w, _: w[::-1], draw=np.zeros)) == ""
    one = evidence(lambda w, _: 2 * w)
    assert (
        said(Evidence("dx", tuple(Pair(p.seen[:1, :1], p.expected[:1, :1], p.case, {}, {}) for p in one.pairs))) == ""
    )


def test_a_relation_that_fails_in_one_entry_is_not_named():
    of = evidence(lambda w, _: 2 * w)
    of.pairs[1].seen[2, 1] *= 1.001
    assert said(of) == ""


def test_a_factor_that_changes_from_case_to_case_is_none():
    factors = iter([1.3, 2.9, 0.7])
    assert said(evidence(lambda w, _: next(factors) * w)) == ""


def test_rows_that_are_wrong_as_a_whole_prove_no_branch():
    def change(wanted, case):
        far = case.inputs["x"].sum(axis=1, keepdims=True) > 0
        case.inputs["x"] = np.where(far, 5.0, -5.0) + 0.1 * case.inputs["x"]
        return np.where(far, wanted + RNG.normal(size=wanted.shape), wanted)

    assert said(evidence(change)) == ""


def test_nan_and_inf_agree_with_nothing():
    assert not same(np.array([1.0, 2.0]), np.array([1.0, np.inf]))
    assert not same(np.array([np.nan, 2.0]), np.array([1.0, 2.0]))


# --- fingerprints ----------------------------------------------------------------------------------


def test_a_print_forgives_rounding_and_nothing_more():
    x = RNG.normal(size=(4, 5))
    one, close, other = (take_fingerprints([{"y": a}])["y"] for a in (x, x * (1 + 1e-14), x + 1e-6))
    assert one.agrees(close)
    assert not one.agrees(other)
    assert not one.agrees(take_fingerprints([{"y": x.T}])["y"])
    assert not one.agrees(take_fingerprints([{"y": x.astype(np.float32)}])["y"])
    assert not one.agrees(take_fingerprints([{"y": x[::-1]}])["y"])


def test_a_print_tells_where_a_nan_is():
    first, second = (np.array([np.nan, 1.0]), np.array([1.0, np.nan]))
    assert not take_fingerprints([{"y": first}])["y"].agrees(take_fingerprints([{"y": second}])["y"])
    assert take_fingerprints([{"y": first}])["y"].agrees(take_fingerprints([{"y": first.copy()}])["y"])


def test_an_error_is_compared_by_its_words_or_by_its_kind_alone():
    one, other = (
        take_fingerprints([Raised("ValueError", text)])["what is raised"] for text in ("shapes (3,)", "shapes (4,)")
    )
    assert not one.agrees(other)
    assert one.agrees(other, messages=False)
    assert not one.agrees(take_fingerprints([Raised("TypeError", "shapes (3,)")])["what is raised"], messages=False)


def test_a_print_holds_three_numbers_however_large_the_array():
    assert len(take_fingerprints([{"y": np.zeros((100, 100))}])["y"].numbers) == 3


def test_names_that_differ_or_are_missing_are_wrong():
    right = take_fingerprints([{"dx": np.ones(3), "dW": np.ones(2), "_slopes": 1.0}])
    assert wrong_names(take_fingerprints([{"dx": np.ones(3), "dW": np.zeros(2)}]), right) == {"dW"}
    assert wrong_names(take_fingerprints([{"dx": np.ones(3)}]), right) == {"dW"}


# --- where, and what a property says ---------------------------------------------------------


def placed(wrong, shape=(7, 3)):
    wanted = RNG.normal(size=shape)
    seen = wanted.copy()
    seen[wrong] += 1
    return places(Evidence("dx", (Pair(seen, wanted, Case(x=wanted), {}, {}),)))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.s_[:, -1], "only in the last column"),
        (np.s_[3:6], "only in rows 3 to 5"),
        (np.s_[0], "only at (0, 0) and (0, 1) and (0, 2)"),
        (np.s_[:], "in every entry"),
        (np.s_[2, 1], "only at (2, 1)"),
    ],
)
def test_the_place_is_said_in_words(wrong, words):
    assert placed(wrong).sentence == f"dx is wrong {words} (x (7, 3))"


def test_the_border_of_an_image_is_called_so():
    border = np.ones((2, 2, 6, 6), dtype=bool)
    border[..., 1:-1, 1:-1] = False
    assert "only at the border of the last two axes" in placed(border, (2, 2, 6, 6)).sentence


def test_a_map_is_small_and_holds_tenths_of_the_largest_error():
    heat = placed(np.s_[3:6], (40, 30)).heat
    assert (len(heat), len(heat[0])) == (12, 12)
    assert {value for row in heat for value in row} == {0.0, 1.0}


def test_an_array_that_is_too_large_to_look_at_is_left_alone():
    huge = np.zeros((2, 1_000_000))
    assert gather("y", [{"y": huge}], [(Case(x=np.ones(2)), {"y": np.ones(2)})], [None]) is None
    assert gather("y", [Raised("ValueError", "")], [(Case(x=np.ones(2)), {"y": np.ones(2)})], [None]) is None


def test_what_accumulates_with_another_factor_is_not_recognised():
    of = evidence(lambda w, _: 0.7 * w)
    assert first(PROPERTIES, Violation("gradients accumulate", None, [], [], of)) is None
