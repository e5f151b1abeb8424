"""The command `mqa parity`: compare one ONNX file with its model, or another file, and name where they differ first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqa_parity import DECISION_SCHEMAS
from mqa_parity.suite import (
    BATCH_INVARIANCE,
    CANDIDATE,
    MAX_FLIP_RATE,
    ONNX_FILE,
    TENSORS,
    Criteria,
    Pair,
    find_disagreeing_rows,
    find_shifted_rows,
    find_uncovered_classes,
    read_interface,
)
from mqa_registry import (
    Finding,
    ModelOptions,
    ReportOptions,
    RunOptions,
    UsageError,
    Verdict,
    execute_suite,
    finalize,
    flags,
    read_columns,
    resolve_model,
    show_report,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import ExecutedRun, Report, Result

RUN_FLAGS = flags(
    "limit", "device", "store", "offline", "plugin_files", "allow_code", "allow_pickle", "trust_remote_code", "timeout"
)
SOURCES = (ONNX_FILE, "torch/file", "torch/factory", "transformers/auto")  # of models, by their names
TASKS = "transformers"  # the plugin whose tasks are meant where the source's own has none
ARRAYS = "transformers/forward"  # the task that takes a model's inputs as they are, whatever the model is for
DIVERGENCE = ("module", "class", "node", "ratio", "kind")  # the keys of `first_divergence`
MAX_NAMES = 3  # classes that a note names


def parity(
    named: ModelOptions,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.onnx", help="The export that is compared with the model.", show_default=False),
    ],
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows to run both on; left out, a few sentences.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="Which column of --data is this field; may be repeated."),
    ] = None,
    inputs: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="The model's inputs as arrays.")] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FILE'S=]NAME",
            help="An output that the file must have; may be repeated. Left out, what both have.",
        ),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="FILE'S=NAME", help="What an input of the file is for the model."),
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option(metavar="FILE'S=VALUE", help="An input of the file that is always the same.")
    ] = None,
    batch_axis: Annotated[
        list[str] | None, typer.Option(metavar="FILE'S=AXIS", help="The axis that counts rows, if not the first, 0.")
    ] = None,
    tolerance: Annotated[
        tuple[float, float] | None, typer.Option(metavar="ATOL RTOL", help="A fixed tolerance, as numpy has it.")
    ] = None,
    reproduction: Annotated[
        bool, typer.Option("--reproduction", help="Keep a script that shows a difference without mqa.")
    ] = False,
    options: Annotated[RunOptions, RUN_FLAGS],
    report: ReportOptions,
) -> int:
    """Compare an ONNX file with its PyTorch model, or another file, and name the first module that differs."""
    mapped = read_columns(columns or (), data)
    interface = read_interface(input_ or (), constant or (), batch_axis or (), outputs or ())
    _check_files(file, data, inputs)
    array_task = ARRAYS if inputs is not None else ""
    model = resolve_model(named, options, sources=SOURCES, tasks=TASKS, array_task=array_task)
    pair = Pair(model, file, data, mapped, inputs, interface, tolerance, reproduction, model.schema in DECISION_SCHEMAS)
    findings = [Finding("note", "task", model.task_reason)] if model.task_reason else []
    judged = compare_file(pair, options, report)
    judged = replace(judged, findings=(*findings, *judged.findings))
    return show_report(judged, report, {"first_divergence": first_divergence(judged)})


def compare_file(pair: Pair, options: RunOptions, report_options: ReportOptions) -> Report:
    """The report of a run that compares a file with its model; remarks on the comparison are among its findings."""
    criteria = Criteria()
    executed = _execute(pair, criteria, options, report_options)
    refined, remarks = refine_criteria(pair, executed)
    if refined != criteria:
        executed = _execute(pair, refined, options, report_options)  # of all that the store has by now
    report = finalize(executed)
    remarks += _describe_coverage(report, executed, pair.reference)
    divergence = first_divergence(report)
    if divergence and report.results[0].verdict is Verdict.PASS:  # which else shows it
        remarks.append(Finding("note", "where", _describe_divergence(divergence)))
    return replace(report, findings=(*remarks, *report.findings))


def first_divergence(report: Report) -> Mapping[str, Any] | None:
    """Where the file and the model differ first, where they do: `module`, `class`, `node`, `ratio` and `kind`.

    A value that is not known is None. There is no divergence in a file that passes: its differences do not count.
    """
    if report.verdict is Verdict.PASS:
        return None
    evidence = (result.evidence.details.get("first_divergence") for result in report.results)
    divergence = next((one for one in evidence if one), None)
    return None if divergence is None else dict.fromkeys(DIVERGENCE) | divergence


def refine_criteria(pair: Pair, executed: ExecutedRun) -> tuple[Criteria, list[Finding]]:
    """The criteria that a file is judged by, as the results of a first run suggest, and remarks that say why."""
    report = executed.report
    if _has_no_ratio(report):
        return Criteria(by_decisions=pair.has_decisions), [_explain_criteria(pair, report)]
    tensors, *others = report.results
    if tensors.verdict is not Verdict.PASS:
        return Criteria(), []
    reference, candidate = (executed.predictions(backend) for backend in (pair.reference, CANDIDATE))
    disagreeing, shifted = find_disagreeing_rows(reference, candidate), find_shifted_rows(reference, candidate)
    unpredicted = any(one.check == "flips" and one.verdict in {Verdict.ERROR, Verdict.NOT_RUN} for one in others)
    refined = Criteria(
        by_predictions=unpredicted,
        by_invariance=bool(tensors.evidence.details.get("unmatched_outputs"))
        and _is_less_invariant(others, pair.reference),
        include_rows=(*disagreeing, *shifted),
    )
    return refined, [
        *_describe_added_rows(disagreeing, "that it predicts differently"),
        *_describe_added_rows(shifted, "whose probabilities differ most"),
    ]


def _execute(pair: Pair, criteria: Criteria, options: RunOptions, report_options: ReportOptions) -> ExecutedRun:
    return execute_suite(pair.build_suite(criteria), Path("parity.toml"), options, report_options)


def _is_less_invariant(results: Sequence[Result], reference: str) -> bool:
    """Whether the file's outputs change with the batch that a row is in, and the model's do not."""
    verdicts = {one.backend: one.verdict for one in results if one.check == BATCH_INVARIANCE["name"]}
    return verdicts.get(reference) is Verdict.PASS and verdicts.get(CANDIDATE) is Verdict.FAIL


def _describe_added_rows(rows: Sequence[str], what: str) -> Iterator[Finding]:
    """A remark on rows that were compared besides those of the sample; none without rows. `what` says which they are."""
    if rows:
        more = f"{len(rows)} {what} {'was' if len(rows) == 1 else 'were'} compared as well"
        yield Finding("note", "rows", f"the file agrees on the rows that were sampled, and {more}")


def _describe_coverage(report: Report, executed: ExecutedRun, reference: str) -> list[Finding]:
    """Remarks on the rows that a passing file was compared on: a fault in others, or in longer ones, is not detected."""
    tensors = report.results[0]
    observed = tensors.evidence.details.get("coverage") if tensors.verdict is Verdict.PASS else None
    if not observed:
        return []
    rows = f"{observed['rows']:,} of {observed.get('total_rows', observed['rows']):,} rows were compared"
    longest = f", the longest of {observed['longest_row']:,} tokens" if "longest_row" in observed else ""
    limit = f" of the model's {observed['max_tokens']:,}" if longest and "max_tokens" in observed else ""
    if observed.get("screened_rows", 0) > observed["rows"]:
        rows += f", the most different of {observed['screened_rows']:,} among them"
    constant_inputs = ", ".join(f"`{name}`" for name in tensors.evidence.details.get("constant_inputs", ()))
    same = f", with one value of {constant_inputs} in all of them" if constant_inputs else ""
    return [Finding("note", "rows", f"{rows}{longest}{limit}{same}"), *_describe_uncovered(executed, reference)]


def _describe_uncovered(executed: ExecutedRun, reference: str) -> Iterator[Finding]:
    """A remark on predicted classes of which no row was compared; none without predictions for all rows."""
    compared = {name for table in executed.probe_tables(TENSORS) for name in table.column("id").to_pylist()}
    if classes := find_uncovered_classes(executed.predictions(reference), compared):
        listed = ", ".join(f"`{name}`" for name in classes[:MAX_NAMES])
        more = f" and {len(classes) - MAX_NAMES} more" if len(classes) > MAX_NAMES else ""
        yield Finding("note", "rows", f"no row that the model predicts {listed}{more} for was compared")


def _has_no_ratio(report: Report) -> bool:
    """Whether the reference has not the file's precision, or no float64, so that there is no ratio on any rows."""
    tensors = report.results[0]
    return tensors.verdict is Verdict.INCONCLUSIVE and tensors.evidence.never_settles


