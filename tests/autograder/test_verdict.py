import msgspec
import pytest

from autograder.report import ExerciseResult, Problem, Report, Status, Verdict, encodable, overall, read_report

P, F, N, S, U, B, H = (
    Status.PASSED,
    Status.FAILED,
    Status.NOT_ATTEMPTED,
    Status.SKIPPED,
    Status.INCONCLUSIVE,
    Status.BROKEN,
    Status.PARTLY,
)


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([P, P], P),
        ([P, F, N], F),
        ([P, F, B], B),
        ([N, N], N),
        ([N, S], N),
        ([P, N], H),
        ([P, N, S], H),
        ([P, H], H),
        ([P, U], U),
        ([P, S], P),
        ([S, S], S),
    ],
)
def test_a_whole_is_summed_up_from_its_parts(statuses, whole):
    assert overall(statuses) is whole


def report(**more):
    verdict = Verdict("is right", "forward", P, 0.1, 0.2, "a sentence")
    result = ExerciseResult("Linear", [verdict, verdict, verdict])
    return Report(student="adam", assignment="02_layers", exercises=[result, result], **more)


def test_points_add_up_to_the_hundredth():
    assert (report().points, report().max_points) == (0.6, 1.2)
    assert report().exercises[0].parts() == {"forward": P}


def test_a_report_comes_back_from_its_file(tmp_path):
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(report()))
    assert read_report(tmp_path / "report.json") == report()


def test_a_text_that_no_file_can_store_is_repaired():
    repaired = encodable(report(problems=[Problem("half a character: \ud800")]))
    assert repaired.problems[0].sentence == "half a character: ?"
    assert msgspec.json.decode(msgspec.json.encode(repaired), type=Report) == repaired
    assert encodable(report()) == report()
