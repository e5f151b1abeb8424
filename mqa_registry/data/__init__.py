"""The tables that pass between the layers: rows that go in, predictions that come out."""

from mqa_registry.data.edits import Edit, edited, moved_spans
from mqa_registry.data.labels import positive_class
from mqa_registry.data.predictions import Predictions, Targets, as_predictions
from mqa_registry.data.rows import Example, Rows, derived_ids, fingerprint
from mqa_registry.data.schemas import SCHEMAS, Schema, schema_named
from mqa_registry.data.tables.class_labels import with_class_names
from mqa_registry.data.tables.read import read_table
from mqa_registry.data.targets import labels_in, mapped_labels, other_labels, targets_of, with_targets_named

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
