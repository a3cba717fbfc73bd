"""Fuzzing of the code that reads bytes from elsewhere: frames from a worker, and the files that are handed in.

``hand_ins`` follows a file from its bytes to the report, its pages and its exports.

A target is a module with ``seeds()``, made by code, ``one(data)``, which returns unless the bytes have found
something, and ``mutate(data, random)``, which knows the format.  ``python -m fuzz`` runs them under Atheris, the
property tests in ``tests/autograder/test_fuzz.py`` for a moment in every test run.
"""
