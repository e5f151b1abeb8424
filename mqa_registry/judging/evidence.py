"""Evidence: what a person needs to believe a verdict besides its numbers: counts of rows, flips, and example rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import ContributionCall, check_correctness, check_evidence, check_example_ids
from mqa_registry.contributions import Comparison, Evidence, ExampleRow, Statistic
from mqa_registry.judging.result import McNemarTest, ResultEvidence
from mqa_registry.judging.samples import positions_of
from mqa_registry.judging.sweeps import count_perturbed
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.types import get_schema
from mqa_registry.types.blocks import BLOCK_ROWS, take_table, take_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.judging.claims import Evaluation, StepEvaluation
    from mqa_registry.judging.groups import Positions
    from mqa_registry.judging.samples import MeasureInputs, Sample
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Step
    from mqa_registry.stats.estimates import Bools, Floats
    from mqa_registry.suite import Use
    from mqa_registry.types import Example, Predictions, Rows

MAX_EXAMPLES = 5  # rows that a result shows
MAX_PICKED_EXAMPLES = 20  # of those that a comparison picked


def gather_evidence(
    step: Step, evaluation: StepEvaluation, observations: Observations, *, with_examples: bool
) -> ResultEvidence:
    """Counts that a reader needs, what a comparison shows, and the rows that speak most against the check.

    `step` is the last severity of a sweep. Rows, which are those of the worst group where there are groups, are left out
    of a check that holds, without `with_examples`.
    """
    observed, inputs = observations.views[step.view], evaluation.inputs
    perturbed, clusters = observed.perturbed, inputs.sample.clusters
    assert perturbed is not None
    counts = count_perturbed(len(perturbed.rows), perturbed) if step.view.rows.perturb else None
    compared = compare_predictions(step, inputs)
    picked = compared.examples or None
    rows = observations.rows[step.view.rows.data]
    return replace(
        compared,
        missing_predictions=inputs.sample.missing,
        missing_targets=inputs.sample.unlabelled,
        declined=counts.declined if counts else 0,
        changed=counts.changed if counts else None,
        mean_edits=counts.mean_edits if counts else None,
        unpaired=not inputs.is_paired,
        clusters=None if clusters is None else len(np.unique(clusters)),
        absent_classes=_absent_classes(evaluation.whole),
        mcnemar=compared.mcnemar or _mcnemar_of_change(evaluation.whole),
        examples=select_examples(_worst_inputs(evaluation), perturbed.rows, rows, picked) if with_examples else (),
    )


def compare_predictions(step: Step, inputs: MeasureInputs) -> ResultEvidence:
    """What a comparison shows of all the rows that it compared; its examples are those that it picked.

    Nothing for a metric, where there are no rows, or where predictions are held against those before a perturbation that
    ought to change them. Remarks name the severity, and with targets the last of them says how many rows are newly wrong
    and newly right.
    """
    comparison = inputs.measure.contribution
    if not isinstance(comparison, Comparison) or inputs.reference is None or not len(inputs.sample):
        return ResultEvidence()
    assert step.reference is not None
    if step.view.rows.changes_targets and not step.reference.rows.changes_targets:
        return ResultEvidence()
    measure, evidence, mcnemar = inputs.measure, Evidence(), None
    if comparison.evidence is not None:
        pair = inputs.reference.predictions, inputs.sample.predictions
        evidence = check_evidence(measure.contributor, measure.call_function(comparison.evidence, *pair))
        check_example_ids(measure.contributor, evidence.examples)
    if comparison.is_correct is not None:
        pairs = _count_flips(measure, comparison.is_correct, inputs.reference, inputs.sample)
        if pairs is not None:
            mcnemar = mcnemar_test(pairs, is_clustered=inputs.sample.clusters is not None)
    at = "" if step.severity is None else f"at severity {step.severity:g}: "
    return ResultEvidence(
        mcnemar=mcnemar,
        remarks=tuple(at + remark for remark in _write_remarks(evidence.remarks, mcnemar)),
        notes=tuple(evidence.notes),
        examples=tuple(evidence.examples),
        details=evidence.details,
    )


def mcnemar_test(pairs: PairedProportions, *, is_swapped: bool = False, is_clustered: bool = False) -> McNemarTest:
    """Flips of paired predictions with McNemar's p-value; of rows in clusters without it.

    Where the pairs were counted from candidate to reference they are swapped.
    """
    flips = (pairs.negative_flips, pairs.positive_flips)
    negative, positive = reversed(flips) if is_swapped else flips
    return McNemarTest(int(negative), int(positive), None if is_clustered else pairs.mcnemar_p_value)


def _absent_classes(evaluation: Evaluation) -> tuple[str, ...]:
    """The classes that a statistic is about and no row has."""
    value = evaluation.measurement.output.value if evaluation.measurement is not None else None
    return tuple(value.absent) if isinstance(value, Statistic) else ()


def _mcnemar_of_change(evaluation: Evaluation) -> McNemarTest | None:
    """McNemar's exact test, which many know, for the rows of the score interval."""
    for pairs in evaluation.numbers.values():
        if isinstance(pairs, PairedProportions) and pairs.rows and pairs.design is None:
            return mcnemar_test(pairs, is_swapped="rise" in evaluation.numbers)
    return None


