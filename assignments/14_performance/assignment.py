"""14_performance: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Performance",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
        "06_convolution",
        "07_recurrent",
        "09_attention",
    ),
    bonus=("RingWorker", "silu_kernel", "softmax_kernel"),
    minutes=480,
    points={
        "Conv2dFast": Points(forward=1, backward=1, speed=1, memory=3),
        "SoftmaxCrossEntropyFused": Points(forward=1, backward=1, memory=3),
        "AdamInPlace": Points(step=1, speed=2, memory=2),
        "LSTMFusedGates": Points(forward=1, backward=1, speed=4),
        "merge_attention": 2,
        "AttentionChunked": Points(forward=1, backward=1, speed=1, scaling=3),
        "gradient_checkpoint": Points(gradient_checkpoint=2, scaling=3),
        "cosine_topk_blocked": Points(cosine_topk_blocked=1, memory=2, scaling=2),
        "train_fast": Points(train_fast=2, speed=4),
        "RingWorker": Points(send=1, receive=3),
        "silu_kernel": 2,
        "softmax_kernel": 3,
    },
    questions={"layout": 3, "roofline": 3},
)
