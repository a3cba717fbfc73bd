"""Every reference of 08 gives what PyTorch or scikit-learn gives; byte-pair encoding, what counting anew gives.

The golden values were computed by ``tests/golden/embeddings.py``; no PyTorch is needed here.
"""

from itertools import pairwise

import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from autograder.checks import Rng
from tests.solutions.golden import GoldenCalls, agree

ASSIGNMENT = "08_embeddings"
GOLDEN = GoldenCalls(ASSIGNMENT)
subject_of, calls_of, arrays_of = GOLDEN.subject_of, GOLDEN.calls_of, GOLDEN.arrays_of
DRAWN = {"Embedding", "ParagraphVector"}


def in_dtype(arrays, dtype):
    return {name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@calls_of("Embedding", "ParagraphVector")
def test_layers_of_ids_give_what_pytorch_gives(number, call, array_library, dtype):
    arrays = arrays_of(number, call)
    given = in_dtype(arrays, dtype)
    layer = subject_of(call["exercise"], array_library).make(call["exercise"], **call["arguments"], rng=Rng(0))
    layer.call("astype", dtype)
    tables = [name for name in ("D", "W") if name in arrays]
    for name in tables:
        layer.set(f"{name}.data", given[name])
    ids = [given[name] for name in ("ids", "document", "word", "negatives") if name in arrays]
    agree(layer.call("forward", *ids), arrays["y"], dtype)
    assert layer.call("backward", given["dy"]) is None
    for name in tables:
        agree(layer.get(f"{name}.grad"), arrays[f"d{name}"], dtype)


@calls_of("SkipGramNegativeSampling")
def test_the_loss_of_word_pairs_is_pytorch_s(number, call, array_library):
    arrays = arrays_of(number, call)
    names = ("centre", "context", "negatives")
    loss = subject_of(call["exercise"], array_library).make(call["exercise"])
    agree(loss.call("forward", *(arrays[name] for name in names)), arrays["loss"])
    for name, gradient in zip(names, loss.call("backward"), strict=True):
        agree(gradient, arrays[f"d{name}"])


@calls_of("cosine_neighbours", "truncated_svd", "sentence_embedding")
def test_functions_of_vectors_give_what_pytorch_gives(number, call, array_library):
    arrays = arrays_of(number, call)
    inputs = [arrays[name] for name in ("vectors", "queries", "x") if name in arrays]
    results = [name for name in ("ids", "similarities", "U", "s", "V") if name in arrays]
    if call["exercise"] == "sentence_embedding":
        inputs, results = [arrays[name] for name in ("ids", "mask", "vectors", "p") if name in arrays], ["result"]
    found = subject_of(call["exercise"], array_library).run(call["exercise"], *inputs, **call["arguments"])
    for name, value in zip(results, found if len(results) > 1 else [found], strict=True):
        agree(value, arrays[name])


def test_weighted_counts_are_scikit_learn_s(rng):
    counts = rng.poisson(0.7, size=(12, 9))
    counts[3] = 0
    agree(subject_of("tf_idf").run("tf_idf", counts), TfidfTransformer().fit_transform(counts).toarray())


def counted_anew(text, vocab_size):
    """Merges, every pair counted anew each time."""
    ids, strings, merges = list(text.encode()), [bytes([i]) for i in range(256)], []
    while len(strings) < vocab_size and len(ids) > 1:
        pairs = list(pairwise(ids))
        best = max(set(pairs), key=lambda pair: (pairs.count(pair), strings[pair[0]], strings[pair[1]]))
        merges.append(best)
        strings.append(strings[best[0]] + strings[best[1]])
        merged = []
        for i in ids:
            if merged and (merged[-1], i) == best:
                merged[-1] = len(strings) - 1
            else:
                merged.append(i)
        ids = merged
    return merges, ids


@pytest.mark.parametrize("alphabet", ["a", "ab", "aab", "abcdé", "日本"])
def test_incremental_merges_are_those_of_counting_anew(alphabet, rng):
    subject = subject_of("BPETokenizer")
    for length in (0, 1, 2, 3, 7, 30, 120):
        text = "".join(rng.choice(list(alphabet), size=length))
        tokenizer = subject.make("BPETokenizer")
        tokenizer.call("train", text, vocab_size=300)
        merges, ids = counted_anew(text, 300)
        assert tokenizer.get("merges") == merges
        assert tokenizer.call("encode", text) == ids
        assert tokenizer.call("decode", ids) == text
