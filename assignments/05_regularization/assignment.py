"""05_regularization: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Regularization",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
    ),
    minutes=420,
    points={
        "normal_init": 1,
        "xavier_init": 2,
        "he_init": 2,
        "Dropout": Points(forward=4, backward=2, speed=1, memory=1),
        "BatchNorm": Points(forward=5, backward=6, speed=1),
        "LayerNorm": Points(forward=3, backward=4, speed=1),
        "L2Penalty": Points(forward=2, backward=2),
        "EarlyStopping": Points(update=3, restore=2),
        "random_shift": 3,
        "random_flip": 2,
        "random_crop": 3,
        "gaussian_noise": 2,
        "Mixup": Points(mix=4),
        "train_rescued": 6,
    },
    questions={"stopping_and_shrinking": 3, "reading_the_table": 3},
)
