"""Checks of random draws: the bounds hold, correct draws pass, and each incorrect law is named."""

import math

import numpy as np
import pytest

from autograder.checks import Case, FunctionExercise, Rng
from autograder.checks.laws import POWER, Distribution, Mean, NormalMean, Variance
from autograder.checks.power import powers
from autograder.checks.statistics import CHANCE, RIGHT, Claim, in_pairs, seeded, statistics
from autograder.subject import LocalSubject


def mask(shape, p, rng):
    return rng.random(shape) < p


SHAPE = (60, 100)
exercise = FunctionExercise("mask", cases=lambda _: [Case({"shape": (2, 3), "p": 0.5, "rng": Rng(0)})], points=1)


def drawn_cases(rng):
    for p in (0.3, 0.8):
        yield Case({"shape": SHAPE, "p": p, "rng": Rng(int(rng.integers(2**31)))})


def both(axis):
    return lambda seen, _: np.logical_and(*in_pairs(seen["mask"], axis))


def beside_true(seen, _case):
    one, other = in_pairs(seen["mask"], 0)
    return other[one]


@statistics(
    exercise,
    "each entry is true by itself",
    cases=drawn_cases,
    claims=[
        Claim(
            "the share of True",
            lambda seen, _: seen["mask"],
            lambda case: Mean(case.arguments["p"]),
            {"False with probability p": lambda case: Mean(1 - case.arguments["p"])},
        ),
        Claim(
            "the share of True beside True in another row",
            beside_true,
            lambda case: Mean(case.arguments["p"]),
            {"one draw for all rows": lambda _: Mean(1.0)},
        ),
        Claim("the share of True in both of two columns", both(1), lambda case: Mean(case.arguments["p"] ** 2)),
    ],
)
def entries(subject, case):
    return {"mask": subject.run("mask", **case.arguments)}


@seeded(exercise, cases=drawn_cases)
def entries_again(subject, case):
    return subject.run("mask", **case.arguments)


def asked(function, check, seed=0):
    """What is said of a function at one check, and the words that stand for what was drawn; None where it passes."""
    check = exercise.find(check)
    reference, subject = (LocalSubject.live({"mask": f}, "") for f in (mask, function))
    rng = np.random.default_rng(seed)
    for case in check.cases(rng, reference):
        observed = check.observe(subject, case)
        found = check.judge(observed, check.expect(reference, case, rng), case)
        if found:
            return found.sentence, {name: word for name, word in observed.items() if not name.startswith("_")}
    return None


BY_ITSELF, GENERATOR = "each entry is true by itself", "draws from the generator that it is given"


@pytest.mark.parametrize(
    "right",
    [
        mask,
        lambda shape, p, rng: rng.uniform(size=shape) >= 1 - p,
        lambda shape, p, rng: rng.binomial(1, p, shape).astype(bool),
        lambda shape, p, rng: rng.choice([False, True], shape, p=[1 - p, p]),
        lambda shape, p, rng: rng.random(shape, dtype=np.float32) < p,
    ],
)
@pytest.mark.parametrize("check", [BY_ITSELF, GENERATOR])
def test_every_right_way_to_draw_passes(check, right):
    assert all(asked(right, check, seed) is None for seed in range(20))


def test_another_law_is_distinguished_from_others():
    for seed in range(20):
        sentence, words = asked(lambda shape, p, rng: rng.random(shape) >= p, BY_ITSELF, seed)
        assert words["the share of True"] == "False with probability p"
        assert sentence.startswith("the share of True is 0.")
        assert sentence.endswith("in 6,000 draws; expected 0.3")
    _, words = asked(lambda shape, p, rng: rng.random(shape) < p / 2, BY_ITSELF)
    assert words["the share of True"] == "too small, about 0.1"


def test_draws_that_hang_together_are_seen():
    _, words = asked(lambda shape, p, rng: np.broadcast_to(rng.random((shape[0], 1)) < p, shape), BY_ITSELF)
    assert words["the share of True in both of two columns"] == "too large, about 0.3"


def test_where_a_law_is_recognised_the_other_claims_are_not_asked():
    for seed in range(
        20
    ):  # the share of True comes from a hundred draws here: correct in some runs, incorrect in others
        sentence, words = asked(lambda shape, p, rng: np.broadcast_to(rng.random(shape[1]) < p, shape), BY_ITSELF, seed)
        assert words.pop("the share of True beside True in another row") == "one draw for all rows"
        assert set(words.values()) == {"not asked"}
        assert sentence.startswith("the share of True beside True in another row is 1 in ")


