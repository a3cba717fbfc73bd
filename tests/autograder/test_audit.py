"""The audit of sound courses, and of courses with one defect."""

import json
import shutil

import pytest

from autograder.authoring.audit import audit
from autograder.authoring.auditing import audit_all
from autograder.authoring.hint_lint import unsound_hints
from autograder.authoring.release import release, stale
from autograder.cli import main
from autograder.course import catalogue

NAME = "16_graphs"


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A course of one small assignment, as ``autograder new`` begins it, released."""
    folder = tmp_path_factory.mktemp("sound")
    (folder / "assignments").mkdir()
    assert main(["new", NAME, "--course", str(folder)]) == 0
    release(folder, NAME)
    return folder


@pytest.fixture
def rotten(sound, tmp_path):
    """Copy the sound course, change a text in one of its files, and audit it, without differences; the sentences."""

    def spoil(*changes, released=True, seed=3, sample=True):
        folder = tmp_path / "course"
        shutil.copytree(sound, folder)
        for file, old, new in changes:
            path = folder / file
            path.parent.mkdir(exist_ok=True)
            text = path.read_text() if old else ""
            assert not old or text.count(old) == 1, (old, text.count(old))
            path.write_text(text.replace(old, new) if old else new)
        if released:
            release(folder, NAME)
        return audit(folder, [NAME], seed=seed, stale=stale, sample=sample).failures

    return spoil


@pytest.fixture
def hinted(sound, tmp_path):
    """Copy the sound course and change a text of its notebook: what is said about its hints."""

    def spoil(old, new):
        folder = tmp_path / "course"
        shutil.copytree(sound, folder)
        path = folder / SOURCE
        path.write_text(path.read_text().replace(old, new))
        loaded = catalogue.load(NAME, folder)
        (exercise,) = loaded.assignment.exercises
        return list(unsound_hints(exercise, loaded.source_of(exercise)))

    return spoil


FOLDER = f"solutions/{NAME}"
SOURCE, OUTLINE, CHECKS = f"{FOLDER}/graphs.py", f"{FOLDER}/assignment.py", f"{FOLDER}/exercises/parabola.py"
MISTAKES = f"{FOLDER}/mistakes/Parabola.md"


def test_a_new_assignment_passes(sound):
    found = audit(sound, [NAME], seed=3, stale=stale)
    assert found.failures == []
    assert (found.assignments, found.exercises, found.mistakes, found.caught, found.diagnosed) == (1, 1, 5, 5, 5)
    assert found.mutations == found.checks - 1  # mistakes are meant for the first


def test_the_command_prints_its_counts_and_exits_with_nothing(sound, capsys):
    assert main(["audit", "--json", "--course", str(sound)]) == 0
    printed = capsys.readouterr().out
    found = json.loads(printed)
    assert {"assignments", "exercises", "checks", "mistakes", "caught", "diagnosed", "failures"} <= set(found)
    assert found["failures"] == []
    assert main(["audit", NAME, "--course", str(sound)]) == 0
    assert "5 of 5 mistakes caught, 5 diagnosed" in capsys.readouterr().err


def test_a_small_part_of_a_real_assignment_passes(small_course):
    found = audit(small_course, ["02_layers"], seed=5, stale=stale)
    assert found.failures == []
    assert found.caught == found.mistakes == found.diagnosed >= 10


def test_two_assignments_at_once_are_found_what_they_are_one_by_one(sound, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(sound, course)
    other = "17_trees"
    assert main(["new", other, "--course", str(course)]) == 0
    mistakes = course / MISTAKES.replace(NAME, other)
    mistakes.write_text(mistakes.read_text().replace("+ self.s + x * x", "+ self.s * x * x * 1"))
    release(course, other)
    told = []
    together = audit_all(course, [NAME, other], jobs=2, seed=3, sample=True, progress=told.append)
    apart = [audit(course, [name], seed=3, sample=True) for name in (NAME, other)]
    assert together.failures == apart[0].failures + apart[1].failures != []
    for count in ("assignments", "exercises", "checks", "mistakes", "caught", "diagnosed", "mutations"):
        assert getattr(together, count) == sum(getattr(one, count) for one in apart) > 0
    assert told[-1] == ""


def test_a_mistake_whose_text_no_longer_occurs(rotten):
    (failure,) = rotten((MISTAKES, "- self.s * x * x\n+ self.s + x", "- self.s @ x\n+ self.s + x"))
    assert failure == (
        "16_graphs: Parabola: mistake 'adds the constant': its text occurs 0 times, not once: 'self.s @ x'"
    )


def test_a_mistake_that_does_not_parse(rotten):
    (failure,) = rotten((MISTAKES, "+ self.s + x * x", "+ self.s + + ("))
    assert "mistake 'adds the constant' does not parse" in failure


def test_a_mistake_that_nothing_catches(rotten):
    (failure,) = rotten((MISTAKES, "+ self.s + x * x", "+ x * x * self.s"))
    assert failure == (
        "16_graphs: Parabola: mistake “adds the constant” is not caught by “forward matches the reference”: "
        "no check sees it"
    )


def test_a_mistake_that_another_check_catches(rotten):
    failures = rotten((MISTAKES, "> y = s x² is a product.", "caught by: gradients match numerical differences\n> no"))
    assert len(failures) == 1
    assert (
        "mistake “adds the constant” is not caught by “gradients match numerical differences”: “forward matches"
        in failures[0]
    )


def test_a_mistake_meant_for_a_check_that_is_not_there(rotten):
    (failure,) = rotten((MISTAKES, "> y = s x² is a product.", "caught by: stays blue\n> no"))
    assert failure.startswith("16_graphs: Parabola has no check 'stays blue'; it has: forward matches")


def test_two_mistakes_that_cannot_be_distinguished(rotten):
    (failure,) = rotten((MISTAKES, "+ self.s * x\n", "+ x * x + self.s\n"))
    assert failure.startswith(
        "16_graphs: Parabola: mistake “forgets the square” is diagnosed as “adds the constant”: y is wrong"
    )


def test_too_few_mistakes(rotten):
    last = "## forgets dy\n> Chain rule: multiply by dy.\n- self.x * dy\n+ self.x + 0 * dy\n"
    (failure,) = rotten((MISTAKES, last, ""))
    assert failure == "16_graphs: Parabola: has 4 mistakes; at least 5 are required"


def test_a_solution_that_fails(rotten):
    failures = rotten((SOURCE, "self.s * self.x * dy", "self.s * self.x * dy * (1 if dy.size < 9 else 2)"))
    assert any("the reference's gradients do not match its own forward" in failure for failure in failures)
    assert all(failure.startswith("16_graphs: Parabola") for failure in failures)


def test_a_solution_that_fails_a_standard_check(rotten):
    failures = rotten((SOURCE, "self.x = x", "x += 1e-9\n        self.x = x = x - 1e-9"))
    assert any("the solution fails “inputs are not modified”: failed (x was changed by the call" in f for f in failures)


def test_a_stub_that_earns(rotten):
    failures = rotten(
        (
            f"assignments/{NAME}/graphs.py",
            "    def forward(self, x):\n        # YOUR CODE HERE\n        raise NotImplementedError()",
            "    def forward(self, x):\n        self.x = x\n        return self.s * x * x",
        ),
        released=False,
    )
    assert "16_graphs: Parabola: the stub in graphs.py earns 1.0 points" in failures
    assert "16_graphs: graphs.py is out of date: run autograder release 16_graphs" in failures


def test_a_stub_that_was_not_left_alone(rotten):
    failures = rotten(
        (
            f"assignments/{NAME}/graphs.py",
            "    def forward(self, x):\n        # YOUR CODE HERE\n        raise NotImplementedError()",
            "    def forward(self, x):\n        return x",
        ),
        released=False,
    )
    assert "16_graphs: Parabola: the stub in graphs.py is “failed”, not “not attempted”" in failures


def test_a_release_that_is_stale(rotten):
    failures = rotten((SOURCE, "Motivation, formula", "Motivation, more formula"), released=False)
    assert failures == [
        "16_graphs: graphs.ipynb is out of date: run autograder release 16_graphs",
        "16_graphs: graphs.py is out of date: run autograder release 16_graphs",
    ]


def test_a_release_that_is_missing(sound, tmp_path):
    shutil.copytree(sound / "solutions", tmp_path / "solutions")
    (tmp_path / "assignments").mkdir()
    failures = audit(tmp_path, [NAME], seed=1, stale=stale).failures
    assert "16_graphs: Parabola: there is no released graphs.py: run autograder release" in failures
    assert any("cases.npz is out of date" in failure for failure in failures)


WORDS = "Twice the constant times the stored x is the derivative; then apply the chain rule: multiply by dy."


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Return 2 * self.s * self.x * dy.", "2 * self.s * self.x * dy"),  # the reference's own line
        ("Return 2*self.s*self.x  *dy.", "2 * self.s * self.x * dy"),  # and with other spaces
        ("Take np.multiply of the two.", "np.multiply"),
        ("Then x.sum(axis=0), over the rows.", "x.sum("),
        ("Sum with keepdims=True.", "keepdims="),
        ("a @ b.", "a @ b"),
        ("Put a[:, None] beside it.", "[:, None]"),
        ("x **2, halved.", "x **2"),
    ],
)
def test_a_hint_that_gives_code_away(hinted, written, code):
    assert hinted(WORDS, written) == [f"hint 3 for backward contains code: {code}. Use words or a formula"]


def test_formulas_are_no_code(hinted):
    formula = (
        "dx = 2 s x dy; W ← W − η Σₙ xₙᵀ dyₙ, (I, N) (N, O) → (I, O); y[n, c] = max(0, x) where c ≠ k; x · [x > 0]"
    )
    assert hinted(WORDS, formula) == []


def test_a_part_without_three_hints(rotten):
    (failure,) = rotten((SOURCE, f"# 3. {WORDS}\n", ""))
    assert failure == (
        "16_graphs: Parabola: has 2 hints for backward; three are required: where to look, the formula, the step"
    )


def test_an_exercise_without_hints(hinted):
    found = hinted('# %% [markdown] hints="Parabola"', "# %% [markdown]")
    assert [sentence.partition(";")[0] for sentence in found] == ["has 0 hints for forward", "has 0 hints for backward"]


def test_a_hint_that_is_said_twice(hinted):
    said = hinted(WORDS, "dx = 2 s x dy; dx and dy have the shape of x")
    assert said == ["has the same hint twice for backward"]


MADE = 'parabola = LayerExercise("Parabola", cases=parabola_cases)\n'
UNPROVED = """
@parabola.check("is of some size", cases=parabola_cases, part="forward")
def some_size(subject, case):
    thing = subject.make("Parabola", **case.arguments)
    return {"the size": thing.call("forward", case.inputs["x"]).size}
