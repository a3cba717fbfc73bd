"""One submission, one report: every problem of a hand-in affects only what it touches, and is named."""

import ast
import json
import sys
from dataclasses import replace
from textwrap import indent

import msgspec
import numpy as np
import pytest

from autograder.authoring.audit import audit
from autograder.course.answers import Answers
from autograder.grading.grader import Grader, unreadable
from autograder.grading.options import Options
from autograder.isolation.worker import Limits
from autograder.report import Report, Status
from autograder.spec import Assignment, Check, Exercise, Points
from autograder.submission import Submission, SubmissionError, read_submission
from autograder.submission.method import other_than_formulas
from dlkit.extraction import Chunk, Extraction
from tests.limits import limits
from tests.sampling import nightly

QUICK = limits(0.3, memory_mb=1024)
SOME = frozenset({"Linear", "ReLU", "Tanh", "ELU", "Softmax"})


def layer(name, forward, backward="return dy", base="Layer"):
    """Source of a class with these bodies of forward and backward."""
    methods = [("forward", "x", forward), ("backward", "dy", backward)]
    return f"class {name}({base}):\n" + "\n".join(
        f"    def {method}(self, {argument}):\n{indent(body, ' ' * 8)}\n" for method, argument, body in methods
    )


def the(result, check):
    return next(v for v in result.verdicts if v.check == check)


def without_times(report):
    """Everything in a report but when it was made and what was measured."""
    tree = msgspec.to_builtins(report)
    for name in ("seconds", "graded_at"):
        del tree[name]
    for exercise in tree["exercises"]:
        for verdict in exercise["verdicts"]:
            verdict.pop("measurement", None)
    return tree


# --- the reference ---------------------------------------------------------------------------


def test_the_reference_earns_everything(grade, full_marks):
    report = grade().report
    assert {result.name: result.points for result in report.exercises} == full_marks
    assert report.status is Status.PASSED
    assert all(not verdict.sentence for result in report.exercises for verdict in result.verdicts)


@pytest.mark.parametrize("seed", [100, *map(nightly, range(101, 120))])
def test_the_reference_earns_everything_whatever_is_drawn(layers, zygote, hand_in, full_marks, seed):
    report = Grader(layers, zygote, Options(seed=seed)).grade(hand_in())
    assert {result.name: result.points for result in report.exercises} == full_marks


def test_the_same_seed_gives_the_same_report(layers, zygote, hand_in, swapped):
    work = {"Tanh": swapped("Tanh", ("self.y * self.y", "self.y")), "ReLU": "class ReLU(Layer):\n    pass"}
    options = Options(seed=5, limits=QUICK, only=SOME)
    reports = [Grader(layers, zygote, options).grade(hand_in(**work), "amara") for _ in range(2)]
    assert without_times(reports[0]) == without_times(reports[1])
    assert reports[0].seed == 5


def test_side_by_side_gives_the_same_report(layers, zygote, hand_in, swapped):
    work = {
        "Tanh": swapped("Tanh", ("self.y * self.y", "self.y")),
        "ELU": "class ELU(Layer):\n    import os; os._exit(1)",
    }
    one, four = (
        Grader(layers, zygote, Options(seed=5, limits=QUICK, only=SOME, threads=n)).grade(hand_in(**work))
        for n in (1, 4)
    )
    assert without_times(one) == without_times(four)


