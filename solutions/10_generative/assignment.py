"""10_generative: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Generative models",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
    ),
    minutes=600,
    points={
        # part one: autoencoders
        "Autoencoder": Points(forward=3, backward=4),
        # part two: two networks and noise
    },
    questions={"posterior": 3, "what_is_normal": 3},
)
