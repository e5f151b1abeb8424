"""The probe `robustness/adversarial`: rows that a small edit makes the model answer otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
from annotated_types import Ge, Gt, Le, MinLen

from mqa_robustness.attack.attempts import SCHEMA, Rules, attempts, record
from mqa_robustness.attack.offers import EditName  # noqa: TC001 - a type of options, which the host reads at run time
from mqa_robustness.attack.search import Limits

if TYPE_CHECKING:
    from mqa_registry import Scene


def adversarial(
    scene: Scene,
    *,
    rows: Annotated[int, Ge(1)] = 50,
    budget: Annotated[int, Ge(4)] = 200,
    max_share: Annotated[float, Gt(0), Le(1)] = 0.2,
    edits: Annotated[list[EditName], MinLen(1)] | None = None,
    fields: Annotated[list[str], MinLen(1)] | None = None,
    tries: Annotated[int, Ge(1)] = 2,
) -> pa.Table:
    """The share of rows answered right that a small edit makes the model answer otherwise.

    Where the data have no right answers, every answer counts as one. An answer that the edit turns into none, NaN or
    Inf, is another too. The attack sees answers and probabilities alone, whatever runs the model: it leaves out each
    word to see how much the answer rests on it, then goes through the words in that order and keeps of each the edit
    that lowers the probability most, until the answer is another. What is not needed for that is then undone, so that
    undoing any edit that is left brings the answer back. A row that holds was not brought down by this search; another
    may find what it did not.

    `rows` are drawn from the view by the suite's seed. `budget` is the number of queries a row, the first of the row
    itself; making an edit small takes some more, which are counted apart. `max_share` is the share of a row's words
    that may be edited, at least one. `edits` are all but `ocr`, `zero-width`, `abbreviations` and `slang`, if left out:
    slips and look-alikes of letters, and words that may stand for words. `fields` are the texts that are edited, all of
    them if left out. `tries` is the number of edits of each kind that are tried on a word, of those that draw on chance.

    `queries` is the mean a row, `edits` the mean number of characters (Levenshtein) and `changed_words` that of words of
    an edit that succeeded, `robust_accuracy` the share of rows answered right that stay so, of those that were not
    declined.
    """
    rules = Rules(rows, Limits(budget, max_share), edits, fields, tries)
    return pa.Table.from_pylist([record(attempt) for attempt in attempts(scene, scene.view, rules)], SCHEMA)
