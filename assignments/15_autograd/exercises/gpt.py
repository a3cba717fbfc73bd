"""GPT: its branches and its scores, with gradients of all weights."""

import numpy as np

from autograder.checks import Case, Exercise, New, Ref, Rng, judge_float32, mutated

from .networks import OPERATIONS, attended, normalized

gpt = Exercise(
    "GPT",
    "class",
    ("attention", "mlp", "forward"),
    depends=(*OPERATIONS, "rms_norm", "causal_attention"),
)
NAMES = ("wte", "wpe", "Wq", "Wk", "Wv", "Wo", "W1", "W2", "head")


def model_cases(rng):
    """One head and several, one position and as many as fit, a batch of one; head_dim unlike the number of heads."""
    for symbols, d, heads, block, batch, steps in [
        (7, 6, 2, 5, 3, 4),
        (5, 4, 1, 3, 1, 3),
        (4, 6, 3, 6, 2, 1),
        (9, 8, 2, 4, 2, 4),
        (6, 8, 4, 7, 1, 5),
    ]:
        shapes = [(symbols, d), (block, d), *[(d, d)] * 4, (d, 4 * d), (4 * d, d), (d, symbols)]
        weights = [rng.normal(0, 0.7, size=shape) for shape in shapes]
        yield Case(
            {"heads": heads},
            weights=weights,
            x=rng.normal(size=(batch, steps, d)),
            ids=rng.integers(symbols, size=(batch, steps)),
        )


def attend(x, case):
    Wq, Wk, Wv, Wo = case.inputs["weights"][2:6]
    read, size = [], x.shape[-1] // case.arguments["heads"]
    for start in range(0, x.shape[-1], size):
        q, k, v = (x @ W[:, start : start + size] for W in (Wq, Wk, Wv))
        read.append(attended(q, k, v))
    return np.concatenate(read, axis=-1) @ Wo


def dense(x, case):
    W1, W2 = case.inputs["weights"][6:8]
    return np.maximum(x @ W1, 0) @ W2


def all_scores(case):
    wte, wpe, *_, head = case.inputs["weights"]
    ids = case.inputs["ids"]
    x = wte[ids] + wpe[: ids.shape[1]]
    x = x + attend(normalized(x), case)
    x = x + dense(normalized(x), case)
    return normalized(x) @ head


def with_weights(subject, case):
    """A model with the case's weights, and its tensor of x."""
    weights = case.inputs["weights"]
    (symbols, d), block = weights[0].shape, len(weights[1])
    model = subject.make("GPT", symbols, d, case.arguments["heads"], block, rng=Rng(0))
    for name, array in zip(NAMES, weights, strict=True):
        model.set(name, New("Tensor", array))
    return model


def branch(method):
    def run(subject, case):
        x = subject.make("Tensor", case.inputs["x"])
        return {"y": with_weights(subject, case).keep(method, Ref(x.handle)).get("data")}

    return run


gpt.check(
    "attention: every head reads its own features, causally",
    cases=model_cases,
    part="attention",
    needs=("attention",),
    expect=lambda case: {"y": attend(case.inputs["x"], case)},
)(branch("attention"))
gpt.check(
    "mlp: relu between two products",
    cases=model_cases,
    part="mlp",
    needs=("mlp",),
    expect=lambda case: {"y": dense(case.inputs["x"], case)},
)(branch("mlp"))
SCORES = "scores at every position"
whole = gpt.check(
    SCORES, cases=model_cases, part="forward", weight=2, expect=lambda case: {"scores": all_scores(case)}
)  # fmt: skip


@whole
def scores_of(subject, case):
    return {"scores": with_weights(subject, case).keep("forward", case.inputs["ids"]).get("data")}


