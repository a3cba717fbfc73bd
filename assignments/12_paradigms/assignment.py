"""12_paradigms: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Learning paradigms",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
    ),
    bonus=(
        "dqn_step",
        "dpo_loss",
        "grpo_advantages",
    ),
    minutes=600,
    points={
        "action_values": 1,
        "value_iteration": 3,
        "policy_values": 2,
        "QLearning": Points(act=2, update=3, learn=2),
        "discounted_returns": 2,
        "policy_gradient": 3,
        "Reinforce": Points(act=1, update=3, learn=2),
        "learned_policy": 4,
        "rotation_pretext": 2,
        "UnitLength": Points(forward=1, backward=3),
        "NTXent": Points(forward=3, backward=4),
        "contrastive_step": 3,
        "CLIPLoss": Points(forward=3, backward=4),
        "pseudo_label": 2,
        "pretrained_encoder": 6,
        "dqn_step": 4,
        "dpo_loss": 3,
        "grpo_advantages": 2,
    },
    questions={"why_not_rotation": 3},
)
