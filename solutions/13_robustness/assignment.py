"""13_robustness: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points  # noqa: F401

OUTLINE = Outline(
    title="Robustness and compression",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
        "06_convolution",
    ),
    minutes=540,
    points={
        "input_gradient": 2,
        "project": 2,
        "fgsm": 2,
        "pgd": 4,
        "adversarial_training": 5,
        "train_robust": 6,
    },
    questions={},
)
