"""12_paradigms: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Learning paradigms",
    earlier=("02_layers", "03_losses", "04_optimizers"),
    bonus=("KernelDensity",),
    minutes=600,
    points={
        "LinearRegression": Points(fit=3, gradient=2, descend=1, predict=1),
        "LogisticRegression": Points(probabilities=1, loss=2, gradient=2, fit=3),
        "pegasos_step": 3,
        "LinearSVM": Points(fit=2, predict=1),
        "gini": 1,
        "best_split": 5,
        "DecisionTree": Points(fit=4),
        "nearest_centres": 2,
        "updated_centres": 2,
        "kmeans_plus_plus": 3,
        "KMeans": Points(fit=3),
        "PCA": Points(fit=4, encode=1, decode=1),
        "floored_covariance": 2,
        "responsibilities": 4,
        "maximized": 4,
        "GaussianMixture": Points(fit=4, predict=1),
        "train_clusters": 5,
        "KernelDensity": Points(fit=1, log_density=3),
    },
    questions={"separable": 4},
)
