"""Handwritten digits: 8 × 8 of scikit-learn, 28 × 28 of MNIST."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import numpy as np

from dlkit.backend import NumpyArray
from dlkit.datasets.idx import DatasetError, read_idx
from dlkit.datasets.splits import Split, split

__all__ = ["FOLDER", "digits", "mnist", "mnist_full"]

FOLDER = "DLKIT_MNIST"
"""Environment variable that names the folder of the four MNIST files."""
_EMBEDDED = "data/mnist_small.npz"


def digits(rng: np.random.Generator | None = None) -> Split:
    """Digits of 8 × 8 pixels: x (n, 64) float64 in [0, 1], y (n,) int64 in 0…9; 1797 in all.

    Without ``rng`` the split is always the same: every fifth sample (index 4, 9, 14 …) is for
    testing, in the order of the set: 1438 to train, 359 to test.  With ``rng`` 359 are drawn.

    Source: Alpaydin & Kaynak, Optical recognition of handwritten digits (1998), as scikit-learn
    ships its test part.
    """
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = np.asarray(x, dtype=np.float64) / 16, np.asarray(y, dtype=np.int64)
    held_out = np.arange(len(x)) % 5 == 4  # noqa: PLR2004
    if rng is not None:
        return split(x, y, test=int(held_out.sum()), rng=rng)
    return Split(x[~held_out], y[~held_out], x[held_out], y[held_out])


def mnist() -> Split:
    """Return the part of MNIST that ships with dlkit: 10,000 training and 2,000 test images.

    x (n, 28, 28) float32 in [0, 1], 0 the background; y (n,) int64 in 0…9.
    Raises DatasetError where the installation lost the file.

    Source: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition
    (1998); CC BY-SA 3.0, see data/LICENSE-MNIST.md.
    """
    embedded = resources.files("dlkit.datasets").joinpath(_EMBEDDED)
    try:
        with embedded.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    except FileNotFoundError as error:
        message = f"{embedded} does not exist: install dlkit-course again."
        raise DatasetError(message) from error
    return Split(
        _scaled(parts["x_train"]),
        parts["y_train"].astype(np.int64),
        _scaled(parts["x_test"]),
        parts["y_test"].astype(np.int64),
    )


def mnist_full(folder: str | Path | None = None) -> Split:
    """All of MNIST, from its four IDX files: 60,000 training and 10,000 test images; nothing is downloaded.

    folder: holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
        t10k-labels-idx1-ubyte, each plain or with .gz; by default the environment variable
        DLKIT_MNIST.  Sets in the same form (Fashion-MNIST, EMNIST) are read as well.
    x (n, height, width) float32 in [0, 1]; y (n,) int64.
    Raises DatasetError where the folder or a file is missing, damaged, or does not fit its partner.
    """
    folder = folder or os.environ.get(FOLDER)
    if not folder:
        message = f"mnist_full does not know where MNIST is: pass its folder, or set {FOLDER} to it."
        raise DatasetError(message)
    folder = Path(folder)
    if not folder.is_dir():
        message = f"{folder} is not a folder: pass the one that contains the four MNIST files, or set {FOLDER} to it."
        raise DatasetError(message)
    return Split(*_pair(folder, "train"), *_pair(folder, "t10k"))


def _pair(folder: Path, part: str) -> tuple[NumpyArray, NumpyArray]:
    """Images and labels of "train" or "t10k"."""
    of_images, of_labels = _find(folder, f"{part}-images-idx3-ubyte"), _find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(of_images, dimensions=3), read_idx(of_labels, dimensions=1)
    for path, array in ((of_images, images), (of_labels, labels)):
        if array.dtype != np.uint8:
            message = f"{path} contains {array.dtype}; expected bytes: download it again."
            raise DatasetError(message)
    if len(images) != len(labels):
        message = (
            f"{of_images} has {len(images)} images and {of_labels.name} has {len(labels)} labels: "
            f"take both from the same set."
        )
        raise DatasetError(message)
    return _scaled(images), labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    """Path of an IDX file under one of its published names."""
    dotted = name.replace("-idx", ".idx")
    for candidate in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    message = f"{folder / name} does not exist, nor does {name}.gz: put it there, or pass the folder that contains it."
    raise DatasetError(message)


def _scaled(pixels: NumpyArray) -> NumpyArray:
    return pixels.astype(np.float32) / np.float32(255)
