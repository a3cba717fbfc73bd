"""The capstone pretrained_encoder: features of images without labels, judged by what 50 labels can do with them."""

from functools import cache

import numpy as np

from autograder.checks import Exercise, Mismatch, Rng, Task, disguise, seeds_alone
from dlkit.datasets import mnist

SEEDS, DRAWINGS = 3, 20
CLASSES, EACH = 10, 5
IMAGES, OTHERS, MOST_FEATURES = 4000, 2000, 128
GAIN = 0.04


@cache
def small_mnist():
    """All 12,000 images, each the mean of squares of 2 × 2 pixels, in channels of one."""
    data = mnist()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    return x.reshape(len(x), 1, 14, 2, 14, 2).mean(axis=(3, 5)).astype("float32"), y


def task_of(seed):
    """Images to learn from, and others with their labels, all changed in the same way; a seed for the student."""
    rng = np.random.default_rng(seed)
    x, y = small_mnist()
    dealt = rng.permutation(len(x))[: IMAGES + OTHERS]
    first, last = dealt[:IMAGES], dealt[IMAGES:]
    return disguise(Task(x[first], y[first], x[last], y[last]), "warp", rng), int(rng.integers(1 << 31))


def linear_evaluation(features, labels, rng):
    """Mean accuracy of a ridge regression on a few labelled rows of each class, over several drawings."""
    features = features.reshape(len(features), -1).astype(float)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    found = []
    for _ in range(DRAWINGS):
        few = np.concatenate([rng.choice(np.flatnonzero(labels == c), EACH, replace=False) for c in range(CLASSES)])
        inner = features[few] @ features[few].T / features.shape[1]
        targets = np.eye(CLASSES)[labels[few]] - 1 / CLASSES
        weights = features[few].T @ np.linalg.solve(inner + 0.1 * np.eye(len(few)), targets)
        others = np.setdiff1d(np.arange(len(labels)), few)
        found.append(((features[others] @ weights).argmax(axis=1) == labels[others]).mean())
    return float(np.mean(found))


def judge_gain(observed, expected, case):
    del expected, case
    if isinstance(observed["features"], str):
        return Mismatch("shape", "the features", observed["features"])
    reached, pixels = observed["features"], observed["pixels"]
    if reached >= pixels + GAIN:
        return None
    text = (
        f"{CLASSES * EACH} labels on the encoder's features classify {100 * reached:.1f} % of the other images "
        f"correctly, on the pixels {100 * pixels:.1f} %; {100 * (pixels + GAIN):.1f} % required"
    )
    return Mismatch("accuracy", "the features", text, error=pixels + GAIN - reached)


# Over 37 gradings the reference's features classify 0.753 correctly (standard deviation 0.035), the pixels 0.625
# (0.017): a gain of 0.128 (0.036), 0.052 at worst, in 7 to 10 s of CPU time. Features of random weights lose 0.10 (at
# best 0.05), 30 principal components lose 0.03 (at best they gain 0.003). One epoch gains −0.01 (at best 0.013 of 5),
# 6 epochs with two equal views lose 0.09. Five epochs gain 0.05 and may pass.
encoder = Exercise(
    "pretrained_encoder", "model", ("pretrained_encoder",), depends=("UnitLength", "NTXent", "contrastive_step")
)


def form_of(features, rows):
    """What is wrong with the form of the features, or nothing."""
    if not isinstance(features, np.ndarray) or features.ndim != 2 or len(features) != rows:
        what = f"an array of shape {features.shape}" if isinstance(features, np.ndarray) else type(features).__name__
        return f"the encoder's forward: expected shape ({rows}, features), got {what}"
    if features.shape[1] > MOST_FEATURES:
        return f"the encoder's forward: at most {MOST_FEATURES} features, got {features.shape[1]}"
    if features.dtype.kind not in "fiu" or not np.isfinite(features).all():
        return "the encoder's forward gives features that are no finite numbers"
    return ""


@encoder.check(
    f"features are better than pixels by {100 * GAIN:.3g} % with 50 labels",
    cases=seeds_alone(SEEDS),
    expect=lambda _: {},
    judge=judge_gain,
    cpu_s=20.0,
)
def gain(subject, case):
    task, seed = task_of(case.hidden["seed"])
    model = subject.keep("pretrained_encoder", task.x, rng=Rng(seed))
    model.call("eval")
    found = [model.call("forward", task.x_test[i : i + 500]) for i in range(0, OTHERS, 500)]
    if wrong := next((form_of(part, 500) for part in found if form_of(part, 500)), ""):
        return {"features": wrong, "pixels": 0.0}
    if len({part.shape[1] for part in found}) > 1:
        return {"features": "the encoder's forward gives another number of features for other images", "pixels": 0.0}
    labels, drawn = task.y_test, case.hidden["seed"]
    return {
        "features": linear_evaluation(np.concatenate(found), labels, np.random.default_rng(drawn)),
        "pixels": linear_evaluation(task.x_test, labels, np.random.default_rng(drawn)),
    }
