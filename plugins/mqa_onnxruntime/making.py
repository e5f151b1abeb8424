"""Filling an order for an export: traced from the module, or made of the float32 export, then audited."""

from __future__ import annotations

import copy
import json
import shutil
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.arrays import read_arrays
from mqa_onnxruntime.audit import Asked, audit
from mqa_onnxruntime.capture import captured
from mqa_onnxruntime.conversion import convert, with_float32_edges
from mqa_onnxruntime.exporting import LOG, MODEL, dynamic_axes, export
from mqa_onnxruntime.isolation import made_apart
from mqa_onnxruntime.lineage import lineage_file
from mqa_onnxruntime.reference import reference_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_onnxruntime.arrays import Arrays
    from mqa_onnxruntime.order import Order
    from mqa_registry import Subject

AUDIT = "audit.json"


def made(subject: Subject, order: Order, limit: float) -> str:
    """Fill an order, within so many seconds; gives the name of the exporter.

    In a process of its own, unless nobody knows how to make the subject there.
    """
    return made_here(subject, order) if subject.origin is None else made_apart(subject.origin, order, limit)


def made_here(subject: Subject, order: Order) -> str:
    """Fill an order in this process: the files of the export, a log, and the audit beside them."""
    rows = read_arrays(order.rows)
    exporter = _traced(subject, rows, order) if order.base is None else _converted(order)
    with (order.folder / LOG).open("ab") as log, captured(log):
        reference = reference_of(subject, order.base, subject.codec.collate(rows))
        asked = Asked(order.opset, order.variant.precision)
        found = audit(order.folder / MODEL, subject, rows, reference, asked)
    (order.folder / AUDIT).write_text(json.dumps(found.spelled()) + "\n", encoding="utf-8")
    return exporter


def _traced(subject: Subject, rows: Sequence[Arrays], order: Order) -> str:
    rows = rows if len(rows) > 1 else [*rows, *rows]  # of one row, an exporter concludes that there is always one
    batch = subject.codec.collate(rows)
    axes = dynamic_axes(rows, batch)
    if order.variant.precision == "float32":
        return export(subject.model.module, batch, axes, order.folder, order.opset)
    exporter = export(_in_bfloat16(subject.model.module), batch, axes, order.folder, order.opset)
    with_float32_edges(order.folder / MODEL)
    return exporter


def _in_bfloat16(module: Any) -> Any:
    import torch

    return copy.deepcopy(module).to(torch.bfloat16)


def _converted(order: Order) -> str:
    assert order.base is not None
    with (order.folder / LOG).open("ab") as log, captured(log):
        convert(order.variant, order.base, order.folder / MODEL, order.batches)
    shutil.copy(lineage_file(order.base), lineage_file(order.folder / MODEL))
    return "onnxruntime"
