"""References of 15 beside PyTorch, beside layers by hand, and beside numerical differences along directions."""

import numpy as np
import pytest

from autograder.course.answers import Answers
from autograder.diagnosis.planted import Planted
from autograder.subject import LocalSubject
from dlkit.course import providing
from tests.solutions.golden import GoldenCalls, agree
from tests.solutions.references import names_of

ASSIGNMENT = "15_autograd"
GOLDEN = GoldenCalls(ASSIGNMENT)
FUNCTIONS = ("softmax", "rms_norm", "causal_attention")
METHODS = (
    *("add", "mul", "maximum", "power", "exp", "tanh", "relu"),
    *("sum", "mean", "reshape", "transpose", "getitem", "matmul"),
)
WEIGHTS = ("wte", "wpe", "Wq", "Wk", "Wv", "Wo", "W1", "W2", "head")


@pytest.fixture(scope="module")
def names():
    return names_of(ASSIGNMENT)


def arguments_of(call):
    """Arguments as Python has them: a list of JSON is a tuple, but for an index."""
    return {
        name: tuple(value) if isinstance(value, list) and name != "index" else value
        for name, value in call["arguments"].items()
    }


@GOLDEN.calls_of(*METHODS, *FUNCTIONS, "concatenate")
def test_an_operation_has_the_values_and_gradients_of_pytorch(names, number, call):
    arrays, name = GOLDEN.arrays_of(number, call), call["exercise"]
    tensors = [names["Tensor"](arrays[key]) for key in sorted(key for key in arrays if key.startswith("x"))]
    if name == "concatenate":
        y = names[name](tensors, **arguments_of(call))
    elif name in FUNCTIONS:
        y = names[name](*tensors, **arguments_of(call))
    else:
        y = getattr(tensors[0], name)(*tensors[1:], **arguments_of(call))
    agree(y.data, arrays["y"])
    y.backward(arrays["dy"])
    for place, tensor in enumerate(tensors):
        agree(tensor.grad, arrays[f"dx{place}"])


@GOLDEN.calls_of("cross_entropy")
def test_cross_entropy_has_the_value_and_gradient_of_pytorch(names, number, call):
    arrays = GOLDEN.arrays_of(number, call)
    scores = names["Tensor"](arrays["x0"])
    y = names["cross_entropy"](scores, arrays["targets"])
    y.backward()
    agree(y.data, arrays["y"])
    agree(scores.grad, arrays["dx0"])


@GOLDEN.calls_of("GPT")
def test_the_gpt_has_the_scores_loss_and_gradients_of_pytorch(names, number, call):
    arrays = GOLDEN.arrays_of(number, call)
    symbols, d = arrays["w0"].shape
    rng = np.random.default_rng(0)
    model = names["GPT"](symbols, d, call["arguments"]["heads"], len(arrays["w1"]), rng=rng)
    for place, tensor in enumerate(model.parameters()):
        tensor.data = arrays[f"w{place}"]
    scores = model.forward(arrays["ids"])
    agree(scores.data, arrays["scores"])
    loss = names["cross_entropy"](scores, arrays["targets"])
    loss.backward()
    agree(loss.data, arrays["y"])
    for place, tensor in enumerate(model.parameters()):
        agree(tensor.grad, arrays[f"dw{place}"])


@GOLDEN.calls_of("TensorAdam")
def test_adam_takes_the_steps_of_pytorch(names, number, call):
    arrays = GOLDEN.arrays_of(number, call)
    tensor = names["Tensor"](arrays["start"].copy())
    optimizer = names["TensorAdam"]([tensor], **arguments_of(call))
    for grad, end in zip(arrays["grads"], arrays["ends"], strict=True):
        tensor.grad = grad
        optimizer.step()
        agree(tensor.data, end)


def test_the_gpt_by_hand_has_the_same_loss_and_gradients(names):
    provided = {module: names_of(f"{number}_{module}") for number, module in EARLIER}
    rng = np.random.default_rng(4)
    model = names["GPT"](27, rng=rng)
    codes = names["as_codes"](names["manual_words"]()[::97])
    ids, targets = names["read_and_guess"](codes)
    with providing(provided):
        value, grads = names["HandwrittenGPT"](model).loss_and_gradients(ids, targets)
    found, slopes = names["engine_loss_and_gradients"](model, ids, targets)
    assert abs(found - value) < 1e-10
    for name, grad, slope in zip(WEIGHTS, slopes, grads, strict=True):
        assert abs(grad - slope).max() < 1e-10, name


EARLIER = (("02", "layers"), ("03", "losses"), ("08", "embeddings"), ("09", "attention"))


def test_the_gpt_has_the_numbers_that_the_text_says(names):
    model = names["GPT"](27, rng=np.random.default_rng(0))
    assert sum(tensor.data.size for tensor in model.parameters()) == 4192


