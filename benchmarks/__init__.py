"""Speed and memory, measured beside the targets that the project states: ``make bench``.

One module a table, each with ``tables(*, quick)``.  What is compared is measured in turns in one run, and medians
decide, so that a busy machine moves both sides alike.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before NumPy is imported anywhere: a thread more would be a core more
