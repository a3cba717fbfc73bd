"""Where arrays are stored: in CPU memory (NumPy), on a GPU (CuPy), or on a registered stand-in.

The only file of the project that names CuPy. Computation uses the library of its arrays (``xp = array_module(x)``);
creation uses the active backend (``with use("cupy"): zeros(3)``). So the same source runs on both, and nothing moves
between CPU memory and device implicitly.

Source: the array-module seam of Chainer and CuPy (Okuta et al., 2017, CuPy: A NumPy-Compatible
Library for NVIDIA GPU Calculations).
"""

from __future__ import annotations

import importlib
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from numpy.typing import DTypeLike

__all__ = [
    "Array",
    "Backend",
    "BackendError",
    "NumpyArray",
    "array_module",
    "asarray",
    "available",
    "current",
    "ones",
    "register",
    "scatter_add",
    "synchronize",
    "to_numpy",
    "use",
    "zeros",
]

Array: TypeAlias = Any
"""A ``numpy.ndarray``, a ``cupy.ndarray``, or an array of a registered backend; the three share no type."""

NumpyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""An array in CPU memory, of any shape and dtype."""


class BackendError(RuntimeError):
    """The requested array library is not available on this machine."""


@dataclass(frozen=True)
class Backend:
    """One array library.

    module: the namespace with ``exp``, ``where``, ``zeros`` …
    array_type: the class of its arrays.
    to_numpy: array of that class → ``numpy.ndarray``.
    synchronize: wait until the device has finished all its work.
    begin_timing: start the device's own clock; call the result to wait for the device and get the seconds since.
    """

    name: str
    module: Any
    array_type: type
    to_numpy: Callable[[Array], NumpyArray]
    synchronize: Callable[[], None]
    begin_timing: Callable[[], Callable[[], float]] = lambda: _no_time


def _no_time() -> float:
    """NumPy has no device, and so no device time."""
    return 0.0


def _numpy_backend() -> Backend:
    return Backend("numpy", np, np.ndarray, np.asarray, lambda: None)


def _cupy_backend() -> Backend:
    try:
        cupy = importlib.import_module("cupy")
        devices = cupy.cuda.runtime.getDeviceCount()
    except ImportError as error:
        message = "CuPy is not installed. Install the extra that fits your CUDA: dlkit-course[gpu]."
        raise BackendError(message) from error
    except Exception as error:
        message = f"CuPy finds no usable GPU ({error}). Use the backend 'numpy' on this machine."
        raise BackendError(message) from error
    if not devices:
        message = "CuPy finds no GPU. Use the backend 'numpy' on this machine."
        raise BackendError(message)
    return Backend(
        "cupy",
        cupy,
        cupy.ndarray,
        cupy.asnumpy,
        lambda: cupy.cuda.get_current_stream().synchronize(),
        lambda: _begin_event(cupy),
    )


def _begin_event(cupy: ModuleType) -> Callable[[], float]:
    """Record an event on the current stream; the result records another, waits for it, and returns the seconds."""
    start, stop = cupy.cuda.Event(), cupy.cuda.Event()
    start.record()

    def end() -> float:
        stop.record()
        stop.synchronize()
        return float(cupy.cuda.get_elapsed_time(start, stop)) / 1000

    return end


def _stand_in_backend() -> Backend:
    return importlib.import_module("dlkit.stand_in").backend()  # type: ignore[no-any-return]


_LOADERS: dict[str, Callable[[], Backend]] = {
    "numpy": _numpy_backend,
    "cupy": _cupy_backend,
    "stand-in": _stand_in_backend,
}
_LOADED: dict[str, Backend] = {"numpy": _numpy_backend()}
_CURRENT: ContextVar[Backend] = ContextVar("dlkit_backend", default=_LOADED["numpy"])


def register(name: str, loader: Callable[[], Backend]) -> None:
    """Register another array library as ``name``; ``loader`` runs when it is first used."""
    _LOADERS[name] = loader
    _LOADED.pop(name, None)


def _load(name: str) -> Backend:
    if name not in _LOADED:
        if name not in _LOADERS:
            known = ", ".join(sorted(_LOADERS))
            message = f"There is no backend '{name}'. Choose one of: {known}."
            raise BackendError(message)
        _LOADED[name] = _LOADERS[name]()
    return _LOADED[name]


class _Use:
    """The result of ``use``: as a context manager it restores the previous backend."""

    def __init__(self, token: Token[Backend]) -> None:
        self._token = token

    def __enter__(self) -> Backend:
        return _CURRENT.get()

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)


def use(name: str) -> _Use:
    """Create arrays with backend ``name`` from here on, or within a ``with`` block.

    name: "numpy", "cupy", or a registered name.
    Raises BackendError where the library or its device is missing.
    """
    return _Use(_CURRENT.set(_load(name)))


def current() -> Backend:
    """Return the active backend, which creates arrays."""
    return _CURRENT.get()


def available() -> dict[str, str]:
    """Each backend's name with "yes", or with the reason why it is not available."""
    found = {}
    for name in _LOADERS:
        try:
            _load(name)
        except BackendError as error:
            found[name] = str(error)
        else:
            found[name] = "yes"
    return found


def array_module(*arrays: Array) -> Any:
    """Return the module that computes with these arrays; without arrays, the active backend's module.

    NumPy arrays and Python numbers belong to NumPy; one array of another backend decides.
    """
    if not arrays:
        return _CURRENT.get().module
    for array in arrays:
        if type(array) is np.ndarray:
            continue
        for backend in _LOADED.values():
            if backend.name != "numpy" and isinstance(array, backend.array_type):
                return backend.module
    return np


def asarray(values: object, dtype: DTypeLike | None = None) -> Array:
    """Move or convert to an array of the active backend (no copy where none is needed)."""
    backend = _CURRENT.get()
    if backend.name == "numpy":
        values = to_numpy(values)
    return backend.module.asarray(values, dtype=dtype)


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> Array:
    """Zeros of the active backend."""
    return _CURRENT.get().module.zeros(shape, dtype=dtype)


def ones(shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> Array:
    """Ones of the active backend."""
    return _CURRENT.get().module.ones(shape, dtype=dtype)


def to_numpy(array: Array) -> NumpyArray:
    """Copy from the device to CPU memory; a NumPy array is returned unchanged.  Not for use inside a layer."""
    for backend in _LOADED.values():
        if backend.name != "numpy" and isinstance(array, backend.array_type):
            return backend.to_numpy(array)
    return np.asarray(array)


def scatter_add(target: Array, index: Array, values: Array) -> None:
    """Add ``values`` to ``target[index]`` in place; repeated indices add up.

    target (rows, …), index integer (any shape), values index.shape + target.shape[1:].
    """
    array_module(target).add.at(target, index, values)


def synchronize() -> None:
    """Wait for the active device, so that a clock read next is accurate."""
    _CURRENT.get().synchronize()
