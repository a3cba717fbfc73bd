"""Attention of a decoder that writes: grouped queries, a cache, and the loop that uses it."""

import numpy as np

from autograder.checks import (
    FORWARD,
    Case,
    Code,
    Exercise,
    FunctionExercise,
    LayerExercise,
    Ref,
    Rng,
    Setting,
    Speed,
    by_name,
    compare,
    habits,
    independence,
    later_steps,
    other_rows,
)

KEPT = "returns keys and values of all positions so far"
ALONE = "two caches share nothing"
CACHED = "with a cache, outputs are those of all positions at once"


# --- the cache -------------------------------------------------------------------------------


def pieces_of_keys(rng):
    """Keys and values in pieces of several positions and of one; twice as many values; a text of some length."""
    for batch, heads, sizes, head_dim, value_dim in [
        (1, 1, (1, 1), 2, 2),
        (2, 3, (4, 1, 1, 2), 2, 4),
        (3, 2, (3, 5), 4, 3),
        (1, 1, (70, 1, 60), 1, 1),
    ]:
        inputs = {}
        for number, new in enumerate(sizes, 1):
            inputs[f"k{number}"] = rng.normal(size=(batch, heads, new, head_dim))
            inputs[f"v{number}"] = rng.normal(size=(batch, heads, new, value_dim))
        yield Case(**inputs)


def append_all(subject, case):
    """What every call returns, and how many positions there are after it."""
    cache = subject.make("KVCache")
    seen, inputs = {}, list(case.inputs.values())
    for number, pair in enumerate(zip(inputs[::2], inputs[1::2], strict=True), 1):
        returned = by_name(("keys", "values"), cache.call("append", *pair), "what append returns")
        seen |= {f"{name} of call {number}": value for name, value in returned.items()}
    return seen


cache = Exercise("KVCache", "class", ("append",))


@cache.check(KEPT, cases=pieces_of_keys, weight=4)
def kept(subject, case):
    made = subject.make("KVCache")
    seen, inputs = {"length at the start": made.get("length")}, list(case.inputs.values())
    first = None
    for number, pair in enumerate(zip(inputs[::2], inputs[1::2], strict=True), 1):
        returned = made.keep("append", *pair)
        first = first or returned
        found = by_name(("keys", "values"), returned.fetch(), "what append returns")
        seen |= {f"{name} of call {number}": value for name, value in found.items()}
        seen[f"length after call {number}"] = made.get("length")
    later = by_name(("keys", "values"), first.fetch(), "what append returned")
    return {**seen, **{f"{name} of call 1, looked at again at the end": value for name, value in later.items()}}


@cache.check(
    ALONE,
    cases=lambda rng: list(pieces_of_keys(rng))[1:2],
    after=(KEPT,),
)
def alone(subject, case):
    """One after the other, and in turns."""
    one, other = subject.make("KVCache"), subject.make("KVCache")
    seen, inputs = {}, list(case.inputs.values())
    for k, v in zip(inputs[::2], inputs[1::2], strict=True):
        for name, made, factor in (("the first", one, 1), ("the second", other, 2)):
            returned = by_name(("keys", "values"), made.call("append", factor * k, factor * v), "what append returns")
            seen |= {f"{what} of {name} cache, {k.shape[2]} new": value for what, value in returned.items()}
            seen[f"length of {name} cache"] = made.get("length")
    return seen


habits(
    cache,
    append_all,
    cases=pieces_of_keys,
    after=(KEPT,),
    among=("float32", "device"),
    to_float64=("keys, values = super().append(*args)", "return keys.astype('float64'), values.astype('float64')"),
)


# --- the attention ---------------------------------------------------------------------------


def grouped(features, heads, key_heads):
    """Arguments of the layer."""
    return {"features": features, "heads": heads, "key_heads": key_heads, "rng": Rng(0)}


def grouped_cases(rng):
    """As many key heads as heads, one for all, and groups between; a single position."""
    for (batch, time, features), heads, key_heads in [
        ((2, 1, 4), 2, 1),
        ((1, 3, 4), 2, 2),
        ((1, 3, 12), 6, 2),
        ((2, 3, 6), 3, 1),
        ((2, 4, 8), 4, 2),
    ]:
        yield Case(grouped(features, heads, key_heads), x=rng.normal(size=(batch, time, features)))


