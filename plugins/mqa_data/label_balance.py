"""The probe `data/label-balance`: how often each label occurs."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import MinLen

from mqa_data.text_columns import read_labels
from mqa_registry import NotRunError, Statistic, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Floats: TypeAlias = npt.NDArray[np.float64]

SHARE, UNBOUNDED = (0.0, 1.0), (0.0, math.inf)
RANGES = {
    "value": SHARE,
    "imbalance": (1.0, math.inf),
    "entropy": SHARE,
    "missing": SHARE,
    "labels": UNBOUNDED,
}
MAX_LISTED = 5  # labels in a remark
MAX_COUNTS = 1000  # labels in the evidence


def label_balance(
    context: ProbeContext, *, column: str = "target", labels: Annotated[list[str], MinLen(1)] | None = None
) -> pa.Table:
    """The share of rows that have the rarest label.

    `column` is the one with the labels. `labels` are all that there are to be: one that no row has is then the rarest,
    with a share of 0. Left out, they are those that rows have.

    `value` is the share of the rarest label, from 0 to 1. `imbalance` is how many times as many rows the most frequent
    has, from 1 on, undefined where the rarest has none. `entropy` is Shannon's, by the logarithm of the number of
    labels: 1 where all are equally frequent, 0 where all rows have one label, undefined for a single label. `missing`
    is the share of rows without a label, which the other numbers ignore. `labels` is the number of labels.
    """
    found = read_labels(context.view, column)
    present = sorted({label for label in found if label is not None})
    if not present:
        raise NotRunError(f"no row has a label in `{column}`", hint="name the column with the labels: `column`")
    every = list(dict.fromkeys([*(labels or ()), *present]))
    observations = pa.table({"id": context.view.rows.ids.cast(pa.string()), "label": pa.array(found, pa.string())})
    return observations.replace_schema_metadata({"labels": json.dumps(every), "expected": json.dumps(labels)})


def compute_numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/label-balance`; all but the last have intervals."""
    labels, found = _read_labels(observations), observations.column("label").to_pylist()
    codes = {label: code for code, label in enumerate(labels)}
    cells = np.array([codes.get(label, -1) for label in found], dtype=np.int64)

    def make_statistic(compute: Callable[[Floats], Floats], undefined: str = "") -> Statistic:
        return Statistic(compute, cells=cells, size=len(labels), undefined=undefined)

    present = set(found)
    absent = next((label for label in labels if label not in present), None)
    return {
        "value": make_statistic(_rarest_share),
        "imbalance": make_statistic(_imbalance_ratio, f"no row has the label `{absent}`" if absent is not None else ""),
        "entropy": make_statistic(_evenness, "" if len(labels) > 1 else "there is one label alone"),
        "missing": cells < 0,
        "labels": float(len(labels)),
    }


def collect_evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows have each label."""
    found = observations.column("label").to_pylist()
    counts = {label: found.count(label) for label in _read_labels(observations)}
    rarest = sorted(counts.items(), key=lambda item: item[1])
    more = f" and {len(rarest) - MAX_LISTED:,} more frequent ones" if len(rarest) > MAX_LISTED else ""
    listed = ", ".join(f"`{label}` {count:,}" for label, count in rarest[:MAX_LISTED])
    remarks = [f"rows by label: {listed}{more}"]
    expected = json.loads(observations.schema.metadata[b"expected"])
    if expected is not None and (unexpected := [label for label in counts if label not in expected]):
        listed = ", ".join(f"`{label}`" for label in unexpected[:MAX_LISTED])
        remarks.append(f"rows have labels that were not expected: {listed}")
    if missing := found.count(None):
        remarks.append(f"{missing:,} of {counted(len(found), 'row')} {'has' if missing == 1 else 'have'} no label")
    return {"remarks": remarks, "counts": dict(rarest[:MAX_COUNTS])}


def _read_labels(observations: pa.Table) -> list[str]:
    return list(json.loads(observations.schema.metadata[b"labels"]))


def _rarest_share(counts: Floats) -> Floats:
    rows = counts.sum(axis=-1)
    share: Floats = np.divide(counts.min(axis=-1), rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    return share


def _imbalance_ratio(counts: Floats) -> Floats:
    least = counts.min(axis=-1)
    ratio: Floats = np.divide(counts.max(axis=-1), least, out=np.full(least.shape, np.nan), where=least > 0)
    return ratio


def _evenness(counts: Floats) -> Floats:
    """Pielou's evenness: -sum p ln p / ln k."""
    rows = counts.sum(axis=-1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    terms = np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1.0)), 0.0)
    evenness: Floats = np.where(rows[..., 0] > 0, -terms.sum(axis=-1) / np.log(counts.shape[-1]), np.nan)
    return evenness
