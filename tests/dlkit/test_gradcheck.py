import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlkit
from dlkit.gradcheck import difference, directional_derivative, elementwise_gradient, step_size

DTYPES = st.sampled_from([np.float32, np.float64])
SEEDS = st.integers(0, 2**32 - 1)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# Each with its derivative, or None where only the absence of kinks is of interest.
SMOOTH = {
    "line": (lambda x: 3 * x - 2, lambda x: 3 + 0 * x),
    "square": (lambda x: x * x, lambda x: 2 * x),
    "cube": (lambda x: x * x * x - x, lambda x: 3 * x * x - 1),
    "sine": (lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x)),
    "exponential": (np.exp, np.exp),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + np.exp(-x))),
    "softmax": (softmax, None),
    "normalisation": (lambda x: (x - x.mean()) / np.sqrt(x.var() + 1e-2), None),
}
smooth = st.sampled_from(sorted(SMOOTH))


@given(smooth, st.floats(-3, 3), DTYPES)
def test_a_smooth_function_of_one_number_is_never_flagged(name, at, dtype):
    function = SMOOTH[name][0]
    x = np.array([at], dtype)
    assert not difference(lambda z: float(function(z).sum()), x, np.ones(1, dtype)).kink


@given(smooth, SEEDS, st.integers(2, 40), DTYPES)
def test_a_smooth_function_of_many_numbers_is_not_refused(name, seed, size, dtype):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(size=(2, size)).astype(dtype)
    direction, slope = directional_derivative(lambda z: float((dy * SMOOTH[name][0](z)).sum()), x, rng)
    derivative = SMOOTH[name][1]
    if derivative is not None:
        truth = float((dy.astype(float) * derivative(x.astype(float)) * direction).sum())
        scale = max(1.0, float(np.abs(dy * derivative(x)).max()))
        assert abs(slope - truth) <= (1e-7 if dtype is np.float64 else 3e-2) * scale


@given(st.floats(-3, 3), st.sampled_from(["sine", "exponential", "tanh", "softplus", "cube"]))
def test_a_slope_in_float64_is_right_to_a_ten_millionth(at, name):
    function, derivative = SMOOTH[name]
    found = difference(lambda z: float(function(z).sum()), np.array([at]), np.ones(1)).value
    assert abs(found - float(derivative(at))) <= 1e-7 * max(1e-2, abs(float(derivative(at))))


@given(
    share=st.floats(-0.97, 0.97),
    jump=st.one_of(st.floats(0.3, 10), st.floats(-10, -0.3)),
    slope=st.floats(-2, 2),
    bend=st.floats(-2, 2),
    at=st.floats(-1, 1),
    dtype=DTYPES,
)
def test_a_kink_within_the_step_is_always_flagged(*, share, jump, slope, bend, at, dtype):
    x = np.array([at], dtype)
    kink = float(x[0]) + share * step_size(x)

    def f(z):
        t = float(z[0]) - kink
        return jump * max(t, 0.0) + slope * t + bend * t * t

    found = difference(f, x, np.ones(1, dtype))
    truth = slope + 2 * bend * (float(x[0]) - kink) + (jump if share < 0 else 0)
    # At the very edge of the step a kink moves the value by next to nothing, and float32 is coarse.
    assert found.kink or (dtype is np.float32 and abs(share) > 0.9 and abs(found.value - truth) < 0.02 * abs(jump))


@given(at=st.floats(-1, 1), share=st.floats(-1.2, 1.2), jump=st.floats(0.1, 10))
def test_what_is_not_flagged_is_right(at, share, jump):
    x = np.array([at])
    kink = at + share * step_size(x)
    found = difference(lambda z: jump * max(float(z[0]) - kink, 0.0), x, np.ones(1))
    assert found.kink or abs(found.value - (jump if share < 0 else 0)) <= 1e-5 * jump


@given(
    distance=st.one_of(st.floats(1.01, 1e4), st.floats(-1e4, -1.01)),
    jump=st.floats(-10, 10),
    slope=st.floats(-2, 2),
    dtype=DTYPES,
)
def test_a_kink_beyond_the_step_is_not_flagged(distance, jump, slope, dtype):
    x = np.array([0.5], dtype)
    kink = 0.5 + distance * step_size(x)
    found = difference(lambda z: jump * max(float(z[0]) - kink, 0.0) + slope * float(z[0]), x, np.ones(1, dtype))
    assert not found.kink


@given(share=st.floats(-0.99, 0.99), dtype=DTYPES)
def test_a_jump_within_the_step_is_flagged(share, dtype):
    x = np.zeros(1, dtype)
    edge = share * step_size(x)
    assert difference(lambda z: float(z[0] > edge) + 0.5 * float(z[0]), x, np.ones(1, dtype)).kink


@given(SEEDS)
def test_the_slope_of_a_relu_is_right_where_inputs_lie_near_its_kink(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=30) * np.where(rng.random(30) < 0.2, 2e-6, 1)
    dy = rng.normal(size=30)
    try:
        direction, slope = directional_derivative(lambda z: float(dy @ np.maximum(z, 0)), x, rng)
    except ArithmeticError:
        return
    assert abs(slope - float(dy @ ((x > 0) * direction))) <= 1e-5