@gpt.check(
    "weights are read anew in every call",
    cases=lambda rng: list(model_cases(rng))[:2],
    part="forward",
    expect=lambda case: {
        "scores after all weights have changed": all_scores(
            case.with_changes(inputs={**case.inputs, "weights": [0.5 - each for each in case.inputs["weights"]]})
        )
    },
    after=(SCORES,),
    mutation=mutated(
        "self.kept = getattr(self, 'kept', None) or [(w, w.data * 1) for w in (self.Wq, self.head)]",
        "for w, data in self.kept: w.data = data * 1",
        "return super().forward(*xs)",
    ),
)
def anew(subject, case):
    own = [each.copy() for each in case.inputs["weights"]]
    model = with_weights(subject, case.with_changes(inputs={**case.inputs, "weights": own}))
    model.keep("forward", case.inputs["ids"])
    for name, array in zip(NAMES, case.inputs["weights"], strict=True):
        model.write(f"{name}.data", 0.5 - array)
    return {"scores after all weights have changed": model.keep("forward", case.inputs["ids"]).get("data")}


def with_gradients(subject, case):
    """Scores, and the gradient of every weight."""
    model = with_weights(subject, case)
    y = model.keep("forward", case.inputs["ids"])
    scores = y.get("data")
    y.call("backward", case.inputs["dy"])
    return {"scores": scores, **{f"d{name}": model.get(f"{name}.grad") for name in NAMES}}


def small_models(rng):
    """Models small enough for differences, with upstream gradients."""
    for case in list(model_cases(rng))[:3]:
        symbols = len(case.inputs["weights"][0])
        dy = rng.normal(size=(*case.inputs["ids"].shape, symbols))
        weights = [0.6 * each for each in case.inputs["weights"]]
        yield case.with_changes(inputs={**case.inputs, "weights": weights, "dy": dy})


def by_differences(case):
    """Along one drawn direction for every weight, which decides, and the scores."""
    found = {}
    for place, name in enumerate(NAMES):
        weights = case.inputs["weights"]

        def total(by, place=place, weights=weights):
            moved = [w + by * (i == place) * direction(w) for i, w in enumerate(weights)]
            return float(
                (case.inputs["dy"] * all_scores(case.with_changes(inputs={**case.inputs, "weights": moved}))).sum()
            )

        found[f"along a direction of {name}"] = (total(1e-6) - total(-1e-6)) / 2e-6
    return found


def direction(weights):
    """The same for every run: a wave."""
    return np.cos(1.7 * np.arange(weights.size)).reshape(weights.shape)


@gpt.check(
    "gradients of all weights match numerical differences",
    cases=small_models,
    part="forward",
    weight=2,
    expect=by_differences,
    after=(SCORES,),
    mutation=mutated("y = super().forward(*xs)", "self.wpe = self.wpe.detach()", "return y"),
)
def slopes(subject, case):
    seen = with_gradients(subject, case)
    found = {}
    for name, weights in zip(NAMES, case.inputs["weights"], strict=True):
        slope = seen[f"d{name}"]
        fits = isinstance(slope, np.ndarray) and slope.shape == weights.shape and slope.dtype.kind == "f"
        found[f"along a direction of {name}"] = float((slope * direction(weights)).sum()) if fits else slope
    return found


WIDE = mutated("y = super().forward(*xs)", "y.data = y.data.astype('float64')", "return y")
COPIED = mutated("y = super().forward(*xs)", "__import__('numpy').asarray(y.data)", "return y")
gpt.check(
    "float32 stays float32",
    cases=lambda rng: [in_dtype(case) for case in list(model_cases(rng))[:2]],
    part="forward",
    expect=lambda case: {"scores": all_scores(case)},
    judge=judge_float32,
    after=(SCORES,),
    mutation=WIDE,
)(scores_of)
gpt.check(
    "stays on the device",
    cases=lambda rng: list(model_cases(rng))[:2],
    part="forward",
    expect=lambda case: {"scores": all_scores(case)},
    backend="stand-in",
    after=(SCORES,),
    mutation=COPIED,
)(scores_of)


def in_dtype(case):
    inputs = {**case.inputs, "weights": [each.astype("float32") for each in case.inputs["weights"]]}
    return case.with_changes(inputs={**inputs, "x": case.inputs["x"].astype("float32")})
