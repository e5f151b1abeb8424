"""Types: rows that go in, predictions and targets that come out, one schema for every kind of prediction; reading tables."""

from mqa_registry.types.edits import Edit, edited, moved_spans
from mqa_registry.types.labels import positive_class
from mqa_registry.types.predictions import Predictions, Targets, as_predictions
from mqa_registry.types.rows import Example, Rows, derived_ids, fingerprint
from mqa_registry.types.schemas import SCHEMAS, Schema, schema_named
from mqa_registry.types.tables.class_labels import with_class_names
from mqa_registry.types.tables.read import read_table
from mqa_registry.types.targets import labels_in, mapped_labels, other_labels, targets_of, with_targets_named

__all__ = [
    "SCHEMAS",
    "Edit",
    "Example",
    "Predictions",
    "Rows",
    "Schema",
    "Targets",
    "as_predictions",
    "derived_ids",
    "edited",
    "fingerprint",
    "labels_in",
    "mapped_labels",
    "moved_spans",
    "other_labels",
    "positive_class",
    "read_table",
    "schema_named",
    "targets_of",
    "with_class_names",
    "with_targets_named",
]
