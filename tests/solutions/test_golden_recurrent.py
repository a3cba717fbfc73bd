"""Every recurrent layer of 07 gives what PyTorch gives: alone, stacked, in both directions, with early ends.

The golden values were computed by ``tests/golden/recurrent.py``; no PyTorch is needed here.  What PyTorch does not have
(dropout that is drawn here, kept states, the notebook's examples) is compared with second formulas.
"""

import itertools

import numpy as np
import pytest

import dlkit
from dlkit import asarray, to_numpy
from tests.solutions.golden import read_golden
from tests.solutions.references import names_of

ASSIGNMENT = "07_recurrent"
TOLERANCE = {"float64": {"rtol": 1e-10, "atol": 1e-13}, "float32": {"rtol": 1e-4, "atol": 1e-5}}
KINDS = ["RNN", "LSTM", "GRU"]
HEADER, GOLDEN = read_golden(ASSIGNMENT)
CALLS = HEADER["calls"]


def arrays_of(number):
    """The arrays of one call by role and name."""
    flat, found = GOLDEN[str(number)], {}
    for key, shape in CALLS[number]["arrays"]:
        role, _, name = key.partition(".")
        size = int(np.prod(shape))
        values, flat = flat[:size].reshape(shape), flat[size:]
        found.setdefault(role, {})[name] = values != 0 if name == "mask" else values
    assert not flat.size
    return found


def said(call):
    words = [
        call["kind"],
        f"{call['layers']}-layers",
        "both-ways" if call["both"] else "",
        "masked" if call["lengths"] else "",
    ]
    return "-".join(word for word in [*words, f"{call['batch']}x{call['time']}"] if word)


def made(names, call, rng):
    """The same network in the course's layers."""
    kind, hidden = names[call["kind"]], call["hidden"]
    layers, features = [], call["in_features"]
    for _ in range(call["layers"]):
        if call["both"]:
            layers.append(names["Bidirectional"](*(kind(features, hidden, rng=rng) for _ in range(2))))
        else:
            layers.append(kind(features, hidden, rng=rng))
        features = layers[-1].out_features
    return layers[0] if len(layers) == 1 else names["StackedRNN"](layers, 0.4, rng=rng)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", range(len(CALLS)), ids=lambda n: said(CALLS[n]))
def test_the_reference_gives_what_pytorch_gives(n, dtype, names, rng, array_library):
    def given(x):
        return asarray(x.astype(dtype) if x.dtype.kind == "f" else x)

    golden = arrays_of(n)
    mask = golden["input"].get("mask")
    with dlkit.use(array_library):
        network = made(names, CALLS[n], rng)
        network.eval()
        network.astype(dtype)
        parameters = network.named_parameters()
        assert parameters.keys() == golden["parameter"].keys()
        for path, value in golden["parameter"].items():
            parameters[path].data[...] = given(value)
        outputs = network.forward(*(given(x) for x in golden["input"].values()))
        returned = network.backward(*(given(dy) for dy in golden["upstream"].values()))
        h, last = (to_numpy(value) for value in outputs)
        seen = {f"d{name}": to_numpy(value) for name, value in zip(("x", "state"), returned, strict=True)}
        seen |= {f"d{path}": to_numpy(parameter.grad) for path, parameter in parameters.items()}
    if mask is not None:
        h = h * mask[:, :, None]  # past the end PyTorch has zeros, here the state is kept
    seen |= {"h": h, "last": last}
    wanted = golden["output"] | {f"d{name}": value for name, value in golden["gradient"].items()}
    assert seen.keys() == wanted.keys()
    for name, value in wanted.items():
        assert seen[name].dtype == dtype
        np.testing.assert_allclose(seen[name], value, **TOLERANCE[dtype], err_msg=name)


