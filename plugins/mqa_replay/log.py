"""A service's log as predictions: which of its columns are ids, labels and probabilities, in the forms that logs have."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError
from mqa_replay.roles import (
    LABEL,
    ROLES,
    Form,
    Log,
    distinct_texts,
    float_columns,
    identified,
    labels_in,
    put,
    renamed,
    said_of,
    whole,
    with_scores,
    write_hint,
)
from mqa_replay.scores import of_columns, of_lists, of_objects, of_pairs, parsed
from mqa_replay.single import SLACK, with_one_score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LABELS = (
    "prediction",
    "predicted",
    "predicted_label",
    "predicted_class",
    "pred",
    "y_pred",
    "pred_label",
    "class",
    "answer",
)
SCORES = ("score", "confidence", "probability", "prob", "proba", "predicted_probability", "certainty")
NESTED = (
    "probability",
    "probabilities",
    "probs",
    "scores",
    "logits",
    "output",
    "outputs",
    "prediction",
    "predictions",
    "result",
)
AFFIX = re.compile(r"^(probability|probabilities|proba|prob|p|score|scores|logit|logits)[_.:-]")


def log_of(table: pa.Table, schema: str, form: Form) -> Log:
    """The log's table with `id` and the columns of the schema; a DataError where it may mean several things.

    A column has the role that `form` gives it, or its name; else one whose name leaves no other meaning is taken.
    """
    table, read = renamed(table, form.columns, ("id", *ROLES.get(schema, (schema,))))
    table, found = identified(table)
    log = Log(table, form.classes, (*read, *found))
    if schema == "label":
        log = _labelled(log, form)
    main = ROLES.get(schema, (schema,))[0]
    made_of = {
        "label": ("probability", *float_columns(log.table), *(form.classes or ())),
        "vector": float_columns(log.table),
    }
    if not {main, *made_of.get(schema, ())} & set(log.table.column_names):
        raise DataError(f"there is no column `{main}`", hint=write_hint(table, f'columns = {{ {main} = "..." }}'))
    return log


def _labelled(log: Log, form: Form) -> Log:
    """The log with `label` and `probability` as far as it has them; as it is where their columns have their own names."""
    name = next((one for one in NESTED if one in log.table.column_names and _is_nested(log.table.column(one))), None)
    if name is not None:
        return _of_nested(log, name, form)
    log = _with_label(log, form.classes)
    known = form.classes or labels_in(log.table)
    named = _class_columns(log.table, known)
    if named:
        return _of_class_columns(log, named, form)
    floats = float_columns(log.table)
    if len(floats) == 1 and (of := AFFIX.sub("", floats[0])) in known:
        return with_one_score(log, floats[0], replace(form, positive=of))
    score = next((one for one in SCORES if one in log.table.column_names and one not in known), None)
    if score is None and LABEL not in log.table.column_names and len(floats) == 1:
        score = floats[0]
    if score is not None:
        return with_one_score(log, score, form)
    odd = _no_probabilities(log.table, floats) if LABEL in log.table.column_names and form.classes is None else []
    said = f"{', '.join(f'`{one}`' for one in odd)} not read: no probabilities"
    return said_of(log, log.table.drop_columns(odd), said) if odd else log


def _no_probabilities(table: pa.Table, floats: Sequence[str]) -> list[str]:
    """The columns of numbers beside a label that are no probabilities of classes: a single one, or of other numbers."""
    if len(floats) == 1:
        return list(floats)
    ends = {name: pc.min_max(table.column(name)) for name in floats}
    return [
        name
        for name, end in ends.items()
        if (end["min"].as_py() or 0) < -SLACK or (end["max"].as_py() or 0) > 1 + SLACK
    ]


def _is_nested(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_nested(parsed(column.slice(0, 100)).type))


def _of_nested(log: Log, name: str, form: Form) -> Log:
    """Of a column of lists or objects: probabilities by class, or what a transformers pipeline answers."""
    column = parsed(log.table.column(name))
    if pa.types.is_list(column.type) and pa.types.is_list(column.type.value_type):
        column = _one_each(column, name)
    if _is_pair(column.type):
        return _of_pair(log, name, pc.struct_field(column, LABEL), pc.struct_field(column, "score"), form)
    if pa.types.is_struct(column.type):
        scores = of_objects(column, name)
    elif pa.types.is_list(column.type) and _is_pair(column.type.value_type):
        scores = of_pairs(column, form.classes)
    elif form.classes is None:
        raise DataError(
            f"`{name}` does not say which class is which", hint='name them in order: `classes = ["...", "..."]`'
        )
    else:
        scores = of_lists(column, form.classes, name)
    if not scores.given.any():  # the first few classes of each row alone
        score = pa.array(np.nanmax(scores.matrix, axis=1, initial=-np.inf))
        return _of_pair(log, name, scores.best(), score, replace(form, classes=scores.classes))
    return with_scores(log, scores, form, f"probabilities from `{name}`", logits=name == "logits")


def _of_pair(log: Log, name: str, label: pa.Array, score: pa.Array, form: Form) -> Log:
    """Of an object with a label and its score: that is the label's own, in all that write it so."""
    table = pa.table({"id": log.table.column("id"), LABEL: label, "confidence": score})
    log = Log(table, form.classes, (*log.read, f"label and score from `{name}`"))
    return _labelled(log, replace(form, columns={"confidence": name}))


