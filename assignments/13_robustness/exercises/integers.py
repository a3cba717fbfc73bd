"""The exercises of small integers: scales, rounding, products."""

import numpy as np

from autograder.checks import Case, FunctionExercise, Mismatch, compare_all, mutated_function

# --- rounding --------------------------------------------------------------------------------


def clear_of_ties(x, *, bits=8, axis=None):
    """The same numbers, moved where x / scale is so near a half that its rounding depends on how it is computed."""
    largest = 2 ** (bits - 1) - 1
    merged = tuple(place for place in range(x.ndim) if place != axis)
    scale = np.abs(x).max(axis=merged, keepdims=True) / largest
    scale = np.where(scale > 0, scale, 1)
    ratio = x / scale
    near = abs(abs(ratio - np.round(ratio)) - 0.5) < 0.02
    return np.where(near, scale * (np.floor(ratio) + 0.5 + np.where(ratio > 0, -0.05, 0.05)), x)


def exact(dtype):
    """Judge whole numbers: the dtype, and every one of them."""

    def judge(observed, expected, case):
        for name, right in expected.items():
            seen = observed.get(name)
            if getattr(seen, "shape", None) != right.shape:
                return compare_all({name: seen}, {name: right}, case)
            if seen.dtype != dtype:
                return Mismatch("dtype", name, f"{name}: expected {dtype}, got {seen.dtype}")
            if not np.array_equal(seen, right):
                at = tuple(int(i) for i in np.argwhere(seen != right)[0])
                text = f"{name} at {list(at)}: expected {int(right[at])}, got {int(seen[at])}"
                return Mismatch("value", name, text, index=at)
        return None

    return judge


# --- quantize_int8 ---------------------------------------------------------------------------


def to_quantize(rng):
    """All axes, all bits; zeros, a channel of zeros, constant tensors and channels, halves; sizes far from 1."""
    for shape, bits, axis, size in [
        ((1,), 8, None, 1.0),
        ((3, 4), 8, None, 20.0),
        ((4, 5), 8, 1, 0.01),
        ((4, 4), 4, 0, 3.0),
        ((2, 3, 4), 3, 1, 1e-6),
        ((3, 2, 2, 3), 8, 0, 1e5),
        ((6,), 5, 0, 1.0),
        ((5, 3), 2, None, 1.0),
        ((5, 3), 2, 1, 1.0),
        ((4, 3), 8, None, 1e-13),
        ((4, 3), 6, 1, 1e-20),
    ]:
        x = size * rng.normal(size=shape) * np.exp(rng.normal(size=shape[-1]))
        yield Case({"bits": bits, "axis": axis}, x=clear_of_ties(x, bits=bits, axis=axis))
    yield Case({}, x=np.zeros((2, 3)))
    yield Case({"axis": 0}, x=np.zeros((2, 3)))
    yield Case({}, x=np.full((3, 2), -0.7))
    yield Case({"bits": 4, "axis": 1}, x=np.full((2, 3), 2.5))
    x = clear_of_ties(rng.normal(size=(4, 3)), axis=1)
    x[:, 1] = 0
    yield Case({"axis": 1}, x=x)
    yield Case({"axis": 0}, x=np.ascontiguousarray(x.T))
    halves = 0.125 * np.array([[127, 0.5, 1.5, 2.5, 63.5], [-126.5, -0.5, -1.5, -2.5, 3.5]])
    yield Case({}, x=halves)
    yield Case({"bits": 4, "axis": 1}, x=np.array([[-7.0, 14, 0.5], [2.5, 5, -3.5], [-6.5, -1, -1.5]]))


quantization = FunctionExercise(
    "quantize_int8",
    cases=to_quantize,
    outputs=("q", "scale"),
    float32=lambda rng: list(to_quantize(rng))[2:6],
)


@quantization.check(
    "q consists of int8", cases=to_quantize, judge=exact("int8"), after=("the result matches the reference",),
    mutation=mutated_function("return y[0].astype('int16'), y[1]"),
)  # fmt: skip
def whole(subject, case):
    found = subject.run("quantize_int8", *case.inputs.values(), **case.arguments)
    return {"q": found[0]} if isinstance(found, tuple | list) and found else {}


# --- quantized_matmul ------------------------------------------------------------------------


def of_eight_bits(rng, *shape, largest=127):
    return rng.integers(-largest, largest + 1, size=shape).astype(np.int8)


def products(rng):
    """Products that leave 8 and 16 bits, sums that float32 cannot hold, one row, one column, empty."""
    for rows, k, columns in [(1, 3, 2), (4, 5, 3), (3, 2, 6), (2, 1, 1), (5, 300, 4)]:
        yield Case({}, a=of_eight_bits(rng, rows, k), b=of_eight_bits(rng, k, columns))
    a, b = np.full((2, 3001), 127, np.int8), np.full((3001, 3), 127, np.int8)
    a[1], b[0, 1:] = -127, (1, -4)
    yield Case({}, a=a, b=b)
    yield Case({}, a=np.full((1, 4), -128, np.int8), b=np.full((4, 2), -128, np.int8))


product = FunctionExercise("quantized_matmul", cases=products)
EXACT = "every sum is exact, in int32"


@product.check(
    EXACT, cases=products, judge=exact("int32"), weight=3, after=("the result matches the reference",),
    mutation=mutated_function("return y.astype('int64')"),
)  # fmt: skip
def sums(subject, case):
    return {"the result": subject.run("quantized_matmul", *case.inputs.values())}


# --- quantized_linear ------------------------------------------------------------------------


def stored_maps(rng):
    """A scale for every column, one for all; one row; rows of other sizes, which share a scale; zeros."""
    for rows, n_in, n_out, size in [(1, 4, 3, 1.0), (5, 3, 2, 30.0), (4, 6, 5, 0.01), (3, 2, 1, 1.0)]:
        x = clear_of_ties(size * rng.normal(size=(rows, n_in)) * np.exp(rng.normal(size=(rows, 1))))
        scale = np.exp(rng.normal(-3, 1, size=(1, 1 if rows == 4 else n_out)))
        yield Case({}, x=x, q=of_eight_bits(rng, n_in, n_out), scale=scale, b=rng.normal(size=n_out))
    q, scale, b = of_eight_bits(rng, 3, 4), np.exp(rng.normal(-3, 1, size=(1, 4))), rng.normal(size=4)
    yield Case({}, x=np.zeros((2, 3)), q=q, scale=scale, b=b)
    yield Case({}, x=clear_of_ties(rng.normal(size=(2, 300))), q=of_eight_bits(rng, 300, 4), scale=scale, b=b)


linear = FunctionExercise(
    "quantized_linear", cases=stored_maps, float32=True, depends=("quantize_int8", "quantized_matmul")
)