def test_another_seed_draws_other_inputs(layers):
    exercise = layers.assignment.exercise("Tanh")
    check = exercise.checks[0]
    drawn = [Answers(layers, seed).of(exercise, check)[0][0].inputs["x"] for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_every_check_draws_inputs_of_its_own(layers):
    exercise = layers.assignment.exercise("Tanh")
    answers = Answers(layers, 1)
    drawn = [answers.of(exercise, check)[-1][0].inputs["x"] for check in exercise.checks]
    sums = {float(np.sum(getattr(x, "array", x))) for x in drawn}
    assert len(sums) == len(drawn)


def test_a_report_holds_what_a_replay_needs(grade, layers):
    report = grade().report
    assert (report.assignment, report.seed, report.official, report.isolation) == ("02_layers", 7, True, "full")
    assert report.checks_sha256 == layers.checks_sha256
    assert set(report.versions) == {"python", "numpy", "dlkit-course"}
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


# --- what is handed in wrong: the file -------------------------------------------------------

UNREADABLE = {
    "layers.ipynb": [
        (b"", "layers.ipynb is empty."),
        (b"{ not json", "layers.ipynb is not a notebook: its JSON does not parse"),
        (b'{"cells": 3}', "layers.ipynb is not a notebook: it has no list of cells."),
        (b'{"cells": []}', "layers.ipynb defines none of the exercises of 02_layers. Hand in layers.ipynb."),
        (
            json.dumps(
                {
                    "cells": [{"cell_type": "code", "source": "class Conv2d: pass"}],
                    "metadata": {"dlkit": {"assignment": "06_convolution"}},
                }
            ).encode(),
            "layers.ipynb belongs to 06_convolution, not to 02_layers. Hand in layers.ipynb.",
        ),
        (
            json.dumps(
                {
                    "cells": [{"cell_type": "code", "source": "class Linear: pass"}],
                    "metadata": {"dlkit": {"assignment": "12_attention"}},
                }
            ).encode(),
            "layers.ipynb belongs to 12_attention, not to 02_layers.",
        ),
    ],
    "layers.py": [
        (b"\xff\xfe\x00", "layers.py is not UTF-16 text"),
        (b"x = 1", "layers.py defines none of the exercises"),
    ],
}


@pytest.mark.parametrize(
    ("name", "content", "sentence"), [(name, *case) for name, cases in UNREADABLE.items() for case in cases]
)
def test_a_file_that_cannot_be_graded_is_reported_in_one_sentence(tmp_path, layers, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SubmissionError) as error:
        read_submission(tmp_path / name, layers)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("stamp", [[], 3, {"assignment": 3}, {"assignment": ["02_layers"]}, None])
def test_a_stamp_of_no_sense_is_no_stamp(tmp_path, layers, grader, stamp):
    cells = [{"cell_type": "code", "source": layers.source_of(layers.assignment.exercise("Tanh")), "metadata": []}]
    cells.append({"cell_type": "code", "source": "from dlkit import Layer, array_module", "metadata": {"nbgrader": 3}})
    path = tmp_path / "layers.ipynb"
    path.write_text(json.dumps({"cells": cells[::-1], "metadata": {"dlkit": stamp}}))
    try:
        report = grader.grade(read_submission(path, layers))
    except SubmissionError as error:
        assert "layers.ipynb" in str(error)  # noqa: PT017 - a stamp that is no name may be refused
    else:
        assert next(result for result in report.exercises if result.name == "Tanh").status is Status.PASSED


def test_an_unreadable_submission_fails_with_its_one_sentence(layers):
    report = unreadable(layers, "amara", "layers.ipynb", "layers.ipynb is empty.", seed=3)
    assert (report.points, report.status, report.student) == (0, Status.FAILED, "amara")
    assert [problem.sentence for problem in report.problems] == ["layers.ipynb is empty."]
    assert {v.sentence for result in report.exercises for v in result.verdicts} == {"layers.ipynb is empty."}
    assert report.max_points == sum(result.max_points for result in report.exercises) > 0


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_an_untouched_stub_is_not_attempted(grade_file, root, suffix):
    found = grade_file(root / f"assignments/02_layers/layers{suffix}")
    assert (found.report.status, found.report.points) == (Status.NOT_ATTEMPTED, 0)
    assert {result.status for result in found.report.exercises} == {Status.NOT_ATTEMPTED}
    assert found.Linear.parts() == {"forward": Status.NOT_ATTEMPTED, "backward": Status.NOT_ATTEMPTED}
    assert the(found.Linear, "forward matches the reference").sentence == "Linear.forward is still to be written"
    assert found.gradient_norms.verdicts[0].sentence == "gradient_norms is still to be written"
    assert [answer.answered for answer in found.report.written] == [False, False]


def fill(root, **sources):
    """The released notebook with these exercises written."""
    notebook = json.loads((root / "assignments/02_layers/layers.ipynb").read_text())
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in sources:
            cell["source"] = sources[name]
    return notebook


def test_a_notebook_that_is_partly_filled_is_partly_done(grade_file, root, tmp_path, swapped, full_marks):
    half = swapped("Sigmoid").partition("    def backward")[0]
    notebook = fill(
        root,
        Tanh=swapped("Tanh"),
        Sigmoid=half + "    def backward(self, dy):\n        raise NotImplementedError()",
        vanishing_gradients="By a quarter each.",
    )
    (tmp_path / "layers.ipynb").write_text(json.dumps(notebook))
    found = grade_file(tmp_path / "layers.ipynb")
    assert found.report.status is Status.PARTLY
    assert (found.Tanh.status, found.Tanh.points) == (Status.PASSED, full_marks["Tanh"])
    assert found.Sigmoid.status is Status.PARTLY
    assert found.Sigmoid.parts() == {"forward": Status.PASSED, "backward": Status.NOT_ATTEMPTED}
    assert found.Sigmoid.points == 2
    assert [answer.answered for answer in found.report.written] == [True, False]


def test_something_wrong_is_distinguished_from_something_unwritten(grade_file, root, tmp_path, swapped):
    notebook = fill(root, Tanh=swapped("Tanh", ("self.y * self.y", "self.y")))
    (tmp_path / "layers.ipynb").write_text(json.dumps(notebook))
    found = grade_file(tmp_path / "layers.ipynb")
    assert (found.report.status, found.Tanh.status, found.ReLU.status) == (
        Status.FAILED,
        Status.FAILED,
        Status.NOT_ATTEMPTED,
    )


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        '"""Only words."""',
        "raise NotImplementedError",
        "x = 1\nraise NotImplementedError('later')",
        "# nothing\nraise NotImplementedError()",
    ],
)
def test_what_a_stub_may_look_like(grade, body):
    found = grade(Flatten=layer("Flatten", body, body))
    assert found.Flatten.status is Status.NOT_ATTEMPTED


