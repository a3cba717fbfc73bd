"""The bonus exercise KernelDensity: hills on rows, of any width, also far away."""

from autograder.checks import Case, Exercise, Instance, habits

HILLS = "gives the logarithm of the mean of the hills"
OWN, ANEW = "keeps rows of its own", "a second fit forgets the rows of the first"
estimate = Exercise("KernelDensity", "class", ("fit", "log_density"))


def rows_and_points(rng):
    """One row, one point, one feature and many, narrow and wide hills, points far from all rows, rows far from zero."""
    for rows, points, features, bandwidth, far, shift in [
        (1, 4, 2, 0.5, 1.0, 0.0),
        (9, 1, 3, 2.0, 1.0, 1.0),
        (12, 5, 1, 0.1, 1.0, 0.0),
        (7, 6, 2, 0.02, 50.0, 0.0),
        (5, 3, 40, 1e-3, 1e-2, 0.0),
        (8, 4, 2, 3.0, 1.0, 1e7),
        (10, 7, 2, 0.7, 1.0, 2.0),
        (6, 9, 3, 0.4, 30.0, 0.0),
    ]:
        x, at = rng.normal(size=(rows, features)), far * rng.normal(size=(points, features))
        x = x * far if far < 1 else x
        yield Case(x=shift + x, at=shift + at).with_changes(hidden={"bandwidth": bandwidth})


def densities(subject, case):
    made = subject.make("KernelDensity", case.hidden["bandwidth"])
    made.call("fit", case.inputs["x"])
    return {"the log-density": made.call("log_density", case.inputs["at"])}


def changed(subject, case):
    """The caller's array is overwritten after fit."""
    made = subject.make("KernelDensity", case.hidden["bandwidth"])
    given = subject.put(case.inputs["x"])
    made.call("fit", given)
    Instance(subject, given.handle).call("fill", 5.0)
    return {"the log-density": made.call("log_density", case.inputs["at"])}


def several_fits(rng):
    drawn = list(rows_and_points(rng))
    for first, second in ((drawn[3], drawn[6]), (drawn[4], drawn[0]), (drawn[1], drawn[7])):
        yield second.with_changes(hidden={**second.hidden, "before": first.inputs["x"]})


def twice(subject, case):
    made = subject.make("KernelDensity", case.hidden["bandwidth"])
    made.call("fit", case.hidden["before"])
    made.call("fit", case.inputs["x"])
    return {"the log-density": made.call("log_density", case.inputs["at"])}


estimate.check(HILLS, cases=rows_and_points, weight=4)(densities)
estimate.check(OWN, cases=rows_and_points, part="fit", after=(HILLS,))(changed)
estimate.check(ANEW, cases=several_fits, part="fit", after=(HILLS,))(twice)
habits(estimate, densities, cases=rows_and_points, after=(HILLS,))
