"""Compute with SciPy and pingouin what ``autograder/render/items.py`` must give, and store it beside this script.

Run by hand where both are installed; neither is needed by the tests.  ``item_analysis.json`` holds the points and the
figures of three classes.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
from scipy import stats

CLASSES = {"forty students": (40, 6), "ten students": (10, 3), "five hundred students": (500, 12)}


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(20261201)
    found = {}
    for name, (students, items) in CLASSES.items():
        skill = rng.normal(size=(students, 1))
        most = rng.integers(2, 9, size=items).astype(float)
        loading = rng.uniform(-0.3, 1.5, size=items)
        share = 1 / (1 + np.exp(-(loading * skill + rng.normal(size=(students, items)))))
        scores = np.round(most * share * 2) / 2
        rest = scores.sum(axis=1, keepdims=True) - scores
        found[name] = {
            "most": most.tolist(),
            "scores": scores.tolist(),
            "difficulty": [float(stats.tmean(scores[:, i]) / most[i]) for i in range(items)],
            "item_rest": [float(stats.pearsonr(scores[:, i], rest[:, i]).statistic) for i in range(items)],
            "alpha": float(pingouin.cronbach_alpha(pd.DataFrame(scores))[0]),
        }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
