import io

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.render.reading import MARKS
from autograder.render.terminal import ASCII_MARKS, print_class, print_exercise, print_report
from autograder.report import ExerciseResult, Status


def shown(draw, *args, width=80, encoding="utf-8", **options):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    draw(
        Console(file=file, width=width, force_terminal=False, color_system=None, legacy_windows=False), *args, **options
    )
    file.flush()
    return raw.getvalue().decode(encoding)


def fits(text, width):
    return all(cell_len(line) <= width for line in text.splitlines())


def test_every_status_is_said_in_words_and_with_a_mark(every_status):
    text = shown(print_report, every_status, verbose=True)
    for status in Status:
        assert f"{MARKS[status]} is_{status.replace(' ', '_')}" in text
        assert status in text


def test_marks_are_distinguished():
    assert len(set(MARKS.values())) == len(set(ASCII_MARKS.values())) == len(Status)
    assert "".join(ASCII_MARKS.values()).isascii()


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_no_line_is_longer_than_the_terminal(every_status, hostile_report, width, verbose):
    for report in (every_status, hostile_report):
        assert fits(shown(print_report, report, width=width, verbose=verbose), width)
        assert fits(shown(print_class, [report] * 3, width=width), width)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_terminal_can_show_it(every_status, hostile_report, wrong, encoding):
    shown(print_class, [every_status, hostile_report], encoding=encoding)
    shown(print_report, hostile_report, encoding=encoding, verbose=True)
    text = shown(print_report, every_status, encoding=encoding)
    assert ("✓ is_passed" in text) is (encoding == "utf-8")
    assert ("+ is_passed" in text) is (encoding != "utf-8")
    assert "2.7 x the reference (limit 2.0)" in shown(print_exercise, wrong, encoding="ascii")


def test_no_control_character_and_no_markup_reaches_the_terminal(hostile_report):
    text = shown(print_report, hostile_report, verbose=True) + shown(print_class, [hostile_report])
    assert not [char for char in text if (ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160]
    assert "\u202e" not in text


def test_square_brackets_are_not_styles(make_report):
    assert "[bold red]x[/]" in shown(print_report, make_report("[bold red]x[/]"))


def test_what_went_wrong_is_reported_once_with_its_mistake_and_hint(wrong):
    text = shown(print_exercise, wrong)
    assert text.count("Mistake: averages the weight gradient") == 1
    assert "Hint: dW is a sum over the batch." in text
    assert "Also: gradients accumulate" in text
    assert "2.7 × the reference (limit 2.0)" in text
    assert "1 more check waits" in text


def test_an_exercise_that_is_right_takes_one_line(right):
    text = shown(print_exercise, right)
    assert len(text.splitlines()) == 1
    assert "1.0 × the reference (limit 2.5)" in text


def test_untouched_exercises_share_one_quiet_line(make_report, make_verdict):
    untouched = [ExerciseResult(name, [make_verdict("a", Status.NOT_ATTEMPTED)]) for name in ("Tanh", "ReLU")]
    text = shown(print_report, make_report(exercises=untouched))
    assert "not attempted yet: Tanh, ReLU (4 points)" in text


def test_a_lost_file_is_reported_once(every_status, make_report, make_verdict):
    problem = every_status.problems[0]
    lost = [ExerciseResult(n, [make_verdict("a", Status.FAILED, sentence=problem.sentence)]) for n in ("Tanh", "ReLU")]
    text = shown(print_report, make_report(exercises=lost, problems=[problem]), width=120)
    assert text.count(problem.sentence) == 1
    assert "not graded because of the file, see above: Tanh, ReLU" in text


def test_written_questions_and_the_total_are_shown(every_status):
    text = shown(print_report, every_status)
    assert "by hand: Why does it vanish? (3 points, answered)" in text
    assert "by hand: And explode? (2 points, no answer yet)" in text
    assert "and up to 5 by hand" in text
    assert f"{every_status.points:g} of {every_status.max_points:g} points" in text


def test_an_unofficial_verdict_says_so(make_report):
    assert "Unofficial" in shown(print_report, make_report(official=False))
    assert "isolation: full" in shown(print_report, make_report())


def test_a_class_of_nobody_is_no_error():
    assert "no report yet" in shown(print_class, [])


def test_a_class_has_one_line_a_student(every_status, right, wrong, make_report):
    names = ["O'Brien, Séan", "山田 太郎", 'Zoë "Zo" Müller', "José Álvarez"]
    reports = [make_report(name, [right, wrong]) for name in names]
    text = shown(print_class, [*reports, make_report("bob"), every_status], width=120)
    for name in names:
        (line,) = [line for line in text.splitlines() if line.startswith(name)]
        assert "✓✗" in line
        assert "Conv2d averages the weight gradient" in line
    assert "4 × Conv2d: averages the weight gradient" in text
    assert "the grader itself failed: Ada Lovelace" in text


def test_a_class_of_three_hundred_is_shown_whole(right, make_report):
    text = shown(print_class, [make_report(f"student {i:03}", [right]) for i in range(300)])
    assert sum(line.startswith("student ") for line in text.splitlines()) == 300


def test_two_assignments_are_two_tables(make_report):
    text = shown(print_class, [make_report(), msgspec.structs.replace(make_report(), assignment="03_losses")])
    assert text.count("Student ") == 2


def test_what_the_code_tried_is_said_once(make_report):
    report = make_report(tried=["import scipy", "open a network socket"])
    text = " ".join(shown(print_report, report).split())
    assert "The code tried to import scipy, to open a network socket. No exercise needs that" in text
    assert "the code tried what no exercise needs" in shown(print_class, [report])


def test_what_is_missing_of_the_isolation_is_said_where_everything_is(make_report):
    report = make_report(isolation="partial", isolation_missing=["landlock (switched off): files can be read"])
    assert "landlock (switched off)" in " ".join(shown(print_report, report, verbose=True).split())
