"""Data sets that need no network: NumPy arrays, every random draw from ``rng``.

Move them to a device with ``dlkit.asarray``.
"""

from dlkit.datasets.idx import DatasetError, read_idx
from dlkit.datasets.images import digits, mnist, mnist_full
from dlkit.datasets.points import iris, spirals
from dlkit.datasets.sequences import adding_problem, date_pairs, written_dates
from dlkit.datasets.splits import Split, split
from dlkit.datasets.text import characters, made_up_text, python_manual, python_topics, words

__all__ = [
    "DatasetError",
    "Split",
    "adding_problem",
    "characters",
    "date_pairs",
    "digits",
    "iris",
    "made_up_text",
    "mnist",
    "mnist_full",
    "python_manual",
    "python_topics",
    "read_idx",
    "spirals",
    "split",
    "words",
    "written_dates",
]
