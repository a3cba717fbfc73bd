"""Reports as they lie on disk: those of release 0.1 are read, those of a later version refused, damaged ones too.

``samples/COMMIT/`` holds reports that the code of these commits wrote: ReLU slow, Softmax bulky, distances steep.
"""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from autograder.classroom.finding import find_hand_ins, report_path
from autograder.classroom.processes import open_pool
from autograder.classroom.runs import prepare_run
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.learner import state
from autograder.report import FORMAT, Footprint, Growth, Report, ReportError, Status, Timing, read_report
from autograder.spec import Scope

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.json"))
NEW_SINCE = {"against": "reference", "of": ""}
"""Figures that release 0.1 did not have, with the value that they stand for."""
OLD = {"timing": Timing, "footprint": Footprint, "growth": Growth}
LAYERS = [path for path in SAMPLES if path.name == "02_layers.json"]


def names(paths):
    return [f"{path.parent.name}/{path.stem}" for path in paths]


def in_version_1(record):
    """A report's JSON as release 0.1 would have written it."""
    fields = {"speed": "timing", "memory": "footprint", "growth": "growth"}
    for result in record["exercises"]:
        for verdict in result["verdicts"]:
            figures = verdict.pop("measurement")
            verdict.update(dict.fromkeys(fields.values()))
            if figures:
                verdict[fields[figures.pop("kind")]] = figures
    return {**record, "format": 1}


def graded_by_0_1(out, sample=LAYERS[0]):
    """The folder of a run with one report of release 0.1."""
    path = out / f"reports/amara/{sample.name}"
    path.parent.mkdir(parents=True)
    shutil.copy(sample, path)
    return path


# --- release 0.1 -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=names(SAMPLES))
def test_every_verdict_of_release_0_1_is_read_with_its_figures(path):
    before = json.loads(path.read_bytes())
    report = read_report(path)
    assert (before["format"], report.format) == (1, FORMAT)
    assert [result.name for result in report.exercises] == [result["name"] for result in before["exercises"]]
    for result, old in zip(report.exercises, before["exercises"], strict=True):
        for verdict, its in zip(result.verdicts, old["verdicts"], strict=True):
            assert (verdict.check, verdict.status, verdict.points) == (its["check"], its["status"], its["points"])
            assert (verdict.sentence, verdict.mistake, verdict.hint) == (its["sentence"], its["mistake"], its["hint"])
            figures = {kind: its[name] for name, kind in OLD.items() if its[name]}
            if figures:
                ((kind, stored),) = figures.items()
                assert type(verdict.measurement) is kind
                its_own = {**NEW_SINCE, "kind": verdict.measurement.kind, **stored}
                found = msgspec.to_builtins(verdict.measurement)
                assert found == {name: value for name, value in its_own.items() if name in found or name in stored}
            else:
                assert verdict.measurement is None


def test_the_samples_hold_every_kind_of_measurement():
    found = {v.measurement.kind for path in SAMPLES for e in read_report(path).exercises for v in e.verdicts
             if v.measurement}  # fmt: skip
    assert found == {"speed", "memory", "growth"}


@pytest.mark.parametrize("path", SAMPLES, ids=names(SAMPLES))
def test_a_report_of_0_1_is_written_in_this_version(path, tmp_path):
    report = read_report(path)
    (tmp_path / "again.json").write_bytes(msgspec.json.encode(report))
    assert read_report(tmp_path / "again.json") == report
    assert json.loads((tmp_path / "again.json").read_bytes())["format"] == FORMAT


@pytest.mark.parametrize("path", SAMPLES, ids=names(SAMPLES))
def test_pages_are_drawn_of_reports_of_0_1(path, tmp_path, autograder):
    graded_by_0_1(tmp_path, path)
    status, _, err = autograder("report", tmp_path)
    assert (status, err) == (0, "")
    page = (tmp_path / f"pages/amara/{path.stem}.html").read_text()
    for result in read_report(path).exercises:
        for verdict in result.verdicts:
            if verdict.measurement and verdict.measurement.is_ratio:
                assert verdict.measurement.words in page
    assert (tmp_path / f"{path.stem}.html").is_file()


@pytest.mark.parametrize("form", ["gradescope", "classroom", "prairielearn", "junit", "csv"])
def test_reports_of_0_1_are_exported(form, tmp_path, autograder):
    graded_by_0_1(tmp_path)
    status, out, err = autograder("export", form, tmp_path)
    assert (status, err) == (0, "")
    assert "amara" in out + "".join(map(str, tmp_path.rglob("*"))) + "".join(
        path.read_text() for path in tmp_path.glob("*.csv")
    )


def test_a_sheet_is_filled_from_reports_of_0_1(tmp_path, autograder):
    path = graded_by_0_1(tmp_path)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Student,ID,SIS Login ID,Section,Layers (102)\n    Points Possible,,,,20\namara,11,amara,1,\n")
    status, _, err = autograder("export", "canvas", tmp_path, "--sheet", sheet, "--scale")
    assert (status, err) == (0, "")
    report = read_report(path)
    filled = (tmp_path / "canvas.csv").read_text().splitlines()[-1]
    assert float(filled.split(",")[-1]) == pytest.approx(20 * report.points / report.max_points, abs=0.01)