def test_an_input_on_the_kink_is_refused_after_a_bounded_number_of_draws(rng):
    calls = []

    def f(z):
        calls.append(1)
        return float(np.maximum(z, 0).sum())

    with pytest.raises(ArithmeticError, match="All 20"):
        directional_derivative(f, np.zeros(4), rng)
    assert len(calls) == 200


def test_a_smooth_function_costs_five_calls_and_its_input_is_not_written_to(rng):
    x = rng.normal(size=(3, 4))
    before, calls = x.copy(), []

    def f(z):
        calls.append(1)
        return float((z**2).sum())

    directional_derivative(f, x, rng)
    assert len(calls) == 5
    np.testing.assert_array_equal(before, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 3, 4)])
def test_a_direction_has_unit_length_and_the_form_of_the_input(rng, shape, dtype):
    seen = set()
    x = np.asarray(rng.normal(size=shape), dtype)
    direction, _ = directional_derivative(lambda z: seen.add((z.shape, z.dtype)) or float(z.sum()), x, rng)
    assert direction.shape == shape
    assert direction.dtype == dtype
    assert np.linalg.norm(direction) == pytest.approx(1, rel=1e-6)
    assert seen == {(shape, np.dtype(dtype))}


def test_a_constant_has_no_slope_and_no_kink(rng):
    found = difference(lambda _: 7.0, rng.normal(size=5), np.ones(5))
    assert (found.value, found.kink) == (0, False)


def test_what_is_invariant_to_a_shift_is_not_flagged_by_its_rounding(rng):
    x = rng.normal(size=(6, 5))
    weights = rng.normal(size=(6, 5))
    assert not difference(lambda z: float((weights * softmax(z)).sum()), x, np.ones_like(x)).kink


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_function_that_is_not_finite_is_no_kink(value):
    found = difference(lambda _: value, np.ones(2), np.ones(2))
    assert not found.kink
    assert not math.isfinite(found.value)


def test_the_step_follows_the_dtype_and_the_size_of_the_input():
    assert step_size(np.ones(3)) == pytest.approx(6.06e-6, rel=1e-2)
    assert step_size(np.ones(3, np.float32)) == pytest.approx(4.92e-3, rel=1e-2)
    assert step_size(np.array([-1000.0])) == pytest.approx(10 * step_size(np.zeros(1)))
    assert step_size(np.empty(0)) == step_size(np.zeros(1))


@pytest.mark.parametrize("check", [step_size, lambda x: elementwise_gradient(float, x, 0.1)])
def test_integers_have_no_numerical_gradient(check):
    with pytest.raises(TypeError, match="int64"):
        check(np.arange(3))


def test_an_empty_input_has_no_direction(rng):
    with pytest.raises(ValueError, match="empty"):
        directional_derivative(lambda z: float(z.sum()), np.empty(0), rng)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 2)])
def test_the_gradient_by_elements_is_the_true_one(rng, shape):
    x = np.asarray(rng.normal(size=shape))
    before = x.copy()
    np.testing.assert_allclose(
        np.cos(x), elementwise_gradient(lambda z: float(np.sin(z).sum()), x), rtol=1e-8, atol=1e-9
    )
    np.testing.assert_array_equal(before, x)


def test_the_gradient_by_elements_reads_a_strided_input(rng):
    x = rng.normal(size=(4, 6))[::2, ::-3]
    np.testing.assert_allclose(2 * x, elementwise_gradient(lambda z: float((z * z).sum()), x), rtol=1e-7, atol=1e-9)


def test_directions_and_elements_work_on_a_device(rng):
    with dlkit.use("stand-in"):
        x = dlkit.asarray(rng.normal(size=(2, 3)))

    def f(z):
        return float(dlkit.to_numpy((z * z).sum()))

    direction, slope = directional_derivative(f, x, rng)
    assert slope == pytest.approx(float(dlkit.to_numpy((2 * x * direction).sum())), rel=1e-7)
    np.testing.assert_allclose(2 * dlkit.to_numpy(x), dlkit.to_numpy(elementwise_gradient(f, x)), rtol=1e-7, atol=1e-9)


def test_a_sum_that_hides_a_slope_of_zero_in_its_rounding_has_a_direction(rng):
    terms = rng.normal(size=4000)
    terms -= terms.mean()

    def f(z):
        """No slope at all, and rounding errors of thousands of numbers that nearly cancel."""
        moved = terms + float(z[0])
        return float(((moved - moved.mean()) * terms[::-1]).sum()) - total

    total = 0.0
    total = f(np.ones(1))
    with_kink = [difference(f, np.ones(1), np.array([sign])).kink for sign in (1.0, -1.0)]
    assert all(with_kink)
    _, slope = directional_derivative(f, np.ones(1), rng)
    assert abs(slope) < 1e-8
