"""Reports that the environment of a command asks for, such as a pipeline that runs it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from mqa_registry.errors import MqaError
from mqa_registry.reports.output import explain_file_errors, explain_output_errors, output
from mqa_registry.reports.reporters import call_reporter, find_environment_reporters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mqa_registry.reports import Report
    from mqa_registry.reports.reporters import EnvironmentReporter

T = TypeVar("T")

STREAM = "-"  # the target of what a person reads, too


@dataclass(frozen=True)
class EnvironmentReports:
    """The reporters that the environment asks for, and the stream that a person reads.

    `errors` are those of reporters that failed; none of them costs the report or its exit code.
    """

    reporters: Mapping[str, EnvironmentReporter]
    stream: TextIO
    errors: list[MqaError] = field(default_factory=list)

    @classmethod
    def find(cls, *, to_stderr: bool) -> EnvironmentReports:
        """The reports of this environment; a person reads on standard error where the other stream is a program's."""
        reporters, errors = find_environment_reporters()
        return cls(reporters, sys.stderr if to_stderr else output(), errors)

    @contextmanager
    def fence(self) -> Iterator[None]:
        """What is printed in this context is no command of the environment, whatever the data in it says."""
        fences = [
            fence
            for name, reporter in self.reporters.items()
            if reporter.fence and (fence := self._call(name, reporter.fence))
        ]
        for before, _ in fences:
            self._print(before)
        try:
            yield
        finally:
            for _, after in reversed(fences):
                self._print(after)

    def append_to_files(self, report: Report) -> None:
        """Append the report to the files of the environment, in the form of each reporter that names one."""
        for target, text in self._render(report, to_stream=False):
            try:
                _append(target, text)
            except MqaError as error:
                self.errors.append(error)

    def print(self, report: Report) -> None:
        """Print the report in the form of each reporter that writes to the stream which a person reads."""
        for _, text in self._render(report, to_stream=True):
            self._print(text)

    def _render(self, report: Report, *, to_stream: bool) -> Iterator[tuple[str, str]]:
        """The target and the text of each reporter that writes to the stream, or of each other."""
        for name, reporter in self.reporters.items():
            target = self._call(name, reporter.find_target)
            if target is not None and (target == STREAM) is to_stream:
                text = self._call(name, partial(reporter.render, report))
                if text:
                    yield target, text

    def _call(self, name: str, function: Callable[[], T]) -> T | None:
        """What a function of a reporter returns; None where it fails."""
        try:
            return call_reporter(name, function)
        except MqaError as error:
            self.errors.append(error)
            return None

    def _print(self, text: str) -> None:
        encoding = self.stream.encoding or "utf-8"
        encodable = text.encode(encoding, "backslashreplace").decode(encoding)
        with explain_output_errors():
            self.stream.write(f"{encodable.rstrip()}\n")
            self.stream.flush()


def _append(file: str, text: str) -> None:
    with explain_file_errors(file), Path(file).open("ab") as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
