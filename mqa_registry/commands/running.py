"""The commands that make a report of a suite or a run, validate a suite, or write its rows."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from mqa_registry import runs
from mqa_registry.boundary import limited
from mqa_registry.commands.ending import say
from mqa_registry.commands.places import check_report, check_rows, mark_rows
from mqa_registry.errors import ExitCode, NotRunError, UsageError
from mqa_registry.naming import counted
from mqa_registry.predict import Disturbed, Silence, examine, load_rows, perturb_rows
from mqa_registry.report.console import print_report
from mqa_registry.report.files import explained
from mqa_registry.report.jsonfile import write_json
from mqa_registry.report.output import abandon, console, output
from mqa_registry.report.progress import watched
from mqa_registry.suite import Overrides
from mqa_registry.watching import begin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.report import Report
    from mqa_registry.runs import Asked


@dataclass(frozen=True)
class Show:
    """What a run shows: `json` is a file or `-`; `verbose` is -1 for the verdict, and why anything was not judged."""

    json: str | None = None
    examples: bool = True
    verbose: int = 0
    debug: bool = False
    force: bool = False

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files that are written."""
        return () if self.json in (None, "-") else (Path(self.json),)


def asked(
    *,
    only: Sequence[str] | None = None,
    backend: Sequence[str] | None = None,
    limit: int | None = None,
    set_: Sequence[str] | None = None,
    store: Path | None = None,
    plugin: Sequence[Path] | None = None,
    device: str = "auto",
    offline: bool = False,
    allow_code: bool = False,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    timeout: float | None = None,
    force: bool = False,
    confined: bool = False,
) -> Asked:
    """The command line as the run reads it; a UsageError where a flag makes no sense."""
    check_timeout(timeout)
    kind, _, number = device.partition(":")
    if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and number.isdigit()):
        raise UsageError(f"there is no device `{device}`", hint="write `auto`, `cpu`, `cuda` or `cuda:1`")
    return runs.Asked(
        overrides=Overrides(
            set=tuple(set_ or ()),
            only=tuple(only or ()),
            backends=tuple(backend or ()),
            limit=limit,
            confined=confined,
        ),
        plugin_files=tuple(plugin or ()),
        store=store,
        device=device,
        offline=offline,
        allow_code=allow_code,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
        timeout=timeout,
        force=force,
    )


def check_timeout(timeout: float | None) -> None:
    """A UsageError for what is no number of seconds."""
    if timeout is not None and not (math.isfinite(timeout) and timeout >= 0):
        raise UsageError(f"a call cannot take {timeout:g} seconds", hint="write `--timeout 600`, or 0 for no limit")


def run(suite: Path, asked: Asked, show: Show, *, fresh: bool) -> ExitCode:
    """Run a suite and show its report; the exit code is the report's."""
    check_report(show.json, force=show.force)
    asked = replace(asked, outputs=show.outputs)
    with watched(Console(stderr=True), quiet=show.verbose < 0) as progress:
        report = runs.run(suite, asked, fresh=fresh, examples=show.examples, progress=progress)
    return _shown(report, show)


def judge(run: str, suite: Path | None, asked: Asked, show: Show) -> ExitCode:
    """Judge a finished run again and show its report; the exit code is the report's."""
    check_report(show.json, force=show.force)
    begin("judging the run again")
    with limited(asked.timeout):
        report = runs.judge(
            run,
            suite,
            store=asked.store,
            plugin_files=asked.plugin_files,
            outputs=show.outputs,
            examples=show.examples,
        )
    return _shown(report, show)


def _shown(report: Report, show: Show) -> ExitCode:
    if show.json is not None:
        try:
            write_json(report, show.json)  # first: whoever reads what is printed may leave before its end
        except BrokenPipeError:
            abandon()
            say("error: the reader of standard output left before the report was written", _again(report))
            return ExitCode.NOT_TRUSTWORTHY
    tell(report, show)
    return report.exit_code


def tell(report: Report, show: Show) -> None:
    """Show a person the report; on stderr where standard output is for machines. Its reader may leave when they like."""
    if show.debug:
        _print_traces(report)
    try:
        print_report(report, console(machine=show.json == "-"), verbose=show.verbose)
        output().flush()
    except BrokenPipeError:
        abandon()
        say(f"{report.verdict}: the rest of the report was not read", _again(report))
    if report.note:
        say(f"error: {report.note}", report.hint)


def _again(report: Report) -> str:
    return f"`mqa judge {report.run}` shows it again"


def _print_traces(report: Report) -> None:
    for trace in dict.fromkeys(
        str(result.evidence["trace"]) for result in report.results if "trace" in result.evidence
    ):
        print(trace, file=sys.stderr)


def validate(suite: Path, asked: Asked) -> None:
    """Say that a suite is sound; what is wrong with it, its data or its model's configuration is raised."""
    begin("validating the suite")
    plan = runs.planned(suite, asked)
    with limited(asked.timeout):
        examine(plan, asked.conditions(plan.suite))
    checks, views = counted(len(plan.suite.checks), "check"), counted(len(plan.views), "view")
    print(f"{suite}: {checks}, {views}, no problems", file=output())


def write_rows(suite: Path, asked: Asked, out: Path) -> None:
    """Write one Parquet file for every set of rows that the suite's views predict."""
    import pyarrow.parquet as pq

    begin("making the rows")
    plan = runs.planned(suite, asked)
    check_rows(out)
    with limited(asked.timeout):
        rows = load_rows(plan, asked.conditions(plan.suite))
        perturbed = perturb_rows(plan, rows, Silence())
    with explained(out):
        mark_rows(out)
        for row_set, seen in perturbed.items():
            if not isinstance(seen, Disturbed):
                raise NotRunError(f"the rows `{row_set.name}` could not be made: {seen.message}", hint=seen.hint)
            path = out / f"{row_set.name}.parquet"
            pq.write_table(seen.rows.table.select(["id", *seen.rows.fields]), path)
            print(f"{path}: {counted(len(seen.rows), 'row')}", file=output())