@pytest.mark.parametrize("n", range(len(HEADER["truncated"])), ids=lambda n: f"{HEADER['truncated'][n]['steps']}-steps")
def test_truncated_training_leads_where_pytorch_goes(n, names, rng, array_library):
    call = HEADER["truncated"][n]
    given = {
        key.removeprefix(f"truncated.{n}."): value for key, value in GOLDEN.items() if key.startswith(f"truncated.{n}.")
    }
    earlier = {
        name: names_of(name)[thing] for name, thing in (("02_layers", "Linear"), ("03_losses", "SoftmaxCrossEntropy"))
    }
    with dlkit.use(array_library):
        recurrent = names["GRU"](3, 4, rng=rng)
        model = names["SequenceModel"](recurrent, earlier["02_layers"](4, 5, rng=rng))
        for path, parameter in zip(["W", "U", "b", "bn", "V", "a"], model.parameters(), strict=True):
            parameter.data[...] = asarray(given[path])
        optimizer = names_of("04_optimizers")["SGD"](model.parameters(), lr=call["lr"])
        loss, last = names["truncated_bptt"](
            asarray(given["x"]), asarray(given["y"]), asarray(given["state"]),
            model=model, loss=earlier["03_losses"](), optimizer=optimizer, steps=call["steps"],
        )  # fmt: skip
        seen = {"loss": to_numpy(loss), "last": to_numpy(last)}
        seen |= {
            path: to_numpy(p.data) for path, p in zip(["W", "U", "b", "bn", "V", "a"], model.parameters(), strict=True)
        }
    for name, value in seen.items():
        np.testing.assert_allclose(value, given[f"end.{name}"], rtol=1e-10, atol=1e-13, err_msg=name)


def test_a_gradient_of_one_piece_is_that_of_the_piece_alone(names, rng):
    """A second formula: steps long enough is BPTT; shorter ones sum what each piece gives from its state."""
    from dlkit import Layer, Optimizer

    class Keep(Optimizer):
        def zero_grad(self):
            """Keep the gradients, so that the pieces add up."""

        def step(self):
            """Stay where the parameters are."""

    class Through(Layer):
        def forward(self, x):
            return x

        def backward(self, dy):
            return dy

    mean = names_of("03_losses")["MeanSquaredError"]
    x, y, state = rng.normal(size=(2, 7, 3)), rng.normal(size=(2, 7, 4)), rng.normal(size=(2, 4))
    model = names["SequenceModel"](names["RNN"](3, 4, rng=rng), Through())
    loss, last = names["truncated_bptt"](
        x, y, state, model=model, loss=mean(), optimizer=Keep(model.parameters(), 0.1), steps=3
    )
    found = [p.grad.copy() for p in model.parameters()]
    model.zero_grad()
    h, end = model.recurrent.forward(x, state)
    np.testing.assert_allclose(last, end, rtol=1e-12)
    assert loss == pytest.approx(((h - y) ** 2).mean())
    before = np.concatenate([state[:, None], h], axis=1)
    for first in (0, 3, 6):
        piece = slice(first, first + 3)
        part, _ = model.recurrent.forward(x[:, piece], before[:, first])
        model.recurrent.backward(2 * (part - y[:, piece]) / part.size)
    for one, p in zip(found, model.parameters(), strict=True):
        np.testing.assert_allclose(one, p.grad, rtol=1e-10, atol=1e-14)


def layers_to_hold(names, rng):
    for kind in KINDS:
        yield names[kind](3, 4, rng=rng)
    yield names["StackedRNN"]([names["LSTM"](3, 4, rng=rng), names["LSTM"](4, 4, rng=rng)], rng=rng)
    yield names["Bidirectional"](names["GRU"](3, 4, rng=rng), names["GRU"](3, 2 * 2, rng=rng))


