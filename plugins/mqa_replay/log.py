"""A service's log as predictions: which of its columns are ids, labels and probabilities, in the forms that logs have."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError
from mqa_replay.scores import Scores, of_columns, of_lists, of_objects, of_pairs, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

ID = re.compile(r"(^|[^a-z])(id|uuid|guid)$|[a-z](Id|ID)$")  # request_id, exampleId, uuid
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
LABEL = "label"
ROLES = {
    "label": (LABEL, "probability", "score", "confidence", "logits"),
    "labels": ("labels", "probability"),
    "ranking": ("ranking", "scores"),
    "waveform": ("samples", "rate"),
}  # the columns of a schema beside `id`, where they are not the one of its name
SLACK = 1e-6  # how far a score may be off through rounding


@dataclass(frozen=True)
class Form:
    """What a suite says of a log: `columns` by the role they have, and how its scores are meant."""

    columns: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    positive: str | None = None
    scores: Literal["probabilities", "logits"] | None = None


@dataclass(frozen=True)
class Log:
    """A table with the columns of a schema, the classes of its probabilities, and what was read otherwise than named."""

    table: pa.Table
    classes: tuple[str, ...] | None
    read: tuple[str, ...] = ()


def log_of(table: pa.Table, schema: str, form: Form) -> Log:
    """The log's table with `id` and the columns of the schema; a DataError where it may mean several things.

    A column has the role that `form` gives it, or its name; else one whose name leaves no other meaning is taken.
    """
    table, read = _renamed(table, form.columns, ("id", *ROLES.get(schema, (schema,))))
    table, identified = _identified(table)
    log = Log(table, form.classes, (*read, *identified))
    if schema == "label":
        log = _labelled(log, form)
    main = ROLES.get(schema, (schema,))[0]
    made_of = {"label": ("probability", *_floats(log.table), *(form.classes or ())), "vector": _floats(log.table)}
    if not {main, *made_of.get(schema, ())} & set(log.table.column_names):
        raise DataError(f"there is no column `{main}`", hint=_hint(table, f'columns = {{ {main} = "..." }}'))
    return log


def _renamed(table: pa.Table, columns: Mapping[str, str], roles: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """The table with mapped columns under their roles, and what was mapped."""
    taken = {}
    for role, name in columns.items():
        if role not in roles:
            raise DataError(f"`columns` has no role `{role}`", hint=f"it has {', '.join(f'`{one}`' for one in roles)}")
        if name not in table.column_names:
            raise _missing(table, name)
        taken[role] = table.column(name)
    rest = {
        name: table.column(name) for name in table.column_names if name not in taken and name not in columns.values()
    }
    return pa.table(taken | rest), [f"{role} from `{name}`" for role, name in columns.items() if role != name]


def _identified(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with a column `id`: its own, else the one that is called like an id and tells all rows apart."""
    read = []
    if "id" not in table.column_names:
        names = [name for name in table.column_names if ID.search(name)]
        if len(names) != 1:
            several = f"; {' and '.join(f'`{name}`' for name in names[:3])} may each be it" if names else ""
            raise DataError(
                f"there is no column `id`{several}",
                hint=_hint(table, f'columns = {{ id = "{names[0] if names else "..."}" }}'),
            )
        table = table.append_column("id", table.column(names[0]))
        read = [f"id from `{names[0]}`"]
    ids = table.column("id")
    if pa.types.is_floating(ids.type):
        table = table.set_column(table.column_names.index("id"), "id", _whole(ids))
    return table, read


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as pandas writes whole ones that have a gap among them, as whole ones; others as they are."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


# Labels and their probabilities


