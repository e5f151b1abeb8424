"""Types: rows that go in, predictions and targets that come out, one schema for every kind of prediction; reading tables."""

from mqa_registry.types.answers import CONTEXT, move_answers, normalize_answer
from mqa_registry.types.blobs import Blob
from mqa_registry.types.boxes import Boxes
from mqa_registry.types.edits import Edit, cuts_span, edit_words, edited, move_spans
from mqa_registry.types.image_objects import ImageObjects
from mqa_registry.types.instances import Instances
from mqa_registry.types.labels import positive_class
from mqa_registry.types.masks import (
    compare_masks,
    count_pixels,
    count_runs,
    decode_mask,
    decode_pair,
    encode_mask,
    encode_masks,
    normalize_mask,
)
from mqa_registry.types.predictions import Predictions, Targets, as_predictions
from mqa_registry.types.rankings import make_rankings, name_members
from mqa_registry.types.rows import Example, Rows, fingerprint, read_examples
from mqa_registry.types.schemas import SCHEMAS, Schema, get_schema, masks_column
from mqa_registry.types.tables.arrow_file import with_class_names
from mqa_registry.types.tables.in_memory import as_table
from mqa_registry.types.tables.read import open_table, read_table
from mqa_registry.types.tables.source import TableSource
from mqa_registry.types.tags import TaggedEntity, TagScheme, place_words
from mqa_registry.types.targets import (
    distinct_labels,
    map_labels,
    name_targets,
    read_target_labels,
    read_targets,
    unknown_labels,
)

__all__ = [
    "CONTEXT",
    "SCHEMAS",
    "Blob",
    "Boxes",
    "Edit",
    "Example",
    "ImageObjects",
    "Instances",
    "Predictions",
    "Rows",
    "Schema",
    "TableSource",
    "TagScheme",
    "TaggedEntity",
    "Targets",
    "as_predictions",
    "as_table",
    "compare_masks",
    "count_pixels",
    "count_runs",
    "cuts_span",
    "decode_mask",
    "decode_pair",
    "distinct_labels",
    "edit_words",
    "edited",
    "encode_mask",
    "encode_masks",
    "fingerprint",
    "get_schema",
    "make_rankings",
    "map_labels",
    "masks_column",
    "move_answers",
    "move_spans",
    "name_members",
    "name_targets",
    "normalize_answer",
    "normalize_mask",
    "open_table",
    "place_words",
    "positive_class",
    "read_examples",
    "read_table",
    "read_target_labels",
    "read_targets",
    "unknown_labels",
    "with_class_names",
]
