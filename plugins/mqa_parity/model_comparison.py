"""Parity: an ONNX file compared with its model, or with another file. The function `parity`, which the command calls too.

A first run says by what criteria the file is judged, and which rows differ most; a second one judges it by these.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_parity.decisions import SCHEMAS
from mqa_parity.suite import (
    BATCH_INVARIANCE,
    CANDIDATE,
    ESTIMATORS,
    MAX_FLIP_RATE,
    ONNX_FILE,
    ROW_SOURCES,
    TENSORS,
    Criteria,
    Pair,
    find_disagreeing_rows,
    find_shifted_rows,
    find_uncovered_classes,
)
from mqa_registry import (
    Divergence,
    Finding,
    ParityReport,
    UsageError,
    Verdict,
    execute_suite,
    finalize,
    resolve_model,
    resolve_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from os import PathLike

    from mqa_registry import ExecutedRun, ParityOptions, Report, ReportOptions, Result, RunOptions

SOURCES = (ONNX_FILE, *ESTIMATORS, "torch/file", "torch/factory", "transformers/auto")  # of models, by their names
TASKS = "transformers"  # the plugin whose tasks are meant where the source's own has none
ARRAYS = "transformers/forward"  # the task that takes a model's inputs as they are, whatever the model is for
DIVERGENCE = ("module", "class", "node", "ratio", "kind")  # the keys of `first_divergence` that are always there
MAX_NAMES = 3  # classes that a note names
LONG_DECISIONS = (
    "tokens",
)  # the schemas of which a text takes a pass for each token: too long for sentences of mqa's own


def parity(
    model: object,
    onnx: str | PathLike[str] | None = None,
    *,
    inputs: object,
    options: ParityOptions,
    run_options: RunOptions,
    report: ReportOptions | None = None,
) -> ParityReport:
    """What `mqa_registry.parity` returns; `report` are the options of a command, which shows its progress."""
    file = None if onnx is None else Path(onnx)
    if file is not None and not file.is_file():
        raise UsageError(f"there is no file `{file}`", hint="`mqa export MODEL --out DIR` makes one")
    pair = make_pair(model, file, inputs, options, run_options)
    judged = compare_file(pair, run_options, report)
    if pair.model.task_reason:
        judged = replace(judged, findings=(Finding("note", "task", pair.model.task_reason), *judged.findings))
    return ParityReport(judged, first_divergence(judged))


def make_pair(
    model: object, file: Path | None, inputs: object, options: ParityOptions, run_options: RunOptions
) -> Pair:
    """The pair of a model and a file, None for an export of the model; a UsageError where they make none."""
    rows = resolve_rows(inputs, model, run_options, columns=options.columns, sources=ROW_SOURCES)
    resolved = resolve_model(
        model,
        run_options,
        task=options.task,
        source=options.source,
        sources=SOURCES,
        tasks=TASKS,
        array_task=ARRAYS if rows.are_arrays else "",
    )
    if file is None and resolved.source == ONNX_FILE:
        raise UsageError(f"`{resolved.id}` is exported already", hint="name the file that it is compared with")
    has_decisions = resolved.schema in SCHEMAS and not (inputs is None and resolved.schema in LONG_DECISIONS)
    return Pair(resolved, file, rows, options, has_decisions)


def compare_file(pair: Pair, options: RunOptions, report_options: ReportOptions | None = None) -> Report:
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


def first_divergence(report: Report) -> Divergence | None:
    """Where the file and the model differ first, where they do.

    There is no divergence in a file that passes: its differences do not count.
    """
    if report.verdict is Verdict.PASS:
        return None
    evidence = (result.evidence.details.get("first_divergence") for result in report.results)
    found = next((one for one in evidence if one), None)
    if found is None:
        return None
    return Divergence(
        kind=found.get("kind"),
        module=found.get("module"),
        class_name=found.get("class"),
        node=found.get("node"),
        ratio=found.get("ratio"),
        reason=found.get("reason"),
        facts=dict.fromkeys(DIVERGENCE) | found,
    )


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


def _execute(pair: Pair, criteria: Criteria, options: RunOptions, report_options: ReportOptions | None) -> ExecutedRun:
    objects = {**pair.model.objects, **pair.rows.objects}
    return execute_suite(pair.build_suite(criteria), Path("parity.toml"), options, report_options, objects=objects)


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


def _describe_divergence(divergence: Divergence) -> str:
    module = f"`{divergence.module}` ({divergence.class_name}): " if divergence.module else ""
    return f"{module}{divergence.kind}, {divergence.reason}" if divergence.kind else str(divergence.reason)
