"""The backend `replay/file`: predictions in one file, or in a folder with a file for every view.

A service's log is read as it is: which of its columns are ids, labels and scores follows from their names and values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError, NotRunError, Predictions, Replay, as_predictions, read_table
from mqa_replay.answers import by_row, with_answers
from mqa_replay.boxes import with_boxes
from mqa_replay.columns import (
    CLASS_PREFIX,
    ID,
    LABEL,
    LogFormat,
    PredictionLog,
    columns_hint,
    find_class_columns,
    find_non_probabilities,
    float_columns,
    is_nested,
    parse_json,
    rename_columns,
    schema_columns,
    with_id,
    with_label,
)
from mqa_replay.masks import with_instances, with_masks
from mqa_replay.members import rank_members
from mqa_replay.scores import (
    SCORE,
    scores_of_columns,
    scores_of_lists,
    scores_of_objects,
    scores_of_pairs,
    with_scores,
    with_single_score,
)
from mqa_replay.spans import with_spans

if TYPE_CHECKING:
    from collections.abc import Callable

SchemaName: TypeAlias = Literal[
    "label",
    "labels",
    "value",
    "vector",
    "text",
    "spans",
    "tokens",
    "answer",
    "boxes",
    "masks",
    "instances",
    "ranking",
    "waveform",
]

TEXT_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
SUFFIXES = (".parquet", ".arrow", ".feather", *TEXT_SUFFIXES, *(f"{suffix}.gz" for suffix in TEXT_SUFFIXES))

# Names that services give to the score of one class, and to lists or objects of scores.
SCORE_NAMES = ("score", "confidence", "probability", "prob", "proba", "predicted_probability", "certainty")
NESTED_NAMES = (
    "probability", "probabilities", "probs", "scores", "logits", "output", "outputs", "prediction", "predictions",
    "result",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Where predictions are, and how they are read.

    `path` is one file with predictions for the rows as they are, or a folder with one file for every view, each named as
    `mqa rows SUITE --out DIR` names its rows: `reviews.parquet`, `reviews.typos-3f2a9c.parquet`.

    `schema` says what a prediction is, and so which columns a file has besides `id`. For `label` that is `label`, one
    column of probabilities per class, or both; for `labels`, `spans`, `boxes`, `masks`, `instances` and `ranking` lists under
    that name, which a csv cannot hold, for `spans` also `tags`, one for each of the `tokens` next to them, for `boxes` objects
    with `x0`, `y0`, `x1` and `y1`, with `bbox` as COCO has it, or with `box` as pipelines have it, for `masks` and `instances` objects with
    `size` and `counts` as COCO has them, or with these under `segmentation`, for `tokens` objects with `token`, and where there
    are `margin`, `loss` and `rank`; for `vector` lists, or a column of floats per dimension; for `value` and `text` a column of
    that name; for `answer` that, and where there are `start`, `end`, `score`, `no_answer_score` and `candidates`, or the
    predictions of SQuAD, one object of texts by id; for `waveform` `samples` and `rate`. A `ranking` may also be lists of
    objects, as `{item, score}`, or have a row for each member of a group, with the group's `id`, the name of the `member` and
    its `score`.

    `classes` names the columns of probabilities; left out, they are all that hold floats. `columns` maps roles, `id`,
    `label`, `probability`, `score` and the like, to columns that have other names. `positive` is the class whose
    probability a single score is; left out, it follows from the labels, else it is the second of `classes`. `scores` says
    whether scores are `probabilities` or `logits`.
    """

    path: Path
    schema: SchemaName = "label"
    classes: tuple[str, ...] | None = None
    columns: dict[str, str] | None = None
    positive: str | None = None
    scores: Literal["probabilities", "logits"] | None = None


class FileReplay(Replay[FileOptions]):
    """Predictions made elsewhere, in a file or a folder of files.

    They are read from parquet, arrow, jsonl or csv, and joined to the rows by `id`.

    Logs of services are read as they are: an `id` by the name `request_id` or the like; labels called `prediction`;
    objects of probabilities by class; `{label, score}` and lists of these, as a transformers pipeline gives them. The
    report says how each column was read.
    """

    name = "file"

    def read(self, view: str, options: FileOptions) -> Predictions:
        return _read_predictions(view, options, None)

    def read_to_disk(self, view: str, scratch: Callable[[], Path], options: FileOptions) -> Predictions:
        return _read_predictions(view, options, scratch)


def _read_predictions(view: str, options: FileOptions, scratch: Callable[[], Path] | None) -> Predictions:
    """The predictions in the file of a view; large tables are in files in the folder that `scratch` gives."""
    file = _find_file(options.path, view)
    table = read_table(file, scratch=scratch)
    log_format = LogFormat(options.columns or {}, options.classes, options.positive, options.scores)
    try:
        log = _read_log(table, options.schema, log_format)
        predictions = as_predictions(log.table, options.schema, log.classes, scratch=scratch)
        return replace(predictions, read=", ".join(log.remarks))
    except DataError as error:
        raise DataError(f"`{file}`: {error.message}", hint=error.hint) from error


def _find_file(path: Path, view: str) -> Path:
    """The file of a view: the one in a folder with its name, or the only one there is.

    Names are compared and never composed, so that none leads out of the folder. A single file is for the rows as they
    are; the name of a perturbed view has a dot.
    """
    if not path.is_dir():
        if "." in view:
            raise NotRunError(
                f"`{path}` has predictions only for unperturbed rows, and view `{view}` is asked for",
                hint="`mqa rows SUITE --out DIR` writes its rows; predict them, and put all predictions into one folder,"
                " each under its view's name",
            )
        return path
    files = sorted(
        entry for entry in path.iterdir() if entry.name.startswith(view) and entry.name[len(view) :].lower() in SUFFIXES
    )
    if len(files) > 1:
        names = " and ".join(f"`{file.name}`" for file in files[:2])
        raise DataError(f"`{path}` has {names} for one view", hint="keep one of them")
    if not files:
        raise NotRunError(
            f"`{path}` has no predictions for view `{view}`",
            hint=f"`mqa rows SUITE --out DIR` writes its rows; predict them, and save that as `{view}.parquet` here",
        )
    return files[0]


