"""The course: the catalogue of assignments, the expected answers, repairs, and whose checks may run."""
