"""TwoLayerNet, a repair of four methods: loss, gradients, training and prediction."""

import numpy as np

from autograder.checks import Case, Exercise, GradientCost, Rng, compare_all, habits, mutated

LOSS = "the loss matches the reference"
LARGE = "the loss is finite for large scores"
GRADIENTS = "gradients match the reference"
STEPS = "training steps down its gradients"
CLASSES = "predicts by the sign of the score"

two_layer_net = Exercise("TwoLayerNet", "network", ("loss", "gradients", "train", "predict"))


def net_cases(rng):
    """Both classes in every case except the first, whose batch is a single row."""
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


def net(subject, case):
    """A network with the parameters of the case."""
    network = subject.make("TwoLayerNet", **case.arguments)
    network.set("params", case.hidden["params"])
    return network


def named(found, letter):
    """A dict of arrays as observations, one per name; anything else under a name of its own."""
    if not isinstance(found, dict):
        return {"what comes": found}
    return {f"{letter}{name}": value for name, value in found.items()}


# --- loss ------------------------------------------------------------------------------------


@two_layer_net.check(LOSS, cases=net_cases, part="loss", weight=6, needs=("loss",))
def loss_of(subject, case):
    return {"the loss": net(subject, case).call("loss", *case.inputs.values())}


habits(
    two_layer_net,
    loss_of,
    cases=net_cases,
    part="loss",
    after=(LOSS,),
    prefix="loss: ",
)


def large_cases(rng):
    """Two nets, each also with the other sign of all scores: some are far above and some far below 0 in any draw."""
    for rows in (6, 9):
        case = net_case(rng, rows, 3, 4, scale=2000.0)
        params = case.hidden["params"]
        turned = {**params, "W2": -params["W2"], "b2": -params["b2"]}
        yield case
        yield case.with_changes(hidden={**case.hidden, "params": turned})


@two_layer_net.check(LARGE, cases=large_cases, part="loss", weight=2, needs=("loss",), after=(LOSS,))
def loss_of_large_scores(subject, case):
    return loss_of(subject, case)


# --- gradients -------------------------------------------------------------------------------


def gradients_of(subject, case):
    return named(net(subject, case).call("gradients", *case.inputs.values()), "d")


def loss_again(subject, case):
    """What computes the loss once."""
    network = net(subject, case)
    return lambda: network.call("loss", *case.inputs.values())


two_layer_net.check(
    GRADIENTS,
    cases=net_cases,
    part="gradients",
    weight=6,
    needs=("gradients",),
    cost=GradientCost(
        cases=lambda rng, _: [net_case(rng, 2, 256, 128)],
        observe=gradients_of,
        judge=compare_all,
        forward=loss_again,
        numbers=lambda case: sum(value.size for value in case.hidden["params"].values()),
    ),
    mutation=mutated(
        "for _ in range(sum(p.size for p in self.params.values())):",
        "    super().loss(*args, **kwargs)",
        "return super().gradients(*args, **kwargs)",
        method="gradients",
    ),
)(gradients_of)


habits(
    two_layer_net,
    gradients_of,
    cases=net_cases,
    part="gradients",
    after=(GRADIENTS,),
    prefix="gradients: ",
    to_float64=("return {n: g.astype('float64') for n, g in super().gradients(*args, **kwargs).items()}",),
)


# --- train -----------------------------------------------------------------------------------


@two_layer_net.check(STEPS, cases=net_cases, part="train", weight=6, needs=("train",))
def params_of(subject, case):
    """The parameters after training."""
    network = net(subject, case)
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return named(network.get("params"), "")


habits(
    two_layer_net,
    params_of,
    cases=net_cases,
    part="train",
    after=(STEPS,),
    prefix="train: ",
    to_float64=(
        "super().train(*args, **kwargs)",
        "self.params = {n: p.astype('float64') for n, p in self.params.items()}",
    ),
)


# --- predict ---------------------------------------------------------------------------------


def predict_cases(rng):
    """Scores of both signs and all sizes from near zero on; in the last case some are exactly zero."""
    yield without_biases(net_case(rng, 40, 2, 4), np.linspace(0.01, 1, 40))
    for rows, n_inputs, n_hidden, scale in [(31, 4, 3, 3.0), (12, 3, 1, 0.5)]:
        case = net_case(rng, rows, n_inputs, n_hidden, scale=scale)
        yield case.with_changes(inputs={"x": case.inputs["x"]})
    yield without_biases(net_case(rng, 8, 2, 3), np.arange(8) % 3 > 0)


def without_biases(case, scale):
    """The same net, whose score turns with the sign of x and is 0 at 0; scale: of each row."""
    params = case.hidden["params"]
    params = {**params, "b1": np.zeros_like(params["b1"]), "b2": np.zeros(1)}
    return case.with_changes(inputs={"x": scale[:, None] * case.inputs["x"]}, hidden={**case.hidden, "params": params})


@two_layer_net.check(CLASSES, cases=predict_cases, part="predict", weight=6, needs=("predict",))
def classes_of(subject, case):
    return {"classes": net(subject, case).call("predict", case.inputs["x"])}


habits(
    two_layer_net,
    classes_of,
    cases=predict_cases,
    part="predict",
    after=(CLASSES,),
    among=("inputs", "device"),
    prefix="predict: ",
)
