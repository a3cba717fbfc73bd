"""The exercises of what is stored: integers of a few bits in bytes, and layers."""

import numpy as np

from autograder.checks import Case, FunctionExercise, Mismatch, judge_unchanged, mutated_function

from .integers import clear_of_ties, exact

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
    """Few and many weights, all bits; columns of which nothing remains; nothing removed.

    What was removed is large, infinite or not even a number.
    """
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
            mask[:3, 1] = True
        W = clear_of_ties(np.where(mask, rng.normal(size=mask.shape), 0), bits=bits, axis=1)
        W = np.where(mask, W, rng.normal(0, 5, size=mask.shape)).astype(dtype)
        removed = np.argwhere(~mask)
        for place, value in zip(removed[:: max(1, len(removed) // 2)], (np.nan, -np.inf), strict=False):
            W[tuple(place)] = value
        if n_in > 1 and mask[1, 1]:
            W[1, 1] = 1e-9  # remains, and is rounded to 0
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
    new=True,
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
        bits_of_mask = np.packbits(mask)
        stored = {
            "mask": bits_of_mask,
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