def _read_log(table: pa.Table, schema: str, log_format: LogFormat) -> PredictionLog:
    """The log with an id and the columns of the schema; a DataError where it may mean several things.

    A column has the role that `log_format` gives it, or its name; else one whose name leaves no other meaning is taken.
    """
    columns = schema_columns(schema)
    table = by_row(table) if schema == "answer" else table
    renamed, renamings = rename_columns(table, log_format.columns, (ID, *columns))
    renamed, id_remarks = with_id(renamed)
    log = PredictionLog(renamed, log_format.classes, (*renamings, *id_remarks))
    if schema == "label":
        log = _read_labels(log, log_format)
    if schema == "ranking":
        log = rank_members(log)
    if schema == "spans":
        log = with_spans(log, log_format)
    if schema == "boxes":
        log = with_boxes(log, log_format)
    if schema == "masks":
        log = with_masks(log, log_format)
    if schema == "instances":
        log = with_instances(log, log_format)
    if schema == "answer":
        log = with_answers(log)
    alternatives = {
        "label": ("probability", *float_columns(log.table), *(log_format.classes or ())),
        "vector": float_columns(log.table),
    }
    if not {columns[0], *alternatives.get(schema, ())} & set(log.table.column_names):
        raise DataError(
            f"there is no column `{columns[0]}`", hint=columns_hint(renamed, f'columns = {{ {columns[0]} = "..." }}')
        )
    return log


def _read_labels(log: PredictionLog, log_format: LogFormat) -> PredictionLog:
    """The log with `label` and `probability` as far as it has them; unchanged where its columns have their own names."""
    nested = next((name for name in NESTED_NAMES if log.has(name) and is_nested(log.table.column(name))), None)
    if nested is not None:
        return _read_nested(log, nested, log_format)
    log = with_label(log, log_format.classes)
    classes = log_format.classes or log.labels()
    if class_columns := find_class_columns(log.table, classes):
        first = next(iter(class_columns))
        scores = scores_of_columns(log.table, list(class_columns), list(class_columns.values()))
        remark = f"probabilities from `{first}` and the like"
        return with_scores(log, scores, log_format, remark, is_logits=first.startswith("logit"))
    floats = float_columns(log.table)
    if len(floats) == 1 and (name := CLASS_PREFIX.sub("", floats[0])) in classes:
        return with_single_score(log, floats[0], replace(log_format, positive=name))
    score = next((name for name in SCORE_NAMES if log.has(name) and name not in classes), None)
    if score is None and not log.has(LABEL) and len(floats) == 1:
        score = floats[0]
    if score is not None:
        return with_single_score(log, score, log_format)
    unread = find_non_probabilities(log.table) if log.has(LABEL) and log_format.classes is None else []
    if not unread:
        return log
    remark = f"{', '.join(f'`{name}`' for name in unread)} not read: no probabilities"
    return log.with_table(log.table.drop_columns(unread), remark)


def _read_nested(log: PredictionLog, name: str, log_format: LogFormat) -> PredictionLog:
    """The log with what a column of lists or objects has: scores by class, or the predictions of a transformers pipeline."""
    column = parse_json(log.table.column(name))
    if pa.types.is_list(column.type) and pa.types.is_list(column.type.value_type):
        column = _unwrap_lists(column, name)
    if _is_pair(column.type):
        return _read_pair(log, name, pc.struct_field(column, LABEL), pc.struct_field(column, SCORE), log_format)
    if pa.types.is_struct(column.type):
        scores = scores_of_objects(column)
    elif pa.types.is_list(column.type) and _is_pair(column.type.value_type):
        scores = scores_of_pairs(column, log_format.classes)
    elif log_format.classes is None:
        raise DataError(
            f"`{name}` does not say which class is which", hint='name them in order: `classes = ["...", "..."]`'
        )
    else:
        scores = scores_of_lists(column, log_format.classes, name)
    if not scores.is_valid.any():  # each row has only its first few classes
        highest = pa.array(np.nanmax(scores.values, axis=1, initial=-np.inf))
        return _read_pair(log, name, scores.argmax(), highest, replace(log_format, classes=scores.classes))
    return with_scores(log, scores, log_format, f"probabilities from `{name}`", is_logits=name == "logits")


def _read_pair(log: PredictionLog, name: str, label: pa.Array, score: pa.Array, log_format: LogFormat) -> PredictionLog:
    """The log with a label and its score a row: whoever writes these two means the score of that label."""
    table = pa.table({ID: log.table.column(ID), LABEL: label, "confidence": score})
    pair_log = PredictionLog(table, log_format.classes, (*log.remarks, f"label and score from `{name}`"))
    return _read_labels(pair_log, replace(log_format, columns={"confidence": name}))


def _is_pair(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) and {LABEL, SCORE} <= {field.name for field in kind})


def _unwrap_lists(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """The lists in lists of one element, as pipelines give them for one text at a time."""
    if not pc.all(pc.equal(pc.list_value_length(column), 1)).as_py() or column.null_count:
        raise DataError(f"`{name}` has lists of several lists, and one prediction a row is needed")
    return pc.list_flatten(column)