OWN = np.random.default_rng(3)


def stubborn(shape, p, rng):
    """A generator of its own for every one that it is given, always of one seed."""
    if not hasattr(stubborn, "own") or stubborn.given is not rng:
        stubborn.given, stubborn.own = rng, np.random.default_rng(3)
    return stubborn.own.random(shape) < p


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda shape, p, **_: np.random.default_rng(3).random(shape) < p, "a second call draws the same numbers"),
        (lambda shape, p, **_: np.random.default_rng().random(shape) < p, "a generator with the same seed gives other"),
        (lambda shape, p, rng: (rng.random(), OWN.random(shape) < p)[1], "a generator with the same seed gives other"),
        (stubborn, "a generator with another seed gives the same numbers"),
    ],
)
def test_another_generator_than_the_one_given_is_seen(wrong, sentence):
    assert asked(wrong, GENERATOR)[0].startswith(sentence)


@pytest.mark.parametrize(
    "nonsense",
    [lambda *_, **__: None, lambda *_, **__: "all", lambda *_, **__: np.full(SHAPE, np.nan), lambda *_, **__: 3],
)
def test_nonsense_is_wrong_and_no_crash(nonsense):
    assert asked(nonsense, BY_ITSELF) is not None
    assert asked(nonsense, GENERATOR) is not None


# --- the bounds ------------------------------------------------------------------------------


def test_a_mean_is_bounded_above_the_binomial_tails():
    n, p = 30, 0.3
    weights = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    for k in range(n + 1):
        tail = sum(weights[k:]) if k > n * p else sum(weights[: k + 1])
        assert Mean(p).chance(np.arange(n) < k) >= min(1.0, 2 * tail) * (1 - 1e-12) or k == n * p


def test_a_variance_is_bounded_above_the_chi_squared_tails():
    for x in np.linspace(0.01, 40, 200):  # of two numbers, whose sum of squares is at least x with probability e^(−x/2)
        tail = math.exp(-x / 2) if x > 2 else 1 - math.exp(-x / 2)
        assert Variance(2.5).chance(np.full(2, math.sqrt(2.5 * x / 2))) >= tail * (1 - 1e-12)


def test_a_normal_mean_is_bounded_above_its_tails():
    for z in np.linspace(0, 6, 50):
        assert NormalMean(1.0, 3.0).chance(np.full(16, 1 + 3 * z / 4)) >= math.erfc(z / math.sqrt(2)) * (1 - 1e-12)


@pytest.mark.parametrize(
    ("law", "draw"),
    [
        (Mean(0.2), lambda rng: rng.random(50) < 0.2),
        (Mean(0.5, -1, 2), lambda rng: rng.uniform(-1, 2, 50)),
        (NormalMean(-1, 2), lambda rng: rng.normal(-1, 2, 20)),
        (Variance(4), lambda rng: rng.normal(0, 2, 20)),
        (Variance(1 / 3), lambda rng: rng.uniform(-1, 1, 20)),
        (Distribution("uniform", lambda x: np.clip(x, 0, 1)), lambda rng: rng.random(40)),
        (Distribution("one of five", lambda k: (np.floor(k) + 1) / 5), lambda rng: rng.integers(5, size=40)),
    ],
)
def test_right_draws_are_refused_no_more_often_than_is_said(law, draw):
    rng = np.random.default_rng(1)
    refused = sum(law.chance(draw(rng).astype(float)) < 0.05 for _ in range(2000))
    assert refused <= 100


def test_draws_outside_of_their_range_have_no_chance():
    assert Mean(0.5).chance(np.array([0.5, 1.5])) == 0
    assert Mean(1.0).chance(np.array([1.0, 0.0])) == 0
    assert Mean(0.0).chance(np.zeros(9)) == 1
    assert Variance(1.0).chance(np.zeros(5)) == 0


def test_a_distribution_is_checked_before_a_number_too():
    one_of_five = Distribution("one of five", lambda k: np.clip((np.floor(k) + 1) / 5, 0, 1))
    assert one_of_five.measure(np.full(50, 4)) == pytest.approx(0.8)
    assert one_of_five.measure(np.full(50, 0)) == pytest.approx(0.8)
    assert one_of_five.measure(np.arange(50) % 5) == pytest.approx(0)


