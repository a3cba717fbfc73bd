"""References of 14 beside PyTorch; what the plain versions compute; what train_fast demands; a whole ring."""

import numpy as np
import pytest

from dlkit import Parameter
from tests.solutions.golden import GoldenCalls, agree
from tests.solutions.references import names_of

ASSIGNMENT = "14_performance"
GOLDEN = GoldenCalls(ASSIGNMENT)
calls_of, arrays_of = GOLDEN.calls_of, GOLDEN.arrays_of


@pytest.fixture(scope="module")
def names():
    return names_of(ASSIGNMENT)


@calls_of("merge_attention")
def test_two_parts_of_the_keys_merge_into_what_all_give(number, call, names):
    arrays = arrays_of(number, call)
    y, lse = names["merge_attention"](arrays["y1"], arrays["lse1"], arrays["y2"], arrays["lse2"])
    agree(y, arrays["y"])
    agree(lse, arrays["lse"])


@calls_of("merge_attention")
def test_the_log_sum_exp_is_pytorchs(number, call, names):
    arrays, layer = arrays_of(number, call), names["AttentionChunked"]()
    agree(layer.forward(arrays["q"], arrays["k"], arrays["v"]), arrays["y"])
    agree(layer.lse, arrays["lse"])


@calls_of("AdamInPlace")
def test_steps_are_pytorchs(number, call, names):
    arrays = arrays_of(number, call)
    parameter = Parameter(arrays["start"].copy())
    optimizer = names["AdamInPlace"]([parameter], **call["arguments"])
    for gradient, after in zip(arrays["gradients"], arrays["after"], strict=True):
        parameter.grad[...] = gradient
        optimizer.step()
        agree(parameter.data, after)


@calls_of("train_fast")
def test_a_whole_training_is_pytorchs(number, call, names):
    arrays = arrays_of(number, call)
    layers = sum(name.startswith("W") for name in arrays)
    parameters = [Parameter(arrays[f"{kind}{k}"].copy()) for k in range(layers) for kind in "Wb"]
    data = arrays["x"], arrays["y"], arrays["order"]
    agree(names["train_fast"](*data, parameters=parameters, **call["arguments"]), arrays["losses"])
    agree(parameters[0].data, arrays["last"])


@pytest.mark.parametrize(("workers", "length"), [(1, 4), (2, 7), (5, 13), (8, 3)])
def test_a_ring_sums_and_nobody_sends_more_than_twice_its_array(workers, length, names):
    arrays = np.random.default_rng(0).normal(size=(workers, length))
    ring = [names["RingWorker"](array, rank=rank, workers=workers) for rank, array in enumerate(arrays)]
    sent = np.zeros(workers, int)
    for r in range(2 * (workers - 1)):
        pieces = [worker.send(r).copy() for worker in ring]
        sent += [piece.size for piece in pieces]
        for rank, worker in enumerate(ring):
            worker.receive(pieces[rank - 1], r)
    for worker in ring:
        agree(worker.numbers, arrays.sum(axis=0))
    assert sent.max(initial=0) <= 2 * length