"""


def test_a_check_that_no_mistake_is_meant_for(rotten):
    (failure,) = rotten((CHECKS, MADE, MADE + UNPROVED))
    assert failure == "16_graphs: Parabola: “is of some size” is not proved: no mistake is meant for it"


SPOILED = """
from dataclasses import replace

for number, check in enumerate(parabola.checks):
    if check.name == "inputs are not modified":
        parabola.checks[number] = replace(check, judge=lambda *_: None)
"""


def test_a_standard_check_that_passes_its_mutation(rotten):
    (failure,) = rotten((CHECKS, MADE, MADE + SPOILED), sample=False)
    assert failure == "16_graphs: Parabola: “inputs are not modified” misses its mutation, which is passed"


def test_parts_that_are_not_stubbed(rotten):
    failures = rotten(
        (
            SOURCE,
            "        ### BEGIN SOLUTION\n        return 2 * self.s * self.x * dy\n        ### END SOLUTION",
            "        return 2 * self.s * self.x * dy",
        )
    )
    assert any(
        "Parabola: stubs ['forward'], but its parts are ['backward', 'forward']" in failure for failure in failures
    )


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        (OUTLINE, ("OUTLINE = Out", "OTHER = Out"), "16_graphs/assignment.py defines no OUTLINE"),
        (OUTLINE, ("forward=1", "forward=0"), "points for 'forward' are 0; they must be greater than zero"),
        (
            OUTLINE,
            ('"Parabola"', '"Circle"'),
            "16_graphs/assignment.py lists Circle, but no file of 16_graphs/exercises/",
        ),
        (
            OUTLINE,
            ("backward=2", "backward=2, speed=1"),
            "Parabola: assignment.py gives points for forward, backward, speed",
        ),
        (CHECKS, ("yield Case", "yield Cas("), "16_graphs/exercises/parabola.py does not load"),
        (
            CHECKS,
            ("from autograder.checks", "from autograder.cheques"),
            "16_graphs/exercises/parabola.py does not load",
        ),
    ],
)
def test_checks_that_cannot_be_loaded(sound, tmp_path, capsys, *, file, change, sentence):
    shutil.copytree(sound, tmp_path / "course")
    path = tmp_path / "course" / file
    path.write_text(path.read_text().replace(*change))
    assert main(["audit", NAME, "--course", str(tmp_path / "course")]) == 1
    assert sentence in "".join(capsys.readouterr())


# --- speed -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def relu_changed(trimmed, tmp_path_factory):
    """Audit a course of ReLU alone, its specification changed by these keyword arguments."""
    course = trimmed("ReLU")

    def run(**changes):
        catalogue.load.cache_clear()
        folder = tmp_path_factory.mktemp("relu") / "course"
        shutil.copytree(course, folder)
        variants = folder / "solutions/02_layers/variants/ReLU.py"
        for name, source in changes.items():
            text = variants.read_text()
            begin = text.index(f"class {name.capitalize()}(Layer):")
            end = text.find("\n\n\nclass ", begin)
            variants.write_text(text[:begin] + source + (text[end:] if end >= 0 else ""))
        return audit(folder, ["02_layers"], seed=1)

    return run


QUICK = """class Slow(Layer):
    def forward(self, x):
        self.positive = x > 0
        return array_module(x).maximum(x, 0)
