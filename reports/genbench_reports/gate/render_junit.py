"""A comparison as JUnit XML, which any CI shows: a test suite per data set, a test case per metric or cost."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from genbench_reports.format.text import clean
from genbench_reports.gate.changes import format_change, format_compared
from genbench_reports.gate.summary import format_seeds
from genbench_reports.gate.verdict import JobComparison, ValueComparison, Verdict

# https://www.w3.org/TR/xml/#charsets: what not even an escape brings into a document
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def verdict_junit(verdict: Verdict) -> str:
    """A regression is a failure, a job that failed an error; what was not compared is skipped, with the reason."""
    wrong = set(verdict.job_regressions)
    bad = {id(compared) for compared in verdict.regressions}
    suites: dict[str, list[ElementTree.Element]] = {}
    for job in verdict.jobs:
        suites.setdefault(job.dataset, []).append(_job_case(job, job in wrong))
    for compared in verdict.values:
        suites.setdefault(compared.dataset, []).append(_value_case(compared, id(compared) in bad))
    root = ElementTree.Element("testsuites", name="genai-bench")
    _count(root, [case for cases in suites.values() for case in cases])
    for dataset, cases in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", name=_text(dataset))
        _count(suite, cases)
        suite.extend(cases)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _value_case(compared: ValueComparison, is_bad: bool) -> ElementTree.Element:
    case = _case(compared.dataset, compared.variant, compared.name)
    before, now = format_compared(compared, compared.baseline), format_compared(compared, compared.current)
    said = f"{before} → {now}: {format_change(compared)}; {compared.case}"
    if is_bad:
        message = compared.reason if compared.outcome == "lost" else said
        _add(case, "failure", message, compared.outcome)
    elif compared.outcome in ("refused", "untested", "lost"):
        _add(case, "skipped", compared.reason)
    else:
        ElementTree.SubElement(case, "system-out").text = _text(said)
    return case


def _job_case(job: JobComparison, is_bad: bool) -> ElementTree.Element:
    case = _case(job.dataset, job.variant, f"{format_seeds(job)} {job.outcome}")
    if is_bad or job.outcome in ("failed before", "new and fails"):
        _add(case, "error", job.reason or job.outcome, job.outcome)
    elif job.outcome == "missing":
        _add(case, "skipped", job.reason)
    return case


def _case(dataset: str, variant: str, name: str) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase", classname=_text(f"{dataset}.{variant}"), name=_text(name), time="0"
    )


def _add(case: ElementTree.Element, tag: str, message: str, kind: str | None = None) -> None:
    attributes = {"message": _text(message)} | ({} if kind is None else {"type": kind})
    ElementTree.SubElement(case, tag, attributes)


def _count(element: ElementTree.Element, cases: Sequence[ElementTree.Element]) -> None:
    element.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))


def _text(text: str) -> str:
    return _NO_XML.sub("", clean(text))
