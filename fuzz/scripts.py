"""Python files that are handed in: any bytes, and percent files with odd lines in them."""

from __future__ import annotations

import atexit
import contextlib
import random
import tempfile
from functools import lru_cache
from pathlib import Path

from autograder.course import catalogue
from autograder.submission import SubmissionError, read_submission
from dlkit.extraction import ExtractionError, extract

ROOT = Path(__file__).resolve().parents[1]
CELLS = """\
import numpy as np
from dlkit import Layer, array_module
import torch; import os.path as p
~
class Linear(Layer):
    def forward(self, x):
        raise NotImplementedError

    def backward(self, dy):
        '''Σ'''
        return dy @ self.W.data.T
~
%matplotlib inline
!ls
x = %time 1
np.zeros?
?np
y = {k: v for k, v in ()}; z = [1, *range(3)]
~
%%time
@property
def sigmoid(x): return 1 / (1 + np.exp(-x))
layer = Linear(2, 3)
EPS: float = 1e-6
~
if True:
    a, (b, *c) = 1, (2, 3)
else:
    try:
        import cupy
    except ImportError:
        pass
~
class ReLU:
    def forward(self, x)
        return f'{x!r:>{10}}'
~
async def g():
    await (lambda: (yield))
if __name__ == '__main__':
    g()
match a:
    case [1, *_]: pass""".split("\n~\n")
LINES = [
    *"# %%|# %% [markdown]|# **Question|%%time|%%bash|%x|!x|x?|x = !y|class Tanh:|    pass|def f(): pass".split("|"),
    *"x = 1; y = 2|import os, torch|from . import a|from dlkit import *|@a|if x:|else:|elif x:|try:|finally:".split(
        "|"
    ),
    *"x = (|)|'''|\\|#|f'{x}'|f'{|lambda: (|é|Ａ|_ = 1|x: int|x += 1|[a] = b|a.b = 1|a[0] = 1|*a, = b".split("|"),
    *"(x := 1)|-|not|((((|[[[[|{{{{|1_0|0x|1e999|async def f(): pass|raise NotImplementedError|return".split("|"),
    *"class A(B, metaclass=C): pass|global x|yield|type X = int|match x:|    case _: pass".split("|"),
    *'\t|\f|\r|\0|\x1c|\x85|\u2028|\ufeff|"""'.split("|"),
]
MANY = (2, 20, 100, 1500)


def seeds() -> list[bytes]:
    """Percent files and plain ones."""
    percent = "# %% [markdown]\n# **Question.** Why?\n\n# %% [markdown]\n# YOUR ANSWER HERE\n\n# %%\n"
    whole = percent + "\n\n# %%\n".join(CELLS)
    return [text.encode() for text in (whole, *CELLS, whole.replace("\n", "\r\n"))]


def one(data: bytes) -> None:
    """Hand the bytes in as ``layers.py``."""
    hand_in(data, "layers.py")


def hand_in(data: bytes, name: str) -> None:
    """Read a file as the grader does, and use everything that a submission offers; every sentence must be text."""
    path = folder() / name
    path.write_bytes(data)
    sentences = []
    with contextlib.suppress(ExtractionError):
        extract(path)
    try:
        submission = read_submission(path, _assignment())
    except SubmissionError as error:
        sentences.append(str(error))
    else:
        exercises = _assignment().assignment.exercises
        sentences += [problem.sentence for problem in submission.problems]
        sentences += [submission.broken_cell(exercise) or "" for exercise in exercises]
        sentences += [part for exercise in exercises for part in submission.unwritten(exercise)]
        sentences += [problem.sentence for problem in submission.remarks(exercises)]
        sentences += [chunk.source for exercise in exercises for _, chunk in submission.slice(exercise)]
        sentences += [*submission.extraction.refused, *submission.extraction.left_out]
    for sentence in sentences:
        sentence.encode()


def mutate(data: bytes, source: random.Random) -> bytes:
    """Put an odd line somewhere, repeat a part, drop or duplicate a line, or change the line ends."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(lines))
        match source.randrange(6):
            case 0:
                lines.insert(at, source.choice(LINES))
            case 1:
                cut = source.randint(0, len(lines[at]))
                lines[at] = lines[at][:cut] + source.choice(LINES) * source.choice((1, *MANY)) + lines[at][cut:]
            case 2:
                lines[at : at + source.randint(1, 3)] = []
                lines = lines or [""]
            case 3:
                lines[at:at] = lines[at : at + source.randint(1, 5)] * source.choice((*MANY[:2] * 9, *MANY))
            case 4:
                lines[at] = source.choice(("    ", "\t", " ")) * source.randint(0, 5) + lines[at].lstrip()
            case _:
                lines[at] += source.choice((";", "\r", "\\", " #", ":", ","))
    return "\n".join(lines).encode()


@lru_cache(maxsize=1)
def _assignment() -> catalogue.Loaded:
    return catalogue.load("02_layers", ROOT)


@lru_cache(maxsize=1)
def folder() -> Path:
    """Where hand-ins are written, for as long as the process lasts."""
    made = tempfile.TemporaryDirectory()
    atexit.register(made.cleanup)
    return Path(made.name)
