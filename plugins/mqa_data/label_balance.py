"""The probe `data/label-balance`: how often each label occurs."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import MinLen

from mqa_data.text_columns import read_labels
from mqa_registry import Evidence, NotRunError, Probe, Statistic, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Floats: TypeAlias = npt.NDArray[np.float64]

MAX_LISTED = 5  # labels in a remark
MAX_COUNTS = 1000  # labels in the evidence


@dataclass(frozen=True, kw_only=True)
class LabelBalanceOptions:
    """Which labels are counted.

    `column` is the one with the labels. `labels` are all that are expected: one that no row has is then the rarest, with a
    share of 0. Left out, they are those that rows have.
    """

    column: str = "target"
    labels: Annotated[list[str], MinLen(1)] | None = None


class LabelBalance(Probe[LabelBalanceOptions]):
    """The share of rows that have the rarest label.

    `value` is the share of the rarest label, from 0 to 1. `imbalance_ratio` is how many times as many rows the most
    frequent has, from 1 on, undefined where the rarest has none. `normalized_entropy` is Shannon's, by the logarithm of the
    number of labels: 1 where all are equally frequent, 0 where all rows have one label, undefined for a single label.
    `missing` is the share of rows without a label, which the other numbers ignore. `n_labels` is the number of labels.
    """

    name = "label-balance"
    inputs = "rows"
    ranges: Mapping[str, tuple[float, float]] = {
        "value": (0.0, 1.0),
        "imbalance_ratio": (1.0, math.inf),
        "normalized_entropy": (0.0, 1.0),
        "missing": (0.0, 1.0),
        "n_labels": (0.0, math.inf),
    }
    outputs = tuple(ranges)

    def columns(self, options: LabelBalanceOptions) -> list[str]:
        """The one with the labels."""
        return [options.column]

    def observe(self, context: ProbeContext, options: LabelBalanceOptions) -> pa.Table:
        """A table of `id` and `label`, null without one; its metadata has all labels, and those that were expected."""
        rows = read_labels(context.view, options.column)
        present = sorted({label for label in rows if label is not None})
        if not present:
            raise NotRunError(
                f"no row has a label in `{options.column}`", hint="name the column with the labels: `column`"
            )
        labels = list(dict.fromkeys([*(options.labels or ()), *present]))
        table = pa.table({"id": context.view.rows.ids.cast(pa.string()), "label": pa.array(rows, pa.string())})
        return table.replace_schema_metadata({"labels": json.dumps(labels), "expected": json.dumps(options.labels)})

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """All but the last have intervals."""
        labels, rows = _read_labels(table), table.column("label").to_pylist()
        codes = {label: code for code, label in enumerate(labels)}
        bins = np.array([codes.get(label, -1) for label in rows], dtype=np.int64)

        def make_statistic(compute: Callable[[Floats], Floats], undefined: str = "") -> Statistic:
            return Statistic(compute, bins=bins, n_bins=len(labels), undefined=undefined)

        present = set(rows)
        absent = next((f"no row has the label `{label}`" for label in labels if label not in present), "")
        return {
            "value": make_statistic(_rarest_share),
            "imbalance_ratio": make_statistic(_imbalance_ratio, absent),
            "normalized_entropy": make_statistic(
                _normalized_entropy, "" if len(labels) > 1 else "there is only one label"
            ),
            "missing": bins < 0,
            "n_labels": float(len(labels)),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many rows have each label."""
        rows = table.column("label").to_pylist()
        totals = Counter(rows)
        counts = {label: totals[label] for label in _read_labels(table)}
        rarest = sorted(counts.items(), key=lambda item: item[1])
        more = f" and {len(rarest) - MAX_LISTED:,} more frequent ones" if len(rarest) > MAX_LISTED else ""
        listed = ", ".join(f"`{label}` {count:,}" for label, count in rarest[:MAX_LISTED])
        remarks = [f"rows by label: {listed}{more}"]
        expected = json.loads(table.schema.metadata[b"expected"])
        if expected is not None and (unexpected := [label for label in counts if label not in expected]):
            listed = ", ".join(f"`{label}`" for label in unexpected[:MAX_LISTED])
            remarks.append(f"rows have labels that were not expected: {listed}")
        if missing := totals[None]:
            remarks.append(f"{missing:,} of {counted(len(rows), 'row')} {'has' if missing == 1 else 'have'} no label")
        return Evidence(remarks=remarks, details={"label_counts": dict(rarest[:MAX_COUNTS])})


def _read_labels(table: pa.Table) -> list[str]:
    return list(json.loads(table.schema.metadata[b"labels"]))


def _rarest_share(counts: Floats) -> Floats:
    rows = counts.sum(axis=-1)
    share: Floats = np.divide(counts.min(axis=-1), rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    return share


def _imbalance_ratio(counts: Floats) -> Floats:
    least = counts.min(axis=-1)
    ratio: Floats = np.divide(counts.max(axis=-1), least, out=np.full(least.shape, np.nan), where=least > 0)
    return ratio


def _normalized_entropy(counts: Floats) -> Floats:
    """Pielou's evenness, -sum p ln p / ln k."""
    rows = counts.sum(axis=-1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    terms = np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1.0)), 0.0)
    entropy: Floats = np.where(rows[..., 0] > 0, -terms.sum(axis=-1) / np.log(counts.shape[-1]), np.nan)
    return entropy
