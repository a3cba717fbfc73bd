"""The bonus exercises dqn_step, dpo_loss and grpo_advantages."""

import numpy as np

from autograder.checks import Case, FunctionExercise, New, Rng, TrainingStepExercise


def remembered_steps(rng):
    """One step and several, to goals and not, all discounts."""
    for batch, gamma, share in [(5, 0.9, 0.4), (1, 0.5, 0.0), (1, 0.5, 1.0), (6, 1.0, 0.3), (7, 0.8, 0.5)]:
        yield Case(
            {"gamma": gamma},
            states=rng.normal(size=(batch, 3)),
            actions=rng.integers(4, size=batch),
            rewards=rng.normal(0, 2, size=batch),
            next_states=rng.normal(size=(batch, 3)),
            done=rng.random(batch) < share,
        )


deep = TrainingStepExercise(
    "dqn_step",
    cases=remembered_steps,
    networks=lambda _: {
        "network": New("support.Perceptron", 3, 6, 4, rng=Rng(1)),
        "target": New("support.Perceptron", 3, 5, 4, rng=Rng(2)),
    },
    optimizers={"optimizer": "network"},
    losses={},
    stale=True,
    detached=("target",),
    float32=True,
)


def answers(rng):
    """One pair and several; ordered correctly and not, by far, in turns; other sizes of beta."""
    for batch, beta, size in [(1, 0.1, 5.0), (6, 1.0, 2.0), (5, 0.5, 8.0), (4, 2.0, 900.0), (7, 0.3, 4.0)]:
        chosen, rejected, first, second = -abs(rng.normal(20, size, (4, batch)))
        exchanged = ((chosen - rejected > first - second) == np.arange(batch) % 2) & (batch > 1)
        chosen, rejected = np.where(exchanged, (rejected, chosen), (chosen, rejected))
        first, second = np.where(exchanged, (second, first), (first, second))
        yield Case({"beta": beta}, chosen=chosen, rejected=rejected, reference_chosen=first, reference_rejected=second)
    chosen, first, second = -abs(rng.normal(20, 3, (3, 3)))
    yield Case({"beta": 1.5}, chosen=chosen, rejected=chosen + 0, reference_chosen=first, reference_rejected=first + 0)
    chosen, rejected, first, second = -abs(rng.normal(20, 3, (4, 5)))
    yield Case({"beta": 0.7}, chosen=chosen, rejected=rejected, reference_chosen=first, reference_rejected=second)


preference = FunctionExercise("dpo_loss", cases=answers, outputs=("the loss", "dchosen", "drejected"), float32=True)


def large_and_rounded():
    """A large number that is not the mean of six like it, by rounding."""
    x = 1e14 / 3
    while np.full(6, x).mean() == x:
        x = 1.1 * x
    return x


def groups(rng):
    """Groups of every size, without spread, of rewards whose mean is rounded, large ones with a small spread."""
    for shape in [(3, 4), (1, 5), (4, 2)]:
        yield Case(rewards=rng.normal(1, 2, shape))
    yield Case(rewards=(rng.random((5, 6)) < 0.5) * 1.0)
    yield Case(rewards=np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.2], [-0.7, -0.7, -0.7]]))
    yield Case(rewards=np.array([[2.5], [0.0]]))
    yield Case(rewards=np.full((1, 6), large_and_rounded()))
    yield Case(rewards=np.array([[1e-6, 3e-6, 2e-6, 2e-6], [5e5, 7e5, 5e5, 5e5]]))
    yield Case(rewards=np.concatenate([rng.normal(size=(2, 3)), np.full((1, 3), 0.6)]))


relative = FunctionExercise("grpo_advantages", cases=groups, float32=True)
