"""Trees, causal and locally connected convolutions of 07 agree with second formulas: the definitions, step by step."""

import itertools

import numpy as np
import pytest

from autograder.checks import Task, disguise
from autograder.isolation.tree import Rng

ASSIGNMENT = "07_recurrent"


def made(subject, name, parameters, **arguments):
    layer = subject.make(name, **arguments, rng=Rng(0))
    for path, value in parameters.items():
        layer.set(f"{path}.data", value)
    return layer


# --- RecursiveNet ----------------------------------------------------------------------------

TREES = [(((0, 1), 2), 0), ((0, 0), (2, 1)), (2, (1, (1, 1)))]


def rows_of(reference, tree, leaves):
    return reference.run("rows_of", tree, leaves)


def test_a_tree_of_nested_pairs_becomes_rows_of_children(reference):
    assert rows_of(reference, ((0, 1), 2), 3) == [[0, 1], [3, 2]]
    assert rows_of(reference, (((0, 1), 2), 0), 3) == [[0, 1], [3, 2], [4, 0]]
    assert rows_of(reference, (2, (1, (1, 1))), 3) == [[1, 1], [1, 3], [2, 4]]


def by_recursion(tree, leaves, weights, b):
    """The root's vector and, by the chain rule written down for one tree, what it changes: a Jacobian of every leaf."""
    if isinstance(tree, int):
        jacobians = [np.zeros((leaves.shape[1],) * 2) for _ in leaves]
        jacobians[tree] = np.eye(leaves.shape[1])
        return leaves[tree], jacobians
    (left, of_left), (right, of_right) = (by_recursion(child, leaves, weights, b) for child in tree)
    h = np.tanh(np.concatenate([left, right]) @ weights + b)
    slope, half = np.diag(1 - h**2), len(weights) // 2
    pairs = zip(of_left, of_right, strict=True)
    return h, [slope @ (weights[:half].T @ one + weights[half:].T @ other) for one, other in pairs]


def test_a_tree_gives_what_recursion_gives_and_its_leaves_the_product_of_all_jacobians_above(subject, reference, rng):
    x = rng.normal(size=(3, 3, 2))
    W, b = rng.normal(size=(4, 2)), rng.normal(size=2)
    net = made(subject, "RecursiveNet", {"W": W, "b": b}, features=2)
    y = net.call("forward", x, np.array([rows_of(reference, tree, 3) for tree in TREES]))
    dy = np.zeros_like(y)
    dy[:, -1] = rng.normal(size=(3, 2))
    dx = net.call("backward", dy)
    for n, tree in enumerate(TREES):
        root, jacobians = by_recursion(tree, x[n], W, b)
        np.testing.assert_allclose(y[n, -1], root, rtol=1e-12)
        for leaf, jacobian in enumerate(jacobians):
            np.testing.assert_allclose(dx[n, leaf], dy[n, -1] @ jacobian, rtol=1e-11, atol=1e-14)


def test_a_tree_that_leans_to_one_side_is_a_recurrent_network(subject, rng):
    x = rng.normal(size=(2, 5, 3))
    W, b = rng.normal(size=(6, 3)), rng.normal(size=3)
    net = made(subject, "RecursiveNet", {"W": W, "b": b}, features=3)
    tree = np.array([[[0, 1], [5, 2], [6, 3], [7, 4]]] * 2)
    y = net.call("forward", x, tree)
    layer = made(subject, "RNN", {"U": W[:3], "W": W[3:], "b": b}, in_features=3, hidden=3)
    h, _ = layer.call("forward", x[:, 1:], x[:, 0], None)
    np.testing.assert_allclose(y, h, rtol=1e-12)


# --- CausalConv1d and TCNBlock ---------------------------------------------------------------

