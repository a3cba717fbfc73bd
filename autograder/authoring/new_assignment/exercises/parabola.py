"""The parabola: cases on both sides of zero, in one to three axes."""

from autograder.checks import Case, LayerExercise


def parabola_cases(rng):
    for shape, s in [((1, 4), 3.0), ((7, 3), -0.5), ((2, 3, 5), 1.5)]:
        yield Case({"s": s}, x=rng.normal(size=shape))


parabola = LayerExercise("Parabola", cases=parabola_cases)
