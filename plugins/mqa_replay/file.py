"""Predictions in files: one file for the rows as they are, or a folder with a file for every view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from mqa_registry import DataError, NotRunError, Predictions, as_predictions, read_table
from mqa_replay.log import log_of
from mqa_replay.roles import Form

SchemaName: TypeAlias = Literal[
    "label", "labels", "value", "vector", "text", "spans", "boxes", "mask", "ranking", "waveform"
]

SUFFIXES = (".parquet", ".arrow", ".feather", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
PACKED = tuple(f"{suffix}.gz" for suffix in (".jsonl", ".ndjson", ".json", ".csv", ".tsv"))


def predictions_in(
    view: str,
    *,
    path: Path,
    schema: SchemaName = "label",
    classes: tuple[str, ...] | None = None,
    columns: dict[str, str] | None = None,
    positive: str | None = None,
    scores: Literal["probabilities", "logits"] | None = None,
) -> Predictions:
    """Predictions made elsewhere, in a file or a folder of files.

    They are read from parquet, arrow, jsonl or csv, and joined to the rows by `id`. `path` is one file with predictions
    for the rows as they are, or a folder with one file for every view, each named as `mqa rows SUITE --out DIR` names
    its rows: `reviews.parquet`, `reviews.typos-3f2a9c.parquet`.

    `schema` says what a prediction is, and so which columns a file has beside `id`. For `label` that is `label`, one
    column of probabilities per class, or both; for `labels`, `spans`, `boxes`, `mask` and `ranking` lists under that
    name, which a csv cannot hold; for `vector` lists, or a column of floats per dimension; for `value` and `text` a
    column of that name; for `waveform` `samples` and `rate`.

    `classes` names the columns of probabilities; left out, they are all that hold floats. `columns` says which column of
    the file is `id`, `label`, `probability`, `score` or any other, where it is called otherwise. `positive` is the class
    that a single score of two is the probability of, left out the one that the labels show, else the second of `classes`.
    `scores` are `logits` where they are no probabilities yet.

    Logs of services are read as they are: an `id` by the name `request_id` or the like; labels called `prediction`;
    objects of probabilities by class; `{label, score}` and lists of these, as a transformers pipeline answers. What was
    taken for what stands in the report.
    """
    file = _file_in(path, view) if path.is_dir() else _file_alone(path, view)
    table = read_table(file)
    try:
        log = log_of(table, schema, Form(columns or {}, classes, positive, scores))
        return replace(as_predictions(log.table, schema, log.classes), read=", ".join(log.read))
    except DataError as error:
        raise DataError(f"`{file}`: {error.message}", hint=error.hint) from error


def _file_alone(path: Path, view: str) -> Path:
    """The one file; it answers for the rows as they are, and the name of a disturbed view has a dot."""
    if "." in view:
        raise NotRunError(
            f"`{path}` has predictions for undisturbed rows alone, and view `{view}` is asked for",
            hint="`mqa rows SUITE --out DIR` writes its rows; predict them, and put all predictions into one folder, each"
            " under its view's name",
        )
    return path


def _file_in(folder: Path, view: str) -> Path:
    """The file of one view; names are compared, never composed, so that no name leads out of the folder."""
    found = sorted(entry for entry in folder.iterdir() if _is_of(entry.name, view))
    if len(found) > 1:
        names = " and ".join(f"`{entry.name}`" for entry in found[:2])
        raise DataError(f"`{folder}` has {names} for one view", hint="keep one of them")
    if not found:
        raise NotRunError(
            f"`{folder}` has no predictions for view `{view}`",
            hint=f"`mqa rows SUITE --out DIR` writes its rows; predict them, and save that as `{view}.parquet` here",
        )
    return found[0]


def _is_of(name: str, view: str) -> bool:
    return name.startswith(view) and name[len(view) :].lower() in (*SUFFIXES, *PACKED)
