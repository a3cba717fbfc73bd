"""JUnit's XML: by the rules of Jenkins' ``junit-10.xsd``, and read back by junitparser."""

import re
import xml.etree.ElementTree as ET

import junitparser
import pytest

from autograder.export.junit import document
from tests.autograder.export.made_up import HOSTILE, hostile_report, report_of, unreadable_report, varied_report

TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}
REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "property": {"name", "value"},
}
OPTIONAL = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    "testcase": {"time", "classname", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}
MIXED = {"failure", "error", "skipped", "system-out", "system-err"}


def check(element):
    """Assert what the schema requires of an element and all below."""
    tag, required = element.tag, REQUIRED.get(element.tag, set())
    assert tag in CHILDREN.keys() | OPTIONAL.keys() | MIXED | {"property"}
    assert required <= set(element.attrib) <= required | OPTIONAL.get(tag, set())
    assert {child.tag for child in element} <= CHILDREN.get(tag, set())
    if "time" in element.attrib and tag != "testcase":
        assert TIME.fullmatch(element.attrib["time"])
    if tag not in MIXED:
        assert not (element.text or "").strip()
        assert not any((child.tail or "").strip() for child in element)
    for child in element:
        check(child)


def parsed(report):
    root = ET.fromstring(document(report))  # noqa: S314 - it is our own
    assert root.tag == "testsuites"
    check(root)
    return root


def test_the_rules_refuse_what_the_schema_refuses():
    for wrong in ('<testsuites skipped="1"/>', '<testsuites><testsuite name="a"/></testsuites>', "<testcase/>"):
        with pytest.raises(AssertionError):
            check(ET.fromstring(wrong))  # noqa: S314


def test_a_suite_an_exercise_with_its_points():
    suites = list(parsed(varied_report()))
    assert [suite.get("name") for suite in suites] == ["Linear", "Conv2d", "ReLU"]
    facts = {one.get("name"): one.get("value") for one in suites[1].iter("property")}
    assert (facts["points"], facts["max_points"]) == ("5", "8")
    assert facts["points of: gradients"] == "1/2"
    assert (facts["seed"], facts["isolation"]) == ("20260", "full")


def test_every_status_is_what_a_build_server_understands():
    (linear, *_) = parsed(varied_report())
    kinds = {case.get("name"): [child.tag for child in case] for case in linear.iter("testcase")}
    assert kinds == {
        "check of passed": [],
        "check of failed": ["failure"],
        "check of not attempted": ["skipped"],
        "check of skipped": ["skipped"],
        "check of inconclusive": ["system-out"],
        "check of broken": ["error"],
    }
    assert [linear.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["6", "1", "1", "2"]
    assert linear.find("testcase/error").get("message") == "sentence of broken"


def test_a_public_reader_finds_the_same(tmp_path):
    path = tmp_path / "02_layers.xml"
    path.write_bytes(document(varied_report()))
    read = junitparser.JUnitXml.fromfile(str(path))
    assert (read.tests, read.failures, read.errors) == (11, 3, 1)
    cases = {case.name: case for suite in read for case in suite}
    assert [type(one) for one in cases["check of failed"].result] == [junitparser.Failure]
    assert [type(one) for one in cases["check of broken"].result] == [junitparser.Error]
    assert [type(one) for one in cases["check of skipped"].result] == [junitparser.Skipped]
    assert cases["check of inconclusive"].is_passed
    assert cases["check of inconclusive"].system_out == "sentence of inconclusive"
    assert cases["gradients"].classname == "02_layers.Conv2d"
    assert cases["gradients"].result[0].message == "off by 0.1"
    counted = [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in read]
    for suite in read:
        suite.update_statistics()
    assert [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in read] == counted


@pytest.mark.parametrize("text", [*HOSTILE.values(), "]]>\ufffe\uffff&#0;"], ids=[*HOSTILE.keys(), "no XML"])
def test_hostile_text_keeps_the_form(text):
    root = parsed(hostile_report(text))
    assert [suite.get("name") for suite in root] == ["Linear"]


@pytest.mark.parametrize("report", [report_of(), unreadable_report()], ids=["empty", "unreadable"])
def test_little_is_a_document_too(report):
    assert len(parsed(report)) == len(report.exercises)
