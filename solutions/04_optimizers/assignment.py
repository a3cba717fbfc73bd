"""04_optimizers: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Optimizers",
    earlier=(
        "02_layers",
        "03_losses",
    ),
    minutes=360,
    points={
        "SGD": Points(step=2),
        "Momentum": Points(step=3, speed=1),
        "Nesterov": Points(step=3),
        "Adagrad": Points(step=3),
        "RMSprop": Points(step=3),
        "Adadelta": Points(step=3),
        "Adam": Points(step=5, speed=1),
        "AdamW": Points(step=3),
        "clip_gradient_norm": 3,
        "accumulate_gradients": Points(accumulate_gradients=4, memory=1),
        "StepDecay": Points(rate=1),
        "CosineAnnealing": Points(rate=2),
        "LinearWarmup": Points(rate=1),
        "train_mnist_mlp": 5,
    },
    questions={"decoupled_decay": 3, "reading_the_roads": 3},
)
