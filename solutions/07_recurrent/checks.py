from autograder.checks import Assignment, Case, LayerExercise, Points, Rng

def cases(rng):
    yield Case({"in_features": 2, "hidden": 3, "rng": Rng(0)}, x=rng.normal(size=(2, 3, 2)), state=rng.normal(size=(2, 3)))

ASSIGNMENT = Assignment("07_recurrent", title="Recurrent networks", exercises=[LayerExercise("RNN", cases=cases, points=Points(forward=1, backward=1), outputs=("h", "last"))], earlier=[])
