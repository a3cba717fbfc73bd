"""All layers in a working order: prepared once in the zygote, entered by each worker."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from autograder.isolation.importer import readable
from autograder.isolation.levels import LAYERS
from autograder.isolation.linux import limits, privileges, seccomp
from autograder.isolation.linux.landlock import Ruleset

__all__ = ["Sandbox"]

T = TypeVar("T")
SAMPLES = ("os.py", "__init__.py")


class Sandbox:
    """The layers of this machine.

    layers: the requested ones of ``LAYERS``; gpu: leave room for a driver.
    lacking: layers that are missing, each with the reason; loses_sight: whether a worker, no longer root, cannot read
    the interpreter's own files and can import only what was loaded before.
    """

    def __init__(self, layers: frozenset[str], *, gpu: bool = False) -> None:
        self.lacking = {layer: "switched off" for layer in LAYERS if layer not in layers}
        self.gpu = gpu
        if gpu:
            self.lacking.update(dict.fromkeys(("landlock", "seccomp"), "a GPU's driver needs more than it allows"))
        self._files = readable()
        self._ruleset = self._prepare("landlock", lambda: Ruleset(self._files))
        self._filter = self._prepare("seccomp", seccomp.allow_list)
        hidden = not _everyone_can_read(self._files)
        limits.prepare()
        with contextlib.suppress(KeyError, OSError):
            privileges.prepare()
        self._paths = tuple(str(path) for path in self._files)
        self._folders = tuple(f"{path}/" for path in self._files)
        self._mapped = limits.mapped()
        limits.go_first()  # also the zygote, which can be restarted
        self._reach = hidden and self._ruleset is not None
        self.loses_sight = hidden and not self._reach and os.geteuid() == 0 and "privileges" not in self.lacking

    def _prepare(self, layer: str, make: Callable[[], T]) -> T | None:
        if layer in self.lacking:
            return None
        try:
            return make()
        except OSError as error:
            self.lacking[layer] = f"the kernel refuses it: {error.strerror or error}"
            return None

    @property
    def descriptors(self) -> list[int]:
        """Descriptors that ``enter`` still needs."""
        return [self._ruleset.descriptor] if self._ruleset else []

    def may_read(self, path: str) -> bool:
        """Whether the allow-list names the file, whatever the kernel enforces."""
        return path in self._paths or path.startswith(self._folders)

    def enter(self, memory_mb: int, cpu_s: int) -> dict[str, str]:
        """Restrict this process permanently; return the missing layers with reasons."""
        lacking = dict(self.lacking)
        privileges.forbid_new()
        steps: dict[str, Callable[[], object]] = {
            "session": os.setsid,
            "rlimits": lambda: limits.limit(self._mapped, memory_mb, cpu_s, gpu=self.gpu),
            "privileges": lambda: privileges.drop(reach=self._reach),
        }
        if self._ruleset is not None:
            steps["landlock"] = self._ruleset.enter
        if self._filter is not None:
            steps["seccomp"] = partial(self._filter.enter, os.getpid())
        for layer, step in steps.items():
            if layer not in lacking:
                try:
                    step()
                except OSError as error:
                    lacking[layer] = f"the kernel refuses it: {error.strerror}"
        return lacking


def _everyone_can_read(paths: list[Path]) -> bool:
    """Whether a user who owns nothing can reach and read these folders."""
    samples = [file for path in paths for name in SAMPLES if (file := path / name).is_file()] + paths
    parents = {parent for path in samples for parent in path.parents}
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in parents) and all(
        path.stat().st_mode & stat.S_IROTH for path in samples
    )
