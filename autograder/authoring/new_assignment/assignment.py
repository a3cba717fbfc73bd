"""__NAME__: exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="__TITLE__",
    minutes=60,
    points={
        "Parabola": Points(forward=1, backward=2),
    },
    questions={"why": 2},
)