def _labelled(log: Log, form: Form) -> Log:
    """The log with `label` and `probability` as far as it has them; as it is where their columns have their own names."""
    name = next((one for one in NESTED if one in log.table.column_names and _is_nested(log.table.column(one))), None)
    if name is not None:
        return _of_nested(log, name, form)
    log = _with_label(log, form.classes)
    known = form.classes or _labels(log.table)
    named = _class_columns(log.table, known)
    if named:
        return _of_class_columns(log, named, form)
    floats = _floats(log.table)
    if len(floats) == 1 and (of := AFFIX.sub("", floats[0])) in known:
        return _of_score(log, floats[0], replace(form, positive=of))
    score = next((one for one in SCORES if one in log.table.column_names and one not in known), None)
    if score is None and LABEL not in log.table.column_names and len(floats) == 1:
        score = floats[0]
    if score is not None:
        return _of_score(log, score, form)
    odd = _no_probabilities(log.table, floats) if LABEL in log.table.column_names and form.classes is None else []
    said = f"{', '.join(f'`{one}`' for one in odd)} not read: no probabilities"
    return _said(log, log.table.drop_columns(odd), said) if odd else log


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
    return _of_scores(log, scores, form, f"probabilities from `{name}`", logits=name == "logits")


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
            hint = _hint(table, f'columns = {{ label = "{names[0]}" }}')
            raise DataError(f"{' and '.join(f'`{name}`' for name in names[:3])} may each be the label", hint=hint)
        if not names:
            return log
        table = table.rename_columns([LABEL if name == names[0] else name for name in table.column_names])
        read = f"label from `{names[0]}`"
    label = table.column(LABEL)
    if pa.types.is_floating(label.type):
        label = _whole(label)
    if pa.types.is_integer(label.type) and classes and not set(_texts(label)) <= set(classes):
        inside = pc.and_(pc.greater_equal(label, 0), pc.less(label, len(classes)))
        if pc.all(inside).as_py():
            label, read = pa.array(classes, pa.string()).take(label), read or "label by its position among the classes"
    table = _put(table, label=label)
    return _said(log, table, read) if read else Log(table, log.classes, log.read)


def _labels(table: pa.Table) -> tuple[str, ...]:
    """The labels that occur, in order; none where they are no words or whole numbers."""
    return tuple(sorted(_texts(table.column(LABEL)))) if LABEL in table.column_names else ()


def _texts(column: pa.ChunkedArray) -> list[str]:
    if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
        return []
    return [value for value in pc.unique(column.cast(pa.string())).to_pylist() if value is not None]


def _floats(table: pa.Table) -> list[str]:
    return [
        field.name for field in table.schema if pa.types.is_floating(field.type) and field.name not in ("id", LABEL)
    ]


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
    floats = _floats(table)
    if classes or len(floats) < 2 or not all(map(AFFIX.match, floats)):
        return {}
    return {name: AFFIX.sub("", name) for name in floats}


def _of_class_columns(log: Log, named: Mapping[str, str], form: Form) -> Log:
    scores = of_columns(log.table, list(named), list(named.values()))
    first = next(iter(named))
    return _of_scores(log, scores, form, f"probabilities from `{first}` and the like", logits=first.startswith("logit"))


def _of_scores(log: Log, scores: Scores, form: Form, said: str, *, logits: bool) -> Log:
    if form.scores == "logits" or (form.scores is None and logits):
        scores, said = scores.softmax(), said.replace("probabilities from", "softmax of")
    kept = {name: log.table.column(name) for name in ("id", LABEL) if name in log.table.column_names}
    table = pa.table(kept | {"probability": scores.column()})
    if LABEL not in kept and not scores.given.all():
        table = _put(table, label=scores.best())
    return Log(table, scores.classes, (*log.read, said))


# One score a row


