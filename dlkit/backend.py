"""Where arrays live: on the host (NumPy), on a GPU (CuPy), or on a registered stand-in.

The only file of the project that names CuPy.  Computation asks the array it has been given
(``xp = array_module(x)``); creation asks the context (``with use("cupy"): zeros(3)``).  So one
source runs on both, and nothing moves between host and device unless it is asked to.

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

__all__ = [
    "Array",
    "Backend",
    "BackendError",
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
"""A ``numpy.ndarray``, a ``cupy.ndarray``, or an array of a registered backend."""


class BackendError(RuntimeError):
    """An array library was asked for that this machine does not have."""


@dataclass(frozen=True)
class Backend:
    """One array library.

    module: the namespace with ``exp``, ``where``, ``zeros`` …
    array_type: the class of its arrays.
    to_host: array of that class → ``numpy.ndarray``.
    synchronize: wait until the device has done what was asked of it.
    begin_timing: start a clock of the device's own; what it returns waits, and gives the seconds since.
    """

    name: str
    module: Any
    array_type: type
    to_host: Callable[[Any], Any]
    synchronize: Callable[[], None]
    begin_timing: Callable[[], Callable[[], float]] = lambda: _no_time


def _no_time() -> float:
    """The host has no device, and so no time of it."""
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


def _begin_event(cupy: Any) -> Callable[[], float]:
    """Record an event on the current stream; what is returned records another, waits for it, and gives the seconds."""
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
    """Make a further array library known under ``name``; ``loader`` runs when it is first used."""
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
    """What ``use`` returns: as a context manager it restores the backend that was in force."""

    def __init__(self, token: Token[Backend]) -> None:
        self._token = token

    def __enter__(self) -> Backend:
        return _CURRENT.get()

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)


def use(name: str) -> _Use:
    """Create arrays with backend ``name`` from here on, or for the length of a ``with`` block.

    name: "numpy", "cupy", or a registered name.
    Raises BackendError where the library or its device is missing.
    """
    return _Use(_CURRENT.set(_load(name)))


def current() -> Backend:
    """Return the backend that creation uses now."""
    return _CURRENT.get()


def available() -> dict[str, str]:
    """Each backend's name with "yes", or with the sentence that says why not."""
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
    """Return the module that computes with these arrays; without arrays, the context's module.

    A host array and a Python number belong to NumPy; one array of another backend decides.
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


def asarray(values: Any, dtype: Any = None) -> Array:
    """Move or convert to an array of the context's backend (no copy where none is needed)."""
    backend = _CURRENT.get()
    if backend.name == "numpy":
        values = to_numpy(values)
    return backend.module.asarray(values, dtype=dtype)


def zeros(shape: int | tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Zeros of the context's backend."""
    return _CURRENT.get().module.zeros(shape, dtype=dtype)


def ones(shape: int | tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Ones of the context's backend."""
    return _CURRENT.get().module.ones(shape, dtype=dtype)


def to_numpy(array: Array) -> Any:
    """Copy from the device to the host; a host array is returned as it is, never in a hot path."""
    for backend in _LOADED.values():
        if backend.name != "numpy" and isinstance(array, backend.array_type):
            return backend.to_host(array)
    return np.asarray(array)


def scatter_add(target: Array, index: Any, values: Array) -> None:
    """Add ``values`` to ``target[index]`` in place; repeated indices add up.

    target (rows, …), index integer (any shape), values index.shape + target.shape[1:].
    """
    array_module(target).add.at(target, index, values)


def synchronize() -> None:
    """Wait for the context's device, so that a clock read next is honest."""
    _CURRENT.get().synchronize()
