"""The probe `data/label-balance`: how often each label occurs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import MinLen

from mqa_data.said import labels_of
from mqa_registry import NotRunError, Statistic, counted

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Scene

    Floats: TypeAlias = npt.NDArray[np.float64]

GIVES = ("value", "imbalance", "entropy", "missing", "labels")
MOST = 5  # labels that are told


def label_balance(
    scene: Scene, *, column: str = "target", labels: Annotated[list[str], MinLen(1)] | None = None
) -> pa.Table:
    """The share of rows that have the rarest label.

    `column` is the one with the labels. `labels` are all that there are to be: one that no row has is then the rarest,
    with a share of 0. Left out, they are those that rows have.

    `value` is the share of the rarest label, from 0 to 1. `imbalance` is how many times as many rows the most frequent
    has, from 1 on, undefined where the rarest has none. `entropy` is Shannon's, by the logarithm of the number of
    labels: 1 where all are equally frequent, 0 where all rows have one label, undefined for a single label. `missing`
    is the share of rows without a label, which have no say in the others. `labels` is the number of labels.
    """
    found = labels_of(scene.view, column)
    there = [*dict.fromkeys(labels or ()), *sorted({label for label in found if label is not None} - set(labels or ()))]
    if not any(label is not None for label in found):
        raise NotRunError(f"no row has a label in `{column}`", hint="name the column with the labels: `column`")
    kept = pa.table({"id": scene.view.rows.ids.cast(pa.string()), "label": pa.array(found, pa.string())})
    return kept.replace_schema_metadata({"labels": json.dumps(there), "expected": json.dumps(labels)})


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/label-balance`; all but the last have intervals."""
    labels = _labels(observations)
    places = {label: place for place, label in enumerate(labels)}
    cells = np.array([places.get(label, -1) for label in observations.column("label").to_pylist()], dtype=np.int64)

    def statistic(of: Any, undefined: str = "") -> Statistic:
        return Statistic(of, cells=cells, size=len(labels), undefined=undefined)

    never = next((label for label in labels if label not in set(observations.column("label").to_pylist())), None)
    return {
        "value": statistic(_rarest),
        "imbalance": statistic(_imbalance, f"no row has the label `{never}`" if never is not None else ""),
        "entropy": statistic(_entropy, "" if len(labels) > 1 else "there is one label alone"),
        "missing": cells < 0,
        "labels": float(len(labels)),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows have each label."""
    found = observations.column("label").to_pylist()
    counts = {label: found.count(label) for label in _labels(observations)}
    rarest = sorted(counts.items(), key=lambda item: item[1])
    more = f" and {len(rarest) - MOST:,} more frequent ones" if len(rarest) > MOST else ""
    remarks = ["rows by label: " + ", ".join(f"`{label}` {count:,}" for label, count in rarest[:MOST]) + more]
    expected = json.loads(observations.schema.metadata[b"expected"])
    if expected is not None and (strangers := [label for label in counts if label not in expected]):
        remarks.append(
            f"rows have labels that were not expected: {', '.join(f'`{label}`' for label in strangers[:MOST])}"
        )
    if missing := found.count(None):
        remarks.append(f"{missing:,} of {counted(len(found), 'row')} {'has' if missing == 1 else 'have'} no label")
    return {"remarks": remarks, "counts": dict(rarest[:1000])}


def _labels(observations: pa.Table) -> list[str]:
    return list(json.loads(observations.schema.metadata[b"labels"]))


def _rarest(counts: Floats) -> Floats:
    rows = counts.sum(axis=-1)
    found: Floats = np.divide(counts.min(axis=-1), rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    return found


def _imbalance(counts: Floats) -> Floats:
    least = counts.min(axis=-1)
    found: Floats = np.divide(counts.max(axis=-1), least, out=np.full(least.shape, np.nan), where=least > 0)
    return found


def _entropy(counts: Floats) -> Floats:
    """Pielou's evenness: -sum p ln p / ln k."""
    rows = counts.sum(axis=-1, keepdims=True)
    shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
    bits = np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1.0)), 0.0)
    found: Floats = np.where(rows[..., 0] > 0, -bits.sum(axis=-1) / np.log(counts.shape[-1]), np.nan)
    return found
