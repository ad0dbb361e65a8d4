"""The report of a run: one HTML file with everything in it."""

from belamy.runs.report.facts import ReportFacts
from belamy.runs.report.page import render

__all__ = ["ReportFacts", "render"]