def test_an_exercise_that_was_deleted_is_not_attempted(grader, hand_in):
    work = hand_in()
    kept = tuple(chunk for chunk in work.extraction.chunks if "Flatten" not in chunk.defines)
    report = grader.grade(Submission("layers.ipynb", Extraction(kept), ""))
    flatten = next(result for result in report.exercises if result.name == "Flatten")
    assert flatten.status is Status.NOT_ATTEMPTED
    assert flatten.verdicts[0].sentence == "layers.ipynb does not define Flatten"


# --- what is handed in wrong: one exercise ---------------------------------------------------


def forward_only(name, *lines):
    return layer(name, "\n".join(lines), "return dy * (1 - self.y**2)")


WRONG_FORWARDS = {
    "a list for an array": (
        ["self.y = np.tanh(x)", "return self.y.tolist()"],
        "y: expected an array, got a list (x (1, 4))",
    ),
    "nothing": (["self.y = np.tanh(x)"], "y is None: is a return missing? (x (1, 4))"),
    "two outputs": (["self.y = np.tanh(x)", "return self.y, self.y"], "y: expected an array, got a tuple (x (1, 4))"),
    "another shape": (["self.y = np.tanh(x)", "return self.y.T"], "y: expected shape (1, 4), got (4, 1) (x (1, 4))"),
    "nan": (
        ["self.y = np.tanh(x)", "return self.y * float('nan')"],
        "y is nan (not a number) in every entry, first at index (0, 0)",
    ),
    "objects": (
        ["self.y = np.tanh(x)", "return self.y.astype(object)"],
        "y: expected an array, got an array of dtype object",
    ),
    "text": (["self.y = np.tanh(x)", "return 'tanh'"], "y: expected an array, got a str"),
    "an exception": (
        ["return x[9, 9]"],
        "raised IndexError: index 9 is out of bounds for axis 0 with size 1 (layers.py, line ",
    ),
    "an unknown name": (["return tanh(x)"], "raised NameError: name 'tanh' is not defined (layers.py, line "),
    "a wrong signature": (["return np.tanh(x, 1, 2, 3)"], "raised TypeError"),
    "an endless loop": (
        ["while True: pass"],
        f"Tanh.forward did not end within {QUICK.cpu_s:g} s of computing or {QUICK.wall_s:g} s of wall time: look for",
    ),
    "a deep recursion": (["return self.forward(x)"], "raised RecursionError: maximum recursion depth exceeded"),
    "20 GB": (
        ["return np.ones(20 << 30, np.uint8)"],
        "needs more memory than an exercise may use (1024 MB) (layers.py, line ",
    ),
    "an exit": (
        ["import os", "os._exit(0)"],
        "Tanh.forward ended its own process with exit status 0: an exercise must return, never exit",
    ),
    "a polite exit": (["raise SystemExit"], "raised SystemExit (layers.py, line "),
    "an interrupt": (["raise KeyboardInterrupt"], "raised KeyboardInterrupt"),
    "a crash": (["import ctypes", "ctypes.string_at(0)"], "Tanh.forward was killed by the system (signal SIGSEGV)"),
    "a flood and a wrong answer": (["print('flood' * 10**6)", "return x"], "y is wrong in "),
    "half a character": (["raise ValueError(chr(0xD800))"], "raised ValueError: "),
    "an unwritten helper": (
        ["return self.helper(x)", "def helper(self, x): raise NotImplementedError"],
        "raised AttributeError",
    ),
}


@pytest.mark.parametrize("name", WRONG_FORWARDS)
def test_a_wrong_forward_costs_one_exercise_and_one_sentence(grade, first_wrong, others_untouched, name):
    lines, sentence = WRONG_FORWARDS[name]
    found = grade(Tanh=forward_only("Tanh", *lines))
    wrong = first_wrong(found.Tanh)
    assert (wrong.status, wrong.check) == (Status.FAILED, "forward matches the reference")
    assert wrong.sentence.startswith(sentence)
    assert "\n" not in wrong.sentence
    assert found.Tanh.points == 0 or name in (
        "a list for an array",
        "nothing",
        "another shape",
        "two outputs",
        "nan",
        "objects",
        "text",
        "a flood and a wrong answer",
    )
    assert found.Tanh.points < found.Tanh.max_points
    others_untouched(found, "Tanh")
    assert json.loads(msgspec.json.encode(found.report))["exercises"]


def test_another_dtype_fails_its_own_check_alone(grade, swapped, others_untouched):
    found = grade(Tanh=swapped("Tanh", ("return self.y", "return self.y.astype('float64')")))
    failed = [verdict for verdict in found.Tanh.verdicts if verdict.status is not Status.PASSED]
    assert [verdict.check for verdict in failed] == ["float32 stays float32"]
    assert failed[0].sentence.startswith("y: expected float32 like the inputs, got float64")
    others_untouched(found, "Tanh")


