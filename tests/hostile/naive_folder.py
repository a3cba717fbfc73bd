"""A grader that has the student's folder on the path of its own imports, as one that is started there has.

``python naive_folder.py folder FILE``, with the folder in PYTHONPATH.
"""

import json
import site
import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(sys.argv[2]).parent
    site.addsitedir(str(folder))
    import unittest

    import naive
    import numpy as np

    assert np.__name__, unittest.__name__
    naive.grade_script(Path(sys.argv[2]))
    print(json.dumps(naive.RESULT))
