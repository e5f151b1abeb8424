"""Reports: one finished run, for a person, a pipeline and a file."""

from mqa_registry.report.console import print_report
from mqa_registry.report.jsonfile import read_json, to_json, without_examples, write_json
from mqa_registry.report.model import Report

__all__ = ["Report", "print_report", "read_json", "to_json", "without_examples", "write_json"]