def test_a_wrong_number_of_gradients_is_reported(grade, swapped, first_wrong):
    found = grade(Tanh=swapped("Tanh", ("return dx", "return dx, dx")))
    assert first_wrong(found.Tanh).sentence == "dx: expected an array, got a tuple (x (1, 4))"


def test_a_class_without_a_method_says_which(grade, swapped, first_wrong, others_untouched):
    found = grade(Flatten=swapped("Flatten").partition("    def backward")[0])
    wrong = first_wrong(found.Flatten)
    assert wrong.sentence.endswith("Flatten.backward is missing. Keep the methods of the stub.")
    assert found.Flatten.parts()["forward"] is Status.PASSED
    others_untouched(found, "Flatten")


def test_a_function_in_place_of_a_class_is_reported(grade, first_wrong, others_untouched):
    found = grade(Flatten="def Flatten(x):\n    return x.reshape(len(x), -1)")
    assert first_wrong(found.Flatten).status is Status.FAILED
    assert "TypeError" in first_wrong(found.Flatten).sentence
    others_untouched(found, "Flatten")


def test_a_constructor_that_fails_is_reported(grade, swapped, first_wrong, others_untouched):
    found = grade(LeakyReLU=swapped("LeakyReLU", ("self.slope = slope", "self.slope = slopes")))
    assert first_wrong(found.LeakyReLU).sentence.startswith(
        "raised NameError: name 'slopes' is not defined (layers.py, line"
    )
    assert found.LeakyReLU.points == 0
    others_untouched(found, "LeakyReLU")


def test_an_import_of_something_absent_names_the_package(grade_file, root, tmp_path, swapped, first_wrong):
    notebook = fill(
        root, Tanh=f"import torch\n\n{swapped('Tanh', ('array_module(x).tanh', 'torch.tanh'))}", ReLU=swapped("ReLU")
    )
    (tmp_path / "layers.ipynb").write_text(json.dumps(notebook))
    found = grade_file(tmp_path / "layers.ipynb")
    assert first_wrong(found.Tanh).sentence.startswith(
        "torch comes from torch, which an exercise may not import (cell "
    )
    assert first_wrong(found.Tanh).sentence.endswith("Allowed are the standard library, numpy and dlkit.")
    assert found.ReLU.status is Status.PASSED


def test_a_name_that_a_star_may_have_brought_names_the_package(hand_in, swapped, grader, first_wrong):
    work = hand_in(Tanh=swapped("Tanh", ("array_module(x).tanh", "tangens")))
    work = replace(work, extraction=replace(work.extraction, refused={"*": "torch"}))
    tanh = next(result for result in grader.grade(work).exercises if result.name == "Tanh")
    assert first_wrong(tanh).sentence.startswith("tangens is not defined (layers.py, line ")
    assert "it may come from torch, which an exercise may not import" in first_wrong(tanh).sentence


def test_of_two_definitions_the_report_says_which_is_graded(grade, swapped):
    stub = layer("Tanh", "raise NotImplementedError()", backward="pass")
    found = grade(stub)
    assert found.Tanh.status is Status.PASSED
    (problem,) = found.report.problems
    assert problem.sentence.startswith("layers.ipynb defines Tanh 2 times. The definition in layers.py, line ")
    assert problem.sentence.endswith(
        "not the last one in scratch, line 1, which is an untouched stub. Delete the one that should not count."
    )


def test_a_base_class_from_elsewhere_names_the_package(grade, hand_in, grader, first_wrong):
    work = hand_in(Flatten=layer("Flatten", "return x", base="nn.Module"))
    work = replace(work, extraction=replace(work.extraction, refused={"nn": "torch"}))
    flatten = next(result for result in grader.grade(work).exercises if result.name == "Flatten")
    sentence = first_wrong(flatten).sentence
    assert sentence.startswith("Flatten could not be defined: ")
    assert "nn comes from torch, which an exercise may not import" in sentence


def test_a_cell_that_does_not_parse_costs_its_exercise(grade_file, root, tmp_path, swapped, first_wrong):
    broken = swapped("Tanh", ("self.y * self.y", "self.y * * self.y"))
    (tmp_path / "layers.ipynb").write_text(json.dumps(fill(root, Tanh=broken, ReLU=swapped("ReLU"))))
    found = grade_file(tmp_path / "layers.ipynb")
    sentence = first_wrong(found.Tanh).sentence
    assert sentence.startswith("layers.ipynb: cell ")
    version = ".".join(map(str, sys.version_info[:2]))
    assert f"does not parse with the grader's Python {version} (line " in sentence
    assert sentence.endswith("Fix the cell, or delete it if it is scratch.")
    assert {verdict.sentence for verdict in found.Tanh.verdicts} == {sentence}
    assert [problem.sentence for problem in found.report.problems] == [sentence]
    assert found.ReLU.status is Status.PASSED


def test_a_broken_scratch_cell_costs_nothing(grade_file, root, tmp_path, swapped):
    notebook = fill(root, Tanh=swapped("Tanh"))
    notebook["cells"].insert(2, {"cell_type": "code", "metadata": {}, "source": "x = (1,\nplot("})
    (tmp_path / "layers.ipynb").write_text(json.dumps(notebook))
    found = grade_file(tmp_path / "layers.ipynb")
    assert found.Tanh.status is Status.PASSED
    assert found.report.problems[0].where == "cell 3"


