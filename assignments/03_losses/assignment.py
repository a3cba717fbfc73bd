"""03_losses: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Losses",
    earlier=("02_layers",),
    minutes=360,
    points={
        "MeanSquaredError": Points(forward=1, backward=1),
        "Huber": Points(forward=2, backward=2),
        "BinaryCrossEntropy": Points(forward=3, backward=2),
        "SoftmaxCrossEntropy": Points(forward=4, backward=3, speed=1),
        "KLDivergence": Points(forward=2, backward=1),
        "Focal": Points(forward=3, backward=4),
        "MultiMargin": Points(forward=2, backward=3, speed=1),
        "Angular": Points(forward=2, backward=4),
        "RankNet": Points(forward=2, backward=2),
        "Triplet": Points(forward=2, backward=3, speed=1),
        "train_softmax_regression": 3,
        "train_with_noisy_labels": 3,
    },
    questions={"why_logits": 3, "smoothing_and_focal": 3},
)
