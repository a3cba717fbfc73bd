"""Model answers of written questions: shown to whoever has answered, where the course has them."""

import json

import pytest

from autograder.authoring.release import release, stale
from autograder.course.model_answers import ANSWERS, ModelAnswer, model_answers
from autograder.learner.formulas import readable
from autograder.learner.originals import start

NAME = "02_layers"
QUESTION = """
# %% [markdown]
# **Question 1.** *(2 points)* Why?

# %% [markdown] question="why"
# ### BEGIN SOLUTION
# Because $a \\cdot b$ is
# small.
#
# And for no other reason.
#
# Mark scheme: 1 point for the product, 1 for
# its size.
# ### END SOLUTION
"""
ANSWER = ModelAnswer(
    "Because $a \\cdot b$ is\nsmall.\n\nAnd for no other reason.", "1 point for the product, 1 for\nits size."
)


@pytest.fixture
def asking(own_course):
    """A course with a written question, released without its model answer."""
    source, outline = (own_course / "solutions" / NAME / file for file in ("layers.py", "assignment.py"))
    source.write_text(source.read_text() + QUESTION)
    outline.write_text(outline.read_text().replace("points={", 'questions={"why": 2},\n    points={', 1))
    release(own_course, NAME)
    return own_course


@pytest.fixture
def learner(asking, tmp_path, monkeypatch):
    """Take the assignment from this course into a folder of their own, the current one, and answer the question."""
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def begin(*, answered=True):
        start(NAME, folder, asking)
        script = folder / "assignments" / NAME / "layers.py"
        (script.with_suffix(".ipynb")).unlink()
        assert "YOUR ANSWER HERE" in script.read_text()
        if answered:
            script.write_text(script.read_text().replace("YOUR ANSWER HERE", "It is small."))

    return begin


def test_a_model_answer_and_its_mark_scheme_are_read_from_the_source(asking):
    assert model_answers(asking / "solutions" / NAME / "layers.py") == {"why": ANSWER}


def test_a_source_without_a_scheme_or_without_questions(tmp_path):
    path = tmp_path / "layers.py"
    assert model_answers(path) == {}
    path.write_text('# %% [markdown] question="a"\n# ### BEGIN SOLUTION\n# Yes.\n# ### END SOLUTION\n')
    assert model_answers(path) == {"a": ModelAnswer("Yes.")}


@pytest.mark.parametrize("target", ["why", "layers.why", "02_layers.why", "layers.1", "02.1"])
def test_it_is_shown_to_whoever_has_answered(autograder, learner, target):
    learner()
    status, out, err = autograder("answer", target)
    assert (status, err) == (0, "")
    assert "why of 02_layers, 2 points. A model answer:" in out
    assert "Because a · b is small." in " ".join(out.split())
    assert "Mark scheme: 1 point for the product, 1 for its size." in " ".join(out.split())


def test_it_is_data_with_json(autograder, learner):
    learner()
    found = json.loads(autograder("answer", "why", "--json")[1])
    assert found["model"] == {"answer": ANSWER.answer, "scheme": ANSWER.scheme}
    assert found["question"]["points"] == 2


def test_it_is_not_shown_before_there_is_an_answer(autograder, learner):
    learner(answered=False)
    status, out, err = autograder("answer", "why")
    assert (status, out) == (2, "")
    assert "Write your own answer to “why” of 02_layers first" in err


def test_an_instructors_release_has_none_unless_told(autograder, learner, asking):
    assert not (asking / "assignments" / NAME / ANSWERS).exists()
    learner()
    (asking / "solutions").rename(asking / "kept at home")
    status, out, err = autograder("answer", "why")
    assert (status, out) == (2, "")
    assert "was handed out without model answers" in err


def test_a_release_with_answers_is_enough(autograder, learner, asking):
    assert autograder("release", NAME, "--answers", "--course", asking)[0] == 0
    (asking / "solutions").rename(asking / "kept at home")
    learner()
    status, out, _ = autograder("answer", "layers.1")
    assert status == 0
    assert "And for no other reason." in out


def test_released_answers_go_out_of_date_and_are_removed(asking):
    release(asking, NAME, answers=True)
    path = asking / "assignments" / NAME / ANSWERS
    assert stale(asking, NAME) == []
    path.write_text("{}")
    assert stale(asking, NAME) == [f"{NAME}: answers.json is out of date: run autograder release --answers {NAME}"]
    assert path in release(asking, NAME)
    assert not path.exists()


@pytest.mark.parametrize("target", ["whence", "layers.3", "tests.why"])
def test_an_unknown_question_is_answered_with_those_that_exist(autograder, learner, target):
    learner()
    status, _, err = autograder("answer", target)
    assert status == 2
    assert f"There is no written question '{target}'. Questions are: layers.why." in err


def test_formulas_are_spelled_and_paragraphs_are_one_line_each():
    assert readable("With $\\sigma\n\\le 1$ it\nis.\n\n$$ a = \\frac{b}{c} $$\n") == ["With σ ≤ 1 it is.", "a = b/c"]