STUBBORN = "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN)\n    while True: pass"
IMPORT_TIME = {
    "an exit": ("import os; os._exit(0)", "ended its own process with exit status 0"),
    "an endless loop": ("while True: pass", "s of computing: it is left out"),
    "an endless loop that nothing interrupts": (STUBBORN, "did not end within"),
    "sleep": ("import time; time.sleep(1000)", "waits instead of computing: it is left out"),
    "an abort": ("import os; os.abort()", "was killed by the system (signal SIGABRT)"),
    "an exception": ("TABLE = open('table.txt').read()", "Tanh could not be defined: raised FileNotFoundError"),
    "a polite exit": ("raise SystemExit", "Tanh could not be defined: raised SystemExit"),
    "20 GB": ("TABLE = [0] * (20 << 30)", "Tanh could not be defined: needs more memory"),
}


@pytest.mark.parametrize("name", IMPORT_TIME)
def test_what_happens_while_loading_costs_what_it_defines(grade, swapped, first_wrong, others_untouched, name):
    line, sentence = IMPORT_TIME[name]
    found = grade(Tanh=swapped("Tanh", ("class Tanh(Layer):\n", f"class Tanh(Layer):\n    {line}\n")))
    assert sentence in first_wrong(found.Tanh).sentence
    assert found.Tanh.points == 0
    assert found.Tanh.status is Status.FAILED
    others_untouched(found, "Tanh")


def test_a_statement_that_ends_the_process_is_named_with_its_place(grade, swapped):
    found = grade(Tanh=swapped("Tanh", ("class Tanh(Layer):\n", "class Tanh(Layer):\n    import os; os._exit(3)\n")))
    (problem,) = found.report.problems
    assert problem.sentence.startswith("layers.ipynb: layers.py, line ")
    assert "(definition of Tanh) ended its own process with exit status 3" in problem.sentence


def test_more_poison_than_can_be_sought_fails_and_ends(grader, hand_in, swapped):
    poison = [f"X{i} = 1\nclass P{i}:\n    import os; os._exit(0)" for i in range(9)]
    uses = "class Tanh(Layer):\n    uses = " + ", ".join(f"P{i}" for i in range(9)) + "\n"
    report = grader.grade(hand_in(*poison, Tanh=swapped("Tanh", ("class Tanh(Layer):\n", uses))))
    (result,) = (one for one in report.exercises if one.name == "Tanh")
    assert result.points == 0
    assert result.status is Status.FAILED
    assert "ended its own process" in result.verdicts[0].sentence
    assert len(report.problems) == 8


def test_a_file_that_is_slow_to_load_as_a_whole_fails_and_ends(layers, zygote, hand_in, swapped):
    slow = [f"class S{i}:\n    import time; time.sleep(0.1)" for i in range(12)]
    uses = "class Tanh(Layer):\n    uses = " + ", ".join(f"S{i}" for i in range(12)) + "\n"
    work = hand_in(*slow, Tanh=swapped("Tanh", ("class Tanh(Layer):\n", uses)))
    limits = Limits(cpu_s=5, wall_s=0.7)
    (result,) = Grader(layers, zygote, Options(seed=1, only=frozenset({"Tanh"}), limits=limits)).grade(work).exercises
    assert result.status is Status.FAILED
    assert "did not end within" in result.verdicts[0].sentence


FORGED_PROBLEMS = """
class Forger:
    import json, os, struct, sys
    frame = sys._getframe()
    while "header" not in frame.f_locals or "reply" not in frame.f_locals:
        frame = frame.f_back
    reply = {"id": frame.f_locals["header"]["id"], "arrays": [], "value": VALUE}
    text = json.dumps(reply).encode()
    os.write(11, struct.pack("<IQ", len(text), 0) + text)
"""


@pytest.mark.parametrize(
    "value", ["3", "[3]", "[{'d': []}]", "[{'d': [['chunk', 10**9]]}]", "[{'d': [['chunk', 'x']]}]"]
)
def test_a_forged_answer_while_loading_is_no_fault_of_the_grader(grade, swapped, value):
    uses = "class Tanh(Layer):\n    uses = Forger\n"
    found = grade(FORGED_PROBLEMS.replace("VALUE", value), Tanh=swapped("Tanh", ("class Tanh(Layer):\n", uses)))
    assert Status.BROKEN not in {result.status for result in found.report.exercises}
    assert found.Tanh.points == 0


def test_a_loop_in_backward_leaves_the_forward_its_points(grade, swapped, first_wrong):
    found = grade(Tanh=swapped("Tanh", ("dx = self.y * self.y", "while True: pass")))
    assert found.Tanh.parts()["forward"] is Status.PASSED
    assert first_wrong(found.Tanh).sentence.startswith("Tanh.backward did not end within")
    assert found.Tanh.points == 1
    rest = found.Tanh.verdicts[found.Tanh.verdicts.index(first_wrong(found.Tanh)) + 1 :]
    assert {verdict.status for verdict in rest} == {Status.SKIPPED}


