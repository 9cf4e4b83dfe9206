"""A replay as JUnit XML: a suite per leg, a case per step, in the form that Jenkins' schema junit-10.xsd describes."""

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from bot.model import Diagnosis, JobResult, ReplayResult, Result, StepResult
from bot.text.inert import plain


def junit(result: ReplayResult, diagnoses: Mapping[str, Diagnosis]) -> bytes:
    """The report as a document in UTF-8. `diagnoses` say why legs failed, by their keys."""
    suites = [_suite(job, diagnoses.get(job.key)) for job in result.jobs]
    totals = {name: sum(int(s.get(name, "0")) for s in suites) for name in ("tests", "failures", "errors")}
    shown = {name: str(value) for name, value in totals.items()}
    root = ET.Element("testsuites", {"name": "regreen replay", "time": f"{result.seconds:.3f}", **shown})
    root.extend(suites)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(job: JobResult, found: Diagnosis | None) -> ET.Element:
    name = f"{job.workflow}: {job.name}" if job.workflow else job.name
    suite = ET.Element("testsuite", {"name": _inert(name), "time": f"{job.seconds:.3f}"})
    failing = job.failing_step
    for step in job.steps:
        case = _case(suite, name, step.name, step.seconds)
        if step is failing:
            told = found.error.strip() if found else job.reason or "the step failed"
            text = "\n".join(line.text for line in found.excerpt.lines) if found else ""
            _child(case, "failure", told, text)
        elif step.result in (Result.SKIPPED, Result.CANCELLED):
            ET.SubElement(case, "skipped")
        elif step.result is Result.FAILURE:
            ET.SubElement(case, "system-out").text = "failed; its job goes on (continue-on-error)"
    _job_case(suite, name, job, failing)
    counts = {"tests": "testcase", "failures": "*/failure", "errors": "*/error", "skipped": "*/skipped"}
    for attribute, path in counts.items():
        suite.set(attribute, str(len(suite.findall(path))))
    return suite


def _job_case(suite: ET.Element, name: str, job: JobResult, failing: StepResult | None) -> None:
    """A case for the job itself where no step of it tells how it ended."""
    if job.result is Result.UNREPLAYABLE:
        _child(_case(suite, name, "the job", 0), "error", job.reason or "it could not be replayed", "")
    elif job.result is Result.FAILURE and failing is None:
        _child(_case(suite, name, "the job", 0), "failure", job.reason or "the job failed", "")
    elif not job.steps:
        ET.SubElement(_case(suite, name, "the job", 0), "skipped")


def _inert(text: str) -> str:
    return plain(text).translate({0xFFFE: None, 0xFFFF: None})  # no characters of XML 1.0


def _case(suite: ET.Element, owner: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", {"classname": _inert(owner), "name": _inert(name), "time": f"{seconds:.3f}"}
    )


def _child(case: ET.Element, kind: str, message: str, text: str) -> None:
    ET.SubElement(case, kind, {"message": _inert(message), "type": kind}).text = _inert(text)
