"""The exercises of small integers: scales, products of integers, bits in bytes, stored layers."""

import numpy as np

from autograder.checks import Case, FunctionExercise, Mismatch, compare_all, judge_unchanged, mutated_function

# --- rounding --------------------------------------------------------------------------------


def clear_of_ties(x, *, bits=8, axis=None):
    """The same numbers, moved where x / scale lies so near a half that its rounding would depend on how it is computed."""
    largest = 2 ** (bits - 1) - 1
    others = tuple(i for i in range(x.ndim) if i != axis)
    scale = abs(x).max(axis=others, keepdims=True) / largest
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


# --- bits ------------------------------------------------------------------------------------

IN_FILES = "files are written from CPU memory"


def of_bits(rng, count, bits):
    half = 2 ** (bits - 1)
    return rng.integers(-half, half, size=count).astype(np.int8)


def all_bits(rng):
    """Every number of bits; counts that fill the last byte and that do not; none; the ends of the range."""
    for bits, count in [(2, 5), (3, 8), (4, 7), (5, 3), (6, 10), (7, 9), (8, 4), (3, 1), (4, 0)]:
        yield bits, of_bits(rng, count, bits)
    for bits in (2, 5, 8):
        half = 2 ** (bits - 1)
        yield bits, np.array([-half, half - 1, 0, -1, 1, -half], np.int8)


def to_pack(rng):
    for bits, q in all_bits(rng):
        yield Case({"bits": bits}, q=q)


def bytes_of(q, bits):
    """The bytes, written out as text in base 2."""
    text = "".join(format(int(each) % 2**bits, f"0{bits}b") for each in q)
    text += "0" * (-len(text) % 8)
    return np.array([int(text[i : i + 8], 2) for i in range(0, len(text), 8)], np.uint8)


def to_unpack(rng):
    for bits, q in all_bits(rng):
        yield Case({"bits": bits, "count": len(q)}, packed=bytes_of(q, bits))
    full = bytes_of(of_bits(rng, 8, 3), 3)
    yield Case({"bits": 3, "count": 6}, packed=full)
    full[-1] |= 63
    yield Case({"bits": 3, "count": 6}, packed=full)


packing = FunctionExercise("pack_integers", cases=to_pack, cpu_only=IN_FILES)


@packing.check(
    "the bytes are uint8", cases=to_pack, judge=exact("uint8"), after=("the result matches the reference",),
    expect=lambda case: {"the bytes": bytes_of(case.inputs["q"], case.arguments["bits"])},
    mutation=mutated_function("return y.astype('int64')"),
)  # fmt: skip
def packed_bytes(subject, case):
    return {"the bytes": subject.run("pack_integers", *case.inputs.values(), **case.arguments)}


unpacking = FunctionExercise("unpack_integers", cases=to_unpack, cpu_only=IN_FILES)


@unpacking.check(
    "the integers are int8", cases=to_unpack, judge=exact("int8"), after=("the result matches the reference",),
    mutation=mutated_function("return y.astype('int64')"),
)  # fmt: skip
def integers(subject, case):
    return {"the integers": subject.run("unpack_integers", *case.inputs.values(), **case.arguments)}


# --- stored layers ---------------------------------------------------------------------------

BYTES = "as many bytes as needed, and no more"


def layers_to_store(rng):
    """Few and many weights, all bits; columns of which nothing remains; removed weights that are large; nothing removed."""
    for (n_in, n_out), bits, share, dtype in [
        ((3, 4), 8, 0.5, "float64"),
        ((7, 3), 4, 0.6, "float32"),
        ((5, 5), 3, 0.3, "float64"),
        ((1, 6), 2, 0.4, "float32"),
        ((6, 2), 8, 0.0, "float32"),
        ((4, 3), 5, 1.0, "float32"),
    ]:
        mask = rng.random((n_in, n_out)) >= share
        if 0 < share < 1:
            mask[:, 0], mask[0, -1] = False, True
        W = clear_of_ties(np.where(mask, rng.normal(size=mask.shape), 0), bits=bits, axis=1)
        W = np.where(mask, W, rng.normal(0, 5, size=mask.shape)).astype(dtype)
        yield Case({"bits": bits}, W=W, b=rng.normal(size=n_out).astype(dtype), mask=mask)