def test_the_endless_loop_is_waited_for_once(grade, forwards_called):
    found, calls = forwards_called("while True: pass")
    assert the(found.Tanh, "gradients match numerical differences").status is Status.SKIPPED
    assert calls == 1


@pytest.fixture
def forwards_called(grade, swapped, monkeypatch):
    """Grade a Tanh whose forward begins like this, and count how often it was called."""
    from autograder.isolation.worker import Worker

    def run(line):
        calls = []
        ask = Worker.ask

        def counted(self, verb, *args, **kwargs):
            if kwargs.get("name") == "forward":
                calls.append(verb)
            return ask(self, verb, *args, **kwargs)

        monkeypatch.setattr(Worker, "ask", counted)
        only = {"Tanh": swapped("Tanh", ("self.y = ", f"{line}\n        self.y = "))}
        for name in ("Linear", "Sigmoid", "ReLU", "LeakyReLU", "ELU", "GELU", "Softmax", "Flatten", "Sequential"):
            only[name] = layer(name, "pass", "pass")
        only["gradient_norms"] = "def gradient_norms(layers, x, dy):\n    pass"
        return grade(**only), len(calls)

    return run


# --- diagnosis -------------------------------------------------------------------------------


def test_a_planted_mistake_is_named_with_its_hint(grade, swapped, first_wrong, others_untouched):
    found = grade(Linear=swapped("Linear", ("self.x.T @ dy", "self.x.T @ dy / len(dy)")))
    wrong = first_wrong(found.Linear)
    assert wrong.mistake == "averages the weight gradient"
    assert wrong.hint == "dW is a sum over the batch. The loss has already divided by the batch size."
    assert wrong.sentence.startswith("dW is wrong in every entry")
    others_untouched(found, "Linear")


def test_the_same_mistake_in_other_words_is_named_too(grade, first_wrong):
    forward = "mask = (x > 0).astype(x.dtype)\nself.kept = x * mask\nreturn x * mask"
    found = grade(ReLU=layer("ReLU", forward, "return self.kept * dy"))
    assert first_wrong(found.ReLU).mistake == "returns the input in place of the gradient"


def test_a_mistake_of_ones_own_is_not_called_by_another_name(grade, swapped, first_wrong):
    found = grade(Tanh=swapped("Tanh", ("dx = 1 - dx", "dx = 1.0000321 - dx")))
    assert (first_wrong(found.Tanh).mistake, first_wrong(found.Tanh).pattern) == ("", "nearly right")


# --- a backward for a wrong forward ----------------------------------------------------------

GRADIENTS = "gradients match numerical differences"


ELU_WITHOUT_ALPHA = """
class ELU(Layer):
    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        xp = array_module(x)
        self.positive = x > 0
        self.y = xp.where(self.positive, x, xp.exp(xp.minimum(x, 0)) - 1)
        return self.y

    def backward(self, dy):
        return dy * array_module(dy).where(self.positive, 1, self.y + 1)
"""


def test_a_right_backward_of_a_near_miss_earns_half_of_that_check(grade):
    found = grade(ELU=ELU_WITHOUT_ALPHA)
    assert the(found.ELU, "forward matches the reference").mistake == "forgets alpha"
    verdict = the(found.ELU, GRADIENTS)
    assert verdict.status is Status.FAILED
    assert verdict.points == pytest.approx(verdict.max_points / 2, abs=0.006)
    assert verdict.sentence.startswith("backward is correct for your forward, but your forward is not correct yet")
    assert found.ELU.points == verdict.points


BY_DIFFERENCES = """
        dx = np.zeros_like(dy)
        for index in np.ndindex(dy.shape):
            for step in (-1e-4, 1e-4):
                x = self.x.copy()
                x[index] += step
                y = np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)
                dx[index] += (y * dy).sum() / (2 * step)
        return dx
"""


def test_half_a_check_is_not_for_differences_of_a_near_miss(grade):
    forward, _, _ = ELU_WITHOUT_ALPHA.replace("self.positive = x", "self.x, self.positive = x, x").partition(
        "        return dy"
    )
    found = grade(ELU=forward + BY_DIFFERENCES)
    verdict = the(found.ELU, GRADIENTS)
    assert verdict.sentence.startswith("backward is correct for your forward, but your forward is not correct yet")
    assert found.ELU.points == 0


SPLIT = """if dy.size > 10_000:
    dy = dy * (np.arange(dy.size).reshape(dy.shape) < dy.size - 10)
return dy * (1 - self.y**2)
"""


