"""Carries out requests in a worker: load source text, make objects, call them, read and set attributes.

The same class serves the worker (behind frames) and the live classes of a notebook.  It imports
NumPy and dlkit alone, and knows nothing of expected values.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import linecache
import re
import sys
import threading
import traceback
import types
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from autograder.isolation.patience import Patience
from autograder.isolation.protocol import MAX_BODY
from autograder.isolation.refusals import Refusals
from autograder.isolation.sampler import Sampler
from autograder.isolation.tree import Code, Earlier, New, Opaque, Ref, Rng, Statements, Strided, Value
from dlkit import Array, backend, course, stand_in

__all__ = ["Described", "Executor", "Problem", "describe_error", "plain"]

MAX_TEXT = 2000
MAX_ITEMS = 10_000
LABEL = "submission:"
MAIN = "__main__"
KERNEL_NAMES = ("display", "get_ipython")
"""Names that every notebook has without importing them; here they do nothing."""
_PLAIN = frozenset({type(None), bool, int, float, str})


def _nothing(*_: object, **__: object) -> None:
    """Replaces functions that work only in a notebook."""


class Described(TypedDict):
    """An error as plain data: its type, its message, where in the submission, the line there.

    unwritten: it says that an exercise is not written yet.
    """

    type: str
    message: str
    where: str
    code: str
    unwritten: bool


class Problem(Described):
    """The error of a statement that was loaded; chunk: the statement's number."""

    chunk: int


class _Context:
    """Sets the backend, silences NumPy's warnings and provides earlier work, for the duration of a block."""

    __slots__ = ("_backend", "_errors", "_name", "_provided", "_providing")

    def __init__(self, name: str, provided: Mapping[str, Mapping[str, object]] | None) -> None:
        self._name, self._provided = name, provided

    def __enter__(self) -> None:
        self._backend = backend.use(self._name)
        self._errors = np.errstate(all="ignore")
        self._errors.__enter__()
        self._providing = None if self._provided is None else course.providing(self._provided)
        if self._providing is not None:
            self._providing.__enter__()

    def __exit__(self, *_: object) -> None:
        if self._providing is not None:
            self._providing.__exit__(None, None, None)
        self._errors.__exit__(None, None, None)
        self._backend.__exit__()


