"""`mqa init`: write a suite for a model and its data."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.cli.model_options import ModelOptions
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from mqa_registry.cli.drafting.columns import Question
    from mqa_registry.cli.drafting.draft import Draft

RUN_FLAGS = flags(
    "device", "store", "offline", "plugin_files", "allow_code", "allow_pickle", "trust_remote_code", "timeout"
)
NEITHER = "0"
MAX_LINE_CELLS = 300


def init(
    named: ModelOptions,
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows to test the model on; left out, a few sentences of mqa's own."),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model's ONNX file; left out, the suite exports the model.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The suite to write.")] = Path("suite.toml"),
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take the likeliest column, and say so.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Run the suite once, and bound what was measured.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    options: Annotated[RunOptions, RUN_FLAGS],
) -> ExitCode:
    """Write a suite for a model and its data, which runs at once."""
    from mqa_registry.cli.drafting.draft import Request, draft_suite
    from mqa_registry.naming import counted
    from mqa_registry.reports.output import output, write_text

    _check_files(out, data, onnx, force=force)
    draft = draft_suite(
        Request(named, data, onnx, out), options, _take_likeliest if yes or not _is_terminal() else _ask
    )
    for remark in draft.remarks:
        _say(f"note: {remark}")
    for one in draft.left_out:
        _say(f"left out: {one.what}: {one.reason}")
    write_text(out, draft.format())
    code = _measure(draft, out, options) if measure else ExitCode.OK
    what = f"{counted(len(draft.checks), 'check')} on {' and '.join(draft.backends)}"
    print(_visible(f"{out}: {what}. Run it with `mqa run {out}`"), file=output())
    return code


def _measure(draft: Draft, out: Path, options: RunOptions) -> ExitCode:
    """Run the suite, and write it anew with the bounds that were measured."""
    from mqa_registry import runs
    from mqa_registry.cli.drafting.measuring import describe_misses, measure_checks
    from mqa_registry.judging import Verdict
    from mqa_registry.reports.console.progress import open_progress
    from mqa_registry.reports.output import write_text

    with open_progress(sys.stderr) as progress:
        report = runs.run(out, options, progress=progress)
    names = [check.name for check in runs.read_plan(out, options).suite.checks]
    write_text(out, draft.format(measure_checks(draft, names, report, datetime.now(UTC).date())))
    judged = runs.judge(report.run, out, store=options.store_of(runs.read_plan(out, options).suite))
    for line in describe_misses(judged):
        _say(f"note: {line}")
    failed = any(one.verdict in {Verdict.ERROR, Verdict.NOT_RUN} for one in judged.results)
    return ExitCode.NOT_TRUSTWORTHY if failed else ExitCode.OK


def _check_files(out: Path, data: Path | None, onnx: Path | None, *, force: bool) -> None:
    """A UsageError where the suite cannot be written, or a file is not there."""
    from mqa_registry.cli.report_files import check_output_folder

    if out.is_dir():
        raise UsageError(f"`{out}` is a folder, and a suite is a file", hint=f"write `--out {out / 'suite.toml'}`")
    if out.suffix != ".toml":
        raise UsageError(f"`{out}` is no name of a suite", hint="it ends in `.toml`")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder to write `{out}` to", hint="make it first, or write elsewhere")
    check_output_folder(out.parent)
    if out.exists() and not force:
        raise UsageError(
            f"`{out}` is there already", hint="write to another file with `--out`, or replace it with `--force`"
        )
    for option, file in (("--data", data), ("--onnx", onnx)):
        if file is not None and not file.exists():
            raise UsageError(f"there is no file `{file}`", hint=f"`{option}` names one")


def _is_terminal() -> bool:
    """Whether a person can answer."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def _take_likeliest(question: Question) -> str | None:
    first, *others = question.candidates
    could = ", ".join(f"`{name}`" for name in others)
    _say(f"`{question.role}` is the column `{first}`; it could be {could} as well")
    return first


def _ask(question: Question) -> str | None:
    """The column that a person chooses; the likeliest where nothing is typed."""
    _say(f"Which column is `{question.role}`, {question.meaning}?")
    numbered = {str(number): name for number, name in enumerate(question.candidates, start=1)}
    for number, name in numbered.items():
        _say(f"  {number}  {name}")
    if question.may_lack:
        _say(f"  {NEITHER}  none of them")
    while True:
        sys.stderr.write("[1] ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        answer = line.strip() or "1"
        if question.may_lack and answer == NEITHER:
            return None
        chosen = numbered.get(answer) or (answer if answer in question.candidates else None)
        if chosen or not line:
            return chosen or question.candidates[0]
        _say(f"write a number from 1 to {len(numbered)}")


def _say(line: str) -> None:
    print(_visible(line), file=sys.stderr)


def _visible(line: str) -> str:
    from mqa_registry.reports.console.text import make_visible

    return make_visible(line)