def entries(stored):
    """Every entry by its name."""
    if not isinstance(stored, dict):
        return {"what is stored": f"a {type(stored).__name__}"}
    return {f"the entry {name}": value for name, value in stored.items() if isinstance(name, str)}


def sizes(stored):
    """The bytes of every array."""
    if not isinstance(stored, dict):
        return {"what is stored": f"a {type(stored).__name__}"}
    kept = {name: value for name, value in stored.items() if isinstance(name, str) and name != "bits"}
    return {f"the bytes of {name}": str(getattr(value, "nbytes", "no array")) for name, value in kept.items()}


storing = FunctionExercise(
    "store_layer",
    cases=layers_to_store,
    invariant=lambda seen, _case: entries(seen["the result"]),
    cpu_only=IN_FILES,
    depends=("quantize_int8", "pack_integers"),
)


@storing.check(
    BYTES, cases=layers_to_store, weight=2, after=("the result matches the reference",),
    mutation=mutated_function("return {**y, 'scale': y['scale'].astype('float64')}"),
)  # fmt: skip
def counted(subject, case):
    return sizes(subject.run("store_layer", *case.inputs.values(), **case.arguments))


def layers_to_load(rng):
    """What the reference would store for these layers, in whole numbers."""
    for case in layers_to_store(rng):
        mask, bits = case.inputs["mask"], case.arguments["bits"]
        half = 2 ** (bits - 1)
        values = rng.integers(1 - half, half, size=int(mask.sum()))
        stored = {
            "mask": np.packbits(mask),
            "values": bytes_of(values, bits),
            "scale": np.exp(rng.normal(size=mask.shape[1])).astype(np.float32),
            "b": rng.normal(size=mask.shape[1]).astype(np.float32),
            "bits": bits,
        }
        yield Case({"shape": mask.shape}, stored=stored)


loading = FunctionExercise(
    "load_layer",
    cases=layers_to_load,
    outputs=("W", "b"),
    writes=True,  # the check that inputs stay is below: it looks into a dict
    cpu_only=IN_FILES,
    depends=("unpack_integers",),
)


@loading.check(
    "inputs are not modified", cases=layers_to_load, judge=judge_unchanged,
    after=("the result matches the reference",),
    expect=lambda case: {name: case.inputs["stored"][name] for name in ("mask", "values", "scale", "b")},
    mutation=mutated_function("y = __import__('copy').deepcopy(y)", "args[0]['mask'][...] = 0", "return y"),
)  # fmt: skip
def untouched(subject, case):
    kept = subject.put(case.inputs["stored"])
    subject.run("load_layer", kept, **case.arguments)
    now = subject.request("fetch", handle=kept.handle)
    return {name: now.get(name) for name in ("mask", "values", "scale", "b")} if isinstance(now, dict) else {}


def judge_single(observed, expected, case):
    del case
    return next(
        (
            Mismatch("dtype", name, f"{name}: expected {right}, got {observed.get(name)}")
            for name, right in expected.items()
            if observed.get(name) != right
        ),
        None,
    )


@loading.check(
    "W and b are float32", cases=layers_to_load, judge=judge_single, after=("the result matches the reference",),
    mutation=mutated_function("return y[0].astype('float64'), y[1]"),
)  # fmt: skip
def dtypes(subject, case):
    found = subject.run("load_layer", *case.inputs.values(), **case.arguments)
    pairs = zip(("W", "b"), found, strict=False) if isinstance(found, tuple | list) else ()
    return {f"the dtype of {name}": str(getattr(value, "dtype", "none")) for name, value in pairs}