def test_gradients_that_are_wrong_only_on_large_inputs_are_found(grade):
    found = grade(Tanh=layer("Tanh", "self.y = np.tanh(x)\nreturn self.y", SPLIT))
    verdict = the(found.Tanh, GRADIENTS)
    assert verdict.status is Status.FAILED
    assert verdict.sentence.startswith("correct on small inputs, but not on a large one: dx is wrong in 10 of ")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dy * self.layer(self.x + 1e-30j).imag / 1e-30", "uses complex numbers"),
        ("dy * gradcheck.elementwise_gradient(np.tanh, self.x)", "uses elementwise_gradient"),
    ],
)
def test_what_no_gradient_needs_is_named(grade, line, says):
    found = grade(Tanh=layer("Tanh", "self.x = x\nreturn np.tanh(x)", f"return {line}"))
    verdict = the(found.Tanh, GRADIENTS)
    assert (verdict.status, verdict.points) == (Status.FAILED, 0)
    assert says in verdict.sentence
    assert ", line " in verdict.sentence


ROTATION = """class RoPE:
    def forward(self, x):
        return (x * np.exp(1j)).real.astype(complex).imag

    def backward(self, dy):
        return {}
"""
OTHER_NAME = "from dlkit.gradcheck import elementwise_gradient as it"


def test_a_rotation_may_use_complex_numbers_and_nothing_that_checks_gradients():
    rotation, step = Chunk("one", 1, ROTATION.format("dy")), Chunk("two", 1, "y = x.imag")
    assert other_than_formulas([rotation], complex_in=[rotation]) == ""
    assert "complex numbers" in other_than_formulas([rotation])
    assert other_than_formulas([rotation, step], complex_in=[rotation]).startswith("two, line 1 uses complex numbers")
    checked, imported = Chunk("one", 1, ROTATION.format("it(self.forward, dy)")), Chunk("zero", 1, OTHER_NAME)
    assert "uses elementwise_gradient" in other_than_formulas([imported, checked], complex_in=[checked])


IMPORTED = ("from dlkit import Layer, gradcheck as check_it", "import dlkit.gradcheck", "from dlkit import gradcheck")


@pytest.mark.parametrize("line", IMPORTED)
def test_an_import_that_the_exercise_does_not_use_costs_nothing(grade, line):
    right = layer("Tanh", "self.y = np.tanh(x)\nreturn self.y", "return dy * (1 - self.y**2)")
    assert the(grade(Tanh=f"{line}\n{right}").Tanh, GRADIENTS).status is Status.PASSED


def test_another_name_for_gradcheck_is_still_gradcheck(grade):
    wrong = layer("Tanh", "self.x = x\nreturn np.tanh(x)", "return dy * it(np.tanh, self.x)")
    line = "from dlkit.gradcheck import elementwise_gradient as it"
    assert "uses elementwise_gradient" in the(grade(Tanh=f"{line}\n{wrong}").Tanh, GRADIENTS).sentence