SHAPES = [((1, 4, 1), 2, 2, 1), ((3, 9, 2), 3, 3, 2), ((2, 5, 3), 2, 4, 3), ((2, 3, 2), 1, 1, 2)]


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_a_causal_convolution_is_the_sum_of_its_definition(subject, rng, sizes):
    shape, out, kernel_size, dilation = sizes
    x, W, b = rng.normal(size=shape), rng.normal(size=(out, shape[2], kernel_size)), rng.normal(size=out)
    arguments = {"in_channels": shape[2], "out_channels": out, "kernel_size": kernel_size, "dilation": dilation}
    layer = made(subject, "CausalConv1d", {"W": W, "b": b}, **arguments)
    y = layer.call("forward", x)
    dy = rng.normal(size=y.shape)
    dx, dW = layer.call("backward", dy), layer.get("W.grad")
    expected, expected_dx, expected_dW = np.zeros(y.shape) + b, np.zeros(shape), np.zeros(W.shape)
    for t, k in np.ndindex(shape[1], kernel_size):
        s = t - dilation * (kernel_size - 1 - k)
        if s >= 0:
            expected[:, t] += np.einsum("oc,nc->no", W[:, :, k], x[:, s])
            expected_dx[:, s] += np.einsum("oc,no->nc", W[:, :, k], dy[:, t])
            expected_dW[:, :, k] += np.einsum("no,nc->oc", dy[:, t], x[:, s])
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(dW, expected_dW, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(layer.get("b.grad"), dy.sum(axis=(0, 1)), rtol=1e-12)


@pytest.mark.parametrize("kernel_size", [2, 3])
def test_a_stack_of_blocks_sees_as_far_as_question_1_says(subject, kernel_size):
    blocks = 3
    x = np.zeros((1, 40, 1))
    x[0, 0] = 1
    h = x
    for dilation in (1, 2, 4):
        ones = {f"conv{n}.{name}": np.full(shape, 1.0 if name == "W" else 0.0) for n in (1, 2)
                for name, shape in (("W", (1, 1, kernel_size)), ("b", (1,)))}  # fmt: skip
        block = made(
            subject, "TCNBlock", ones, in_channels=1, out_channels=1, kernel_size=kernel_size, dilation=dilation
        )
        h = block.call("forward", h)
    reached = np.flatnonzero(h[0, :, 0])
    assert len(reached) == 1 + 2 * (kernel_size - 1) * (2**blocks - 1)
    assert reached[-1] == len(reached) - 1


def test_a_block_projects_only_where_the_width_changes(subject):
    same = subject.make("TCNBlock", 3, 3, 2, rng=Rng(0)).parameters()
    wider = subject.make("TCNBlock", 3, 4, 2, rng=Rng(0)).parameters()
    assert set(wider) - set(same) == {"projection.W", "projection.b"}
    assert wider["projection.W"].shape == (4, 3, 1)


# --- LocallyConnected1d ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "kernel_size", "stride"), [((1, 4, 1), 2, 1), ((3, 9, 2), 3, 2), ((2, 8, 3), 2, 3), ((2, 5, 2), 5, 1)]
)
def test_weights_of_each_place_are_used_at_that_place(subject, rng, shape, kernel_size, stride):
    layer = subject.make("LocallyConnected1d", shape[2], 2, shape[1], kernel_size, stride, rng=Rng(1))
    W, b = (rng.normal(size=layer.get(f"{name}.data").shape) for name in "Wb")
    layer.set("W.data", W)
    layer.set("b.data", b)
    x = rng.normal(size=shape)
    y = layer.call("forward", x)
    dy = rng.normal(size=y.shape)
    dx, dW = layer.call("backward", dy), layer.get("W.grad")
    expected, expected_dx, expected_dW = np.zeros(y.shape), np.zeros(shape), np.zeros(W.shape)
    for n, p in np.ndindex(y.shape[:2]):
        here = slice(stride * p, stride * p + kernel_size)
        for o in range(y.shape[2]):
            expected[n, p, o] = (W[p, o] * x[n, here].T).sum() + b[p, o]
            expected_dx[n, here] += dy[n, p, o] * W[p, o].T
            expected_dW[p, o] += dy[n, p, o] * x[n, here].T
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(dW, expected_dW, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(layer.get("b.grad"), dy.sum(axis=0), rtol=1e-12)


def test_with_the_same_weights_everywhere_it_is_a_convolution(subject, rng):
    W, b, x = rng.normal(size=(2, 3, 4)), rng.normal(size=2), rng.normal(size=(3, 9, 3))
    arguments = {"in_channels": 3, "out_channels": 2, "kernel_size": 4}
    shared = made(subject, "CausalConv1d", {"W": W, "b": b}, **arguments)
    own = {"W": np.broadcast_to(W, (6, 2, 3, 4)).copy(), "b": np.broadcast_to(b, (6, 2)).copy()}
    layer = made(subject, "LocallyConnected1d", own, **arguments, length=9)
    np.testing.assert_allclose(layer.call("forward", x), shared.call("forward", x)[:, 3:], rtol=1e-12)


# --- the text's examples ---------------------------------------------------------------------


def test_the_examples_by_hand_are_right(subject):
    net = made(subject, "RecursiveNet", {"W": np.array([[1.0], [2]]), "b": np.zeros(1)}, features=1)
    y = net.call("forward", np.array([[[0.2], [-0.1]]]), np.array([[[0, 1], [2, 0]]]))
    np.testing.assert_allclose(y.ravel(), [0, 0.380], atol=5e-4)
    dx = net.call("backward", np.array([[[0.0], [1]]]))
    np.testing.assert_allclose(dx.ravel(), [2.567, 1.711], atol=5e-4)
    np.testing.assert_allclose(net.get("W.grad").ravel(), [0.171, 0.086], atol=5e-4)
    np.testing.assert_allclose(net.get("b.grad"), [1.711], atol=5e-4)

    arguments = {"in_channels": 1, "out_channels": 1, "kernel_size": 2, "dilation": 2}
    conv = made(subject, "CausalConv1d", {"W": np.array([[[10.0, 1]]]), "b": np.zeros(1)}, **arguments)
    y = conv.call("forward", np.array([[[1.0], [2], [3], [4]]]))
    np.testing.assert_array_equal(y.ravel(), [1, 2, 13, 24])
    dx = conv.call("backward", np.array([[[0.0], [0], [1], [2]]]))
    np.testing.assert_array_equal(dx.ravel(), [10, 20, 1, 2])
    np.testing.assert_array_equal(conv.get("W.grad").ravel(), [5, 11])
    np.testing.assert_array_equal(conv.get("b.grad"), [3])

    weights = {"conv1.W": 2.0, "conv1.b": -1.0, "conv2.W": -1.0, "conv2.b": 4.0}
    parameters = {path: np.full((1, 1, 1) if path.endswith("W") else 1, value) for path, value in weights.items()}
    block = made(subject, "TCNBlock", parameters, in_channels=1, out_channels=1, kernel_size=1)
    np.testing.assert_array_equal(block.call("forward", np.array([[[1.0], [3]]])).ravel(), [4, 3])
    np.testing.assert_array_equal(block.call("backward", np.ones((1, 2, 1))).ravel(), [-1, 1])

    parameters = {"W": np.array([[1.0, 0], [0, -1]]).reshape(2, 1, 1, 2), "b": np.zeros((2, 1))}
    local = made(subject, "LocallyConnected1d", parameters, in_channels=1, out_channels=1, length=3, kernel_size=2)
    np.testing.assert_array_equal(local.call("forward", np.array([[[1.0], [2], [3]]])).ravel(), [1, -3])
    np.testing.assert_array_equal(local.call("backward", np.array([[[1.0], [10]]])).ravel(), [1, 0, -10])
    np.testing.assert_array_equal(local.get("W.grad").reshape(2, 2), [[1, 2], [20, 30]])


# --- the capstones ---------------------------------------------------------------------------


def capstone(loaded, name):
    [check] = loaded.assignment.exercise(name).checks
    subject = loaded.subject(loaded.assignment.exercise(name))
    return check, check.cases(np.random.default_rng(3), subject)


def judged(check, case, outputs):
    return check.judge({"scores": outputs}, {"labels": case.hidden["y"]}, case)


def test_what_a_language_model_is_asked_is_not_in_its_input(loaded):
    _, cases = capstone(loaded, "train_language_model")
    assert len(cases) == 3
    for case in cases:
        x, y, contexts = case.inputs["x"], case.inputs["y"], case.hidden["x"]
        np.testing.assert_array_equal(x[1:], y[:-1])
        assert contexts.shape == (len(case.hidden["y"]), 64) == (1000, 64)
        text = bytes(x.astype("u1"))
        assert not any(bytes(row.astype("u1")) in text for row in contexts)
        assert set(np.unique(contexts)) <= set(np.unique(x))
    assert not np.array_equal(cases[0].inputs["x"], cases[1].inputs["x"])


def test_no_row_of_the_language_model_holds_what_another_one_is_asked_for(loaded):
    _, cases = capstone(loaded, "train_language_model")
    rows = [bytes(row.astype("u1")) for row in cases[0].hidden["x"]]
    assert not any(
        row.endswith(after[:length]) for row, after in itertools.pairwise(rows) for length in range(12, len(row))
    )


def test_the_ending_that_is_asked_for_is_the_one_before_it_in_the_sentence(loaded):
    _, cases = capstone(loaded, "train_language_model")
    for case in cases:
        rows, following = case.hidden["x"], case.hidden["y"]
        [hyphen] = np.unique(rows[:, -1])
        before = np.array([row[np.flatnonzero(row[:-1] == hyphen)[-1] + 1] for row in rows])
        np.testing.assert_array_equal(before, following)
        assert len(np.unique(following)) == 8
        assert np.bincount(following).max() < 200
        distances = [64 - (np.flatnonzero(row[:-1] == hyphen)[-1] + 1) for row in rows]
        assert set(distances) == {8, 9}


def test_every_seed_has_another_language_and_another_numbering(loaded):
    _, cases = capstone(loaded, "train_language_model")
    pairs = []
    for case in cases:
        found = np.zeros((22, 22))
        np.add.at(found, (case.inputs["x"], case.inputs["y"]), 1)
        pairs.append(found / found.sum())
    for one, other in itertools.combinations(pairs, 2):
        assert abs(one - other).sum() > 0.5
        assert abs(np.sort(one, axis=None) - np.sort(other, axis=None)).sum() > 0.01


def test_bits_are_those_of_the_probability_that_the_model_gave(loaded):
    check, [case, *_] = capstone(loaded, "train_language_model")
    following = case.hidden["y"]
    scores = np.zeros((len(following), 64, 128), "float32")
    assert "7 bits per ending" in judged(check, case, scores).sentence  # log₂ 128
    scores[np.arange(len(following)), -1, following] = 20
    assert judged(check, case, scores) is None
    assert judged(check, case, scores + 1000) is None
    assert "64, any), got" in judged(check, case, scores[:, -1]).sentence
    assert "inf bits" in judged(check, case, scores[:, :, : following.max()]).sentence
    scores[0, -1] = np.nan
    assert judged(check, case, scores) is not None


def test_always_answering_one_costs_a_sixth_in_the_adding_problem(loaded):
    check, [case, *_] = capstone(loaded, "train_adder")
    sums = case.hidden["y"]
    assert judged(check, case, sums.astype("float32")) is None
    assert judged(check, case, sums + 0.09) is None
    assert "a mean squared error of 0.0121" in judged(check, case, sums + 0.11).sentence
    assert judged(check, case, np.ones_like(sums)).error == pytest.approx(1 / 6 - 0.01, abs=0.03)
    assert "expected shape (1000, 1)" in judged(check, case, sums[:, 0]).sentence


def test_numbers_and_marks_are_mixed_and_can_be_separated_again(rng):
    x = rng.normal(size=(4, 5, 2))
    other = disguise(Task(x, x[:, 0, :1], x, x[:, 0, :1]), "rotation", rng)
    np.testing.assert_allclose(np.linalg.norm(other.x, axis=2), np.linalg.norm(x, axis=2), rtol=1e-12)
    assert not np.allclose(other.x, x)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_the_optional_steps_one_after_the_other_are_the_layer(loaded, kind):
    """Forward and backward of four steps, put together from the products and the steps of a cell."""
    rng = np.random.default_rng(3)
    batch, time, features, hidden = 3, 4, 2, 5
    gates = {"LSTM": 4, "GRU": 3}[kind]
    W, U = rng.normal(size=(features, gates * hidden)), rng.normal(size=(hidden, gates * hidden))
    b, bn = rng.normal(size=gates * hidden), rng.normal(size=hidden)
    x, dh = rng.normal(size=(batch, time, features)), rng.normal(size=(batch, time, hidden))
    parameters = {"W": W, "U": U, "b": b, **({"bn": bn} if kind == "GRU" else {})}
    step, step_back = f"{kind.lower()}_cell", f"{kind.lower()}_cell_backward"
    subjects = {name: loaded.subject(loaded.assignment.exercise(name)) for name in (kind, step, step_back)}
    layer = made(subjects[kind], kind, parameters, in_features=features, hidden=hidden)
    expected_h, _ = layer.call("forward", x)
    expected_dx, _ = layer.call("backward", dh)

    h, c, seen, dx = np.zeros((batch, hidden)), np.zeros((batch, hidden)), [], np.zeros_like(x)
    for t in range(time):
        if kind == "LSTM":
            new_h, new_c, after = subjects[step].run(step, x[:, t] @ W + h @ U + b, c)
            seen.append((after, c, new_c))
            h, c = new_h, new_c
        else:
            product = h @ U
            a, q = x[:, t] @ W + b, product[:, 2 * hidden :] + bn
            a[:, : 2 * hidden] += product[:, : 2 * hidden]
            new_h, after = subjects[step].run(step, a, q, h)
            seen.append((after, q, h))
            h = new_h
        np.testing.assert_allclose(h, expected_h[:, t], rtol=1e-12, atol=1e-12)
    from_next, dc = np.zeros((batch, hidden)), np.zeros((batch, hidden))
    for t in reversed(range(time)):
        delta = dh[:, t] + from_next
        if kind == "LSTM":
            da, dc = subjects[step_back].run(step_back, delta, dc, *seen[t])
            from_next = da @ U.T
        else:
            da, dq, straight = subjects[step_back].run(step_back, delta, *seen[t])
            from_next = np.concatenate([da[:, : 2 * hidden], dq], axis=1) @ U.T + straight
        dx[:, t] = da @ W.T
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-10, atol=1e-12)
