"""The attack on a sample of a view's rows, and its outcome for each of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Le, MinLen

from mqa_registry import DataError, NotRunError
from mqa_robustness.adversarial_attack.candidates import DEFAULT_EDITS, EditName, apply_edits, find_candidates
from mqa_robustness.adversarial_attack.search import SearchLimits, search, search_in_batches
from mqa_robustness.adversarial_attack.victim import make_victim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import Example, ProbeContext, ViewContext
    from mqa_robustness.adversarial_attack.search import Search, SearchResult

MAX_CHARACTERS = 10_000  # of a row's texts; no model of text reads as far
NO_CANDIDATES = "the edits fit no word"


class Outcome(StrEnum):
    """How the attack on a row ended, as observations keep it."""

    SUCCESS = "fell"
    FAILED = "held"
    SKIPPED_WRONG = "wrong"  # the prediction for the row itself is not its target
    SKIPPED_NO_PREDICTION = "unanswered"  # there is no prediction for the row itself
    DECLINED = "declined"  # no edit fits the row


ATTACKED = (Outcome.SUCCESS, Outcome.FAILED)


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """How many rows are attacked, how far each attack goes, and with which edits.

    `rows` is the number of rows, drawn from the view by the suite's seed. `budget` is the number of queries a row, the
    first of the row itself; making an edit small takes some more, which are counted apart. `max_share` is the share of
    a row's words that may be edited, at least one. `edits` are all but `ocr`, `zero-width`, `abbreviations` and `slang`,
    if left out: typos and homoglyphs, and words that may stand for words. `fields` are the texts that are edited, all
    of them if left out. `tries` is the number of edits of each kind that are tried on a word, of those that are drawn
    at random.
    """

    rows: Annotated[int, Ge(1)] = 50
    budget: Annotated[int, Ge(4)] = 200
    max_share: Annotated[float, Gt(0), Le(1)] = 0.2
    edits: Annotated[list[EditName], MinLen(1)] | None = None
    fields: Annotated[list[str], MinLen(1)] | None = None
    tries: Annotated[int, Ge(1)] = 2

    @property
    def limits(self) -> SearchLimits:
        """How far the search on one row may go."""
        return SearchLimits(self.budget, self.max_share)


@dataclass(frozen=True)
class SampledRow:
    """One row of the data. `target` is its target label, None where the data have none."""

    id: str
    example: Example
    target: str | None
    seed: int

    def make_rng(self) -> np.random.Generator:
        """The generator of the attack on this row, which does not depend on other rows."""
        digest = hashlib.blake2b(self.id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return np.random.default_rng([self.seed, int.from_bytes(digest, "little")])

    def explain_refusal(self, fields: Sequence[str]) -> str:
        """Why it cannot be attacked, whatever the edits; empty where it can."""
        texts = [self.example.get(field) or "" for field in fields]
        if sum(map(len, texts)) > MAX_CHARACTERS:
            return f"there are more than {MAX_CHARACTERS:,} characters"
        return "" if any(map(str.strip, texts)) else "there is no text"


@dataclass(frozen=True)
class AttackResult:
    """One row with the result of the search for it; without one where the row was refused, for a reason."""

    row: SampledRow
    search: SearchResult | None = None
    reason: str = ""

    @property
    def outcome(self) -> Outcome:
        search = self.search
        if search is None:
            return Outcome.DECLINED
        if search.before.label is None:
            return Outcome.SKIPPED_NO_PREDICTION
        if self.row.target not in (None, search.before.label):
            return Outcome.SKIPPED_WRONG
        if not search.editable:
            return Outcome.DECLINED
        return Outcome.SUCCESS if search.after else Outcome.FAILED

    @property
    def perturbed(self) -> Example:
        """The row after the smallest edit that changes its prediction; as it was where there is none."""
        return apply_edits(self.row.example, self.search.edits if self.search else ())


def attack_rows(context: ProbeContext, view: ViewContext, options: AttackOptions) -> list[AttackResult]:
    """The attack on a sample of a view's rows, in the order of the sample; raises a NotRunError where none can be."""
    victim = make_victim(context, view)
    fields = select_text_fields(context, view, options.fields)
    rows = sample_rows(context, view, options.rows)
    refused = {row.id: AttackResult(row, reason=reason) for row in rows if (reason := row.explain_refusal(fields))}

    def start(row: SampledRow) -> Search:
        rng = row.make_rng()
        words = find_candidates(row.example, fields, options.edits or DEFAULT_EDITS, options.tries, rng)
        return search(words, row.target, options.limits, rng)

    accepted = [row for row in rows if row.id not in refused]
    searched: dict[str, AttackResult] = {}
    searches = search_in_batches(accepted, start, victim, lambda: context.progress(len(searched), len(accepted)))
    for row, result in searches:
        searched[row.id] = AttackResult(row, result, NO_CANDIDATES)
    results = [(refused | searched)[row.id] for row in rows]
    if not any(result.outcome in ATTACKED for result in results):
        raise NotRunError(
            f"there is no row to attack: {_summarize_skipped(results)}",
            hint="draw more `rows`, or allow other `edits`",
        )
    return results


