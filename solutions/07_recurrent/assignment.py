"""07_recurrent: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Recurrent networks",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
    ),
    minutes=420,
    points={
        "RNN": Points(forward=4, backward=8),
        "lstm_cell": 0,
        "lstm_cell_backward": 0,
        "LSTM": Points(first_bias=1, forward=6, backward=10, speed=2),
        "gru_cell": 0,
        "gru_cell_backward": 0,
        "GRU": Points(forward=4, backward=8),
        "StackedRNN": Points(forward=4, backward=4),
        "Bidirectional": Points(forward=4, backward=4),
        "truncated_bptt": 5,
        "RecursiveNet": Points(forward=3, backward=5),
        "CausalConv1d": Points(forward=4, backward=4, speed=1),
        "TCNBlock": Points(forward=2, backward=3),
        "LocallyConnected1d": Points(forward=2, backward=4, speed=1),
        "train_language_model": 6,
        "train_row_reader": 4,
        "train_adder": 4,
    },
    questions={"receptive_field": 3, "vanishing_gradient": 3},
)
