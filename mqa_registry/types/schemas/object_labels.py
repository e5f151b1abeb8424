"""Labels of the objects of a row, such as its boxes and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.types.labels import UnreadableLabel, is_missing, plain_label, read_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.types.targets import TargetColumn

LABEL_KEYS = ("label", "category", "category_id")  # of an object, the first that it has


class LabelReader:
    """Reads the labels of objects of targets, each of which is a class or its position; without `classes` it is any text."""

    def __init__(self, targets: TargetColumn, classes: Sequence[str]) -> None:
        self._targets = targets
        self._classes = classes
        self._labels: dict[Any, str | UnreadableLabel] = {}

    def read(self, row: int, value: Mapping[str, Any]) -> str | None:
        """The label of an object of a row, None where it has none; a DataError where that is no class."""
        label = next((value[key] for key in LABEL_KEYS if not is_missing(value.get(key))), None)
        if label is None:
            return None
        if not self._classes:
            return plain_label(label)
        if label not in self._labels:
            read = read_labels([label], self._classes)
            self._labels[label] = read if isinstance(read, UnreadableLabel) else read[0]
        found = self._labels[label]
        if isinstance(found, UnreadableLabel):
            raise self._targets.refuse(row, found)
        return found
