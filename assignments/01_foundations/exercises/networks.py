"""Checks of 01_foundations: networks."""

import numpy as np

from autograder.checks import Case, Exercise, Points, Rng
from autograder.checks.judges import judge_float32, judge_unchanged
from autograder.spec import Check
from autograder.spec.comparison import Mismatch, compare_all
from autograder.subject import Instance

from .shared import FLOAT32, UNTOUCHED, in_float32

DEVICE = "stays on the device"


def spoiled_method(name, method, *body):
    """Source of a class that is right but for one method."""
    lines = "".join(f"        {line}\n" for line in body)
    return f"_Right = {name}\nclass {name}(_Right):\n    def {method}(self, *args, **kwargs):\n{lines}"


def method_checks(name, part, run, cases, principal, *, changes=("inputs", "float32", "device"), weight=6.0):
    """What is asked of a repaired method: the right numbers, and the course's habits."""

    def check(title, **more):
        more = {"cases": lambda rng, _: list(cases(rng)), "observe": run, "judge": compare_all, **more}
        return Check(title, part, 1.0, needs=(part,), after=(principal,), **more)

    def untouched(subject, case):
        sent = {key: subject.put(x) for key, x in case.inputs.items()}
        run(subject, case.with_changes(inputs=sent))
        return {key: Instance(subject, ref.handle).fetch() for key, ref in sent.items()}

    every = {
        "inputs": check(
            f"{part}: {UNTOUCHED}",
            observe=untouched,
            judge=judge_unchanged,
            expect=lambda _s, case, _r: dict(case.inputs),
            mutation=spoiled_method(name, part, f"y = super().{part}(*args, **kwargs)", "args[0][...] = 0", "return y"),
        ),
        "float32": check(
            f"{part}: {FLOAT32}",
            cases=lambda rng, _: in_float32(cases)(rng),
            judge=judge_float32,
            mutation=spoiled_method(name, part, *DOUBLES[part]),
        ),
        "device": check(
            f"{part}: {DEVICE}",
            backend="stand-in",
            mutation=spoiled_method(
                name, part, "__import__('numpy').asarray(args[0])", f"return super().{part}(*args, **kwargs)"
            ),
        ),
    }
    return [
        Check(principal, part, weight, lambda rng, _: list(cases(rng)), run, compare_all, needs=(part,)),
        *(every[change] for change in changes),
    ]


DOUBLES = {
    "train": (
        "super().train(*args, **kwargs)",
        "state = 'weights' if hasattr(self, 'weights') else 'params'",
        "kept = getattr(self, state)",
        "double = {n: p.astype('float64') for n, p in kept.items()} if state == 'params' else kept.astype('float64')",
        "setattr(self, state, double)",
    ),
    "loss": ("return super().loss(*args, **kwargs).astype('float64')",),
    "gradients": ("return {n: g.astype('float64') for n, g in super().gradients(*args, **kwargs).items()}",),
    "predict": ("return super().predict(*args, **kwargs).astype('float64')",),
}
"""What makes a method give float64, by its name."""


TRAINS = "training goes down the gradient"


FITS = "fits the published data"


PUBLISHED_ROWS = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])


MISFIT = 0.01
"""Largest error after 400 epochs at 0.1.  From 1000 random starts the reference has 3e-12 in the mean and 1.4e-11 at worst; the
slowest direction shrinks by 6 % an epoch, and the bound is reached after 86 epochs at the latest."""


def simple_cases(rng):
    for rows, n_inputs, epochs, rate in [(5, 3, 1, 0.05), (1, 2, 2, 0.3), (7, 4, 3, 0.02), (6, 2, 4, 0.01)]:
        weights = rng.normal(size=(n_inputs, 1))
        inputs = {"inputs": rng.normal(size=(rows, n_inputs)), "targets": rng.normal(0, 3, size=(rows, 1))}
        arguments = {"n_inputs": n_inputs, "rng": Rng(0)}
        training = {"epochs": epochs, "learning_rate": rate}
        yield Case(arguments, **inputs).with_changes(hidden={"weights": weights, "training": training})


def simple_trained(subject, case):
    """The weights after training from given ones."""
    network = subject.make("SimpleNetwork", **case.arguments)
    network.set("weights", case.hidden["weights"])
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return {"weights": network.get("weights")}


def fit_cases(rng):
    """The published rows, from three random starts; the target is a column of them, in any of three orders."""
    for column in rng.permutation(3)[:2]:
        arguments = {"n_inputs": 3, "rng": Rng(int(rng.integers(1 << 31)))}
        case = Case(arguments, inputs=PUBLISHED_ROWS, targets=PUBLISHED_ROWS[:, [column]])
        yield case.with_changes(hidden={"training": {"epochs": 400, "learning_rate": 0.1}})


