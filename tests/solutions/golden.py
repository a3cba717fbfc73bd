"""Golden values as ``tests/golden`` wrote them down."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "golden"


def read_golden(name):
    """The header and the arrays of one file: ``07_recurrent``."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        return json.loads(str(file["header"])), {key: file[key] for key in file.files if key != "header"}
