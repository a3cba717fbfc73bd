"""From a handed-in file or folder to source text: which files there are, what is written, what cannot be read."""

from autograder.submission.choosing import handed_in, own_earlier, read_files, read_submission
from autograder.submission.files import File
from autograder.submission.source import Submission, SubmissionError

__all__ = ["File", "Submission", "SubmissionError", "handed_in", "own_earlier", "read_files", "read_submission"]