"""
LOOPS = """class Plain(Layer):
    def forward(self, x):
        self.positive = x > 0
        y = 0 * x
        for index in np.ndindex(x.shape):
            y[index] = x[index] * (x[index] > 0)
        return y
"""


@pytest.mark.slow
def test_a_speed_limit_lies_between_what_was_measured(relu_changed):
    found = relu_changed()
    assert found.failures == []
    assert found.slow_variants == 1
    (margin,) = found.margins
    assert (margin.exercise, margin.limit) == ("ReLU", 10.0)
    assert margin.plain < margin.limit < margin.wasteful
    assert str(margin).startswith("ReLU, speed: limit 10, plain ")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slow", "plain"])
def test_an_exercise_that_is_timed_needs_variants_on_both_sides(relu_changed, name):
    assert relu_changed(**{name: ""}).failures == [f"02_layers: ReLU: is graded for speed and has no {name} variant"]


@pytest.mark.slow
def test_a_slow_variant_must_fail(relu_changed):
    failures = relu_changed(slow=QUICK).failures
    assert "ReLU: the slow variant is passed" in failures[0]
    assert "at “fast enough”; it should be failed" in failures[0]
    assert "its limit is too close: ReLU, speed: limit 10, plain" in failures[1]


@pytest.mark.slow
def test_a_plain_variant_must_pass(relu_changed):
    failures = relu_changed(plain=LOOPS).failures
    assert "ReLU: the plain variant is failed" in failures[0]
    assert "at “fast enough”; it should be passed" in failures[0]


# --- the command -----------------------------------------------------------------------------


def test_the_command_fails_with_the_sentences(sound, tmp_path, capsys):
    shutil.copytree(sound, tmp_path / "course")
    path = tmp_path / "course" / MISTAKES
    path.write_text(path.read_text().replace("+ self.s + x * x", "+ x * x * self.s"))
    assert main(["audit", "--sample", "--json", "--course", str(tmp_path / "course")]) == 1
    printed = capsys.readouterr().out
    stale, failure = json.loads(printed)["failures"]
    assert stale.startswith("16_graphs: cases.npz is out of date")  # it distinguishes mistakes
    assert failure.endswith("“adds the constant” is not caught by “forward matches the reference”: no check sees it")
    assert main(["audit", "Parabola", "--sample", "--course", str(tmp_path / "course")]) == 1
    assert "no check sees it" in capsys.readouterr().err


CUMULATIVE = '''

# %%
def running_sum(x):
    """Sum of every entry and all before it.  x, y (n,)."""
    ### BEGIN SOLUTION
    return array_module(x).cumsum(x, dtype=x.dtype)
    ### END SOLUTION


# %% [markdown] hints="running_sum"
# ### running_sum
# 1. What comes before the first?
# 2. yₙ = Σ xₖ over k ≤ n
# 3. Add up, and keep every sum.

# %%
check(running_sum)

# %% [markdown]
# **Question 1.**'''

GROWING = """
running_sum = FunctionExercise(
    "running_sum",
    cases=lambda rng: [Case(x=rng.normal(size=n)) for n in (5, 8)],
    scaling=Scaling(lambda n: Case(x=(n,)), (500, 1000, 2000, 4000), at_most=LIMIT, of="memory", dtype="float64"),
)
"""
SUMS = """## sums
> Every partial sum is needed.
- cumsum(x, dtype=x.dtype)
+ sum(x)

