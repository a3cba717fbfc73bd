"""13_robustness: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Robustness and compression",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
        "06_convolution",
    ),
    bonus=("clipped_sum", "dp_sgd_step", "grad_cam"),
    minutes=540,
    points={
        "input_gradient": 2,
        "project": 2,
        "fgsm": 2,
        "pgd": 4,
        "adversarial_training": 5,
        "train_robust": 6,
        "magnitude_pruning": 4,
        "masked_step": 2,
        "quantize_int8": 4,
        "quantized_matmul": 2,
        "quantized_linear": 3,
        "pack_integers": 2,
        "unpack_integers": 2,
        "store_layer": 3,
        "load_layer": 2,
        "DistillationLoss": Points(forward=3, backward=3),
        "low_rank_factorize": 3,
        "train_compressed": 6,
        "clipped_sum": 4,
        "dp_sgd_step": 4,
        "grad_cam": 3,
    },
    questions={"masked_gradients": 3, "bytes": 3},
)