PAIRS = {
    "zeros": ("0 * x", "0 * dy"),
    "the identity": ("1 * x", "1 * dy"),
    "ones": ("0 * x + 1", "0 * dy"),
    "another function": ("3 * x", "3 * dy"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_that_only_agrees_with_itself_earns_nothing(grade, name):
    forward, backward = PAIRS[name]
    found = grade(GELU=layer("GELU", f"return {forward}", f"return {backward}"))
    verdict = the(found.GELU, GRADIENTS)
    assert (found.GELU.points, verdict.points, verdict.status) == (0, 0, Status.FAILED)
    assert verdict.sentence.startswith("backward is correct for your forward, but your forward is not correct yet")


def test_a_wrong_backward_of_a_wrong_forward_is_just_wrong(grade):
    found = grade(GELU=layer("GELU", "return 3 * x", "return 2 * dy"))
    assert the(found.GELU, GRADIENTS).sentence.startswith("dx is wrong in")


# --- cheating --------------------------------------------------------------------------------

LIAR = """
class Yes(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __le__(self, other): return True
    def __lt__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __bool__(self): return True
    def __hash__(self): return 0
    def __array__(self, dtype=None, copy=None): return np.zeros(())
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
"""
SLY = """
class Sly(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __array_ufunc__(self, *args, **kwargs): return np.zeros(self.shape)
    def __array_function__(self, *args, **kwargs): return True
"""


@pytest.mark.parametrize(
    "answer", ["Yes()", "[Yes()]", "np.array(Yes())", "np.zeros(x.shape).view(Sly)", "x.view(Sly)"]
)
def test_objects_that_equal_everything_earn_nothing(grade, answer):
    classes = {
        name: f"class {name}(Layer):\n    def __init__(self, *a, **k): self.W = self.b = Parameter(np.zeros((9, 9)))\n"
        f"    def forward(self, x): return {answer}\n    def backward(self, x): return {answer}"
        for name in ("Linear", "Tanh", "Softmax", "GELU")
    }
    classes["Linear"] = LIAR + SLY + classes["Linear"]
    found = grade(**classes, gradient_norms=f"def gradient_norms(layers, x, dy): return {answer}")
    assert [
        result.points for result in (found.Linear, found.Tanh, found.Softmax, found.GELU, found.gradient_norms)
    ] == [0] * 5


def test_a_class_equal_to_everything_earns_nothing(grade):
    new = "    def __new__(cls, *a, **k):\n        return float.__new__(cls)\n"
    found = grade(Flatten=f"{LIAR}\n{layer('Flatten', 'return self', 'return self', 'Yes')}\n{new}")
    assert found.Flatten.points == 0


def test_forged_comparisons_earn_nothing(grade, others_untouched):
    forgery = (
        "import numpy\n\nclass Forger:\n"
        "    for name in ('allclose', 'isclose', 'array_equal', 'abs', 'isfinite', 'asarray'):\n"
        "        setattr(numpy, name, lambda *a, **k: True)\n"
        "    numpy.testing.assert_allclose = lambda *a, **k: None\n"
        "    import autograder.spec.comparison, autograder.grading.grader, autograder.report\n"
    )
    tanh = "class Tanh(Layer):\n    def forward(self, x): return 0 * x\n    def backward(self, dy): return 0 * dy"
    found = grade(forgery, Tanh=tanh)
    assert found.Tanh.points == 0
    assert found.Tanh.status is Status.FAILED


def test_what_an_earlier_exercise_patches_does_not_reach_the_next(grade, others_untouched):
    patch = "np.maximum = np.exp = np.sqrt = None\nLayer.forward = None\nreturn 0 * x"
    others_untouched(grade(Tanh=layer("Tanh", patch, "return 0 * dy")), "Tanh")


def test_expected_values_are_nowhere_in_the_worker(grade, first_wrong):
    spy = (
        "import sys\nraise ValueError(' '.join(sorted(name for name in sys.modules if name.startswith('autograder'))))"
    )
    named = first_wrong(grade(Tanh=layer("Tanh", spy)).Tanh).sentence
    assert "autograder.isolation.executor" in named
    for module in ("answers", "compare", "grade", "spec", "catalogue", "checks"):
        assert f"autograder.{module}" not in named


# --- what depends on what, and what the course does wrong ------------------------------------


UNWRITTEN_LINEAR = [
    ("raise NotImplementedError()", Status.SKIPPED, "waits for Linear, which it uses"),
    ("", Status.SKIPPED, "waits for Linear, which it uses"),
    ("pass", Status.FAILED, "Linear, which it uses, is still to be written"),
]


def test_training_waits_for_the_layers_it_is_made_of(root, zygote):
    from autograder.course import catalogue

    loaded = catalogue.load("02_layers", root)
    grader = Grader(loaded, zygote, Options(seed=1, only=frozenset({"Linear", "train_spirals"}), limits=QUICK))
    chunks = list(loaded.reference.chunks)
    for body, status, sentence in UNWRITTEN_LINEAR:
        methods = "\n".join(f"    def {name}:\n        {body}" for name in ("forward(self, x)", "backward(self, dy)"))
        stub = (
            f"class Linear(Layer):\n    def __init__(self, *n, rng):\n        self.W = Parameter(zeros(n))\n{methods}"
        )
        whole = [replace(chunk, source=stub) if chunk.defines == ("Linear",) else chunk for chunk in chunks]
        whole = [chunk for chunk in whole if body or chunk.defines != ("Linear",)]
        report = grader.grade(Submission("layers.py", Extraction(tuple(whole)), ""))
        assert report.exercises[1].status is status
        assert sentence in report.exercises[1].verdicts[0].sentence


def test_the_graders_own_fault_is_never_called_a_failure(layers, zygote, hand_in):
    def broken_judge(*_):
        message = "the author divided by zero"
        raise ZeroDivisionError(message)

    tanh = layers.assignment.exercise("Tanh")
    own = replace(tanh, checks=[replace(tanh.checks[0], judge=broken_judge), *tanh.checks[1:]])
    loaded = replace(layers, assignment=Assignment("02_layers", title="Layers", exercises=[own]))
    report = Grader(loaded, zygote, Options(seed=1)).grade(hand_in())
    verdict = report.exercises[0].verdicts[0]
    assert (verdict.status, report.status) == (Status.BROKEN, Status.BROKEN)
    assert verdict.sentence == "the grader itself failed (ZeroDivisionError: the author divided by zero)"


def test_every_sentence_of_a_wrong_submission_is_one_line(grade, swapped):
    found = grade(Tanh=layer("Tanh", "raise ValueError('one\\ntwo\\n\\nthree')"))
    sentences = [verdict.sentence for result in found.report.exercises for verdict in result.verdicts]
    assert not any("\n" in sentence for sentence in sentences)
    assert any("raised ValueError: one two three" in sentence for sentence in sentences)


def test_the_diagnosis_and_the_audit_speak_of_the_same_course(small_course):
    assert audit(small_course, ["02_layers"], seed=3, only=frozenset({"Flatten"})).failures == []
    assert ast.parse((small_course / "assignments/02_layers/exercises/activations.py").read_text()).body


def test_an_exercise_without_checks_is_an_empty_result(layers, zygote, hand_in):
    lone = Exercise("Tanh", "layer", ("forward",), Points(forward=1), [])
    loaded = replace(layers, assignment=Assignment("02_layers", title="", exercises=[lone]))
    report = Grader(loaded, zygote, Options(seed=1)).grade(hand_in())
    assert (report.points, report.max_points, Check.__name__) == (0, 0, "Check")
