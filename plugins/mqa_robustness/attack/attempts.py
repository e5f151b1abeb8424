"""Attempts: the attack on some rows of a view, and what is kept of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import NotRunError
from mqa_robustness.attack.changes import changed, size_of, touched
from mqa_robustness.attack.drawing import drawn, text_fields
from mqa_robustness.attack.offers import USUAL, words_of
from mqa_robustness.attack.oracle import oracle_of
from mqa_robustness.attack.rounds import in_rounds
from mqa_robustness.attack.search import Limits, search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry import Example, LiveView, Scene
    from mqa_robustness.attack.changes import Changes
    from mqa_robustness.attack.drawing import Row
    from mqa_robustness.attack.offers import EditName
    from mqa_robustness.attack.search import Asking, Found

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),  # fell, held; not attacked: wrong, unanswered, declined
        ("reason", pa.string()),  # why it was declined
        ("target", pa.string()),
        ("before", pa.string()),
        ("before_probability", pa.float64()),
        ("after", pa.string()),
        ("after_probability", pa.float64()),
        ("queries", pa.int64()),
        ("shrinking", pa.int64()),
        ("unanswered", pa.int64()),
        ("words", pa.int64()),
        ("changed_words", pa.int64()),
        ("edits", pa.int64()),
        ("kinds", pa.list_(pa.string())),
        ("fields", pa.string()),  # the row's texts, as JSON
        ("disturbed", pa.string()),  # those of them that were edited
    ]
)
TEXTS = ("fields", "disturbed")
FELL, HELD, WRONG, UNANSWERED, DECLINED = "fell", "held", "wrong", "unanswered", "declined"
NOWHERE = "the edits fit no word"


@dataclass(frozen=True)
class Rules:
    """What an attack may do: how many rows it takes, how far it goes, with which edits, in which fields."""

    rows: int
    limits: Limits
    edits: Sequence[EditName] | None
    fields: Sequence[str] | None
    tries: int


@dataclass(frozen=True)
class Attempt:
    """One row with how the attack on it ended; nothing where it was not even asked about."""

    row: Row
    found: Found | None = None
    reason: str = ""

    @property
    def state(self) -> str:
        """Whether it fell, held, or why it was not attacked."""
        found = self.found
        if found is None:
            return DECLINED
        if found.before.label is None:
            return UNANSWERED
        if self.row.target not in (None, found.before.label):
            return WRONG
        if not found.able:
            return DECLINED
        return FELL if found.after else HELD

    @property
    def disturbed(self) -> Example:
        """The row after the smallest edit that the model answers otherwise."""
        return changed(self.row.example, self.changes)

    @property
    def changes(self) -> Changes:
        return self.found.changes if self.found else ()


def attempts(scene: Scene, view: LiveView, rules: Rules) -> list[Attempt]:
    """The attack on some rows of a view, in the order in which they were drawn; a NotRunError where none can be."""
    oracle = oracle_of(scene, view)
    fields = text_fields(scene, view, rules.fields)
    rows = drawn(scene, view, rules.rows)
    refused = {row.id: Attempt(row, reason=reason) for row in rows if (reason := row.refused(fields))}

    def start(row: Row) -> Asking:
        rng = row.rng()
        words = words_of(row.example, fields, rules.edits or USUAL, rules.tries, rng)
        return search(words, row.target, rules.limits, rng)

    fit = [row for row in rows if row.id not in refused]
    asked: dict[str, Attempt] = {}
    for row, found in in_rounds(fit, start, oracle, lambda: scene.progress(len(asked), len(fit))):
        asked[row.id] = Attempt(row, found, NOWHERE)
    made = [(refused | asked)[row.id] for row in rows]
    if not any(attempt.state in (FELL, HELD) for attempt in made):
        raise NotRunError(f"there is no row to attack: {_tally(made)}", hint="draw more `rows`, or allow other `edits`")
    return made


def record(attempt: Attempt) -> dict[str, Any]:
    """What is kept of an attempt."""
    row, found, state = attempt.row, attempt.found, attempt.state
    kept: dict[str, Any] = {"id": row.id, "state": state, "target": row.target, "fields": _texts(row.example)}
    kept["reason"] = attempt.reason if state == DECLINED else ""
    if found is None:
        return kept | {"queries": 0, "shrinking": 0, "unanswered": 0}
    kept |= {"before": found.before.label, "before_probability": found.before.sureness}
    kept |= {name: getattr(found, name) for name in ("queries", "shrinking", "unanswered", "words")}
    if found.after is None:
        return kept
    return kept | {
        "after": found.after.label,
        "after_probability": found.after.sureness,
        "changed_words": touched(found.changes),
        "edits": size_of(found.changes),
        "kinds": [change.kind for change in found.changes],
        "disturbed": _texts({change.field: attempt.disturbed[change.field] for change in found.changes}),
    }


def _texts(example: Mapping[str, Any]) -> str:
    """The fields that are words, as JSON."""
    return json.dumps({name: text for name, text in example.items() if isinstance(text, str)}, ensure_ascii=False)


def _tally(made: Sequence[Attempt]) -> str:
    states = [attempt.state for attempt in made]
    said = {WRONG: "are answered wrong as they are", UNANSWERED: "have no answer", DECLINED: "cannot be edited"}
    counted = [f"{states.count(state)} {words}" for state, words in said.items() if state in states]
    return f"of {len(made)}, {', '.join(counted)}"
