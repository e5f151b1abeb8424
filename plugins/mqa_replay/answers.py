"""Answers as services write them: those of a transformers pipeline, and the predictions that SQuAD is evaluated by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_replay.columns import ID

if TYPE_CHECKING:
    from mqa_replay.columns import PredictionLog

ANSWER, NO_ANSWER_SCORE = "answer", "no_answer_score"
ANSWER_NAMES = ("prediction_text", "prediction", "predicted_answer", "predicted", "text", "output")
NO_ANSWER_NAMES = ("no_answer_probability", "null_score", "na_prob")


def by_row(table: pa.Table) -> pa.Table:
    """The predictions of SQuAD, one object of texts by id, as a row for each; any other table as it is."""
    is_one_object = table.num_rows == 1 and not {ID, ANSWER, *ANSWER_NAMES} & set(table.column_names)
    if not is_one_object or not all(pa.types.is_string(field.type) for field in table.schema):
        return table
    (texts,) = table.to_pylist()
    return pa.table({ID: list(texts), ANSWER: pa.array(texts.values(), pa.string())})


def with_answers(log: PredictionLog) -> PredictionLog:
    """The log with its answers and the scores of no answer under their own names, where they have other usual ones."""
    for role, usual in ((ANSWER, ANSWER_NAMES), (NO_ANSWER_SCORE, NO_ANSWER_NAMES)):
        source = next((name for name in usual if log.has(name)), None)
        if source is not None and not log.has(role):
            names = [role if name == source else name for name in log.table.column_names]
            log = log.with_table(log.table.rename_columns(names), f"{role} from `{source}`")
    return log