class Executor:
    """Holds one submission's names and the objects made from them.

    is_main: whether this process serves only the submission; then its ``__name__`` is that of a notebook;
    refusals: explains what the system refused.
    """

    def __init__(
        self, namespace: dict[str, object] | None = None, *, is_main: bool = False, refusals: Refusals | None = None
    ) -> None:
        self._is_main, self._loaded = is_main, ""
        self._refusals = refusals
        self.names: dict[str, object] = {} if namespace is None else namespace
        self._support: dict[str, object] = {}
        self._objects: dict[int, Any] = {}
        self._sources: dict[str, list[str]] = {}
        self._provided: dict[str, Mapping[str, object]] | None = None
        self._device_s = 0.0
        self.backend = "numpy"

    # --- loading -----------------------------------------------------------------------------

    def load(self, name: str, chunks: Statements, seconds: float | None = None) -> list[Problem]:
        """Execute chunks of source one by one in module ``name``; return a problem for each that fails.

        Another call adds to the same module.  A chunk is ``[label, first line, source]``; if it fails, only
        its own definitions are missing.
        seconds: of computing, after which a chunk is given up (None: never); a chunk that sleeps is given up as well.
        """
        if self._loaded != name:
            self._loaded, self.names = name, self._module(name, is_main=self._is_main)
        return self._execute(chunks, self.names, seconds)

    def provide(self, modules: Earlier) -> list[Problem]:
        """Load earlier assignments for ``dlkit.course.earlier``.

        modules: by module name a list of ``[names, chunks]``: what is provided, and the statements that define it;
        each list of statements is executed in a separate namespace.
        """
        problems = []
        self._provided = {}
        for name, groups in modules.items():
            provided: dict[str, object] = {}
            for provides, chunks in groups:
                names = self._module(name)
                problems += self._execute(chunks, names, None)
                provided.update({each: names[each] for each in provides if each in names})
            self._provided[name] = provided
        return problems

    @staticmethod
    def _module(name: str, *, is_main: bool = False) -> dict[str, object]:
        """Make a module and return its names, among them what a notebook's kernel adds."""
        module = types.ModuleType(MAIN if is_main else name)
        module.__dict__.update(dict.fromkeys(KERNEL_NAMES, _nothing), __builtins__=builtins)
        sys.modules[name] = module
        if is_main:
            sys.modules[MAIN] = module
        return module.__dict__

    def support(self, text: str) -> None:
        """Load the spec's support code: names that a check may use in addition to the submission's."""
        exec(compile(text, "<support>", "exec"), self._support)  # noqa: S102 - trusted text of the spec

    def _execute(self, chunks: Statements, names: dict[str, object], seconds: float | None) -> list[Problem]:
        problems: list[Problem] = []
        for number, (label, line, source) in enumerate(chunks):
            self._sources.setdefault(label, [])
            lines = source.split("\n")
            kept = self._sources[label]
            kept.extend([""] * (line - 1 + len(lines) - len(kept)))
            kept[line - 1 : line - 1 + len(lines)] = lines
            try:
                code = compile("\n" * (line - 1) + source, LABEL + label, "exec")
                with self._context(), Patience(seconds):
                    exec(code, names)  # noqa: S102
            except BaseException as error:  # noqa: BLE001 - a submission may raise anything
                problems.append({"chunk": number, **self.describe(error)})
        return problems

    # --- the four verbs ----------------------------------------------------------------------

    def make(self, handle: int, name: str, args: Sequence[Value], kwargs: Mapping[str, Value]) -> None:
        """Make an object of class ``name`` and keep it under ``handle``."""
        with self._context():
            self._objects[handle] = self._resolve(New(name, *args, **kwargs))

    def call(
        self, handle: int | None, name: str, args: Sequence[Value], kwargs: Mapping[str, Value], *, echo: bool
    ) -> Value:
        """Call a method of an object, or a function of the submission; return its value as plain data.

        echo: return ``(value, arguments as they are after the call)`` instead.
        """
        with self._context():
            given = [self._resolve(arg) for arg in args]
            named = {key: self._resolve(arg) for key, arg in kwargs.items()}
            function = self._named(name) if handle is None else getattr(self._objects[handle], name)
            with stand_in.hot_path():
                value = function(*given, **named)
                if isinstance(value, types.GeneratorType):
                    value = _read_generator(value)
        return (plain(value), plain(given)) if echo else plain(value)

    def tally(
        self,
        handle: int,
        name: str,
        args: Sequence[Value],
        kwargs: Mapping[str, Value],
        *,
        counted: str,
        inputs: Sequence[Value],
    ) -> tuple[Value, int]:
        """Call a method as ``call`` does; return its value, and how often it called the object's method ``counted``.

        One call of that method with these ``inputs`` does not count: it recomputes what was not stored.
        """
        bodies = [vars(kind).get(counted) for kind in type(self._objects[handle]).__mro__]
        codes = {body.__code__ for body in bodies if isinstance(body, types.FunctionType)}
        calls: dict[types.CodeType, list[bool]] = {code: [] for code in codes}
        with self._context():
            known = [plain(self._resolve(value)) for value in inputs]

        def note(frame: types.FrameType, event: str, _argument: object) -> None:
            if event == "call" and frame.f_code in calls:
                calls[frame.f_code].append(_is_given(frame, known))

        sys.setprofile(note)
        threading.setprofile(note)
        try:
            value = self.call(handle, name, args, kwargs, echo=False)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        tries = max(calls.values(), key=len, default=[])
        return value, 0 if tries == [True] else len(tries)

    def keep(
        self,
        handle: int,
        source: int | None,
        name: str,
        args: Sequence[Value],
        kwargs: Mapping[str, Value],
        *,
        settle: bool,
    ) -> None:
        """Call as ``call`` does, and keep the result under ``handle`` (a trained model, say).

        settle: keep it as plain arrays, so that no deferred computation is left.
        """
        with self._context():
            given = [self._resolve(arg) for arg in args]
            named = {key: self._resolve(arg) for key, arg in kwargs.items()}
            function = self._named(name) if source is None else getattr(self._objects[source], name)
            end_timing = backend.current().begin_timing()
            value = function(*given, **named)
            self._objects[handle] = _settled(value) if settle else value
            backend.synchronize()
            self._device_s += end_timing()

    def device_seconds(self) -> float:
        """Seconds of the device's own clock for calls whose results were kept; 0 without a device."""
        return self._device_s

    def sample(self, *, on: bool) -> list[list[object]] | None:
        """Start sampling where the submission spends its time, or stop and return ``[label, line, share]`` each."""
        if on:
            self._sampler = Sampler(LABEL)
            return None
        return self._sampler.stop()

    def put(self, handle: int, value: Value) -> None:
        """Keep a value under ``handle``, for a later ``Ref``."""
        with self._context():
            self._objects[handle] = self._resolve(value)

    def fetch(self, handle: int) -> Value:
        """Return what is kept under ``handle``, as plain data."""
        return plain(self._objects[handle])

    def parameters(self, handle: int) -> dict[str, Value]:
        """Every parameter's data by its path."""
        return {path: plain(p.data) for path, p in self._objects[handle].named_parameters().items()}

    def get(self, handle: int, path: str) -> Value:
        """Read an attribute by its path: ``W.grad``, ``layers.0.W.data``."""
        return plain(_follow(self._objects[handle], path.split(".")))

    def set(self, handle: int, path: str, value: Value) -> None:
        """Set an attribute by its path."""
        *parents, last = path.split(".")
        with self._context():
            setattr(_follow(self._objects[handle], parents), last, self._resolve(value))

    def write(self, handle: int, path: str, value: Value) -> None:
        """Write new numbers into an array, found by its path; with an empty one the object itself is the array."""
        with self._context():
            _follow(self._objects[handle], path.split(".") if path else [])[...] = self._resolve(value)

    def drop(self, handle: int) -> None:
        """Forget an object."""
        self._objects.pop(handle, None)

    def forget(self) -> None:
        """Forget every object."""
        self._objects.clear()

    # --- resolving ---------------------------------------------------------------------------

    def _context(self) -> _Context:
        return _Context(self.backend, self._provided)

    def _named(self, name: str) -> Any:
        if name.startswith("support."):
            return self._support[name.removeprefix("support.")]
        if "." in name:
            return course.earlier(name)
        if name not in self.names:
            message = f"{name} is not defined"
            raise NameError(message)
        return self.names[name]

    def _resolve(self, value: Value) -> Any:  # noqa: PLR0911 - one return a marker
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is np.ndarray:
            return value if self.backend == "numpy" else backend.asarray(value)
        match value:
            case Strided(array):
                return _strided(backend.asarray(array))
            case Rng(seed):
                return np.random.default_rng(seed)
            case New():
                args = [self._resolve(arg) for arg in value.args]
                return self._named(value.name)(*args, **{k: self._resolve(v) for k, v in value.kwargs.items()})
            case Ref(handle):
                return self._objects[handle]
            case Code(text):
                return eval(text, {"np": np, **self._support})  # noqa: S307 - trusted text of the spec
            case list() | tuple():
                return type(value)(self._resolve(item) for item in value)
            case dict():
                return {key: self._resolve(item) for key, item in value.items()}
        return value

    # --- errors ------------------------------------------------------------------------------

    def describe(self, error: BaseException) -> Described:
        """Put an error of the student's code into data: type, message, and where in the submission."""
        described = describe_error(error, self._sources)
        if self._refusals and (meaning := self._refusals.meaning(error)):
            described["message"] = meaning
        return described


