"""One score a row: the probability of one of two classes in every row, or of each row's own label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError
from mqa_replay.roles import LABEL, Form, Log, labels_in, with_scores
from mqa_replay.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

SLACK = 1e-6  # how far a score may be off through rounding


def with_one_score(log: Log, name: str, form: Form) -> Log:
    """The log with probabilities of two classes, of one score a row: of one class in all rows, or of each row's label."""
    classes = form.classes or labels_in(log.table)
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
    return with_scores(log, scores, Form(), said, logits=False)


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
