"""From a handed-in file or folder to source text: what is there, what is written, what cannot be read."""

from autograder.submission.choosing import handed_in, own_earlier, read_submission
from autograder.submission.source import Submission, SubmissionError

__all__ = ["Submission", "SubmissionError", "handed_in", "own_earlier", "read_submission"]
