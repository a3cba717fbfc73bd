import msgspec
import pytest

from autograder.render.html import class_page
from autograder.report import ExerciseResult, Footprint, Problem, Report, Status, Timing


@pytest.fixture
def of_class(page_of):
    """Draw a class and take its page apart."""
    return lambda *reports, **links: page_of(class_page("Layers", list(reports), links))


def timed(make_verdict, ratio, limit=2.0):
    status = Status.PASSED if ratio <= limit else Status.FAILED
    verdict = make_verdict("fast enough", status, "speed", sentence="", measurement=Timing(ratio, limit, [ratio]))
    return ExerciseResult("Softmax", [verdict])


def test_a_check_shows_who_failed_who_passed_and_who_never_came_so_far(make_report, make_verdict, of_class):
    def one(check, *statuses):
        return [make_verdict(check, status) for status in statuses]

    forward = one("forward", Status.FAILED, Status.FAILED, Status.PASSED, Status.NOT_ATTEMPTED)
    backward = one("backward", Status.SKIPPED, Status.SKIPPED, Status.FAILED, Status.NOT_ATTEMPTED)
    shape = one("shape", *[Status.PASSED] * 4)
    reports = [
        make_report(str(i), [ExerciseResult("Linear", list(checks))])
        for i, checks in enumerate(zip(backward, forward, shape, strict=True))
    ]
    words = of_class(*reports).words
    most = "Linear : forward 2 failed 1 passed 1 never reached"
    next_most = "Linear : backward 1 failed 0 passed 3 never reached"
    assert words.index(most) < words.index(next_most)
    assert "Linear : shape" not in words  # nobody fails it: only its exercise lists it
    assert "shape forward 0 failed 4 passed 0 never reached" in words


def test_the_points_of_each_exercise_are_drawn_and_tabled(right, wrong, make_report, of_class):
    page = of_class(make_report("a", [right, wrong]), make_report("b", [right, wrong]))
    labels = [svg["aria-label"] for svg in page.all("svg") if svg.get("role") == "img"]
    assert labels[0].startswith("Points of 2 exercises")
    assert "Linear 4 4 4 2 0" in page.words  # points, median, mean, who has all of them, who has none
    assert "Conv2d 10 2 2 0 0" in page.words


def test_a_mistake_says_who_makes_it(wrong, make_report, of_class):
    page = of_class(*[make_report(f"student {i}", [wrong]) for i in range(7)], **{"student 0": "zero.html"})
    assert "averages the weight gradient Conv2d . dW is a sum over the batch. 7 students student 0 ," in page.words
    assert "and 2 more student 5 , student 6" in page.words
    assert "zero.html" in [a["href"] for a in page.all("a")]


def test_what_nobody_has_a_name_for_is_counted_by_how_it_fails(make_report, make_verdict, of_class):
    def report(name, sentence):
        return make_report(name, [ExerciseResult("Tanh", [make_verdict("a check", Status.FAILED, sentence=sentence)])])

    page = of_class(
        report("a", "y is wrong in 3 of 4 entries: largest error 0.25 (x (1, 4))"),
        report("b", "y is wrong in 2 of 4 entries: largest error 1e-3 (x (2, 4))"),
        report("c", "y: expected shape (3, 1), got (3,)"),
    )
    assert "Tanh: a check y is wrong in 3 of 4 entries: largest error 0.25 (x (1, 4)) 2 students a , b" in page.words
    assert "Tanh: a check y: expected shape (3, 1), got (3,) 1 student c" in page.words


def test_two_mistakes_at_once_are_counted_as_two(make_report, make_verdict, of_class):
    names = ["forgets the bias", "averages the weight gradient"]
    failed = make_verdict("a check", Status.FAILED, mistake=", and ".join(names), mistakes=names, hint="Two hints.")
    words = of_class(make_report("a", [ExerciseResult("Linear", [failed])])).words
    assert "forgets the bias Linear . Two hints. 1 student a" in words
    assert "averages the weight gradient Linear . Two hints. 1 student a" in words


def test_a_pattern_is_counted_by_itself_whatever_the_sentences_say(make_report, make_verdict, of_class):
    def report(name, sentence):
        failed = make_verdict("a check", Status.FAILED, sentence=sentence, pattern="factor 2", hint="twice too large")
        return make_report(name, [ExerciseResult("Linear", [failed])])

    words = of_class(report("a", "y is wrong in every entry"), report("b", "y is wrong in its only entry")).words
    assert "Linear: a check twice too large 2 students a , b" in words


def test_one_student_who_fails_alike_everywhere_fills_one_row(make_report, make_verdict, of_class):
    sentence = "y: expected an array, got an object of class Yes"
    lies = [ExerciseResult(f"L{i}", [make_verdict("a check", Status.FAILED, sentence=sentence)]) for i in range(30)]
    page = of_class(make_report("a", lies))
    assert page.words.count(sentence) == 1
    assert "and in 29 more checks" in page.words


def test_measured_failures_and_lost_files_are_no_unknown_mistakes(make_report, make_verdict, of_class):
    sentence = "cell 3 does not parse"
    lost = ExerciseResult("Tanh", [make_verdict("a check", Status.FAILED, sentence=sentence)])
    page = of_class(make_report("a", [timed(make_verdict, 9.0), lost], problems=[Problem(sentence)]))
    assert "Not recognised" not in page.words


