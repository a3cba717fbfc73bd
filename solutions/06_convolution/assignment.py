"""06_convolution: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Convolution",
    earlier=(
        "02_layers",
        "03_losses",
    ),
    bonus=("InceptionBlock",),
    minutes=360,
    points={
        "im2col": 3,
        "col2im": 4,
        "columns_to_outputs": 0,
        "columns_backward": 0,
        "Conv2d": Points(forward=4, backward=6, speed=2, memory=1),
        "MaxPool2d": Points(forward=2, backward=4, speed=1),
        "AvgPool2d": Points(forward=1, backward=2),
        "GlobalAveragePool": Points(forward=1, backward=1),
        "ConvTranspose2d": Points(forward=3, backward=4),
        "LocallyConnected2d": Points(forward=2, backward=4),
        "ResidualBlock": Points(forward=2, backward=3),
        "InceptionBlock": Points(forward=2, backward=3),
        "train_cnn": 6,
    },
    questions={"shared_weights": 3, "short_cuts": 3},
)
