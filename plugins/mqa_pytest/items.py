"""Items of a suite: a check on a backend each. The suite runs once, when the first of them is set up."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mqa_registry import (
    MqaError,
    Report,
    Result,
    RunOptions,
    Verdict,
    blocks_release,
    explain_error,
    explain_result,
    make_visible,
    read_plan,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike


class SuiteFile(pytest.File):
    """A suite, and its run."""

    _checks: frozenset[str] = frozenset()  # of the whole suite
    _outcome: Report | Exception | None = None

    def collect(self) -> Iterator[CheckItem]:
        """An item for each check on each backend that it runs on, in the order of the suite."""
        try:
            cases = read_plan(self.path, RunOptions()).cases
        except MqaError as error:
            raise self.CollectError(explain_error(error)) from None
        self._checks = frozenset(case.check.name for case in cases)
        for case in cases:
            name = f"{case.check.name}[{case.backend}]" if case.backend else case.check.name
            line = case.check.location.line if case.check.location else None
            item = CheckItem.from_parent(self, name=name, check=case.check.name, backend=case.backend, line=line)
            item.extra_keyword_matches.update(case.check.tags)
            yield item

    def find_result(self, check: str, backend: str) -> Result:
        """The result of a check on a backend, of one run in a session; it fails where there is none to trust."""
        if self._outcome is None:
            self._outcome = self._run()
        if isinstance(self._outcome, MqaError):
            pytest.fail(explain_error(self._outcome), pytrace=False)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        if self._outcome.note:
            pytest.fail("\n".join(filter(None, [self._outcome.note, self._outcome.hint])), pytrace=False)
        return next(one for one in self._outcome.results if (one.check, one.backend) == (check, backend))

    def _run(self) -> Report | Exception:
        """Run the checks that the session selected; an error stands for the report of a run that came to none.

        A warning is no error of the run, as it is none on the command line, whatever the project makes of warnings.
        """
        selected = {item.check for item in self.session.items if isinstance(item, CheckItem) and item.parent is self}
        only = () if selected == self._checks else tuple(sorted(selected))
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            try:
                return run(self.path, RunOptions(only=only))
            except Exception as error:
                return error


class CheckItem(pytest.Item):
    """A check on a backend: it fails where the model does, and is an error where the model was not judged.

    A check that does not hold and is waived or not critical is expected to fail.
    """

    parent: SuiteFile

    def __init__(self, *, check: str, backend: str, line: int | None, **named: Any) -> None:
        super().__init__(**named)
        self.check = check
        self.backend = backend
        self.line = line

    def setup(self) -> None:
        """Run the suite once; what fails here, since the check was not judged or not settled, is an error of the item."""
        result = self._find_result()
        if blocks_release(result) and result.verdict not in (Verdict.PASS, Verdict.FAIL) and not result.waiver:
            pytest.fail(_explain(result), pytrace=False)

    def runtest(self) -> None:
        """Fail where the check does not hold."""
        result = self._find_result()
        if blocks_release(result):
            pytest.fail(_explain(result), pytrace=False)
        if result.verdict is not Verdict.PASS:
            pytest.xfail(_explain(result) if result.waiver else f"not critical: {_explain(result)}")

    def _find_result(self) -> Result:
        return self.parent.find_result(self.check, self.backend)

    def reportinfo(self) -> tuple[PathLike[str] | str, int | None, str]:
        """The suite's file, the line of the check, counted from 0, and the name of the item."""
        return Path(self.path), self.line - 1 if self.line else None, self.name


def _explain(result: Result) -> str:
    """The verdict and the sentences of the report on it, a line for each."""
    first, *others = map(make_visible, explain_result(result))
    return "\n".join([f"{result.verdict}: {first}", *others])