def _worst_inputs(evaluation: StepEvaluation) -> MeasureInputs:
    """The rows to look at: those of the group that is worst off, where there are groups."""
    large = list(evaluation.large_groups.values())
    if not large or not all("value" in group.numbers for group in large):
        return evaluation.inputs
    is_bounded_above = any(math.isfinite(claim.high) and math.isinf(claim.low) for claim in large[0].claims)
    sign = -1 if is_bounded_above else 1
    finite = [group for group in large if math.isfinite(group.numbers["value"].value)] or large
    worst = min(finite, key=lambda group: sign * group.numbers["value"].value)
    assert worst.measurement is not None
    return worst.measurement.selected_inputs


def _count_flips(measure: Use, is_correct: Callable[..., Any], before: Sample, now: Sample) -> PairedProportions | None:
    """The rows that were correct and are wrong, and the other way round, of those with a target on both sides."""
    if before.targets is None or now.targets is None:
        return None
    labelled = np.flatnonzero(~(before.targets.missing | now.targets.missing))
    if not len(labelled):
        return None
    before_correct, now_correct = (_are_correct(measure, is_correct, side.take(labelled)) for side in (before, now))
    return PairedProportions(
        int((before_correct & ~now_correct).sum()), int((now_correct & ~before_correct).sum()), len(labelled)
    )


def _are_correct(measure: Use, is_correct: Callable[..., Any], sample: Sample) -> Bools:
    with ContributionCall(measure.contributor):
        given = is_correct(sample.targets, sample.predictions)
    return check_correctness(measure.contributor, given, len(sample))


def _write_remarks(remarks: Sequence[str], mcnemar: McNemarTest | None) -> Sequence[str]:
    if mcnemar is None or not mcnemar.negative_flips + mcnemar.positive_flips:
        return remarks
    p = "" if mcnemar.p_value is None else f", McNemar p = {mcnemar.p_value:.2g}"
    flips = f"{mcnemar.negative_flips:,} newly wrong, {mcnemar.positive_flips:,} newly right{p}"
    return [*remarks[:-1], "; ".join([*remarks[-1:], flips])]


def select_examples(
    inputs: MeasureInputs, perturbed: Rows, unperturbed: Rows, picked: Sequence[ExampleRow] | None = None
) -> tuple[ExampleRow, ...]:
    """The rows that speak most against the check: predictions that differ from target or reference, surest first.

    Where a comparison `picked` rows, those of them that were read, with what it says of each. `perturbed` are the rows
    as the model reads them.
    """
    if picked is None:
        return tuple(describe_rows(inputs, _surest_wrong_rows(inputs), perturbed, unperturbed))
    ids = pa.chunked_array([pa.array([row.id for row in picked], pa.string())])
    positions = positions_of(ids, inputs.sample.predictions.ids)
    found = np.flatnonzero(positions >= 0)[:MAX_PICKED_EXAMPLES]
    rows = describe_rows(inputs, positions[found], perturbed, unperturbed)
    picks = (picked[number] for number in found)
    return tuple(_fill_in(row, pick) for row, pick in zip(rows, picks, strict=True))


def _fill_in(row: ExampleRow, pick: ExampleRow) -> ExampleRow:
    """The row, with what the pick says where the row says nothing."""
    empty = ExampleRow()
    filled = {name: value for name, value in vars(row).items() if value != getattr(empty, name)}
    return replace(pick, **filled)


def _surest_wrong_rows(inputs: MeasureInputs) -> Positions:
    if inputs.sample.predictions.schema == "value":
        return _farthest_rows(inputs)
    return order_by_confidence(inputs.sample, np.flatnonzero(_is_wrong(inputs)))[:MAX_EXAMPLES]


