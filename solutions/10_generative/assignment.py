"""10_generative: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Generative models",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
        "05_regularization",
        "06_convolution",
    ),
    bonus=("sparse_coding",),
    minutes=600,
    points={
        # part one: autoencoders
        "Autoencoder": Points(forward=4, backward=4),
        "reconstruction_step": 2,
        "SparsePenalty": Points(forward=2, backward=3),
        "ContractivePenalty": Points(forward=2, backward=4),
        "anomaly_score": 1,
        "GaussianSample": Points(forward=3, backward=3),
        "GaussianKL": Points(forward=2, backward=2),
        "BernoulliLikelihood": Points(forward=2, backward=2, speed=1),
        "VAE": Points(forward=3, backward=5),
        "train_vae": 6,
        "sparse_coding": Points(sparse_coding=3, speed=1),
        # part two: two networks and noise
        "DiscriminatorLoss": Points(forward=2, backward=2),
        "GeneratorLoss": Points(forward=2, backward=2),
        "gan_step": 6,
        "train_gan": 6,
        "DCGANGenerator": Points(forward=3, backward=3),
        "DCGANDiscriminator": Points(forward=2, backward=3),
        "CycleConsistencyLoss": Points(forward=1, backward=1),
        "translation_step": 5,
        "DomainClassificationLoss": Points(forward=2, backward=2),
        "q_sample": 3,
        "noisy_batch": 2,
        "drop_labels": 2,
        "denoising_step": 3,
        "guided_noise": 2,
        "p_sample": 4,
    },
    questions={"what_is_normal": 3, "posterior": 3},
)