def sample_rows(context: ProbeContext, view: ViewContext, size: int) -> list[SampledRow]:
    """A random sample of a view's rows, or all where there are fewer; raises a NotRunError where there is none."""
    rows = view.rows
    if not len(rows):
        raise NotRunError("there are no rows to attack")
    seed = int(context.rng.integers(2**62))
    table = rows.table.take(pa.array(context.rng.permutation(len(rows))[:size]))
    examples = table.select(list(rows.fields)).to_pylist()
    assert context.model_under_test is not None
    targets = _find_target_labels(table, context.model_under_test.model.labels)
    ids = map(str, table.column("id").to_pylist())
    return [SampledRow(*row, seed) for row in zip(ids, examples, targets, strict=True)]


def select_text_fields(context: ProbeContext, view: ViewContext, names: Sequence[str] | None) -> list[str]:
    """The fields to edit: those named, else all that are text."""
    assert context.model_under_test is not None
    task = context.model_under_test.task
    available = [name for name, modality in task.fields.items() if modality == "text" and name in view.rows.fields]
    if not available:
        raise NotRunError(f"the rows of `{task.name}` have no text to edit", hint="attack a model that reads text")
    for name in names or ():
        if name not in available:
            listed = ", ".join(f"`{one}`" for one in available)
            raise DataError(f"the rows have no text `{name}`", hint=f"they have {listed}")
    return list(dict.fromkeys(names)) if names else available


def _find_target_labels(table: pa.Table, labels: Sequence[str]) -> list[str | None]:
    """The target of every row as the model names it; raises a DataError where the model has no such label."""
    if "target" not in table.column_names:
        return [None] * table.num_rows
    return [
        None if value is None else _find_target_label(value, labels) for value in table.column("target").to_pylist()
    ]


def _find_target_label(value: Any, labels: Sequence[str]) -> str:
    """A target as the model names it: a label, or the position of one."""
    name = str(int(value)) if isinstance(value, bool) else str(value)
    if name in labels:
        return name
    if isinstance(value, int) and 0 <= value < len(labels):
        return labels[value]
    listed = ", ".join(f"`{label}`" for label in labels[:20])
    raise DataError(f"a row has the target `{name}`, which the model does not know", hint=f"it knows {listed}")


def _summarize_skipped(results: Sequence[AttackResult]) -> str:
    outcomes = [result.outcome for result in results]
    reasons = {
        Outcome.SKIPPED_WRONG: "are predicted wrong as they are",
        Outcome.SKIPPED_NO_PREDICTION: "have no prediction",
        Outcome.DECLINED: "cannot be edited",
    }
    counts = [f"{outcomes.count(outcome)} {reason}" for outcome, reason in reasons.items() if outcome in outcomes]
    return f"of {len(results)}, {', '.join(counts)}"
