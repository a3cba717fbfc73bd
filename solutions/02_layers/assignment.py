"""02_layers: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Layers",
    minutes=300,
    points={
        "Linear": Points(forward=2, backward=4, speed=1),
        "Sigmoid": Points(forward=2, backward=2),
        "Tanh": Points(forward=1, backward=2),
        "ReLU": Points(forward=1, backward=2, speed=1),
        "LeakyReLU": Points(forward=1, backward=2),
        "ELU": Points(forward=2, backward=2),
        "GELU": Points(forward=2, backward=3),
        "Softmax": Points(forward=2, backward=4, speed=1, memory=1),
        "Flatten": Points(forward=1, backward=1),
        "Sequential": Points(forward=1, backward=2),
        "gradient_norms": 2,
        "train_spirals": 4,
    },
    questions={"vanishing_gradients": 3, "why_nonlinear": 2},
)
