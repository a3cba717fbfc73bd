"""Marks by hand: the page in a real browser, its server's refusals, two graders at once, what every reader shows."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import msgspec
import pytest
from msgspec.structs import replace

from autograder.classroom.class_record import ClassRecord
from autograder.classroom.marking.desk import Desk, RefusedError, Request
from autograder.classroom.marking.server import MOST_BYTES, OWN_HEADER, open_server
from autograder.classroom.marking.store import ChangedError, Store
from autograder.cli import main
from autograder.export.feedback import summary
from autograder.render.html import student_page
from autograder.render.reading import next_steps
from autograder.report import ExerciseResult, Report, Status, Verdict, WrittenAnswer, read_marked
from autograder.report.marks import Mark, marks_path, read_marking, read_marks
from autograder.writing import write_atomically
from tests.notebook.browser import CHROMIUM, Browser

NAME = "02_layers"
HOSTILE = "<img src=x onerror=alert(1)> \x1b[31m\u202e **bold** and $x^2$"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def report_of(student, answer="because", status=Status.PASSED):
    """One exercise of 7 points, a question of 3 with this answer, and one of 2 that nobody answered."""
    points = 7.0 if status is Status.PASSED else 0.0
    linear = ExerciseResult("Linear", [Verdict("forward", "forward", status, points, 7.0, "expected 2, got 3")])
    why = WrittenAnswer("why", 3.0, bool(answer), answer, digest(answer) if answer else "")
    how = WrittenAnswer("how", 2.0, answered=False)
    return Report(
        student=student, assignment=NAME, title="Layers", file="layers.ipynb", submission_sha256="ab12",
        exercises=[linear], written=[why, how], isolation="full", graded_at="2026-03-01T08:00:00Z",
    )  # fmt: skip


def keep(out, student, report):
    write_atomically(out / "reports" / student / f"{NAME}.json", report)


@pytest.fixture
def out(tmp_path):
    """A graded class of three, of which one answered nothing."""
    for student, answer in (("s1", "because"), ("s2", HOSTILE), ("s3", "")):
        keep(tmp_path, student, report_of(student, answer))
    keep(tmp_path, "s3", report_of("s3", "", Status.FAILED))
    write_atomically(tmp_path / "class.json", ClassRecord({"s1": "Ada", "s2": "Björn", "s3": "Chen"}))
    return tmp_path


@pytest.fixture
def desk(out):
    return Desk(out, None, "Mo")


def code(desk, student):
    return next(row["student"] for row in desk.students(NAME) if row["label"] == student)


def mark(desk, student, points, comment="", *, name="why", kind="question", revision=0, answer="because"):
    sha256 = digest(answer) if kind == "question" and answer else ""
    return desk.save(Request(NAME, code(desk, student), kind, name, revision, points, comment, sha256))


# --- what counts -----------------------------------------------------------------------------


def test_written_questions_count_for_everybody_once_marking_began(out, desk):
    def totals():
        return [
            (r.points, r.max_points, r.open_by_hand) for s in ("s1", "s2", "s3") for r in [read_marked(out, s, NAME)]
        ]

    assert totals() == [(7, 7, 0), (7, 7, 0), (0, 7, 0)]
    mark(desk, "Ada", 2.5)
    assert totals() == [(9.5, 12, 0), (7, 12, 3), (0, 12, 0)]


def test_who_handed_in_nothing_has_the_same_maximum(out, desk):
    keep(out, "s4", replace(report_of("s4"), submission_sha256="", written=[]))
    mark(desk, "Ada", 2.5)
    assert (read_marked(out, "s4", NAME).points, read_marked(out, "s4", NAME).max_points) == (7, 12)


def test_marks_survive_regrading_and_say_what_changed(out, desk):
    mark(desk, "Ada", 2.5)
    mark(desk, "Chen", 5, "right idea", kind="exercise", name="Linear", answer="")
    before = read_marked(out, "s1", NAME), read_marked(out, "s3", NAME)
    assert not before[0].written[0].mark.changed
    assert not before[1].exercises[0].by_hand.changed
    keep(out, "s1", report_of("s1", "because of this"))
    keep(out, "s3", report_of("s3", ""))
    after = read_marked(out, "s1", NAME), read_marked(out, "s3", NAME)
    assert [report.points for report in after] == [9.5, 5]
    assert after[0].written[0].mark.changed
    assert after[1].exercises[0].by_hand.changed


@pytest.mark.parametrize(
    ("found", "points", "status"),
    [
        (Status.FAILED, 7.0, Status.PASSED),
        (Status.FAILED, 3.0, Status.FAILED),
        (Status.BROKEN, 3.0, Status.PARTLY),
        (Status.BROKEN, 0.0, Status.FAILED),
        (Status.PASSED, 3.0, Status.PARTLY),
    ],
)
def test_points_by_hand_decide_the_status(out, desk, found, points, status):
    keep(out, "s3", report_of("s3", "", found))
    mark(desk, "Chen", points, "why", kind="exercise", name="Linear", answer="")
    assert read_marked(out, "s3", NAME).exercises[0].status is status


FORMATS = ("csv", "gradescope", "classroom", "prairielearn", "junit")


@pytest.mark.parametrize("form", FORMATS)
def test_every_export_has_the_marks(out, desk, form, capsys):
    mark(desk, "Ada", 2.5, "nearly all of it")
    mark(desk, "Chen", 5, "right idea", kind="exercise", name="Linear", answer="")
    assert main(["export", form, str(out)]) == 0, capsys.readouterr().err
    if form == "csv":
        lines = (out / f"{NAME}.csv").read_text(encoding="utf-8-sig").splitlines()
        assert [line.split(",")[:7] for line in lines] == [
            ["student", "Linear", "points", "max points", "bonus points", "why (3 by hand)", "how (2 by hand)"],
            ["s1", "7", "9.5", "12", "0", "2.5", "0"],
            ["s2", "7", "7", "12", "0", "to be marked", "0"],
            ["s3", "5", "5", "12", "0", "0", "0"],
        ]
        assert "nearly all of it" in lines[1]
        assert "5 points by hand, in place of 0. right idea" in lines[3]
        return
    suffix = ".xml" if form == "junit" else ".json"
    ada, bjorn, chen = (
        (out / form / student / f"{NAME}{suffix}").read_text(encoding="utf-8") for student in ("s1", "s2", "s3")
    )
    assert "nearly all of it" in ada
    assert "right idea" in chen
    assert "till to be marked" in bjorn
    if form == "junit":
        assert 'value="2.5"' in ada
        return
    result = json.loads(ada)
    tests = result["tests"]
    points = [test.get("score", test.get("points", 0)) for test in tests]
    assert sum(points) == 9.5
    assert {"gradescope": result.get("score"), "prairielearn": 12 * result.get("score", 0), "classroom": 9.5}[
        form
    ] == 9.5


@pytest.mark.parametrize(("form", "sheet"), [
    ("canvas", "Student,ID,Layers (1)\nPoints Possible,,12\nAda,s1,\nBjörn,s2,\n"),
    ("moodle", "Identifier,Full name,ID number,Grade,Maximum Grade,Feedback comments\n1,Ada,s1,,12,\n2,Bo,s2,,12,\n"),
])  # fmt: skip
def test_a_filled_sheet_has_the_marks_and_says_what_is_open(out, desk, form, sheet, capsys):
    mark(desk, "Ada", 2.5, "nearly all of it")
    (out / "sheet.csv").write_text(sheet, encoding="utf-8")
    command = ["export", form, str(out), "--sheet", str(out / "sheet.csv"), "--to", str(out / "filled.csv")]
    assert main(command) == 0
    filled = (out / "filled.csv").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(("Ada,s1,9.5", "1,Ada,s1,9.5")) for line in filled), filled
    assert "1 student has answers that are still to be marked" in " ".join(capsys.readouterr().out.split())


def test_pages_show_the_marks_and_are_drawn_again_only_where_one_changed(out, desk, capsys):
    assert main(["report", str(out)]) == 0
    pages = {student: out / "pages" / student / f"{NAME}.html" for student in ("s1", "s2", "s3")}
    mark(desk, "Ada", 2.5, "nearly <b>all</b> of it")
    main(["report", str(out)])
    text = pages["s1"].read_text(encoding="utf-8")
    assert "nearly &lt;b&gt;all&lt;/b&gt; of it" in text
    assert "of 12 points" in text
    assert "3 still to be marked" in pages["s2"].read_text(encoding="utf-8")
    assert "9.5" in (out / "index.html").read_text(encoding="utf-8")
    assert "1 written answer to be marked" in " ".join(capsys.readouterr().out.split())
    before = {student: page.stat().st_mtime_ns for student, page in pages.items()}
    mark(desk, "Ada", 3, revision=1)
    main(["report", str(out)])
    assert [s for s, page in pages.items() if page.stat().st_mtime_ns != before[s]] == ["s1"]


def test_a_student_reads_why_points_were_taken_and_the_whole_comment(out, desk):
    long = "<b>" + "because " * 110 + "the end"
    mark(desk, "Chen", 5, long, kind="exercise", name="Linear", answer="")
    mark(desk, "Chen", 1, "in the notebook’s head", answer="")
    report = read_marked(out, "s3", NAME)
    assert [(step.exercise, step.points) for step in next_steps(report)] == [("Linear", 2), ("", 2)]
    page = student_page(report)
    assert page.count("because ") >= 110
    assert "5 points by hand, in place of 0. &lt;b&gt;because" in page
    assert "<b>because" not in page
    assert "the end" in " ".join(summary(report))


# --- two graders, and files ------------------------------------------------------------------


def test_a_grader_does_not_overwrite_what_another_saved(out, desk):
    other = Desk(out, None, "Kim")
    mark(desk, "Ada", 2.5)
    with pytest.raises(ChangedError, match="Mo changed this mark meanwhile"):
        mark(other, "Ada", 1)
    mark(other, "Ada", 1, revision=1)
    assert read_marked(out, "s1", NAME).points == 8


def test_saves_at_once_lose_nothing(out):
    stores = [Store(out), Store(out)]

    def save(job):
        (place, store), student = job
        store.save(student, NAME, "question", f"q{place}", Mark(float(place)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, product(((i, stores[i % 2]) for i in range(12)), ("s1", "s2"))))
    for student in ("s1", "s2"):
        assert len(read_marks(out, student).assignments[NAME].questions) == 12


def test_a_later_format_is_refused_and_left_as_it_is(out, desk, capsys):
    path = marks_path(out, "s1")
    write_atomically(path, b'{"format": 9}')
    assert main(["export", "csv", str(out)]) == 2
    assert "a later version" in capsys.readouterr().err
    assert path.read_bytes() == b'{"format": 9}'


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"points": 3.5}, "between 0 and 3"),
        ({"points": -1}, "between 0 and 3"),
        ({"points": 1, "comment": "x" * 1200}, "longer than 1000"),
        ({"points": 1, "name": "what"}, "no such question"),
        ({"points": 5, "kind": "exercise", "name": "Linear"}, "why the points of the checks do not count"),
        ({"points": 9, "comment": "so", "kind": "exercise", "name": "Linear"}, "between 0 and 7"),
    ],
)
def test_what_cannot_be_saved_is_refused(out, desk, asked, message):
    with pytest.raises(RefusedError, match=message):
        mark(desk, "Ada", **asked)
    assert not (out / "marks").exists()
    assert not read_marking(out).begun


def test_an_answer_that_was_graded_again_is_read_again_first(out, desk):
    keep(out, "s1", report_of("s1", "another answer"))
    with pytest.raises(RefusedError, match="another one now"):
        mark(desk, "Ada", 2)


def test_nothing_anonymous_names_anybody(out):
    shown = Desk(out, None, "Mo", anonymous=True)
    texts = [shown.overview(), shown.answers(NAME, "why"), shown.students(NAME)]
    text = msgspec.json.encode(texts).decode()
    assert not [name for name in ("Ada", "Björn", "s1", "layers.ipynb") if f'"{name}' in text]
    assert "Student 1" in text


# --- the server ------------------------------------------------------------------------------


@pytest.fixture
def server(desk):
    with open_server(desk) as opened:
        threading.Thread(target=opened.serve_forever, daemon=True).start()
        yield opened
        opened.shutdown()


def answer_to(server, method, path, body=b"", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    return response, content


def test_the_server_listens_on_this_machine_alone_and_sends_its_policy(server):
    assert server.server_address[0] == "127.0.0.1"
    response, content = answer_to(server, "GET", f"/{server.token}/")
    assert response.status == 200
    policy = response.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "Ada" not in content
    assert " on" + "click" not in content


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/mark", {}, 403),
        ("/wrong/mark", {}, 403),
        ("/TOKEN/mark", {"Origin": "http://evil.example"}, 403),
        ("/TOKEN/mark", {"Origin": "null"}, 403),
        ("/TOKEN/mark", {OWN_HEADER: "0"}, 403),
        ("/TOKEN/mark", {"Host": "evil.example"}, 403),
        ("/TOKEN/mark", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/TOKEN/nothing", {}, 404),
        ("/TOKEN/mark", {"body": b"{}"}, 400),
        ("/TOKEN/mark", {"body": b"x" * (MOST_BYTES + 1)}, 400),
        ("/TOKEN/comment", {"body": b'{"assignment": "02_layers", "name": "why", "comment": " "}'}, 400),
    ],
)
def test_what_does_not_come_from_the_page_is_refused(server, out, path, headers, status):
    sent = {"Origin": server.origin, OWN_HEADER: "1", **headers}
    body = sent.pop("body", b'{"assignment": "02_layers"}')
    response, content = answer_to(server, "POST", path.replace("TOKEN", server.token), body, **sent)
    assert response.status == status, content
    assert not (out / "marks").exists()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("overview", {"Host": "evil.example"}, 403),
        ("overview", {"Host": "127.0.0.1:1"}, 403),
        ("overview", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("", {"Sec-Fetch-Site": "cross-site"}, 200),  # the browser comes from the private file that leads here
        ("answers?assignment=02_layers&question=what", {}, 400),
        ("exercises?assignment=02_layers&student=s1", {}, 400),
    ],
)
def test_only_the_page_reads(server, path, headers, status):
    response, _ = answer_to(server, "GET", f"/{server.token}/{path}", **headers)
    assert response.status == status


def test_a_port_that_is_taken_is_a_sentence(server, out, capsys):
    assert main(["mark", str(out), "--no-browser", "--port", str(server.server_port)]) == 2
    assert "Name another --port" in capsys.readouterr().err


def test_a_folder_without_reports_is_a_sentence(tmp_path, capsys):
    assert main(["mark", str(tmp_path), "--no-browser"]) == 2
    assert "There are no reports" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process alone")
def test_ctrl_c_ends_it_with_a_sentence(out):
    command = [sys.executable, "-m", "autograder", "mark", str(out), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("Marking page: http://127.0.0.1:")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert "Stopped: 0 marks were saved" in told, errors
    assert process.returncode == 0


def test_a_student_who_is_called_like_a_path_has_a_file_of_their_own(out):
    for student in (".marking.lock", "marking.json", "x" * 250):
        keep(out, student, report_of(student))
        Store(out).save(student, NAME, "question", "why", Mark(1.0))
        assert read_marked(out, student, NAME).written[0].points == 1


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: it shows the page")
def test_a_class_is_marked_by_keyboard(server, out, tmp_path_factory):
    pytest.importorskip("websocket", reason="websocket-client is not installed: it drives the browser")
    with Browser(tmp_path_factory.mktemp("profile")) as page:
        page.open(server.address)
        page.until("document.getElementById('student').textContent === 'Ada'", "the first answer")
        assert page.value("document.getElementById('answer').textContent") == "because"
        for key in ("2", ".", "c"):
            page.press(key)
        page.type("Say why.")
        page.press("Escape")
        page.press("k")
        page.until("document.querySelectorAll('#bank li').length === 1", "the comment bank")
        page.press("Enter")
        page.until("document.getElementById('student').textContent === 'Björn'", "the next answer")
        assert read_marked(out, "s1", NAME).written[0].mark.points == 2.5  # confirmed only when it is written
        assert page.value("document.querySelectorAll('#answer img, #answer script').length") == 0
        assert "<img src=x" in page.value("document.getElementById('answer').textContent")
        for key in ("b", "1", "3"):
            page.press(key)
        Store(out).save("s2", NAME, "question", "why", Mark(1.0, by="Kim"))
        page.press("s")
        page.until("document.getElementById('said').textContent.startsWith('Kim changed')", "the refusal")
        assert read_marked(out, "s2", NAME).written[0].mark.points == 1
        page.press("s")
        page.until("document.getElementById('said').textContent.startsWith('Saved')", "the second save")
        found = read_marked(out, "s2", NAME).written[0].mark
        assert (found.points, found.comment, found.by) == (3, "Say why.", "Mo")
        page.press("u")
        page.until("document.getElementById('said').textContent.startsWith('Undone')", "the undoing")
        assert read_marked(out, "s2", NAME).written[0].mark.points == 1
