"""What every test of dlkit needs: no window opens, figures are closed, and one seed per test."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def plt():
    from matplotlib import pyplot as plt

    yield plt
    plt.close("all")
