"""The interface through which a check uses an implementation: make, call, get, set.

A LocalSubject runs in this process (the reference, a live class in a notebook), a RemoteSubject in
an isolated worker; a check cannot distinguish them.
"""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Self

from autograder.isolation.executor import Executor
from autograder.isolation.tree import Earlier, Ref, Statements, Value, Values, size_of
from autograder.isolation.worker import SubjectLostError, SubjectRaisedError

if TYPE_CHECKING:
    from autograder.isolation.worker import Worker

__all__ = ["Instance", "LocalSubject", "Open", "RemoteSubject", "Subject", "SubjectLostError", "SubjectRaisedError"]

Open = Callable[[], AbstractContextManager["RemoteSubject"]]
"""Starts a fresh worker with an implementation, for the duration of a block."""

_HANDLES = itertools.count(1)
MAX_TALLY = 1_000_000


class Instance:
    """An object that the implementation made."""

    def __init__(self, subject: Subject, handle: int) -> None:
        self._subject = subject
        self.handle = handle

    def call(self, method: str, *args: Value, **kwargs: Value) -> Value:
        """Call a method; its result is plain data (arrays, numbers, tuples, lists, dicts)."""
        return self._subject.request(
            "call", handle=self.handle, name=method, args=list(args), kwargs=kwargs, echo=False
        )

    def tally(self, method: str, *args: Value, counted: str, inputs: Sequence[Value]) -> tuple[Value, int]:
        """Call a method; return its result, and how often it called the object's own method ``counted``."""
        reply = self._subject.request(
            "tally", handle=self.handle, name=method, args=list(args), kwargs={}, counted=counted, inputs=inputs
        )
        value, count = _pair(reply)
        return value, min(count, MAX_TALLY) if isinstance(count, int) else MAX_TALLY

    def parameters(self) -> Values:
        """Every parameter's data by its path (``W``, ``layers.0.W``)."""
        found: Values = self._subject.request("parameters", handle=self.handle)
        return found

    def get(self, path: str) -> Value:
        """Read an attribute by its path: ``W.grad``."""
        return self._subject.request("get", handle=self.handle, path=path)

    def keep(self, method: str, *args: Value, settle: bool = False, **kwargs: Value) -> Instance:
        """Call a method and keep its result in the worker; settle: finish all deferred computation first."""
        handle = next(_HANDLES)
        self._subject.request(
            "keep", handle=handle, source=self.handle, name=method, args=list(args), kwargs=kwargs, settle=settle
        )
        return Instance(self._subject, handle)

    def fetch(self) -> Value:
        """Return this kept value as plain data."""
        return self._subject.request("fetch", handle=self.handle)

    def set(self, path: str, value: Value) -> None:
        """Set an attribute by its path."""
        self._subject.request("set", handle=self.handle, path=path, value=value)

    def write(self, path: str, value: Value) -> None:
        """Write new numbers into an array that is found by its path, as an optimizer does; with "" into this one."""
        self._subject.request("write", handle=self.handle, path=path, value=value)


