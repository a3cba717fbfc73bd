"""Speed and memory, measured beside the targets that the project states: ``make bench``.

One module per table, each with ``tables(*, quick)``.  What is compared is measured alternately within one run, and
medians decide, so that a busy machine affects both sides alike.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before NumPy is imported anywhere: one more thread would use one more core
