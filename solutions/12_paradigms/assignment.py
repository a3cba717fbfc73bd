"""12_paradigms: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Learning paradigms",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
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
    },
)
