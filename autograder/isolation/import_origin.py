"""Who caused the current operation: the submission, directly or through a library, or a library by itself.

By itself, a library loads modules, even for an ``import`` in the submission: it looks for their compiled form, tries
optional packages, calls into its extensions.  It also looks up source lines for a traceback or a warning.
"""

from __future__ import annotations

import importlib
import inspect
import linecache
import os
from collections.abc import Callable
from opcode import opmap
from types import FrameType

import dlkit
from autograder.isolation.executor import LABEL

__all__ = ["ImportOrigin", "calling_frame"]

FROZEN = "<frozen "
OWN = os.path.dirname(__file__) + os.sep  # noqa: PTH120
COURSE_KIT = os.path.dirname(dlkit.__file__) + os.sep  # noqa: PTH120
MACHINERY = (f"{FROZEN}importlib", os.path.dirname(importlib.__file__) + os.sep, OWN)  # noqa: PTH120
LOADS_A_MODULE = (f"{FROZEN}importlib._bootstrap>", "_find_and_load")
READS_ITS_SETTINGS = (os.path.join(os.path.dirname(linecache.__file__), "pdb.py"), "__init__")  # noqa: PTH118, PTH120
IMPORT_NAME = opmap["IMPORT_NAME"]


def calling_frame() -> FrameType | None:
    """The frame that called the caller, without the audit event of ``sys._getframe``."""
    try:
        raise LookupError  # noqa: TRY301 - for its traceback, which holds this frame
    except LookupError as error:
        traceback = error.__traceback__
    here = traceback.tb_frame.f_back if traceback else None
    return here.f_back if here else None


class ImportOrigin:
    """Decides by the call stack whether the submission caused an operation.

    is_library: whether a file is one that exercises may import.
    """

    def __init__(self, is_library: Callable[[str], bool]) -> None:
        self._is_library = is_library

    def submission_asks(self, frame: FrameType | None) -> bool:
        """Whether the submission caused what this frame does, directly or through libraries.

        It also did if nothing else can be the cause: in a thread, or when a check calls what the submission set up.
        """
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(LABEL):
                return True
            if (code.co_filename, code.co_name) in (LOADS_A_MODULE, READS_ITS_SETTINGS):
                return False
            if self._looks_up_lines(frame):
                return False
            frame = frame.f_back
        return True

    def _looks_up_lines(self, frame: FrameType) -> bool:
        """Whether a library makes the standard library look up source lines here."""
        files = [one.f_code.co_filename for one in (frame, frame.f_back) if one]
        return files[0] == linecache.__file__ != files[-1] and self._is_of_a_library(frame.f_back)

    def submission_imports(self, frame: FrameType | None) -> bool:
        """Whether the submission imports the current module, in a statement or through a library."""
        while frame is not None and frame.f_code.co_filename.startswith(MACHINERY):
            frame = frame.f_back
        if frame is not None and self._is_of_a_library(frame):
            names_it_itself = frame.f_code.co_code[frame.f_lasti] == IMPORT_NAME
            if names_it_itself or frame.f_code.co_filename.startswith(COURSE_KIT):
                return False
        return self.submission_asks(frame)

    def calls_itself(self, frame: FrameType | None) -> bool:
        """Whether this frame is outside libraries, whose own operations are not reported."""
        while frame is not None and frame.f_code.co_filename == inspect.__file__:
            frame = frame.f_back
        return not self._is_of_a_library(frame)

    def _is_of_a_library(self, frame: FrameType | None) -> bool:
        if frame is None:
            return False
        file = frame.f_code.co_filename
        return file.startswith((FROZEN, OWN)) or self._is_library(file)