def _of_score(log: Log, name: str, form: Form) -> Log:
    """The log with probabilities of two classes, of one score a row: of one class in all rows, or of each row's label."""
    classes = form.classes or _labels(log.table)
    labelled = LABEL in log.table.column_names
    if len(classes) != 2:
        if not labelled:
            hint = 'name both, the one that it is the score of second: `classes = ["...", "..."]`'
            raise DataError(f"`{name}` is a score of one of two classes, and nothing says which they are", hint=hint)
        why = "they name one class, and `classes` no other" if len(classes) < 2 else "it is of one class of several"
        return _without(log, f"labels alone, `{name}` is not read: {why}")
    score = np.asarray(pc.fill_null(log.table.column(name).cast(pa.float64()), np.nan).to_numpy(), np.float64)
    if form.scores == "logits":
        score = 1 / (1 + np.exp(-score))
    outside = np.isfinite(score) & ((score < -SLACK) | (score > 1 + SLACK))
    if outside.any():
        if labelled and not (form.positive or {"score", "confidence"} & form.columns.keys()):
            return _without(log, f"labels alone, `{name}` is not read: it is no probability")
        hint = 'logits are read with `scores = "logits"`'
        raise DataError(f"`{name}` has {score[outside.argmax()]:.6g}, and a probability lies in [0, 1]", hint=hint)
    codes = pc.index_in(log.table.column(LABEL).cast(pa.string()), pa.array(classes)) if labelled else None
    own = None if codes is None else np.asarray(pc.fill_null(codes, -1).to_numpy(), np.int64)
    meant = _meaning(name, score, own, classes, form)
    if meant is None:
        assert own is not None  # only a label can be what a score is of
        first = np.where(own == 0, score, 1 - score)
        said = f"`{name}` as the probability of the row's label"
    else:
        first = score if meant == 0 else 1 - score
        said = f"`{name}` as the probability of `{classes[meant]}`"
    given = np.asarray(log.table.column(name).is_valid().to_numpy(), bool) & (own is None or own >= 0)
    scores = Scores(tuple(classes), np.column_stack([first, 1 - first]), np.broadcast_to(given, score.shape))
    return _of_scores(log, scores, Form(), said, logits=False)


def _meaning(name: str, score: Floats, own: Ints | None, classes: Sequence[str], form: Form) -> int | None:
    """Which class a score is the probability of, by its position; None where it is of each row's own label."""
    if form.positive is not None:
        if form.positive not in classes:
            raise DataError(
                f"there is no class `{form.positive}`", hint=f"the classes are `{classes[0]}` and `{classes[1]}`"
            )
        return list(classes).index(form.positive)
    if own is None:
        return 1  # as everywhere: the second of two is the positive one
    if name == "confidence" and "confidence" in form.columns:
        return None
    known = np.isfinite(score) & (own >= 0)
    low = [score[known & (own == code)].min(initial=np.inf) for code in (0, 1)]
    high = [score[known & (own == code)].max(initial=-np.inf) for code in (0, 1)]
    fitting = [code for code in (0, 1) if low[code] >= high[1 - code] - SLACK]
    fitting += [None] if min(low) >= 0.5 - SLACK else []  # type: ignore[list-item]
    if None in fitting and name == "confidence":
        return None
    if len(fitting) == 1:
        return fitting[0]
    why = "neither of one class nor of each row's label" if not fitting else "of one class or of each row's label"
    hint = (
        f'say which: `positive = "{classes[1]}"`, or `columns = {{ confidence = "{name}" }}` where it is of the label'
    )
    raise DataError(f"`{name}` may be the probability {why}, by the labels beside it", hint=hint)


def _without(log: Log, said: str) -> Log:
    """The labels alone, since other columns of numbers would be taken for classes."""
    kept = {one: log.table.column(one) for one in ("id", LABEL)}
    return Log(pa.table(kept), log.classes, (*log.read, said))


def _put(table: pa.Table, **columns: pa.ChunkedArray | pa.Array) -> pa.Table:
    """The table with these columns, in place of those of their names."""
    rest = {name: table.column(name) for name in table.column_names}
    return pa.table(rest | columns)


def _said(log: Log, table: pa.Table, words: str) -> Log:
    return Log(table, log.classes, (*log.read, words))


def _hint(table: pa.Table, write: str) -> str:
    there = ", ".join(f"`{name}`" for name in table.column_names[:20])
    return f"it has {there}; write `{write}`"


def _missing(table: pa.Table, name: str) -> DataError:
    close = difflib.get_close_matches(name, table.column_names, n=1)
    there = ", ".join(f"`{one}`" for one in table.column_names[:20])
    guess = f"did you mean `{close[0]}`? " if close else ""
    return DataError(f"there is no column `{name}`", hint=f"{guess}there are {there}")