class Subject(ABC):
    """An implementation, wherever it runs.

    Every method raises SubjectRaisedError where the implementation raised and SubjectLostError
    where its process is gone.
    """

    backend = "numpy"

    @abstractmethod
    def request(self, verb: str, **arguments: Value) -> Value:
        """Send one request of the executor's vocabulary."""

    def on(self, backend: str) -> Self:
        """Return the same implementation, its arrays on another backend."""
        other = copy.copy(self)
        other.backend = backend
        return other

    def make(self, name: str, /, *args: Value, **kwargs: Value) -> Instance:
        """Make an object of a class by name."""
        handle = next(_HANDLES)
        self.request("make", handle=handle, name=name, args=list(args), kwargs=kwargs)
        return Instance(self, handle)

    def run(self, name: str, /, *args: Value, **kwargs: Value) -> Value:
        """Call a function by name; its result is plain data."""
        return self.request("call", handle=None, name=name, args=list(args), kwargs=kwargs, echo=False)

    def run_echo(self, name: str, /, *args: Value, **kwargs: Value) -> tuple[Value, list[Value]]:
        """Call a function; return its result and its arguments as they are afterwards."""
        reply = self.request("call", handle=None, name=name, args=list(args), kwargs=kwargs, echo=True)
        return _echoed(reply, len(args))

    def keep(self, name: str, /, *args: Value, **kwargs: Value) -> Instance:
        """Call a function and keep what it returns (a trained model) in the worker."""
        return self._kept(name, args, kwargs, settle=False)

    def compute(self, name: str, /, *args: Value, **kwargs: Value) -> Instance:
        """Call a function and keep its result in the worker, with no deferred computation left."""
        return self._kept(name, args, kwargs, settle=True)

    def _kept(self, name: str, args: tuple[Value, ...], kwargs: Values, *, settle: bool) -> Instance:
        handle = next(_HANDLES)
        self.request("keep", handle=handle, source=None, name=name, args=list(args), kwargs=kwargs, settle=settle)
        return Instance(self, handle)

    def forget(self) -> None:
        """Release every object made so far."""
        self.request("forget")

    def put(self, value: Value) -> Ref:
        """Send a value ahead; pass the Ref in its place."""
        handle = next(_HANDLES)
        self.request("put", handle=handle, value=value)
        return Ref(handle)

    def overwrite(self, sent: Ref, value: Value) -> None:
        """Write other numbers into an array that was sent ahead: the same object, with the same shape."""
        Instance(self, sent.handle).write("", value)


def _pair(reply: Value) -> tuple[Value, Value]:
    """Read a reply of two values; code that manipulates the executor may have sent anything else."""
    if not isinstance(reply, tuple) or len(reply) != 2:  # noqa: PLR2004
        message = "sent an invalid reply: expected two values"
        raise SubjectLostError(message)
    return reply


def _echoed(reply: Value, count: int) -> tuple[Value, list[Value]]:
    """Read a result, and as many arguments as were passed."""
    value, after = _pair(reply)
    if not isinstance(after, list) or len(after) != count:
        message = "sent an invalid reply: the arguments are missing"
        raise SubjectLostError(message)
    return value, after


class LocalSubject(Subject):
    """An implementation in this process: trusted source, or the live names of a notebook.

    largest, returned: bytes of arrays in the largest result so far, and in all of them.
    """

    def __init__(self, namespace: dict[str, object] | None = None) -> None:
        self._executor = Executor(namespace)
        self.largest = self.returned = 0

    @classmethod
    def from_chunks(
        cls, name: str, chunks: Statements, *, support: str = "", earlier: Earlier | None = None
    ) -> LocalSubject:
        """Load trusted source text; raises the error of a chunk that fails."""
        subject = cls()
        if earlier is not None:
            subject.request("provide", modules=earlier)
        if support:
            subject.request("support", text=support)
        problems = subject.request("load", name=name, chunks=chunks)
        if problems:
            raise SubjectRaisedError(problems[0])
        return subject

    @classmethod
    def live(cls, namespace: dict[str, object], support: str) -> LocalSubject:
        """Use classes as they are defined in this process."""
        subject = cls(namespace)
        if support:
            subject.request("support", text=support)
        return subject

    def request(self, verb: str, **arguments: Value) -> Value:
        """Run one request in this process; input arrays are copied, as by a pipe."""
        self._executor.backend = self.backend
        try:
            value = getattr(self._executor, verb)(**_copied(arguments))
        except (Exception, SystemExit) as error:
            raise SubjectRaisedError(self._executor.describe(error)) from error
        size = size_of(value)
        self.largest, self.returned = max(self.largest, size), self.returned + size
        return value


def _copied(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value.copy() if hasattr(value, "__array_interface__") else value


class RemoteSubject(Subject):
    """An implementation in an isolated worker."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def request(self, verb: str, **arguments: Value) -> Value:
        """Send one request over the pipe."""
        return self.worker.ask(verb, self.backend, **arguments)
