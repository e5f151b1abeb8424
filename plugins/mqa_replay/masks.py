"""Masks and instances as services write them: lists of objects with run lengths, those of COCO's results too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, masks_column, normalize_mask
from mqa_replay.objects import OBJECT_NAMES, with_objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_replay.columns import LogFormat, PredictionLog

MASKS, INSTANCES = "masks", "instances"
MASK_NAMES = ("segments", "segmentation", *OBJECT_NAMES)


def with_masks(log: PredictionLog, log_format: LogFormat) -> PredictionLog:
    """The log with a column `masks`: its own, else that of another usual name."""
    return _with_runs(log, log_format, MASKS, "a mask", MASK_NAMES)


def with_instances(log: PredictionLog, log_format: LogFormat) -> PredictionLog:
    """The log with a column `instances`: its own, else that of another usual name."""
    return _with_runs(log, log_format, INSTANCES, "an instance", (MASKS, *MASK_NAMES))


def _with_runs(
    log: PredictionLog, log_format: LogFormat, column: str, what: str, names: Sequence[str]
) -> PredictionLog:
    kind = masks_column([]).type
    return with_objects(log, log_format, column, names=names, kind=kind, what=what, read_place=_read_runs)


def _read_runs(mask: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    try:
        return normalize_mask(mask)
    except DataError as error:
        raise DataError(f"row `{name}` has {error.message}", hint=error.hint) from error