def describe_error(error: BaseException, sources: Mapping[str, list[str]]) -> Described:
    """Type, message and place of an error, as plain data without addresses of objects."""
    where, code = "", ""
    with contextlib.suppress(Exception):
        if isinstance(error, SyntaxError) and (error.filename or "").startswith(LABEL):
            where = f"{error.filename.removeprefix(LABEL)}, line {error.lineno}"  # type: ignore[union-attr]
        for frame, line in traceback.walk_tb(error.__traceback__):
            file = frame.f_code.co_filename
            if file.startswith(LABEL):
                label = file.removeprefix(LABEL)
                where = f"{label}, line {line}"
                lines = sources.get(label, [])
                code = lines[line - 1].strip() if line and line <= len(lines) else ""
            elif "ipykernel" in file or file.startswith("<ipython"):
                where, code = f"line {line} of its cell", linecache.getline(file, line).strip()
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - __str__ is the student's too
        message = ""
    if isinstance(error, SyntaxError):
        message = error.msg
    return {
        "type": type(error).__name__[:200],
        "message": re.sub(r" at 0x[0-9a-fA-F]+", "", message)[:MAX_TEXT],
        "where": where[:200],
        "code": code[:200],
        "unwritten": isinstance(error, NotImplementedError),
    }


def plain(value: Any, depth: int = 0) -> Value:  # noqa: PLR0911, C901 - one return a kind
    """Reduce a result to what may cross: numbers, strings, arrays, tuples, lists, dicts; else its class's name.

    Arrays are copied, so that a later call cannot change what an earlier one returned.
    """
    kind = type(value)
    if kind is str:
        return value[:MAX_TEXT]
    if kind in _PLAIN:
        return value
    if isinstance(value, str):
        return str(value)[:MAX_TEXT]
    if isinstance(value, stand_in.DeviceArray):
        value = value._host  # noqa: SLF001 - past the guard: the hot path is over
    elif not isinstance(value, np.ndarray) and kind.__module__.split(".")[0] not in ("builtins", "numpy"):
        value = _from_device(value)
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "fiubc":
            return Opaque(f"array of dtype {value.dtype}")
        if value.nbytes > MAX_BODY:
            message = f"a result of {value.nbytes >> 20} MB is more than the {MAX_BODY >> 20} MB that may be returned"
            raise MemoryError(message)
        return value if isinstance(value, np.generic) else np.array(value, order="C", subok=False)
    if depth > 16:  # noqa: PLR2004
        return Opaque("too deep a nest")
    if isinstance(value, tuple | list):
        items = [plain(item, depth + 1) for item in value[:MAX_ITEMS]]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in list(value.items())[:MAX_ITEMS]}
    return value if isinstance(value, Opaque) else Opaque(type(value).__name__)


