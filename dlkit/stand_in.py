"""A stand-in for a GPU: arrays that compute with NumPy and behave as if they lived elsewhere.

``DeviceArray`` refuses what a GPU array must not do unnoticed: become a NumPy array (``np.asarray``) or a Python number
(``float()``, ``if y > 0``), or be combined with a NumPy array in one operation. Code that runs on it stays on the
device; code that does not would crawl or crash on CuPy. It proves this on machines without a GPU, and nothing about
speed.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from dlkit.backend import Array, Backend, NumpyArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DeviceArray", "HostTransferError", "backend", "hot_path"]

_HOT: ContextVar[bool] = ContextVar("dlkit_stand_in_hot", default=False)
_TO_HOST = frozenset({"item", "tolist", "tobytes", "tofile", "dump", "dumps", "data", "ctypes"})
_CREATION = frozenset({"asarray", "array", "ascontiguousarray", "asanyarray"})
_GRIDS = frozenset({"mgrid", "ogrid", "r_", "c_"})
_HOST_RESULTS = frozenset({"allclose", "array_equal", "array_equiv", "count_nonzero"})
"""NumPy returns a Python value for these; a device returns an array, which has to be copied explicitly."""


class HostTransferError(TypeError):
    """Device data was copied to CPU memory, or one operation combined CPU data with device data."""


class _HotPath:
    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _HOT.set(True)

    def __exit__(self, *_: object) -> None:
        _HOT.reset(self._token)


def hot_path() -> _HotPath:
    """Refuse even the explicit copy to CPU memory (``to_numpy``) within a ``with`` block."""
    return _HotPath()


def _unwrap(value: object) -> Any:
    if isinstance(value, DeviceArray):
        return value._host  # noqa: SLF001
    if isinstance(value, np.ndarray):
        message = "one operation combines a NumPy array with a device array: create it with array_module(x)"
        raise HostTransferError(message)
    if isinstance(value, tuple):
        return tuple(_unwrap(item) for item in value)
    if isinstance(value, list):
        return [_unwrap(item) for item in value]
    if isinstance(value, dict):
        return {key: _unwrap(item) for key, item in value.items()}
    return value


def _wrap(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return DeviceArray(np.asarray(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):  # the named results of svd, eigh, unique …
        return type(value)(*(_wrap(item) for item in value))
    if type(value) in (tuple, list):
        return type(value)(_wrap(item) for item in value)
    return value


def _on_device(function: Callable[..., object]) -> Callable[..., object]:
    name = getattr(function, "__name__", "call")

    def call(*args: object, **kwargs: object) -> object:
        out = kwargs.get("out")
        result = function(*_unwrap(args), **_unwrap(kwargs))
        if out is not None:
            return out[0] if isinstance(out, tuple) and len(out) == 1 else out
        return _wrap(np.asarray(result) if name in _HOST_RESULTS else result)

    call.__name__ = name
    return call


def _refuse(how: str) -> Callable[..., NoReturn]:
    def method(*_: object, **__: object) -> NoReturn:
        message = f"{how} copies a device array to CPU memory and waits for the device"
        raise HostTransferError(message)

    return method


class DeviceArray(NDArrayOperatorsMixin):
    """An array of the stand-in device; made by ``dlkit.asarray`` inside ``use("stand-in")``."""

    __slots__ = ("_host",)
    _host: NumpyArray
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host: NumpyArray) -> None:
        object.__setattr__(self, "_host", host)

    __array__ = _refuse("np.asarray() or np.array()")
    __float__ = _refuse("float()")
    __int__ = _refuse("int()")
    __index__ = _refuse("use as an index")
    __complex__ = _refuse("complex()")
    __bool__ = _refuse("a truth test (if, and, or, max, min)")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: Any) -> object:
        out = kwargs.get("out")
        result = getattr(ufunc, method)(*_unwrap(inputs), **_unwrap(kwargs))
        if out is not None:
            return out[0] if len(out) == 1 else out
        return _wrap(result)

    def __array_function__(
        self, func: Callable[..., object], types: object, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> object:
        del types
        return _on_device(func)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in _TO_HOST:
            message = f".{name} copies a device array to CPU memory and waits for the device"
            raise HostTransferError(message)
        if name.startswith("__") or name == "_host":
            raise AttributeError(name)
        attribute = getattr(self._host, name)
        return _on_device(attribute) if callable(attribute) else _wrap(attribute)

    def __getitem__(self, index: object) -> Array:
        return _wrap(self._host[_unwrap(index)])

    def __setitem__(self, index: object, value: object) -> None:
        self._host[_unwrap(index)] = _unwrap(value)

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self._host.shape}, dtype={self._host.dtype})"

    def get(self) -> NumpyArray:
        """Copy to CPU memory explicitly; refused inside ``hot_path()``."""
        if _HOT.get():
            message = "to_numpy() copies a device array to CPU memory and waits for the device"
            raise HostTransferError(message)
        return self._host.copy()


class _DeviceUfunc:
    """A ufunc whose call and methods (at, reduce, outer …) take and return device arrays."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self._ufunc = ufunc

    def __call__(self, *args: object, **kwargs: object) -> object:
        return _on_device(self._ufunc)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._ufunc, name)
        return _on_device(attribute) if callable(attribute) else attribute


class _DeviceGrid:
    """One of mgrid, ogrid, r_, c_: indexing makes device arrays."""

    def __init__(self, grid: Array) -> None:
        self._grid = grid

    def __getitem__(self, index: object) -> Array:
        return _wrap(self._grid[_unwrap(index)])


class _DeviceModule:
    """NumPy's namespace over device arrays, without ``random``: random numbers are drawn in CPU memory."""

    ndarray = DeviceArray

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if name == "random":
            message = "draw with numpy.random.Generator, then move the numbers with dlkit.asarray"
            raise HostTransferError(message)
        attribute = getattr(self._module, name)
        if name in _CREATION:
            return lambda values, *args, **kwargs: _wrap(
                attribute(values if isinstance(values, np.ndarray) else _unwrap(values), *args, **kwargs)
            )
        if isinstance(attribute, np.ufunc):
            return _DeviceUfunc(attribute)
        if isinstance(attribute, ModuleType):  # linalg, fft, lib.stride_tricks
            return _DeviceModule(attribute)
        if name in _GRIDS:
            return _DeviceGrid(attribute)
        if isinstance(attribute, type) or not callable(attribute):
            return attribute
        return _on_device(attribute)


def backend() -> Backend:
    """Return the backend that ``use("stand-in")`` loads."""
    return Backend("stand-in", _DeviceModule(np), DeviceArray, DeviceArray.get, lambda: None)
