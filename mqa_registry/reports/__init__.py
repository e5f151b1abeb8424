"""Reports: one finished run, for a person, a pipeline and a file.

A person reads it on a console: `mqa_registry.reports.console`. What stands in the other modules draws nothing.
"""

from mqa_registry.reports.json_report import read_report, to_json, without_examples, write_report
from mqa_registry.reports.report import Report, SuiteIdentity

__all__ = ["Report", "SuiteIdentity", "read_report", "to_json", "without_examples", "write_report"]