@pytest.mark.parametrize("which", range(5), ids=[*KINDS, "StackedRNN", "Bidirectional"])
def test_a_sequence_among_padding_is_the_sequence_alone(which, names, rng):
    """Padding, also in the middle: outputs, last states and gradients are those of the shorter sequence."""
    layer = list(layers_to_hold(names, rng))[which]
    layer.eval()
    keep = np.array([True, False, True, True, False, False])
    x = rng.normal(size=(1, 6, 3))
    state = rng.normal(size=(1, *layer.state_shape))
    dh = rng.normal(size=(1, 6, layer.out_features)) * keep[:, None]
    dlast = rng.normal(size=state.shape)
    h, last = layer.forward(x, state, keep[None])
    dx, dstate = layer.backward(dh, dlast)
    found = [p.grad.copy() for p in layer.parameters()]
    layer.zero_grad()
    short_h, short_last = layer.forward(x[:, keep], state)
    short_dx, short_dstate = layer.backward(dh[:, keep], dlast)
    np.testing.assert_allclose(h[:, keep], short_h, rtol=1e-12)
    np.testing.assert_allclose(last, short_last, rtol=1e-12)
    np.testing.assert_allclose(dx[:, keep], short_dx, rtol=1e-10, atol=1e-14)
    np.testing.assert_array_equal(dx[:, ~keep], 0)
    np.testing.assert_allclose(dstate, short_dstate, rtol=1e-10, atol=1e-14)
    for one, p in zip(found, layer.parameters(), strict=True):
        np.testing.assert_allclose(one, p.grad, rtol=1e-10, atol=1e-14)
    other = np.where(keep[:, None], x, 1e3)
    np.testing.assert_array_equal(layer.forward(other, state, keep[None].astype(int))[0], h)


@pytest.mark.parametrize("which", range(5), ids=[*KINDS, "StackedRNN", "Bidirectional"])
def test_two_pieces_with_the_state_between_them_are_one_sequence(which, names, rng):
    layer = list(layers_to_hold(names, rng))[which]
    if which == 4:
        layer = layer.there  # what reads backwards cannot be cut
    layer.eval()
    x = rng.normal(size=(2, 7, 3))
    h, last = layer.forward(x)
    first, state = layer.forward(x[:, :3])
    second, end = layer.forward(x[:, 3:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), h, rtol=1e-12)
    np.testing.assert_allclose(end, last, rtol=1e-12)


def test_dropout_in_training_has_the_gradient_of_what_it_did(names, rng):
    """A second formula: differences of forward, the draws kept the same by making the stack again."""
    parameters = None

    def stack():
        one = names["StackedRNN"](
            [names["GRU"](2, 3, rng=rng), names["GRU"](3, 3, rng=rng)], 0.5, rng=np.random.default_rng(3)
        )
        for p, value in zip(one.parameters(), parameters or [p.data for p in one.parameters()], strict=True):
            p.data = value
        return one

    parameters = [p.data.copy() for p in stack().parameters()]
    x, dh = rng.normal(size=(2, 4, 2)), rng.normal(size=(2, 4, 3))
    layer = stack()
    h, _ = layer.forward(x)
    assert (layer.dropouts[0].factor == 0).any()
    assert (h != 0).all()
    dx, _ = layer.backward(dh)
    direction = rng.normal(size=x.shape)
    up, down = ((stack().forward(x + sign * 1e-5 * direction)[0] * dh).sum() for sign in (1, -1))
    assert (up - down) / 2e-5 == pytest.approx((dx * direction).sum(), rel=1e-6)
    assert len(layer.dropouts) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_a_loop_of_single_steps(kind, names, rng):
    """A second formula: one step at a time, each with the state gradient of the one after it."""
    layer = names[kind](3, 4, rng=rng)
    x, dh = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 4))
    begin = rng.normal(size=(2, *layer.state_shape))
    layer.forward(x, begin)
    dx, dstate = layer.backward(dh)
    found = [p.grad.copy() for p in layer.parameters()]
    layer.zero_grad()
    states = [begin]
    for t in range(5):
        states.append(layer.forward(x[:, t : t + 1], states[-1])[1])
    after = None
    for t in reversed(range(5)):
        layer.forward(x[:, t : t + 1], states[t])
        one, after = layer.backward(dh[:, t : t + 1], after)
        np.testing.assert_allclose(one[:, 0], dx[:, t], rtol=1e-10)
    np.testing.assert_allclose(after, dstate, rtol=1e-10)
    for one, p in zip(found, layer.parameters(), strict=True):
        np.testing.assert_allclose(one, p.grad, rtol=1e-10)


