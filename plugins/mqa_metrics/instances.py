"""Metrics of instances: the average precision and recall of COCO, of which two objects overlap by their masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from mqa_metrics.average_precision import average_precision, average_recall, make_statistic
from mqa_metrics.object_matching import MAX_DETECTIONS, Iou, Rule, Size

if TYPE_CHECKING:
    from mqa_registry import Predictions, Statistic, Targets


def instance_map(
    predictions: Predictions,
    targets: Targets,
    *,
    iou: Iou | None = None,
    size: Size = "all",
    label: str | None = None,
) -> Statistic:
    """The mean average precision of COCO, by the overlap of masks: how well those of objects are ranked before those of none.

    From 0 to 1: the precision at 101 recalls, averaged over these, labels, and IoUs from 0.5 to 0.95. `iou` is the only one
    from which on a mask is of an object, as 0.5 for AP50. `size` is that of the objects that count: `small` under 32 x 32
    pixels, `medium` up to 96 x 96, `large`; it is their `area` where they have one, else that of their mask. `label` leaves
    out all others. Labels without objects do not count.
    """
    return make_statistic(average_precision, predictions, targets, Rule.of(iou, size), label)


def instance_recall(
    predictions: Predictions,
    targets: Targets,
    *,
    max_detections: Annotated[int, Ge(1)] = MAX_DETECTIONS,
    iou: Iou | None = None,
    size: Size = "all",
    label: str | None = None,
) -> Statistic:
    """The average recall of COCO, by the overlap of masks: the share of objects that are found.

    From 0 to 1, averaged over labels, and over IoUs from 0.5 to 0.95. `max_detections` of an image and label count, those of
    the highest scores: 1, 10 and 100 are COCO's AR1, AR10 and AR100. `iou`, `size` and `label` are as for
    `metrics/instance-map`.
    """
    return make_statistic(average_recall, predictions, targets, Rule.of(iou, size, max_detections), label)
