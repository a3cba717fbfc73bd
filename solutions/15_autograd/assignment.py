"""15_autograd: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Automatic differentiation and a small GPT",
    earlier=(
        "02_layers",
        "03_losses",
        "05_regularization",
        "07_recurrent",
        "08_embeddings",
        "09_attention",
    ),
    minutes=600,
    points={
        "topological_order": 3,
        "Value": Points(add=1, mul=1, power=1, exp=1, log=1, tanh=1, relu=1, backward=3),
        "unbroadcast": 3,
        "spread": 2,
        "no_grad": 2,
        "Node": Points(record=2, backward=4, zero_grad=1, detach=1),
        "Arithmetic": Points(add=2, mul=2, maximum=2),
        "Elementwise": Points(power=1, exp=1, log=1, tanh=1, relu=1),
        "Reductions": Points(sum=2, mean=2),
        "Reshaping": Points(reshape=1, transpose=2, getitem=2),
        "concatenate": 2,
        "Products": Points(matmul=5),
        "value_and_grad": Points(value_and_grad=8, speed=2),
        "softmax": 2,
        "cross_entropy": 3,
        "rms_norm": 2,
        "causal_attention": 3,
        "GPT": Points(attention=3, mlp=1, forward=3),
        "TensorAdam": Points(step=3),
        "train_gpt": 6,
    },
    questions={"reverse_mode": 3, "tape": 3},
)