def set_all(layer, **values):
    for path, parameter in layer.named_parameters().items():
        parameter.data[...] = values.get(path, 0.0)


def test_the_examples_by_hand_are_right(names, rng):
    near = {"abs": 6e-4}
    one = np.ones((1, 1, 1))

    rnn = names["RNN"](1, 1, rng=rng)
    set_all(rnn, W=1.0, U=0.5)
    h, _ = rnn.forward(np.array([[[1.0], [0.0]]]))
    assert h.ravel() == pytest.approx([0.762, 0.363], **near)
    dx, dstate = rnn.backward(np.array([[[0.0], [1.0]]]))
    assert dx.ravel() == pytest.approx([0.182, 0.868], **near)
    assert [float(v.item()) for v in (rnn.W.grad, rnn.U.grad, rnn.b.grad, dstate)] == pytest.approx(
        [0.182, 0.661, 1.05, 0.091], **near
    )

    lstm = names["LSTM"](1, 1, rng=rng)
    np.testing.assert_array_equal(lstm.b.data, [0, 1, 0, 0])
    set_all(lstm)
    h, last = lstm.forward(one, np.array([[[0.0], [1.0]]]))
    assert h.item() == pytest.approx(0.231, **near)
    assert last[0, 1, 0] == 0.5
    _, dstate = lstm.backward(one)
    assert lstm.b.grad == pytest.approx([0, 0.098, 0.197, 0.116], **near)
    assert dstate.ravel() == pytest.approx([0, 0.197], **near)

    gru = names["GRU"](1, 1, rng=rng)
    set_all(gru, bn=1.0)
    h, _ = gru.forward(one, np.ones((1, 1)))
    assert h.item() == pytest.approx(0.731, **near)
    _, dstate = gru.backward(one)
    assert gru.b.grad == pytest.approx([0.098, 0.134, 0.393], **near)
    assert gru.bn.grad.item() == pytest.approx(0.197, **near)
    assert dstate.item() == pytest.approx(0.5)


def test_stacks_and_directions_of_layers_that_add_up_give_the_sums_of_the_text(names, rng):
    from dlkit import Layer

    class Sum(Layer):
        out_features, state_shape = 1, (1,)

        def forward(self, x, state=None, mask=None):
            step = x if mask is None else x * mask[:, :, None]
            h = (0 if state is None else state[:, None]) + step.cumsum(axis=1)
            return h, h[:, -1]

        def backward(self, dh, dlast=None):
            total = dh[:, ::-1].cumsum(axis=1)[:, ::-1] + (0 if dlast is None else dlast[:, None])
            return total, total[:, 0]

    stack = names["StackedRNN"]([Sum(), Sum()], rng=rng)
    h, last = stack.forward(np.array([[[1.0], [2]]]), np.array([[[10.0], [100]]]))
    assert h.ravel().tolist() == [111, 124]
    assert last.ravel().tolist() == [13, 124]
    dx, dstate = stack.backward(np.array([[[0.0], [1]]]))
    assert dx.ravel().tolist() == [2, 1]
    assert dstate.ravel().tolist() == [2, 1]

    both = names["Bidirectional"](Sum(), Sum())
    h, last = both.forward(np.array([[[1.0], [2], [4]]]))
    assert h[0].T.tolist() == [[1, 3, 7], [7, 6, 4]]
    assert last.ravel().tolist() == [7, 7]
    h, last = both.forward(np.array([[[1.0], [2], [4]]]), None, np.array([[1, 1, 0]]))
    assert h[0].T.tolist() == [[1, 3, 3], [3, 2, 0]]
    assert last.ravel().tolist() == [3, 3]


def test_golden_values_cover_every_kind_in_every_arrangement():
    seen = {(call["kind"], call["layers"], call["both"], bool(call["lengths"])) for call in CALLS}
    assert seen == set(itertools.product(KINDS, (1, 2), (False, True), (False, True)))
