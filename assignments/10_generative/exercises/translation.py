"""CycleGAN and StarGAN: the way there and back, a step of two generators, and the domain of an image."""

import numpy as np

from autograder.checks import FORWARD, GRADIENTS, Case, LossExercise, New, Rng, TrainingStepExercise, mutated


def there_and_back(rng):
    """A single number, rows and images; some numbers come back exactly."""
    for shape, arguments in [((1, 1), {}), ((5, 3), {"weight": 3.0}), ((3, 2, 4, 3), {"weight": 0.5}), ((2, 7), {})]:
        x = rng.normal(size=shape)
        # of the numbers that differ, none is so close that a difference quotient would step over the kink
        off = rng.choice([-1, 1], size=shape) * rng.uniform(0.1, 2, size=shape)
        yield Case(arguments, back=x + off, x=x)


cycle_loss = LossExercise("CycleConsistencyLoss", cases=there_and_back, gradient_of=("back",))


def exact_returns(rng):
    x = rng.normal(size=(4, 3))
    off = rng.normal(size=(4, 3)) * (rng.random((4, 3)) < 0.5)
    off[0], off[1] = 0, 1
    return [Case({"weight": 2.0}, back=x + off, x=x), Case({}, back=x, x=x)]


@cycle_loss.check(
    "where an image comes back exactly there is no gradient",
    cases=exact_returns,
    part="backward",
    needs=("forward", "backward"),
    after=(GRADIENTS,),
)
def exact(subject, case):
    loss = subject.make("CycleConsistencyLoss", **case.arguments)
    value = loss.call("forward", *case.inputs.values())
    return {"the loss": value, "dback": loss.call("backward")}


def two_kinds(rng):
    """Batches of the same size and of others; of single rows."""
    for n, m in [(4, 4), (3, 5), (6, 2), (1, 1)]:
        yield Case(x=rng.normal(1, 1, size=(n, 3)), y=rng.normal(-1, 1, size=(m, 3)))


def four_networks(_case):
    return {
        "to_y": New("support.Perceptron", 3, 4, 3, rng=Rng(1)),
        "to_x": New("support.Perceptron", 3, 5, 3, rng=Rng(2)),
        "judge_y": New("support.Perceptron", 3, 4, rng=Rng(3)),
        "judge_x": New("support.Perceptron", 3, 2, rng=Rng(4)),
    }


translation = TrainingStepExercise(
    "translation_step",
    cases=two_kinds,
    networks=four_networks,
    optimizers={"optimizer": ("to_y", "to_x")},
    losses={"generator_loss": New("support.OneAnswer"), "cycle_loss": New("support.RowLoss")},
    stale=True,
    cleared=("judge_y", "judge_x"),
    outputs=("the loss",),
    float32=lambda rng: [Case(x=rng.normal(size=(n, 3)), y=rng.normal(size=(4, 3))) for n in (3, 5)],
    support_files=("answers",),
)


def scores_and_domains(rng):
    """Every domain occurs where there are rows enough; two domains and many; one row; a large answer in column 0."""
    for batch, domains, arguments in [(1, 2, {}), (6, 3, {"weight": 3.0}), (5, 2, {"weight": 0.4}), (9, 7, {})]:
        scores = rng.normal(0, 2, size=(batch, 1 + domains))
        scores[:, 0] += 5
        yield Case(arguments, scores=scores, domain=rng.permutation(np.arange(batch) % domains))


domain_loss = LossExercise(
    "DomainClassificationLoss",
    cases=scores_and_domains,
    gradient_of=("scores",),
    extreme=1000.0,
    shift_invariant=True,
)


def sure_of_real(rng):
    """Answers to real or not that are a thousand times as large as the scores of the domains, of either sign."""
    for size in (2000.0, -2000.0):
        scores = rng.normal(0, 2, size=(4, 4))
        scores[:, 0] = size
        yield Case(scores=scores, domain=rng.permutation(4) % 3)


@domain_loss.check(
    "the answer to real or not takes no part, however large it is",
    cases=sure_of_real,
    part="forward",
    needs=("forward",),
    after=(FORWARD,),
    mutation=mutated("y = super().forward(*xs)", "return y + (xs[0][:, 0].max() > 1000)"),
)
def without_column_0(subject, case):
    return {"the loss": subject.make("DomainClassificationLoss").call("forward", *case.inputs.values())}
