"""What 05 has other than layers, compared with PyTorch, second formulas, and other correct code."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

import dlkit
from autograder.course import catalogue
from autograder.subject import LocalSubject, SubjectRaisedError
from dlkit import Parameter, asarray, gradcheck, to_numpy
from tests.sampling import nightly
from tests.solutions.alternatives import ALTERNATIVES
from tests.solutions.golden import read_golden
from tests.solutions.references import names_of

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "05_regularization"
HEADER, GOLDEN = read_golden(ASSIGNMENT)


@pytest.fixture(scope="module")
def optimizers():
    return names_of("04_optimizers")


# --- initial values --------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "name"), [(0, "xavier_init"), (1, "he_init")])
@pytest.mark.parametrize("n", range(len(HEADER["inits"])))
def test_initial_values_spread_as_pytorchs(n, column, name, names, rng):
    shape = tuple(HEADER["inits"][n])
    drawn = np.concatenate([names[name](shape, rng=rng).ravel() for _ in range(60_000 // math.prod(shape))])
    assert drawn.std() == pytest.approx(GOLDEN["inits"][n, column], rel=0.02)
    assert abs(drawn.mean()) < 0.02 * drawn.std()


def test_normal_numbers_have_the_standard_deviation_that_is_asked_for(names, rng):
    drawn = names["normal_init"]((300, 200), 0.07, rng=rng)
    assert drawn.std() == pytest.approx(0.07, rel=0.02)
    assert (abs(drawn) < 0.07).mean() == pytest.approx(0.6827, abs=0.01)


@pytest.mark.parametrize("name", ["normal_init", "xavier_init", "he_init"])
def test_initial_values_are_on_the_active_device_and_the_same_there(name, names, array_library):
    wanted = names[name]((3, 4), rng=np.random.default_rng(1))
    with dlkit.use(array_library):
        drawn = names[name]((3, 4), rng=np.random.default_rng(1))
        assert isinstance(drawn, dlkit.backend.current().array_type)
    np.testing.assert_array_equal(to_numpy(drawn), wanted)


def test_variances_by_the_sums_of_the_text_are_kept_through_twenty_layers(names, rng):
    x = rng.normal(size=(100, 256))
    for name, layer in (("xavier_init", lambda z: z), ("he_init", lambda z: np.maximum(z, 0))):
        h = x
        for _ in range(20):
            h = layer(h @ names[name]((256, 256), rng=rng))
        assert 0.1 < (h**2).mean() / (x**2).mean() < 10
        h = x
        for _ in range(20):
            h = layer(h @ names["normal_init"]((256, 256), rng=rng))
        assert (h**2).mean() < 1e-25


# --- L2 penalty ------------------------------------------------------------------------------

DECAYED = [name.removeprefix("decay.start.") for name in GOLDEN if name.startswith("decay.start.")]


def test_a_penalty_before_plain_descent_leads_where_pytorchs_weight_decay_goes(names, optimizers, array_library):
    with dlkit.use(array_library):
        parameters = [Parameter(asarray(GOLDEN[f"decay.start.{name}"].copy())) for name in DECAYED]
        penalty = names["L2Penalty"](parameters, HEADER["weight_decay"])
        optimizer = optimizers["SGD"](parameters, HEADER["lr"])
        for t in range(len(GOLDEN["decay.road.W"])):
            for parameter, name in zip(parameters, DECAYED, strict=True):
                parameter.grad[...] = asarray(GOLDEN[f"decay.gradients.{name}"][t])
            penalty.backward()
            optimizer.step()
            for parameter, name in zip(parameters, DECAYED, strict=True):
                np.testing.assert_allclose(to_numpy(parameter.data), GOLDEN[f"decay.road.{name}"][t], rtol=1e-12)


def test_the_gradient_is_the_slope_of_the_penalty(names, rng):
    parameters = [Parameter(rng.normal(size=shape)) for shape in [(4, 3), (3,), (2, 2, 3, 1)]]
    penalty = names["L2Penalty"](parameters, 0.7)
    penalty.backward()
    for parameter in parameters:
        kept = parameter.data

        def price(value, parameter=parameter):
            parameter.data = value
            return float(penalty.forward())

        direction, slope = gradcheck.directional_derivative(price, kept.copy(), rng)
        parameter.data = kept
        assert (parameter.grad * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_the_penalty_by_hand_is_right(names):
    W, b = Parameter(np.array([[1.0, -2], [0, 3]])), Parameter(np.array([7.0, 7]))
    penalty = names["L2Penalty"]([W, b], 0.1)
    assert penalty.forward() == pytest.approx(0.7)
    penalty.backward()
    np.testing.assert_allclose(W.grad, [[0.1, -0.2], [0, 0.3]])
    np.testing.assert_array_equal(b.grad, [0, 0])


# --- early stopping --------------------------------------------------------------------------


def definition(losses, patience, min_delta):
    """By the definition, without a memory: (epoch of the stop or None, best epoch or None), epochs from 1."""
    better = []
    for t, loss in enumerate(losses, start=1):
        bar = losses[better[-1] - 1] - min_delta if better else math.inf
        better += [t] if loss < bar else []
        if t - (better[-1] if better else 0) >= patience:
            return t, better[-1] if better else None
    return None, better[-1] if better else None


@pytest.mark.parametrize("patience", [1, 2, 3, 5])
@pytest.mark.parametrize("min_delta", [0.0, 0.25])
def test_training_stops_and_is_restored_as_defined(names, patience, min_delta, array_library):
    rng = np.random.default_rng([patience, int(4 * min_delta)])
    for _ in range(60):
        losses = list(rng.integers(0, 12, size=14) / 8 + np.where(rng.random(14) < 0.15, np.nan, 0))
        with dlkit.use(array_library):
            parameters = [Parameter(asarray(np.zeros((2, 2)))), Parameter(asarray(np.zeros(3)))]
            stopper = names["EarlyStopping"](parameters, patience, min_delta)
            stopped = None
            for t, loss in enumerate(losses, start=1):
                for parameter in parameters:
                    parameter.data[...] = t
                if stopper.update(float(loss)):
                    stopped = t
                    break
            arrays = [parameter.data for parameter in parameters]
            stopper.restore()
            expected, best = definition(losses, patience, min_delta)
            assert stopped == expected
            last = stopped or len(losses)
            for parameter, array in zip(parameters, arrays, strict=True):
                assert parameter.data is array
                assert (to_numpy(parameter.data) == (best or last)).all()


def test_the_training_by_hand_stops_at_its_sixth_epoch(names):
    weight = Parameter(np.zeros(1))
    stopper = names["EarlyStopping"]([weight], patience=2, min_delta=0.1)
    said = []
    for epoch, loss in enumerate([1.0, 0.8, 0.75, 0.68, 0.7, 0.6], start=1):
        weight.data[...] = epoch
        said.append(stopper.update(loss))
    assert said == [False] * 5 + [True]
    stopper.restore()
    assert weight.data == [4]


# --- augmentation ----------------------------------------------------------------------------


def moved(image, down, right):
    """One image (C, H, W), pixel by pixel, as the text has it."""
    _, height, width = image.shape
    y = np.zeros_like(image)
    for h, w in itertools.product(range(height), range(width)):
        if 0 <= h - down < height and 0 <= w - right < width:
            y[:, h, w] = image[:, h - down, w - right]
    return y


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_image_is_shifted_within_reach_and_all_shifts_occur(names, rng, array_library, dtype):
    x = rng.uniform(1, 2, size=(300, 2, 4, 5)).astype(dtype)
    with dlkit.use(array_library):
        y = to_numpy(names["random_shift"](asarray(x), 1, rng=rng))
    assert y.dtype == dtype
    shifts = list(itertools.product((-1, 0, 1), repeat=2))
    fits = np.array(
        [[np.array_equal(made, moved(image, *shift)) for shift in shifts] for image, made in zip(x, y, strict=True)]
    )
    assert (fits.sum(axis=1) == 1).all()
    assert (fits.sum(axis=0) > 10).all()


def test_the_shift_by_hand_is_one_of_those_that_come(names, rng):
    image = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    wanted = np.array([[0.0, 0, 0], [2, 3, 0], [5, 6, 0]])
    np.testing.assert_array_equal(moved(image[0], 1, -1)[0], wanted)
    assert any(np.array_equal(y[0], wanted) for y in names["random_shift"](image.repeat(200, axis=0), 1, rng=rng))


def test_flips_mirror_left_and_right(names, rng, array_library):
    x = rng.normal(size=(200, 3, 2, 4))
    with dlkit.use(array_library):
        y = to_numpy(names["random_flip"](asarray(x), 0.3, rng=rng))
    mirrored = np.array([np.array_equal(b, np.flip(a, axis=2)) for a, b in zip(x, y, strict=True)])
    itself = np.array([np.array_equal(a, b) for a, b in zip(x, y, strict=True)])
    assert (mirrored ^ itself).all()
    assert 30 < mirrored.sum() < 90


@pytest.mark.parametrize(("size", "padding"), [((3, 2), 0), ((4, 5), 2), ((5, 3), 1)])
def test_every_place_of_a_crop_occurs(names, rng, array_library, size, padding):
    x = rng.uniform(1, 2, size=(1500, 1, 4, 5))
    with dlkit.use(array_library):
        y = to_numpy(names["random_crop"](asarray(x), size, padding, rng=rng))
    wide = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    views = np.lib.stride_tricks.sliding_window_view(wide, size, axis=(2, 3))
    fits = (views == y[:, :, None, None]).all(axis=(1, 4, 5))
    assert (fits.sum(axis=(1, 2)) == 1).all()
    assert fits.any(axis=0).all()


def test_noise_is_normal_and_as_large_as_sigma(names, rng, array_library):
    x = rng.normal(size=(50, 3, 8, 9)).astype("float32")
    with dlkit.use(array_library):
        y = to_numpy(names["gaussian_noise"](asarray(x), 0.5, rng=rng))
    assert y.dtype == "float32"
    noise = (y - x).ravel()
    assert noise.std() == pytest.approx(0.5, rel=0.03)
    assert (abs(noise) < 0.5).mean() == pytest.approx(0.6827, abs=0.02)
    assert abs(np.corrcoef((y - x).reshape(50, -1))[np.triu_indices(50, 1)]).max() < 0.4


# --- mixup -----------------------------------------------------------------------------------


def test_mixtures_are_those_of_the_share_and_the_order_that_the_generator_gives(names, rng, array_library):
    x, t = rng.normal(size=(9, 2, 3)), np.eye(4)[rng.integers(4, size=9)]
    twin = np.random.default_rng(3)
    with dlkit.use(array_library):
        mixed = names["Mixup"](0.4, rng=np.random.default_rng(3)).mix(asarray(x), asarray(t))
    share, order = twin.beta(0.4, 0.4), twin.permutation(9)
    for made, given in zip(mixed, (x, t), strict=True):
        wanted = np.stack([share * given[i] + (1 - share) * given[order[i]] for i in range(9)])
        np.testing.assert_allclose(to_numpy(made), wanted)


def test_the_loss_of_a_mixed_target_is_the_mixture_of_the_losses(names, rng):
    losses = catalogue.load("03_losses", ROOT)
    cross_entropy = losses.subject(losses.assignment.exercise("SoftmaxCrossEntropy"))._executor.names[
        "SoftmaxCrossEntropy"
    ]
    scores, a, b = rng.normal(size=(7, 4)), rng.integers(4, size=7), rng.integers(4, size=7)
    soft, hard = names["SoftTargets"](), cross_entropy()
    mixed = soft.forward(scores, 0.3 * np.eye(4)[a] + 0.7 * np.eye(4)[b])
    gradient = soft.backward()
    one, done = hard.forward(scores, a), hard.backward()
    other, dother = hard.forward(scores, b), hard.backward()
    assert mixed == pytest.approx(0.3 * one + 0.7 * other)
    np.testing.assert_allclose(gradient, 0.3 * done + 0.7 * dother, atol=1e-15)


def test_soft_targets_cost_what_pytorch_says(names):
    loss = names["SoftTargets"]()
    assert loss.forward(GOLDEN["mix.scores"], GOLDEN["mix.target"]) == pytest.approx(float(GOLDEN["mix.loss"]))
    np.testing.assert_allclose(loss.backward(), GOLDEN["mix.dscores"], rtol=1e-10, atol=1e-14)


# --- other right ways to write them ----------------------------------------------------------

OTHERWISE = [(exercise, entry.name, entry.source) for exercise, entry in ALTERNATIVES[ASSIGNMENT]]


@pytest.mark.parametrize("seed", [0, nightly(1), nightly(2)])
@pytest.mark.parametrize(
    ("name", "source"),
    [(name, source) for name, _, source in OTHERWISE],
    ids=[f"{name}: {way}" for name, way, _ in OTHERWISE],
)
def test_other_right_ways_pass_every_check(loaded, answers, name, source, seed):
    exercise = loaded.assignment.exercise(name)
    chunks = [[chunk.label, chunk.line, chunk.source] for chunk in loaded.reference.chunks if name not in chunk.defines]
    other = LocalSubject.from_chunks(
        "other", [*chunks, ["other", 1, source]], support=exercise.support, earlier=loaded.earlier
    )
    for check, cases in answers(name, seed):
        for case, expected in cases:
            found = check.judge(check.observe(other.on(check.backend or "numpy"), case), expected, case)
            assert found is None, f"{check.name}: {found.sentence}"


def test_every_exercise_that_trains_nothing_has_other_right_ways(loaded):
    held_elsewhere = {"Dropout", "BatchNorm", "LayerNorm"}
    assert {e.name for e in loaded.assignment.exercises if not e.capstone} == {
        name for name, *_ in OTHERWISE
    } | held_elsewhere


# --- nonsense --------------------------------------------------------------------------------

NONSENSE = ["None", "3", "'all'", "[]", "np.zeros(3)", "np.full((256, 256), 1j)", "np.array([[np.nan]])", "(None, 2)"]
RETURNING = {
    **dict.fromkeys(["normal_init", "xavier_init", "he_init"], "def {name}(*_, **__):\n    return {value}"),
    **dict.fromkeys(["random_shift", "random_flip", "random_crop"], "def {name}(*_, **__):\n    return {value}"),
    "gaussian_noise": "def {name}(*_, **__):\n    return {value}",
    "Mixup": "class {name}:\n    def __init__(self, *_, **__): pass\n    def mix(self, *_):\n        return {value}",
    "L2Penalty": "class {name}:\n    def __init__(self, *_): pass\n    def forward(self): return {value}\n"
    "    def backward(self): return {value}",
    "EarlyStopping": "class {name}:\n    def __init__(self, *_, **__): pass\n    def update(self, _): return {value}\n"
    "    def restore(self): return {value}",
}


@pytest.mark.parametrize("value", [nightly(value) if "256" in value else value for value in NONSENSE])
@pytest.mark.parametrize("name", RETURNING)
def test_nonsense_is_wrong_and_no_crash(loaded, answers, name, value):
    exercise = loaded.assignment.exercise(name)
    source = RETURNING[name].format(name=name, value=value)
    chunks = [["nonsense", 1, f"import numpy as np\n{source}"]]
    other = LocalSubject.from_chunks("nonsense", chunks, support=exercise.support)
    failed = set()
    for check, cases in answers(name, 0):
        for case, expected in cases:
            try:
                seen = check.observe(other.on(check.backend or "numpy"), case)
            except SubjectRaisedError:  # as a sum of what is no number does, where it is mixed again and again
                failed.add(check.name)
                continue
            if check.judge(seen, expected, case):
                failed.add(check.name)
    assert {check.name for check in exercise.checks if not check.after} <= failed
