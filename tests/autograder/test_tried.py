"""What a report says that the code tried: what the submission did, never what a library did by itself."""

import ast
import os
import subprocess
import sys

import pytest

from autograder.authoring.audit import audit
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.spec import Scope
from autograder.submission import Submission
from autograder.submission.method import needless
from dlkit.extraction import take

ATTEMPT = "read /etc/passwd"
BYTECODE = "PYTHONDONTWRITEBYTECODE"

OF_A_LIBRARY = {
    "a module is loaded, whose compiled form nobody may look for": "import dlkit.landscapes",
    "a module is loaded again": "import importlib, dlkit.landscapes; importlib.reload(dlkit.landscapes)",
    "numpy tries an optional package while it loads a module": "from numpy import *",
    "numpy loads that module for an attribute": "import numpy; numpy.f2py",
    "numpy tries an optional package": "import numpy; numpy.show_config()",
    "dlkit tries CuPy": "from dlkit import backend; backend.available()",
    "a module calls into the system's library as it is loaded": "import uuid, ctypes.util, numpy.ctypeslib",
    "a warning is shown with its line": "import warnings; warnings.warn('slow', stacklevel=1)",
    "a traceback is shown with lines of the grader": "import traceback; traceback.print_stack()",
    "a debugger looks for its settings": "import pdb; pdb.Pdb()",
    "a program's name is asked for": "import platform; platform.platform()",
    "a class is generated": "import collections; collections.namedtuple('Point', 'x y')",
    "a type names its module": "import typing; T = typing.TypeVar('T')",
    "source is looked up": "import inspect, numpy; inspect.getsource(numpy.load)",
    "a log names its caller": "import logging; logging.warning('slow')",
}


@pytest.mark.parametrize("source", OF_A_LIBRARY.values(), ids=OF_A_LIBRARY)
def test_what_a_library_does_by_itself_is_not_reported(worker, load, source):
    load(source)
    assert list(worker.tried) == []


LOOKS = {
    "import inspect\nclass Tanh:\n    x = inspect": "inspect the interpreter (gc, inspect)",
    "import sys\nclass Tanh:\n    x = sys._getframe()": "read frames of the code that calls it",
    "import sys\nclass Tanh:\n    x = sys.setprofile(None)": "hook into the interpreter (sys)",
    "import sys\nclass Tanh:\n    x = sys.maxsize": None,
    "import numpy as np, inspect, gc\nclass Tanh:\n    x = np": None,
    "from inspect import stack as s\nclass Tanh:\n    x = s": "inspect the interpreter (gc, inspect)",
}


@pytest.mark.parametrize("source", LOOKS)
def test_what_looks_into_the_interpreter_is_reported(layers, source):
    submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
    found = needless(submission.statements(layers.assignment.exercises))
    assert found == ([LOOKS[source]] if LOOKS[source] else [])


OF_THE_SUBMISSION = [
    ("open('/etc/passwd')", ATTEMPT),
    ("exec(\"open('/etc/passwd')\")", ATTEMPT),
    ("import numpy; numpy.load('/etc/passwd')", ATTEMPT),
    ("import pathlib; pathlib.Path('/etc/passwd').read_text()", ATTEMPT),
    ("import tokenize; tokenize.open('/etc/passwd')", ATTEMPT),
    ("import functools, numpy; functools.partial(numpy.load, '/etc/passwd')()", ATTEMPT),
    ("from importlib.machinery import SourceFileLoader as L; L('x', '/etc/passwd').load_module()", ATTEMPT),
    ("from importlib.machinery import SourceFileLoader as L; L('x', '/etc/passwd').get_data('/etc/passwd')",
     ATTEMPT),
    ("import threading, numpy\nt = threading.Thread(target=numpy.load, args=('/etc/passwd',))\nt.start(); t.join()",
     ATTEMPT),
    ("import numpy; numpy.save('/tmp/mine.npy', [1])", "write /tmp/mine.npy"),
    ("import scipy", "import scipy"),
    ("exec('import scipy')", "import scipy"),
    ("__import__('scipy.signal')", "import scipy"),
    ("import importlib; importlib.import_module('scipy')", "import scipy"),
    ("import pkgutil; pkgutil.resolve_name('scipy.signal')", "import scipy"),
    ("import runpy; runpy.run_module('scipy')", "import scipy"),
    ("import glob; glob.glob('/*')", "list a folder"),
    ("import os; list(os.walk('/'))", "list a folder"),
    ("import inspect; inspect.currentframe()", "walk the call stack"),
    ("import gc; gc.get_objects()", "search the interpreter's memory"),
    ("import ctypes; ctypes.CDLL(None)", "call machine code through ctypes"),
    ("import subprocess; subprocess.run(['/bin/true'])", "start a program"),
    ("import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')", "open a network socket"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "what"), OF_THE_SUBMISSION, ids=[source for source, _ in OF_THE_SUBMISSION])
def test_what_the_submission_asks_of_a_library_is_reported(worker, load, source, what):
    load(source)
    assert what in worker.tried


def test_what_a_check_calls_of_the_submissions_making_is_reported(worker, load):
    load("import functools, numpy\nforward = functools.partial(numpy.load, '/etc/passwd')")
    assert list(worker.tried) == []
    with pytest.raises(Exception, match="PermissionError"):
        worker.ask("call", handle=None, name="forward", args=[], kwargs={}, echo=False)
    assert list(worker.tried) == [ATTEMPT]


WATCHED = """
import sys
from autograder.isolation.executor import LABEL
from autograder.isolation.importer import Importer
from autograder.isolation.watch import Watch

importer = Importer()
importer.install()
watch = Watch(importer, lambda path: False)
watch.begin()
exec(compile(sys.argv[1], LABEL + "layers.py", "exec"))
watch._on = False
print(watch.news())
"""


def watched(source, **environment):
    """What is reported of this source where no file at all may be read, and nothing is refused."""
    inherited = {name: value for name, value in os.environ.items() if name != BYTECODE}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, source],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("environment", [{}, {BYTECODE: "1"}], ids=["with bytecode", "without bytecode"])
def test_whether_compiled_forms_are_written_changes_no_report(environment):
    source = "import dlkit.landscapes, dlkit.datasets, statistics, numpy.f2py\nassert numpy.f2py and dlkit.landscapes"
    assert watched(source, **environment) == []


def test_lines_that_a_traceback_looks_up_are_not_the_submissions_to_read():
    assert watched("import traceback; traceback.print_stack()") == []
    assert watched("import linecache; linecache.getlines('/etc/passwd')") == [ATTEMPT]


def test_what_the_references_do_is_nobodys_attempt(zygote, root):
    for name in ("04_optimizers", "07_recurrent"):
        loaded = catalogue.load(name, root)
        first = frozenset({loaded.assignment.exercises[0].name})
        grader = Grader(loaded, zygote, Options(seed=1, scope=Scope(capstones=False), only=first))
        report = grader.grade(Submission("work.py", loaded.reference, ""))
        assert report.points == report.exercises[0].max_points
        assert report.tried == []


def test_the_audit_reports_a_solution_that_tries_what_no_exercise_needs(own_course):
    path = own_course / "solutions/02_layers/layers.py"
    text = path.read_text()
    head = "class Tanh(Layer):\n"
    path.write_text(text.replace(head, f"{head}    found = __import__('gc').get_referrers()\n\n"))
    assert path.read_text() != text
    catalogue.load.cache_clear()
    failures = audit(own_course, ["02_layers"], seed=1, only=frozenset({"Tanh"})).failures
    assert any("the solution tried to search the interpreter's memory" in failure for failure in failures)