def test_a_share_is_distinguished_from_another_three_over_the_root_away():
    n = 10_000
    shifted = np.arange(n) < n * (0.5 + 3.2 / math.sqrt(n))
    claim = Claim("the share", lambda seen, _: seen, lambda _: Mean(0.5))
    assert claim.judged(shifted, Case(), CHANCE)[0] == "too large, about 0.5"
    assert claim.judged(np.arange(n) % 2 > 0, Case(), CHANCE) == (RIGHT, "")


def test_neighbours_are_each_in_one_pair():
    left, right = in_pairs(np.arange(10).reshape(2, 5), axis=1)
    assert (left.ravel().tolist(), right.ravel().tolist()) == ([0, 5, 2, 7], [1, 6, 3, 8])


# --- what is noticed -------------------------------------------------------------------------

SHARE, COUNT = CHANCE / 6, 3000


def of_mean(level, rng):
    return rng.random(COUNT) < level


def of_normal(level, rng):
    return rng.normal(level, 2.0, COUNT)


def of_variance(level, rng):
    return rng.normal(0, math.sqrt(level), COUNT)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("law", "draw"),
    [(Mean(0.3), of_mean), (Mean(0.04), of_mean), (NormalMean(1.0, 2.0), of_normal), (Variance(1.7), of_variance)],
    ids=["a share", "a small share", "a mean", "a variance"],
)
def test_what_a_law_says_it_notices_it_notices(law, draw, side):
    """The bound is no approximation: of 400 runs at that level, fewer than 4 pass, but for 1 in 300 of these tests."""
    level = law.noticed(COUNT, SHARE)[side]
    assert (level < law.level(), level > law.level())[side]
    passed = sum(law.chance(draw(level, np.random.default_rng(seed))) >= SHARE for seed in range(400))
    assert passed < 4
    half_way = (level + law.level()) / 2  # and it does not promise far too little
    assert sum(law.chance(draw(half_way, np.random.default_rng(seed))) >= SHARE for seed in range(100)) > 5


def test_a_distance_of_distributions_is_noticed():
    law = Distribution("uniform", lambda x: np.clip(x, 0, 1))
    _, distance = law.noticed(COUNT, SHARE)
    for seed in range(100):
        drawn = np.random.default_rng(seed).random(COUNT) * (1 - distance)
        assert law.chance(drawn) < SHARE
    assert POWER == 0.999


def test_a_claim_that_would_miss_its_mistake_says_so():
    nearly = FunctionExercise("mask", cases=lambda _: [Case({"shape": (2, 3), "p": 0.5, "rng": Rng(0)})], points=1)
    others = {"far": lambda _: Mean(0.6), "near": lambda case: Mean(case.arguments["p"] + 0.01)}

    @statistics(
        nearly,
        "each entry is true by itself",
        cases=drawn_cases,
        claims=[
            Claim("the share of True", lambda seen, _: seen["mask"], lambda case: Mean(case.arguments["p"]), others)
        ],
    )
    def observe(subject, case):
        return {"mask": subject.run("mask", **case.arguments)}

    reference = LocalSubject.live({"mask": mask}, "")
    found = list(powers(nearly, reference, lambda _: np.random.default_rng(3)))
    assert [(power.expected, power.count, power.missed) for power in found] == [
        (0.3, 6000, ["near"]),
        (0.8, 6000, ["near"]),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_mean_that_is_exact_is_not_drawn(seed):
    drawn = np.random.default_rng(seed).normal(size=2000)
    law = NormalMean(0.0, 1.0)
    assert law.chance(drawn) >= SHARE
    assert law.chance(drawn - drawn.mean()) < SHARE
    assert law.chance(np.concatenate([drawn, -drawn])) < SHARE
    assert law.chance(np.zeros(5)) == 1  # so few may be anything


def test_a_mean_that_is_exact_is_said_to_be_that_and_not_to_be_another():
    drawn = np.random.default_rng(2).normal(size=2000)
    claim = Claim("the mean of W", lambda seen, _case: seen["W"], lambda _: NormalMean(0.0, 1.0))
    word, said = claim.judged({"W": drawn - drawn.mean()}, Case(), SHARE)
    assert word == "exact"
    assert said.endswith("expected 0, but not exactly: that of independent draws is off by about 0.02")
    assert claim.judged({"W": drawn - drawn.mean() + 1}, Case(), SHARE)[0] == "too large, about 1"
