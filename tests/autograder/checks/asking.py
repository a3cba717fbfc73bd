"""Asks one check of an implementation that is live in this process, and audits a check's mutation there."""

import numpy as np

from autograder.subject import LocalSubject


def asked(exercise, check, given, right, *, seed=0):
    """The mismatch of the first case that ``given`` fails at one check; None where it passes."""
    found = exercise.find(check)
    reference, subject = (LocalSubject.live({exercise.name: each}, exercise.support) for each in (right, given))
    rng = np.random.default_rng(seed)
    for case in found.cases(rng, reference):
        expected = found.expect(reference, case, rng) if found.expect else found.observe(reference, case)
        observed = found.observe(subject.on(found.backend or "numpy"), case)
        mismatch = found.judge(observed, expected, case)
        if mismatch:
            return mismatch
    return None


def mutated(exercise, check, right):
    """What the source that proves a check makes of a correct implementation."""
    names = {exercise.name: right}
    source = exercise.find(check).mutation.replace("{name}", exercise.name)
    exec(source, names)  # noqa: S102 - trusted text of the specification
    return names[exercise.name]