def test_a_gradebook_takes_reports_of_0_1(tmp_path, autograder, root):
    pytest.importorskip("nbgrader")
    path = graded_by_0_1(tmp_path)
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    status, out, err = autograder("export", "gradebook", tmp_path, "--to", url, "--course", root)
    assert (status, err) == (0, ""), out
    from nbgrader.api import Gradebook

    with Gradebook(url) as gradebook:
        submission = gradebook.find_submission("02_layers", "amara")
        assert submission.score == pytest.approx(read_report(path).points)


# --- a class is resumed ----------------------------------------------------------------------


@pytest.fixture
def resume(small_course, tmp_path):
    """Grade one hand-in, change its stored report, and grade again: whether it was graded anew, and its report."""
    work = tmp_path / "in/amara/02_layers/layers.py"
    work.parent.mkdir(parents=True)
    shutil.copy(small_course / "solutions/02_layers/layers.py", work)
    out = tmp_path / "out"

    def run(change):
        for number in range(2):
            (entry,) = find_hand_ins(tmp_path / "in", small_course, "02_layers").entries
            path = report_path(out, entry)
            if number:
                path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
            prepared = prepare_run(
                small_course, out, tmp_path / "in", [entry], Options(seed=3, scope=Scope(capstones=False))
            )
            with open_launcher() as launcher, open_pool(1, launcher) as pool:
                ((_, fresh),) = pool.grade_all([entry], prepared)
        return fresh, path

    return run


def test_a_class_resumes_on_reports_of_0_1(resume):
    fresh, path = resume(in_version_1)
    assert not fresh
    assert json.loads(path.read_bytes())["format"] == 1
    assert read_report(path).status is Status.PASSED


def test_a_class_does_not_resume_on_reports_of_a_later_version(resume):
    with pytest.raises(ReportError, match=r"amara/02_layers\.json was written by a later version of autograder"):
        resume(lambda record: {**record, "format": FORMAT + 1})


# --- later versions, and what is no report ---------------------------------------------------

LATER = {"format": FORMAT + 1, "student": "amara", "assignment": "02_layers", "verdicts": {"in": "another form"}}
COMMANDS = [("report",), ("export", "csv"), ("export", "junit")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_report_of_a_later_version_is_refused_with_the_cure(command, tmp_path, autograder):
    path = graded_by_0_1(tmp_path)
    content = json.dumps(LATER).encode()
    path.write_bytes(content)
    status, out, err = autograder(*command, tmp_path)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert f"{path} was written by a later version of autograder (report format {FORMAT + 1}, this one reads" in err
    assert "Update it (pip install --upgrade dlkit-course), or name another folder." in err
    assert path.read_bytes() == content
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b'{"format": "two"}', b'{"format": 1}', b'{"format": 2, "student": 3}', b"\xff",
     b'{"format": 1, "student": "a", "assignment": "b", "exercises": 3}',
     b'{"format": 1, "student": "a", "assignment": "b", "exercises": [{"name": "x", "verdicts": [3]}]}'],
    ids=repr,
)  # fmt: skip
def test_what_is_no_report_is_named_with_the_cure(content, tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=r"report\.json cannot be read as a report \(.*\)\. Grade again\."):
        read_report(path)


def test_a_report_that_is_gone_is_named():
    with pytest.raises(ReportError, match=r"nowhere\.json cannot be read as a report"):
        read_report(Path("nowhere.json"))


def test_the_schema_tells_the_kinds_of_measurement_apart():
    schema = json.dumps(msgspec.json.schema(Report))
    assert all(f'"const": "{kind}"' in schema or f'"{kind}"' in schema for kind in ("speed", "memory", "growth"))
    assert '"discriminator"' in schema


# --- what a learner's folder remembers -------------------------------------------------------


def test_the_verdicts_that_a_learners_folder_remembers_from_0_1_are_read(tmp_path):
    results = {f"02_layers/{one['name']}": one for one in json.loads(LAYERS[0].read_bytes())["exercises"]}
    remembered = {
        "format": 1,
        "source": "somewhere",
        "checked": {name: {"identity": "ab", "result": result} for name, result in results.items()},
        "hinted": {"02_layers/ReLU": {"about": "x", "shown": 2}},
    }
    (tmp_path / ".autograder").mkdir()
    (tmp_path / ".autograder/state.json").write_text(json.dumps(remembered))
    known = state.read(tmp_path)
    assert (known.format, known.source, known.hinted["02_layers/ReLU"].shown) == (FORMAT, "somewhere", 2)
    assert [one.result for one in known.checked.values()] == read_report(LAYERS[0]).exercises
    assert state.change(tmp_path, lambda _: None)
    assert state.read(tmp_path) == known