## doubles
> No factor belongs here.
- cumsum(x,
+ cumsum(2 * x,

## returns x
> Add what came before.
- array_module(x).cumsum(x, dtype=x.dtype)
+ x * 1
"""
VARIANTS = """from dlkit import array_module


def plain(x):
    return array_module(x).add.accumulate(x)


def steep(x):
    return STEEP
"""


def growing(limit="1.3", steep="array_module(x).tri(len(x), dtype=x.dtype) @ x"):
    return (
        (SOURCE, "\n# %% [markdown]\n# **Question 1.**", CUMULATIVE),
        (SOURCE, "from dlkit import Layer\n", "from dlkit import Layer, array_module\n"),
        (CHECKS, MADE, MADE + GROWING.replace("LIMIT", limit)),
        (CHECKS, "Case, ", "Case, FunctionExercise, Scaling, "),
        (OUTLINE, "backward=2),\n", "backward=2),\n        'running_sum': Points(running_sum=1, scaling=1),\n"),
        (f"{FOLDER}/mistakes/running_sum.md", "", SUMS),
        (f"{FOLDER}/variants/running_sum.py", "", VARIANTS.replace("STEEP", steep)),
    )


def test_a_bound_on_growth_is_proved_from_both_sides(rotten):
    assert rotten(*growing(), sample=False) == []


def test_a_bound_on_growth_that_lets_everything_pass(rotten):
    failures = rotten(*growing(limit="3"), sample=False)
    assert any("the steep variant is passed, " in f and "to the power" in f for f in failures), failures
    assert any("running_sum: its limit is too close: running_sum, scaling: limit 3" in f for f in failures)


def test_a_variant_that_is_not_steep(rotten):
    failures = rotten(*growing(steep="array_module(x).cumsum(x)"), sample=False)
    assert any("the steep variant is passed" in f for f in failures)