def fitted(subject, case):
    network = subject.make("SimpleNetwork", **case.arguments)
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return {"predictions": network.call("predict", case.inputs["inputs"])}


def judge_fit(observed, _expected, case):
    predictions, targets = observed["predictions"], case.inputs["targets"]
    if not isinstance(predictions, np.ndarray) or predictions.shape != targets.shape:
        return Mismatch("shape", "predictions", f"predict gives no array of shape {targets.shape} after training")
    misfit = float(abs(predictions - targets).max())
    if not misfit <= MISFIT:
        sentence = f"a prediction is wrong by {misfit:.2g} after 400 epochs; at most {MISFIT} is wanted"
        return Mismatch("accuracy", "predictions", sentence, error=misfit)
    return None


simple_network = Exercise(
    "SimpleNetwork",
    "network",
    ("train",),
    Points(train=4),
    [
        *method_checks("SimpleNetwork", "train", simple_trained, simple_cases, TRAINS),
        Check(
            FITS,
            "train",
            2.0,
            cases=lambda rng, _: list(fit_cases(rng)),
            observe=fitted,
            judge=judge_fit,
            needs=("train",),
            after=(TRAINS,),
            mutation=spoiled_method(
                "SimpleNetwork",
                "train",
                "kwargs['epochs'] = min(kwargs['epochs'], 9)",
                "super().train(*args, **kwargs)",
            ),
        ),
    ],
)


LOSS = "the loss matches the reference"


LARGE = "the loss is finite for large scores"


GRADIENTS = "gradients match the reference"


STEPS = "training steps down its gradients"


CLASSES = "predicts by the sign of the score"


def net_cases(rng):
    """Both classes in every case but the first, whose batch is one row."""
    for rows, n_inputs, n_hidden in [(1, 3, 2), (7, 2, 4), (6, 4, 3), (9, 3, 1)]:
        yield net_case(rng, rows, n_inputs, n_hidden)


def net_case(rng, rows, n_inputs, n_hidden, scale=1.0):
    params = {
        "W1": rng.normal(size=(n_inputs, n_hidden)),
        "b1": rng.normal(0, 0.5, n_hidden),
        "W2": scale * rng.normal(size=(n_hidden, 1)),
        "b2": rng.normal(0, 0.5, 1),
    }
    y = rng.permutation(np.arange(rows) % 2).astype(float)
    case = Case({"n_inputs": n_inputs, "n_hidden": n_hidden, "rng": Rng(0)}, x=rng.normal(size=(rows, n_inputs)), y=y)
    return case.with_changes(hidden={"params": params, "training": {"epochs": 3, "learning_rate": 0.4}})


def large_cases(rng):
    for rows in (6, 9):
        yield net_case(rng, rows, 3, 4, scale=2000.0)


def net(subject, case):
    network = subject.make("TwoLayerNet", **case.arguments)
    network.set("params", case.hidden["params"])
    return network


def loss_of(subject, case):
    return {"the loss": net(subject, case).call("loss", *case.inputs.values())}


def gradients_of(subject, case):
    return named(net(subject, case).call("gradients", *case.inputs.values()), "d")


def params_of(subject, case):
    network = net(subject, case)
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return named(network.get("params"), "")


def named(found, letter):
    """A dict of arrays as observations, one a name; whatever else it is, as it is."""
    if not isinstance(found, dict):
        return {"what comes": found}
    return {f"{letter}{name}": value for name, value in found.items()}


def classes_of(subject, case):
    return {"classes": net(subject, case).call("predict", case.inputs["x"])}


def predict_cases(rng):
    """Scores on both sides of zero, among them some between 0 and ½: no row of one side only."""
    for rows, n_inputs, n_hidden in [(40, 2, 4), (31, 4, 3), (12, 3, 1)]:
        case = net_case(rng, rows, n_inputs, n_hidden, scale=0.5)
        yield case.with_changes(inputs={"x": case.inputs["x"]})


two_layer_net = Exercise(
    "TwoLayerNet",
    "network",
    ("loss", "gradients", "train", "predict"),
    Points(loss=2, gradients=4, train=1, predict=1),
    [
        *method_checks("TwoLayerNet", "loss", loss_of, net_cases, LOSS),
        Check(
            LARGE,
            "loss",
            2.0,
            cases=lambda rng, _: list(large_cases(rng)),
            observe=loss_of,
            judge=compare_all,
            needs=("loss",),
            after=(LOSS,),
        ),
        *method_checks("TwoLayerNet", "gradients", gradients_of, net_cases, GRADIENTS),
        *method_checks("TwoLayerNet", "train", params_of, net_cases, STEPS),
        *method_checks("TwoLayerNet", "predict", classes_of, predict_cases, CLASSES, changes=("inputs", "device")),
    ],
)
