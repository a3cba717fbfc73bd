"""11_training_practice: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Training practice",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
        "06_convolution",
    ),
    minutes=480,
    points={
        "k_fold": 3,
        "confusion_matrix": 2,
        "Ensemble": Points(forward=2),
        "TestTimeAugmentation": Points(forward=3),
        "fine_tune": Points(fine_tune=4, speed=1),
        "LoRA": Points(first_factors=2, forward=2, backward=4),
        "merged_weights": 1,
        "to_settings": 2,
        "GridSearch": Points(points=2),
        "RandomSearch": Points(ask=2),
        "rbf_kernel": 1,
        "gaussian_process_posterior": 4,
        "log_marginal_likelihood": 2,
        "expected_improvement": 3,
        "BayesianSearch": Points(ask=6),
        "learning_rate_finder": 4,
        "LossScaler": Points(scaled=1, step=4),
        "train_transferred": 6,
        "newton_schulz": 3,
        "Muon": Points(step=3),
        "calibration_error": 2,
        "TemperatureScaling": Points(fit=3, forward=1),
        "roc_auc": 3,
        "fit_power_law": 2,
        "MultiTaskLoss": Points(forward=2, backward=3),
    },
    questions={"best_of_many": 3, "low_rank": 3},
)