def _is_pair(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) and {"label", "score"} <= {field.name for field in kind})


def _one_each(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """What a list of one list a row has in it, as pipelines answer that were asked one text at a time."""
    if not pc.all(pc.equal(pc.list_value_length(column), 1)).as_py() or column.null_count:
        raise DataError(f"`{name}` has lists of several lists, and one answer a row is needed")
    return pc.list_flatten(column)


def _with_label(log: Log, classes: Sequence[str] | None) -> Log:
    """The log with a column `label`: its own, else the one that is called like a prediction."""
    table, read = log.table, ""
    if LABEL not in table.column_names:
        names = [name for name in table.column_names if name.lower() in LABELS and not _is_nested(table.column(name))]
        if len(names) > 1:
            hint = write_hint(table, f'columns = {{ label = "{names[0]}" }}')
            raise DataError(f"{' and '.join(f'`{name}`' for name in names[:3])} may each be the label", hint=hint)
        if not names:
            return log
        table = table.rename_columns([LABEL if name == names[0] else name for name in table.column_names])
        read = f"label from `{names[0]}`"
    label = table.column(LABEL)
    if pa.types.is_floating(label.type):
        label = whole(label)
    if pa.types.is_integer(label.type) and classes and not set(distinct_texts(label)) <= set(classes):
        inside = pc.and_(pc.greater_equal(label, 0), pc.less(label, len(classes)))
        if pc.all(inside).as_py():
            label, read = pa.array(classes, pa.string()).take(label), read or "label by its position among the classes"
    table = put(table, label=label)
    return said_of(log, table, read) if read else Log(table, log.classes, log.read)


def _class_columns(table: pa.Table, classes: Sequence[str]) -> dict[str, str]:
    """The class of each column of scores, by the column: called like the class, or so but for what all begin or end with.

    Without classes, several columns that all begin with a word such as `prob_` name them behind it.
    """
    names = [name for name in table.column_names if name not in ("id", LABEL)]
    if any(name in names for name in classes):
        return {}  # by their own names, which is how a table of predictions has them
    for one in names if classes else ():
        if (at := one.find(classes[0])) < 0:
            continue
        before, after = one[:at], one[at + len(classes[0]) :]
        if all(f"{before}{name}{after}" in names for name in classes):
            return {f"{before}{name}{after}": name for name in classes}
    floats = float_columns(table)
    if classes or len(floats) < 2 or not all(map(AFFIX.match, floats)):
        return {}
    return {name: AFFIX.sub("", name) for name in floats}


def _of_class_columns(log: Log, named: Mapping[str, str], form: Form) -> Log:
    scores = of_columns(log.table, list(named), list(named.values()))
    first = next(iter(named))
    return with_scores(
        log, scores, form, f"probabilities from `{first}` and the like", logits=first.startswith("logit")
    )
