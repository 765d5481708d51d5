"""A comparison as JUnit XML: a test suite a data set, a test case a figure, so that any CI shows it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from genbench_reports.format.text import clean
from genbench_reports.gate.tables import format_change, format_figure, places
from genbench_reports.gate.verdict import Comparison, FigureComparison, JobComparison

# https://www.w3.org/TR/xml/#charsets: what not even an escape brings into a document
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def comparison_junit(comparison: Comparison) -> str:
    """failure: a regression. error: a job that failed. skipped: what was not compared, with the reason."""
    wrong = set(comparison.job_regressions)
    bad = {id(figure) for figure in comparison.regressions}
    suites: dict[str, list[ElementTree.Element]] = {}
    for job in comparison.jobs:
        suites.setdefault(job.dataset, []).append(_job_case(job, job in wrong))
    for figure in comparison.figures:
        suites.setdefault(figure.dataset, []).append(_figure_case(figure, id(figure) in bad))
    root = ElementTree.Element("testsuites", name="genai-bench")
    _count(root, [case for cases in suites.values() for case in cases])
    for dataset, cases in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", name=_text(dataset))
        _count(suite, cases)
        suite.extend(cases)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _figure_case(figure: FigureComparison, is_bad: bool) -> ElementTree.Element:
    case = _case(figure.dataset, figure.variant, figure.name)
    before, now = format_figure(figure, figure.baseline), format_figure(figure, figure.current)
    said = f"{before} → {now}: {format_change(figure)}; {figure.case}"
    if is_bad:
        message = figure.reason if figure.outcome == "lost" else said
        _add(case, "failure", message, figure.outcome)
    elif figure.outcome in ("refused", "untested", "lost"):
        _add(case, "skipped", figure.reason)
    else:
        ElementTree.SubElement(case, "system-out").text = _text(said)
    return case


def _job_case(job: JobComparison, is_bad: bool) -> ElementTree.Element:
    case = _case(job.dataset, job.variant, f"{places(job)} {job.outcome}")
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
