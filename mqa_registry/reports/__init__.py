"""Reports: one finished run, for a person, a pipeline and a file.

A person reads it on a console: `mqa_registry.reports.console`. What stands in the other modules draws nothing. Reading a
report file loads the types of contributions: `mqa_registry.reports.report_file` is imported where one is read.
"""

from mqa_registry.reports.json_report import to_json, without_examples, without_texts, write_report
from mqa_registry.reports.report import Report, SuiteIdentity

__all__ = ["Report", "SuiteIdentity", "to_json", "without_examples", "without_texts", "write_report"]