def _explain_criteria(pair: Pair, report: Report) -> Finding:
    """A remark on the criteria of a file in a precision that the reference does not have."""
    precision = report.environment["backends"][CANDIDATE]["facts"].get("precision", "such precision")
    why = f"PyTorch has no {precision}"
    if pair.model.source == ONNX_FILE:
        why = report.results[0].note.partition("since ")[2]
    none = f"{why}, and so no error to compare the file's with"
    if pair.has_decisions:
        criteria = f"it is judged by its mismatches and decisions, at most {MAX_FLIP_RATE:.0%} flips"
        return Finding("note", "precision", f"{none}: {criteria}")
    fix = "`--tolerance ATOL RTOL`, or a suite with bounds on `parity/tensors` or on the quality of predictions"
    return Finding("warning", "precision", f"{none}, and `{pair.model.task}` decides nothing that could flip", fix)


def _describe_divergence(divergence: Mapping[str, Any]) -> str:
    module = f"`{divergence['module']}` ({divergence.get('class')}): " if divergence.get("module") else ""
    return (
        f"{module}{divergence.get('kind')}, {divergence.get('reason')}"
        if divergence.get("kind")
        else str(divergence.get("reason"))
    )


def _check_files(file: Path, data: Path | None, inputs: Path | None) -> None:
    """A UsageError where a file is not there, or rows are named twice."""
    if data is not None and inputs is not None:
        raise UsageError("`--data` and `--inputs` both name rows", hint="leave one of them out")
    for name, rows in (("--data", data), ("--inputs", inputs)):
        if rows is not None and not rows.is_file():
            raise UsageError(f"there is no file `{rows}`", hint=f"`{name}` names one of rows")
    if data is not None and data.suffix == ".npz":
        raise UsageError(f"`{data}` holds arrays, and `--data` names rows", hint=f"name it with `--inputs {data}`")
    if not file.is_file():
        raise UsageError(f"there is no file `{file}`", hint="`mqa export MODEL --out DIR` makes one")
