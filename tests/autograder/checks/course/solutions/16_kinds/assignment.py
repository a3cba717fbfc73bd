"""16_kinds: an exercise of each kind that no assignment of the course has yet."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Kinds",
    minutes=30,
    points={
        "BytePairs": Points(train=3, encode=2, decode=2),
        "gan_step": 4,
        "RunningMean": Points(forward=3, backward=2),
    },
)