def _farthest_rows(inputs: MeasureInputs) -> Positions:
    """Rows whose number is farthest from the target, or farther than the reference's; else farthest from the reference."""
    sample, values = inputs.sample, inputs.sample.predictions.values
    reference = inputs.reference.predictions.values if inputs.reference is not None and inputs.is_paired else None
    if sample.targets is not None and not inputs.is_comparison:
        distances = np.abs(values - sample.targets.values)
        distances -= 0.0 if reference is None else np.abs(reference - sample.targets.values)
    else:
        distances = np.zeros(len(values)) if reference is None else np.abs(values - reference)
    far = np.flatnonzero(distances > 0)
    return far[np.argsort(-distances[far], kind="stable")][:MAX_EXAMPLES]


def order_by_confidence(sample: Sample, rows: Positions) -> Positions:
    """These rows of a sample, the one whose prediction is surest first."""
    return rows[np.argsort(-_confidences(sample.predictions, rows), kind="stable")]


def describe_rows(inputs: MeasureInputs, rows: Positions, perturbed: Rows, unperturbed: Rows) -> list[ExampleRow]:
    """These rows, as they are in the data and as the model reads them, with the predictions."""
    ids = take_values(inputs.sample.predictions.ids, rows)
    after = _take_fields(perturbed, positions_of(ids, perturbed.ids))
    before = _take_fields(unperturbed, inputs.sample.rows_at(rows))
    return [
        _describe_row(inputs, int(row), name, fields, perturbed_fields)
        for row, name, fields, perturbed_fields in zip(rows, ids.to_pylist(), before, after, strict=True)
    ]


def _take_fields(rows: Rows, positions: Positions) -> list[Example]:
    """The fields of the rows at these positions; of rows that were kept without texts, none."""
    if not rows.fields:  # a table without columns has no rows
        return [{} for _ in positions]
    return list(take_table(rows.table.select(rows.fields), positions).to_pylist())


def _is_wrong(inputs: MeasureInputs) -> Bools:
    """Rows that are predicted wrongly; held against a reference, those of them that it predicts otherwise."""
    sample = inputs.sample
    reference = inputs.reference if inputs.is_paired else None
    wrong = np.full(len(sample), get_schema(sample.predictions.schema).is_exact)
    if sample.targets is not None and not inputs.is_comparison:
        wrong &= differ(sample.predictions, sample.targets)
    if reference is not None:
        wrong &= differ(sample.predictions, reference.predictions)
    return wrong


def differ(predictions: Predictions, others: Predictions) -> Bools:
    """Whether each prediction is another than that of the others, shape (rows,)."""
    if predictions.schema == "label":
        return np.asarray(predictions.small_codes != others.small_codes)
    if predictions.schema == "labels" and predictions.classes == others.classes:  # in whichever order
        return np.asarray((predictions.indicator != others.indicator).any(axis=1))
    agree = get_schema(predictions.schema).agree
    pairs = zip(predictions.to_pylist(), others.to_pylist(), strict=True)
    return np.array([not agree(one, other) for one, other in pairs], dtype=bool)


def _confidences(predictions: Predictions, rows: Positions) -> Floats:
    """The probability of the predicted class of some rows, shape (rows,); 0 where there is none."""
    confidences = np.zeros(len(rows))
    for start in range(0, len(rows), BLOCK_ROWS):
        probabilities = predictions.take(rows[start : start + BLOCK_ROWS]).probabilities
        if probabilities is not None:
            confidences[start : start + BLOCK_ROWS] = np.nan_to_num(probabilities.max(axis=1))
    return confidences


def _describe_row(inputs: MeasureInputs, row: int, name: str, fields: Any, perturbed: Any) -> ExampleRow:
    sample, reference = inputs.sample, inputs.reference if inputs.is_paired else None
    schema = get_schema(sample.predictions.schema)
    show, targets = schema.show, sample.targets if schema.has_targets else None
    has_probability = "probability" in sample.predictions.table.column_names
    return ExampleRow(
        id=name,
        fields=fields,
        perturbed=perturbed if perturbed != fields else {},
        target=None if targets is None else show(targets.main[row].as_py()),
        prediction=show(sample.predictions.main[row].as_py()),
        probability=round(float(_confidences(sample.predictions, np.array([row]))[0]), 4) if has_probability else None,
        reference=None if reference is None else show(reference.predictions.main[row].as_py()),
    )
