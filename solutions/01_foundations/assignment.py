"""01_foundations: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Foundations",
    minutes=300,
    points={
        "numerical_gradient": 4,
        "relative_error": 2,
        "one_hot": 2,
        "standardize": 3,
        "minibatches": 3,
        "pairwise_distances": Points(pairwise_distances=4, speed=1, scaling=1),
        "SimpleNetwork": Points(train=4),
        "TwoLayerNet": Points(loss=2, gradients=4, train=1, predict=1),
        "train_setosa": 4,
    },
    questions={"valley": 2, "leak": 2},
)