def test_who_is_far_from_the_rest_is_named_with_what_is_usual(make_report, make_verdict, of_class):
    usual = [make_report(f"usual {i}", [timed(make_verdict, 1.0 + i / 10)]) for i in range(6)]
    slow, quick = make_report("slow", [timed(make_verdict, 9.0)]), make_report("quick", [timed(make_verdict, 0.1)])
    page = of_class(*usual, slow, quick)
    far = page.words[page.words.index("Far from the rest") :]
    assert "quick Softmax : fast enough 0.1 × the reference (limit 2.0) median of the class 1.25 ×" in far
    assert "slow Softmax : fast enough 9.0 × the reference (limit 2.0) median of the class 1.25 ×" in far
    assert far.index("quick") < far.index("slow Softmax")
    assert "usual 0 Softmax : fast enough 1.0" not in far
    assert "Softmax speed 8 0.10 1.25 9.00 2.00 1" in page.words  # measured, least, median, most, limit, over it


def test_memory_is_measured_beside_speed(make_report, make_verdict, of_class):
    figures = Footprint(1.1, 2.0, 2_200_000, 2_000_000)
    lean = ExerciseResult("Tanh", [make_verdict("sparing with memory", part="memory", measurement=figures)])
    assert "Tanh memory 1 1.10 1.10 1.10 2.00 0" in of_class(make_report("a", [lean])).words


def test_a_class_of_a_few_has_nobody_far_from_the_rest(make_report, make_verdict, of_class):
    reports = [make_report(str(i), [timed(make_verdict, ratio)]) for i, ratio in enumerate((1.0, 9.0, 0.1))]
    assert "Far from the rest" not in of_class(*reports).words


def test_nothing_handed_in_is_distinguished_from_an_unreadable_file(make_report, of_class):
    def unread(name, sentence):
        return msgspec.structs.replace(make_report(name, problems=[Problem(sentence)]), submission_sha256="")

    page = of_class(
        unread("idle", "nothing was handed in for 02_layers"),
        unread("garbled", "layers.ipynb is not a notebook"),
        make_report("half", problems=[Problem("cell 3 does not parse", "cell 3")]),
    )
    assert "Nothing handed in (1)" in page.words
    assert "No file could be read (1)" in page.words
    assert "Something is wrong with the file (1)" in page.words


def test_one_student_has_few_rows_of_a_kind(make_report, of_class):
    problems = [Problem(f"cell {i} does not parse", f"cell {i}") for i in range(50)]
    words = of_class(make_report("half", problems=problems), make_report("other", problems=problems[:3])).words
    assert "and 48 more like it" in words
    assert words.count("cell 2 does not parse") == 1


def test_what_isolation_lacked_is_counted(right, make_report, of_class):
    reports = [make_report(n, [right], isolation="partial", isolation_missing=["seccomp: not built in"]) for n in "ab"]
    page = of_class(*reports, make_report("c", [right]))
    assert "partial isolation (2); full isolation, proved before the work was loaded (1)" in page.words
    assert "Missing seccomp: not built in (2)" in page.words


def test_an_empty_class_is_a_page(of_class):
    assert "No submission has been graded yet." in of_class().words


def test_a_class_of_one_is_a_page(wrong, make_report, of_class):
    words = of_class(make_report("only", [wrong])).words
    assert "1 student" in words
    assert "averages the weight gradient" in words


def test_the_same_class_is_the_same_page_whatever_its_order(right, wrong, make_report):
    reports = [make_report("a", [right]), make_report("b", [right, wrong]), make_report("c", [wrong])]
    again = [msgspec.json.decode(msgspec.json.encode(report), type=Report) for report in reports]
    assert class_page("Layers", reports, {}).encode() == class_page("Layers", again, {}).encode()


def test_a_class_of_five_hundred_stays_small(make_report, make_verdict, of_class):
    """Fourteen exercises of ten checks; everybody fails something and has a problem and an attempt."""
    known = {"mistake": "averages the weight gradient", "hint": "dW is a sum over the batch."}

    def exercise(number, student):
        status = Status.FAILED if (number + student) % 3 else Status.PASSED
        more = known if (number + student) % 2 else {"sentence": f"y is wrong in {student} entries of a row"}
        checks = [make_verdict(f"check number {i}", Status.PASSED) for i in range(8)]
        return ExerciseResult(
            f"ExerciseNumber{number}",
            [
                *checks,
                make_verdict("forward matches the reference", status, **more),
                *timed(make_verdict, 1.5).verdicts,
            ],
        )

    names = [f"Student {i:03d} of the Class" for i in range(500)]
    reports = [
        make_report(
            name,
            [exercise(number, i) for number in range(14)],
            problems=[Problem(f"cell {n} does not parse", f"cell {n}") for n in range(9)],
            tried=["open a socket"],
        )
        for i, name in enumerate(names)
    ]
    html = class_page("Layers", reports, {name: f"pages/{name.replace(' ', '%20')}/02_layers.html" for name in names})
    assert len(html.encode()) < 1_000_000
    page = of_class(*reports)
    assert [row[0] for row in page.table["rows"]] == names
    assert "These are the first 120 of 500 students." in page.words
    assert "more are on the students’ own pages" in page.words
