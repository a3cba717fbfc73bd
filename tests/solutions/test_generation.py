"""Generation, experts, patches and the worked examples of the second half of 09 agree with second formulas."""

import itertools
import math

import numpy as np
import pytest

from autograder.checks import Rng

ASSIGNMENT = "09_attention"
VOCABULARY = 30


@pytest.fixture
def model(names):
    return names["CharacterModel"](VOCABULARY, 16, 4, 2, 24, 2, rng=np.random.default_rng(0))


# --- with a cache, and without ---------------------------------------------------------------


@pytest.mark.parametrize("prompt", [1, 7])
def test_with_caches_the_scores_of_every_step_are_those_without(model, prompt):
    ids = np.random.default_rng(1).integers(VOCABULARY, size=(2, 90))
    caches = model.new_caches()
    found = [model.forward(ids[:, :prompt], caches)]
    found += [model.forward(ids[:, t : t + 1], caches) for t in range(prompt, 90)]
    np.testing.assert_allclose(np.concatenate(found, axis=1), model.forward(ids), rtol=0, atol=1e-9)


def test_greedy_generation_is_that_without_caches(model, names):
    ids = np.random.default_rng(2).integers(VOCABULARY, size=(3, 5))
    found = names["generate"](ids, model=model, length=60)
    scores = np.sort(model.forward(found)[:, 4:-1], axis=2)
    clear = scores[:, :, -1] - scores[:, :, -2] > 1e-6
    right = model.forward(found)[:, 4:-1].argmax(axis=2)
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(found[:, 5:][clear], right[clear])


def test_the_caches_of_a_model_keep_the_key_heads_alone(model):
    caches = model.new_caches()
    model.forward(np.zeros((3, 11), int), caches)
    assert [cache.keys.shape for cache in caches] == 2 * [(3, 2, 11, 4)]


# --- the layers by hand ----------------------------------------------------------------------


def test_the_worked_example_of_an_encoder_layer(names):
    layer = names["EncoderLayer"](2, 1, 3, rng=np.random.default_rng(0))
    layer.norms[0].eps = 0
    for W in (layer.attention.Wv, layer.attention.Wo):
        W.data[...] = np.eye(2)
    layer.feed_forward.W2.data[...] = 0
    np.testing.assert_allclose(layer.forward(np.array([[[3.0, 4.0]]])), [[[3.849, 5.131]]], atol=5e-4)
    np.testing.assert_allclose(layer.backward(np.array([[[1.0, 0.0]]])), [[[1.181, -0.136]]], atol=5e-4)


def test_the_worked_examples_of_the_warm_up(names):
    class Standing:
        lr = 1.0

    schedule = names["WarmupSchedule"](Standing(), 4, 2)
    np.testing.assert_allclose([schedule.rate(t) for t in range(3)], [0.177, 0.354, 0.289], atol=5e-4)


def test_the_worked_example_of_patches(names):
    layer = names["PatchEmbedding"](1, (2, 4), 2, 1, rng=np.random.default_rng(0))
    layer.W.data[...], layer.token.data[...], layer.positions.data[...] = 1, 9, 0
    x = np.arange(1.0, 9).reshape(1, 1, 2, 4)
    assert layer.forward(x).ravel().tolist() == [9, 14, 22]
    dx = layer.backward(np.array([[[1.0], [10.0], [100.0]]]))
    assert dx.ravel().tolist() == [10, 10, 100, 100, 10, 10, 100, 100]
    assert layer.W.grad.ravel().tolist() == [310, 420, 750, 860]
    assert (layer.token.grad.item(), layer.b.grad.item()) == (1, 110)


# --- experts ---------------------------------------------------------------------------------


def test_a_mixture_is_the_weighted_sum_over_all_experts_position_by_position(subject, rng):
    x = rng.normal(size=(2, 4, 3))
    layer = subject.make("MixtureOfExperts", features=3, hidden=5, experts=4, top_k=2, rng=Rng(0))
    y, balance = layer.call("forward", x)
    parameters = layer.parameters()
    chosen, sums = np.zeros(4), np.zeros(4)
    for row, found in zip(x.reshape(-1, 3), y.reshape(-1, 3), strict=True):
        p = np.exp(row @ parameters["Wr"])
        p /= p.sum()
        best = sorted(range(4), key=lambda e: -p[e])[:2]
        expected = 0
        for e in best:
            W1, b1, W2, b2 = (parameters[f"experts.{e}.{name}"] for name in ("W1", "b1", "W2", "b2"))
            expected = expected + p[e] / p[best].sum() * (np.maximum(0, row @ W1 + b1) @ W2 + b2)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        chosen[best] += 1
        sums += p
    np.testing.assert_allclose(balance, 4 * (chosen / 16 * sums / 8).sum(), rtol=1e-12)


def test_a_balanced_mixture_has_the_balance_one_and_no_gradient_of_it(names, rng):
    layer = names["MixtureOfExperts"](2, 3, 2, 1, rng=np.random.default_rng(0))
    layer.Wr.data[...] = np.eye(2)
    x = np.array([[1.0, -1.0], [-1.0, 1.0]])
    _, balance = layer.forward(x)
    assert balance == pytest.approx(1)
    np.testing.assert_allclose(layer.backward(np.zeros((2, 2)), 1.0), 0, atol=1e-15)


# --- choosing --------------------------------------------------------------------------------


def test_a_wide_beam_finds_the_best_of_all_texts(names, reference, rng):
    class Table:
        def __init__(self, scores):
            self.scores = scores

        def forward(self, ids):
            return self.scores[ids]

    scores, end, length, alpha = rng.normal(size=(3, 3)), 2, 4, 0.7
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    texts = {}
    for text in itertools.product(range(3), repeat=length):
        new = text[: text.index(end) + 1] if end in text else text
        total = sum(log_p[before, after] for before, after in itertools.pairwise((0, *new)))
        texts[new] = total / ((5 + len(new)) / 6) ** alpha
    best = max(texts, key=texts.get)
    new, score = names["beam_search"](
        np.array([0]), model=Table(scores), beams=3**length, length=length, end=end, alpha=alpha
    )
    assert tuple(new) == best
    assert score == pytest.approx(texts[best])


class Fixed:
    """The worked example of beam search: probabilities after the start (0), a (1) and b (2); the end is 3."""

    p = np.array([[0, 0.4, 0.6, 0], [0, 0, 0, 1], [0, 0.4, 0.4, 0.2], [0.25] * 4])

    def forward(self, ids):
        return np.log(self.p + 1e-300)[ids]


def test_the_worked_example_of_beam_search(names):
    new, score = names["beam_search"](np.array([0]), model=Fixed(), beams=2, length=6, end=3)
    assert new == [1, 3]
    assert score == pytest.approx(math.log(0.4) / (7 / 6) ** 0.6, rel=1e-9)


def test_the_worked_example_of_sampling(names):
    scores = np.log(np.tile([0.5, 0.3, 0.15, 0.05], (40_000, 1)))
    drawn = names["sample"](scores, top_p=0.7, rng=np.random.default_rng(0))
    assert set(drawn.tolist()) == {0, 1}
    assert (drawn == 0).mean() == pytest.approx(0.625, abs=0.01)
    both = names["sample"](scores, top_k=3, top_p=0.83, rng=np.random.default_rng(0))
    assert set(both.tolist()) == {0, 1}
