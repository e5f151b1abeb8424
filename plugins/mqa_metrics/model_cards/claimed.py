"""The probe `metrics/claimed`: whether a model is as good as its model card says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_metrics.model_cards.claims import Claim, read_card, select_claims
from mqa_metrics.model_cards.metric_types import CARD_METRICS_BY_NAME
from mqa_registry import (
    DataError,
    Evidence,
    MqaError,
    NotRunError,
    Predictions,
    Probe,
    Shortfall,
    content_digest,
    counted,
    read_targets,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry import ProbeContext

TARGET, CLUSTER = "target", "cluster"
MAX_LISTED = 5  # numbers of a card that one note lists


@dataclass(frozen=True, kw_only=True)
class ClaimedOptions:
    """The numbers of the card that are held to, and the card.

    `dataset` is the data set that the rows are from, as the card has it: its type, which is an id on the hub, or its name.
    `config` and `split` are a configuration and a split of it. They can be left out where the card has numbers of one data
    set alone. `card` is the file; left out, it is the model's own.
    """

    dataset: str | None = None
    config: str | None = None
    split: str | None = None
    card: Path | None = None


class Claimed(Probe[ClaimedOptions]):
    """How far the model falls short of the numbers that its model card claims.

    Every number of the card's `model-index` that is of these rows, and that a metric of this plugin measures, is a group:
    `measured` is the metric with its interval, `claimed` what the card says, a share where it is in per cent, and `value` the
    shortfall: the claim less the measured number, or the other way round where less is better. It is below 0 where the model is
    better than claimed, which nothing forbids unless `min` does.

    `expect = { max = 0.02 }` holds where it is shown that every number is at most 2 points worse than claimed. Else it fails
    where a claim is better than the whole measured interval, and is INCONCLUSIVE where the claim lies in it: an interval of
    few rows has room for any claim.
    """

    name = "claimed"
    inputs = "predictions"
    outputs = ("value", "claimed", "measured")
    grouped = True
    schemas = ("label", "labels", "spans", "value")

    def columns(self, options: ClaimedOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def identity(self, context: ProbeContext, options: ClaimedOptions) -> Mapping[str, str]:
        """The content of the card: it is no part of the model's digest."""
        card = _find_card(context, options)
        return {"card": content_digest(card) if card.is_file() else ""}

    def check(self, context: ProbeContext, options: ClaimedOptions) -> None:
        """Whether the card claims a number of these rows."""
        if TARGET not in context.view.rows.table.column_names:
            raise DataError(
                "the rows have no column `target`, and a claim is held to targets",
                hint='map the column with the targets: `columns = { target = "..." }`',
            )
        _read_claims(context, options)

    def observe(self, context: ProbeContext, options: ClaimedOptions) -> pa.Table:
        """The predictions and the targets of the rows that have a target; the claims are in the metadata."""
        rows, predictions = context.view.rows, context.view.predictions
        targets = read_targets(rows, predictions.schema, predictions.classes, data="")
        if missing := int((predictions.missing & ~targets.missing).sum()):
            raise NotRunError(
                f"{counted(missing, 'row has', 'rows have')} no finite prediction, and a claim is about all rows"
            )
        claims, others = _read_claims(context, options)
        claims, unfit = _split_by_fit(claims, predictions, targets)
        table = predictions.table.append_column(TARGET, targets.main)
        if CLUSTER in rows.table.column_names:
            table = table.append_column(CLUSTER, rows.table.column(CLUSTER))
        meta = {
            "schema": predictions.schema,
            "classes": json.dumps(predictions.classes),
            "claims": json.dumps([asdict(claim) for claim in claims]),
            "others": json.dumps([*unfit, *others]),
        }
        return table.filter(pa.array(~targets.missing)).replace_schema_metadata(meta)

    def numbers(self, table: pa.Table) -> dict[str, dict[str, Any]]:
        return {claim.title: _measure_claim(claim, table) for claim in _claims_of(table)}

    def evidence(self, table: pa.Table) -> Evidence:
        """What the card says besides, and why that is not measured."""
        others = json.loads(table.schema.metadata[b"others"])
        more = f"; and {len(others) - MAX_LISTED:,} more" if len(others) > MAX_LISTED else ""
        notes = [f"of the model card are not measured: {'; '.join(others[:MAX_LISTED])}{more}"] if others else []
        return Evidence(notes=notes, details={"not_measured": others})


def _find_card(context: ProbeContext, options: ClaimedOptions) -> Path:
    """The file of the card; a DataError where there is none."""
    if options.card is not None:
        return options.card
    model_under_test = context.model_under_test
    card = model_under_test.model.card if model_under_test is not None else None
    if card is None:
        raise DataError(
            "the model has no model card" if model_under_test else "no backend runs a model that could have a card",
            hint='a card is the `README.md` in the model\'s folder; name another file by `card = "..."`',
        )
    return card


def _read_claims(context: ProbeContext, options: ClaimedOptions) -> tuple[list[Claim], list[str]]:
    """The claims on the rows, and what the card says besides; a DataError where there is no claim."""
    model_under_test = context.model_under_test
    return select_claims(
        read_card(_find_card(context, options)),
        dataset=options.dataset,
        config=options.config,
        split=options.split,
        task=model_under_test.task.needs if model_under_test is not None else "",
    )


def _split_by_fit(
    claims: Sequence[Claim], predictions: Predictions, targets: Predictions
) -> tuple[list[Claim], list[str]]:
    """The claims whose metrics fit these predictions, and the others, each with the reason; a NotRunError where none fits."""
    fitting, unfit = [], []
    for claim in claims:
        try:
            _measure(claim, predictions, targets)
        except MqaError as error:
            unfit.append(f"{claim.title}: {error.message}")
        else:
            fitting.append(claim)
    if not fitting:
        raise NotRunError(f"no claim of the model card can be measured on these predictions: {unfit[0]}")
    return fitting, unfit


def _claims_of(table: pa.Table) -> list[Claim]:
    return [Claim(**one) for one in json.loads(table.schema.metadata[b"claims"])]


def _measure_claim(claim: Claim, table: pa.Table) -> dict[str, Any]:
    """The numbers of one claim."""
    metric = CARD_METRICS_BY_NAME[claim.metric]
    meta, (*columns, target) = table.schema.metadata, [name for name in table.column_names if name != CLUSTER]
    schema, classes = meta[b"schema"].decode(), tuple(json.loads(meta[b"classes"]))
    predictions = Predictions(schema, table.select(columns), classes)
    targets = Predictions(schema, pa.table({"id": table["id"], schema: table[target]}), classes)
    measured = _measure(claim, predictions, targets)
    return {
        "value": Shortfall("measured", claim.value, metric.less_is_better),
        "claimed": claim.value,
        "measured": measured,
    }


def _measure(claim: Claim, predictions: Predictions, targets: Predictions) -> Any:
    """What the metric of a claim gives; an MqaError where it does not fit these predictions."""
    metric, options = CARD_METRICS_BY_NAME[claim.metric].metric, dict(claim.options)
    if predictions.schema not in metric.schemas:
        raise DataError(f"`metrics/{metric.name}` does not read {predictions.schema}")
    positive = options.get("positive")
    if isinstance(positive, int):
        if not 0 <= positive < len(predictions.classes):
            raise DataError(f"there is no class {positive}")
        options["positive"] = predictions.classes[positive]
    return metric.function(predictions, targets, **options)