attention = LayerExercise(
    "GroupedQueryAttention",
    cases=grouped_cases,
    has_parameters=True,
    depends=(
        "KVCache",
        "RoPE",
        "rotate_pairs",
        "ScaledDotProductAttention",
        "masked_softmax",
        "softmax_backward",
        "split_heads",
        "merge_heads",
    ),
    wide=Case(grouped(8, 4, 2), x=(1, 64, 8)),
)

independence(attention, "no output depends on a later input", cases=grouped_cases, of=later_steps())
independence(attention, "sequences of a batch know nothing of each other", cases=grouped_cases, of=other_rows())


def pieces(rng):
    """One position after the other; a prompt, then one by one; several pieces of several; far positions."""
    for (batch, features), heads, key_heads, sizes in [
        ((2, 4), 2, 2, (1, 1, 1)),
        ((1, 8), 4, 2, (5, 1, 1, 1)),
        ((2, 8), 4, 1, (3, 2, 4)),
        ((1, 12), 6, 2, (40, 1, 1, 2)),
    ]:
        arguments = grouped(features, heads, key_heads)
        ends = np.cumsum(sizes)
        case = Case(arguments, x=rng.normal(size=(batch, int(ends[-1]), features)))
        yield case.with_changes(hidden={"ends": [int(end) for end in ends]})


def spans(case):
    """First and last position of each piece."""
    return zip([0, *case.hidden["ends"]], case.hidden["ends"], strict=False)


def judge_pieces(observed, expected, case):
    """Every piece is what the reference computes for these positions from all of them at once."""
    for begin, end in spans(case):
        name = f"y of positions {begin} to {end - 1}" if end > begin + 1 else f"y of position {begin}"
        found = compare(observed.get(f"{begin}"), expected["whole"][:, begin:end], name)
        if found:
            return found
    return None


@attention.check(
    CACHED,
    cases=pieces,
    part="forward",
    weight=5,
    needs=("forward",),
    after=(FORWARD,),
    judge=judge_pieces,
)
def cached(subject, case):
    layer = subject.make("GroupedQueryAttention", **case.arguments)
    kept = layer.keep("new_cache")
    seen = {
        f"{begin}": layer.call("forward", case.inputs["x"][:, begin:end], Ref(kept.handle))
        for begin, end in spans(case)
    }
    return {**seen, "whole": layer.call("forward", case.inputs["x"])}


# --- the loop --------------------------------------------------------------------------------

SYMBOLS = 100
LONG = 248


def reader(subject, case):
    """A model with the size of a small language model where time is measured, else a tiny one."""
    long = case.arguments["length"] == LONG
    sizes = (64, 256) if long else (6, 8)
    return {"model": subject.make("support.Reader", SYMBOLS, *sizes, rng=Rng(3))}


def prompts(rng):
    """Prompts of one symbol and of several, one text and several; nothing to add; other choices than the greedy one."""
    for shape, length, choose in [
        ((1, 1), 4, None),
        ((3, 5), 7, None),
        ((2, 3), 0, None),
        ((2, 4), 1, None),
        ((3, 2), 6, "lambda scores: scores.argmin(axis=1)"),
        ((2, 6), 5, "lambda scores: (0 * scores[:, 0]).astype(int) + 7"),
    ]:
        arguments = {"length": length} if choose is None else {"length": length, "choose": Code(choose)}
        yield Case(arguments, ids=rng.integers(SYMBOLS, size=shape))


# Without caches the model reads 32,000 positions instead of 255 and takes 17 times as long as the reference: within the
# limit code is at least four times as fast as that.  Who reads the prompt one symbol after the other takes 1.1.
generate = FunctionExercise(
    "generate",
    cases=prompts,
    setting=Setting(reader, lambda _: {}),
    speed=Speed(
        Case({"length": LONG}, ids=lambda rng: rng.integers(SYMBOLS, size=(1, 8))), at_most=4.0, dtype="float64"
    ),
    support_files=("decoding",),
)