def _from_device(value: object) -> object:
    """Copy an array of a loaded backend to CPU memory; leave everything else unchanged."""
    return backend.to_numpy(value) if backend.array_module(value) is not np else value


def _is_given(frame: types.FrameType, inputs: list[Value]) -> bool:
    """Whether the method being entered received these arguments, after its object."""
    code, found = frame.f_code, frame.f_locals
    given = [found[name] for name in code.co_varnames[1 : code.co_argcount]]
    if code.co_flags & inspect.CO_VARARGS:
        given += found[code.co_varnames[code.co_argcount + code.co_kwonlyargcount]]
    return len(given) >= len(inputs) and all(np.array_equal(plain(a), b) for a, b in zip(given, inputs, strict=False))


def _settled(value: object) -> Array | Value:
    """Plain data, without copying ordinary arrays, on any device."""
    if type(value) in (np.ndarray, stand_in.DeviceArray, backend.current().array_type):
        return value
    if type(value) is tuple:
        return tuple(_settled(item) for item in value)
    return plain(value)


def _read_generator(generator: Generator[object, None, None]) -> list[object]:
    return [item for _, item in zip(range(MAX_ITEMS), generator, strict=False)]


def _follow(node: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(node, dict) or step.isdigit():
            node = node[step] if isinstance(node, dict) else node[int(step)]
        else:
            node = getattr(node, step)
    return node


def _strided(array: Array) -> Array:
    """Return the same values as a view: axes in reversed order in memory, every other element of a larger array."""
    if array.ndim == 0:
        return array
    module = backend.array_module(array)
    wide = module.zeros((2 * array.shape[-1], *array.shape[-2::-1]), dtype=array.dtype).T
    wide[..., ::2] = array
    return wide[..., ::2]
