"""One perturbation, ready to be applied to rows: what it reads of them, and what becomes of targets that lie in a text."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.boundary import (
    ROW_SECONDS,
    RepeatedCall,
    apply_edits,
    check_edits,
    check_example,
    check_example_and_target,
    check_fields,
    reject_output,
)
from mqa_registry.contributions import Perturbation
from mqa_registry.contributions.task import COLUMNS
from mqa_registry.errors import UsageError
from mqa_registry.execution.rows.member_fields import join_members, split_members
from mqa_registry.execution.rows.target_moves import are_spans, find_target_move
from mqa_registry.types import Rows, edit_words
from mqa_registry.types.blobs import BLOB_MODALITIES, is_same_example

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    import numpy as np

    from mqa_registry.boundary import Contributor
    from mqa_registry.contributions import Task
    from mqa_registry.execution.rows.target_moves import TargetMove
    from mqa_registry.suite import Use
    from mqa_registry.types import Edit, Example

WORDS = "words"  # the modality of a field whose values are the words of a text


@dataclass(frozen=True)
class Perturber:
    """One perturbation, ready to be applied to rows.

    `purpose` seeds its randomness. `fields` are those that it reads and changes, of which `lists` have a value for each
    member of a group. `target_move` is how targets move that lie in a text, None where they do not. `word_field` is a field of
    words, which it reads as their text, and whose targets may be tags. `placeholders` are parts of texts that stay as they are.
    `moves_target` says that the function gives the target too, `edits` that it gives edits of texts; `nested` that values of a
    field can be changed in place.
    """

    contributor: Contributor
    function: RepeatedCall
    purpose: str
    fields: frozenset[str]
    lists: frozenset[str]
    target_move: TargetMove | None
    word_field: str
    placeholders: re.Pattern[str] | None
    moves_target: bool
    edits: bool
    nested: bool

    @property
    def changes_target(self) -> bool:
        return self.moves_target or (self.edits and bool(self.target_move or self.word_field))

    def apply(self, example: Example, target: Any, rng: np.random.Generator) -> tuple[Example, Any] | None:
        """The perturbed row and its target; None where the perturbation declines the row, or cuts a span or a word."""
        contributor = self.contributor
        before = split_members({name: example[name] for name in example if name in self.fields}, self.lists)
        if self.word_field:
            before[self.word_field] = " ".join(example[self.word_field])
        given = deepcopy(before) if self.nested else dict(before)
        returned = self.function(given, deepcopy(target), rng) if self.moves_target else self.function(given, rng)
        if returned is None:
            if not is_same_example(given, before):
                reject_output(
                    contributor, "changed the example that it was given, and gave nothing back", "return the example"
                )
            return None
        if self.moves_target:
            returned, target = check_example_and_target(contributor, returned)
        check_fields(contributor, before.keys(), returned)
        if not self.edits:
            after = check_example(contributor, before, returned)
            if any(self._list_placeholders(before[name]) != self._list_placeholders(after[name]) for name in after):
                return None
            return join_members(example, after, self.lists), target
        edits = {name: self._check_edits(name, before[name], one) for name, one in returned.items()}
        edited = {name: apply_edits(contributor, name, before[name], edits[name]) for name in edits if edits[name]}
        if self.word_field in edited:
            return self._with_words({**example, **edited}, example[self.word_field], target, edits[self.word_field])
        if target is not None and self.target_move is not None:
            field = self.target_move.field
            target = self.target_move.move(target, example[field], edits[field])
            if target is None:
                return None
        return join_members(example, edited, self.lists), target

    def _check_edits(self, name: str, text: str, given: Any) -> Sequence[Edit]:
        """The edits of one field, without those that reach into a placeholder."""
        edits = check_edits(self.contributor, name, given)
        if self.placeholders is None or not (kept := [match.span() for match in self.placeholders.finditer(text)]):
            return edits
        apply_edits(self.contributor, name, text, edits)  # which refuses those that cannot be
        return [edit for edit in edits if not any(edit[0] < end and start < edit[1] for start, end in kept)]

    def _list_placeholders(self, value: Any) -> list[str]:
        """The placeholders of a text in their order; none of any other value."""
        if self.placeholders is None or not isinstance(value, str):
            return []
        return [match.group() for match in self.placeholders.finditer(value)]

    def _with_words(
        self, example: Example, words: Sequence[str], target: Any, edits: Sequence[Edit]
    ) -> tuple[Example, Any] | None:
        """The row with its words edited, and with the tag of each; an inserted word has no tag."""
        split = edit_words(words, edits)
        if split is None:
            return None
        edited, origins = split
        if isinstance(target, list) and len(target) == len(words):
            target = [None if origin is None else target[origin] for origin in origins]
        return {**example, self.word_field: edited}, target


def make_perturber(use: Use, rows: Rows, task: Task[Any] | None) -> Perturber:
    """A perturbation with the fields of its modality, which are the fields of text where there is no task."""
    perturbation = use.contribution_as(Perturbation)
    if task is None and perturbation.modality == COLUMNS:
        raise UsageError(
            f"`{use.name}` perturbs the columns of a row, and without a model no task says which those are",
            hint="name the model in the suite, where its predictions were made elsewhere, too",
        )
    if task is None and perturbation.modality in BLOB_MODALITIES:
        fields = list(rows.blobs)
    elif task is None:
        fields = [name for name in rows.fields if pa.types.is_string(rows.table.schema.field(name).type)]
    else:
        fields = [name for name in rows.fields if task.fields[name] == perturbation.modality]
    target_move = find_target_move(rows, fields, task) if perturbation.modality == "text" else None
    word_field = find_word_field(rows, task) if perturbation.modality == "text" else ""
    moves_target = perturbation.target_effect == "moves"
    if not perturbation.edits and (word_field or (target_move is not None and not moves_target)):
        _refuse_text(use)
    if word_field:
        fields = [word_field]
    function = RepeatedCall(
        use.contributor, partial(perturbation.function, **deepcopy(dict(use.options))), seconds=ROW_SECONDS
    )
    grouped = task.grouping.fields if task is not None and task.grouping is not None else ()
    lists = frozenset(fields).intersection(grouped)
    nested = any(pa.types.is_nested(_item_type(rows, name, lists)) for name in fields if name not in rows.blobs)
    return Perturber(
        use.contributor,
        function,
        _purpose(use),
        frozenset(fields),
        lists,
        target_move,
        word_field,
        re.compile(task.placeholders) if task is not None and task.placeholders else None,
        moves_target,
        perturbation.edits,
        nested,
    )


def _item_type(rows: Rows, field: str, lists: AbstractSet[str]) -> pa.DataType:
    """The type of what a perturbation is given of a field."""
    kind = rows.table.schema.field(field).type
    return kind.value_type if field in lists else kind


def _purpose(use: Use) -> str:
    """The seed text of a perturbation's randomness: its name and options without `severity`.

    So a row is perturbed at the same positions at every severity of a sweep.
    """
    return json.dumps({key: value for key, value in use.as_table().items() if key != "severity"}, sort_keys=True)


def find_word_field(rows: Rows, task: Task[Any] | None) -> str:
    """The field whose values are the words of a text, empty where there is none; a UsageError where targets are its spans.

    A text of the same row is not read then, nor perturbed.
    """
    fields = [name for name in rows.fields if task is not None and task.fields[name] == WORDS]
    if fields and "target" in rows.table.column_names and are_spans(rows.table.schema.field("target").type):
        raise UsageError(
            f"the targets are spans, and the rows are words, `{fields[0]}`, whose edits move tags alone",
            hint="give one tag for each word, or the text itself with spans of it",
        )
    return fields[0] if fields else ""


def _refuse_text(use: Use) -> None:
    """Raise the UsageError for a perturbation that gives no edits of a text that targets lie in."""
    raise UsageError(
        f"`{use.name}` does not say where it changes a text, and the targets lie in it and have to move with it",
        hint="a perturbation says so by `edits`; see `mqa plugins` for those that do",
    )