def test_backward_calls_nothing_by_itself_that_is_deeper_than_python_allows(names):
    node = first = names["Tensor"](np.ones(2))
    for _ in range(20_000):
        node = node + 1.0
    node.backward(np.array([2.0, 3.0]))
    np.testing.assert_array_equal(first.grad, [2.0, 3.0])


def test_a_graph_is_given_up_so_that_its_arrays_are_free(names):
    import gc
    import weakref

    x = names["Tensor"](np.ones(3))
    middle = x * 2.0
    gone = weakref.ref(middle)
    y = (middle * x).sum()
    del middle
    y.backward()
    gc.collect()
    assert gone() is None


def test_operators_compute_what_they_say(names):
    x = names["Tensor"](np.array([1.0, 4.0]))
    for found, expected in (
        (3.0 - x, [2, -1]),
        (x - 3.0, [-2, 1]),
        (x / 2.0, [0.5, 2]),
        (x / x, [1, 1]),
        (-x, [-1, -4]),
        (2.0 * x, [2, 8]),
        (1.0 + x, [2, 5]),
        (x**0.5, [1, 2]),
        (np.array([1.0, 2.0]) * x, [1, 8]),
    ):
        np.testing.assert_allclose(found.data, expected)


def test_a_table_of_pairs_is_what_the_text_says(names):
    rng = np.random.default_rng(1)
    codes = names["as_codes"](names["manual_words"]())
    dealt = rng.permutation(len(codes))
    assert names["pair_table_loss"](codes[dealt[400:]], codes[dealt[:400]]) == pytest.approx(2.42, abs=0.05)


def judged(train):
    """What the capstone's check says about a function, on one drawing."""
    exercise = GOLDEN.loaded.assignment.exercise("train_gpt")
    (check,) = exercise.checks
    subject = LocalSubject.live({"train_gpt": train}, "")
    case = check.cases(np.random.default_rng(2), subject)[0]
    return check.judge(check.observe(subject, case), {}, case)


def fresh_arrays(names):
    return [tensor.data for tensor in names["GPT"](27, rng=np.random.default_rng(0)).parameters()]


def test_an_untrained_gpt_does_not_pass_the_capstone(names):
    mismatch = judged(lambda *_, **__: fresh_arrays(names))
    assert mismatch.kind == "accuracy"
    assert mismatch.sentence.startswith("the loss on unseen words is 3.")


def test_tables_of_counts_do_not_pass_the_capstone(names):
    def pairs(codes, rng):
        counts = np.full((27, 27), 0.1)
        known = codes[:, 1:] >= 0
        np.add.at(counts, (codes[:, :-1][known], codes[:, 1:][known]), 1)
        return np.log(counts / counts.sum(axis=1, keepdims=True))

    def triples(codes, rng):
        counts = np.full((27, 27, 27), 0.1)
        known = codes[:, 2:] >= 0
        np.add.at(counts, (codes[:, :-2][known], codes[:, 1:-1][known], codes[:, 2:][known]), 1)
        return [counts / counts.sum(axis=2, keepdims=True)]

    for table in (pairs, triples):
        mismatch = judged(table)
        assert mismatch.kind == "structure"
        assert "expected a list of 9 arrays" in mismatch.sentence


def test_a_table_of_pairs_squeezed_into_the_arrays_does_not_pass_the_capstone(names):
    def squeezed(codes, rng):
        """The best table of rank 16, as embedding and head of a model without branches."""
        counts = np.full((27, 27), 0.1)
        known = codes[:, 1:] >= 0
        np.add.at(counts, (codes[:, :-1][known], codes[:, 1:][known]), 1)
        logits = np.log(counts / counts.sum(axis=1, keepdims=True))
        left, sizes, right = np.linalg.svd(logits, full_matrices=False)
        arrays = [np.zeros_like(array) for array in fresh_arrays(names)]
        arrays[0], arrays[-1] = left[:, :16] * sizes[:16], right[:16] * 10
        return arrays

    assert judged(squeezed).kind == "accuracy"


def test_arrays_of_another_form_are_named(names):
    def changed(place, array):
        arrays = fresh_arrays(names)
        arrays[place] = array
        return judged(lambda *_, **__: arrays).sentence

    assert changed(0, np.zeros((28, 16))) == "train_gpt: array 0: expected floats of shape (27, 16), got (28, 16)"
    assert "holds numbers that are not finite" in changed(3, np.full((16, 16), np.nan))
    assert "expected floats of shape (16, 27), got float" in changed(8, 1.5)


def test_a_mistake_is_loaded_without_what_is_given_and_derived_from_other_exercises():
    planted = Planted(GOLDEN.loaded, Answers(GOLDEN.loaded, 0))
    for name in ("unbroadcast", "spread", "no_grad", "softmax"):
        exercise = GOLDEN.loaded.assignment.exercise(name)
        assert all(planted.subject(exercise, mistake) for mistake in exercise.mistakes), name
