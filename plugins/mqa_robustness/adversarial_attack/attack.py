"""The attack on a sample of a view's rows, of a model that it can only query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Le, MinLen

from mqa_registry import (
    DataError,
    MqaError,
    NotRunError,
    read_target_labels,
    row_generator,
    run_in_halves,
    run_rows,
    shapes,
)
from mqa_robustness.adversarial_attack.candidates import DEFAULT_TRANSFORMATIONS, Transformation, find_candidates
from mqa_robustness.adversarial_attack.results import ATTACKED, AttackResult, Outcome
from mqa_robustness.adversarial_attack.search import SearchLimits, search, search_in_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Batching, Codec, Example, ProbeContext, ViewContext
    from mqa_robustness.adversarial_attack.search import Search

    EncodedRow: TypeAlias = Mapping[str, npt.NDArray[Any]]

MAX_CHARACTERS = 10_000  # of a row's texts; no model of text reads as far
NO_CANDIDATES = "the edits fit no word"
ENCODED_AT_ONCE = 2048  # rows


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """How many rows are attacked, how far each attack goes, and by which transformations.

    `rows` is the number of rows, drawn from the view by the suite's seed. `query_budget` is the number of queries a
    row, the first of the row itself; making an edit small takes some more, which are counted apart.
    `max_perturbed_share` is the share of a row's words that may be perturbed, at least one. `transformations` are all
    but `ocr`, `zero-width`, `abbreviations` and `slang`, if left out: typos and homoglyphs, and words that may stand for
    words. `fields` are the texts that are perturbed, all of them if left out. `max_candidates` is the number of edits
    that each transformation tries on a word, of those transformations that draw at random.
    """

    rows: Annotated[int, Ge(1)] = 50
    query_budget: Annotated[int, Ge(4)] = 200
    max_perturbed_share: Annotated[float, Gt(0), Le(1)] = 0.2
    transformations: Annotated[list[Transformation], MinLen(1)] | None = None
    fields: Annotated[list[str], MinLen(1)] | None = None
    max_candidates: Annotated[int, Ge(1)] = 2

    @property
    def limits(self) -> SearchLimits:
        """How far the search on one row may go."""
        return SearchLimits(self.query_budget, self.max_perturbed_share)


@dataclass(frozen=True)
class SampledRow:
    """One row of the data. `target` is its target label, None where the data have none."""

    id: str
    example: Example
    target: str | None
    seed: int

    def make_rng(self) -> np.random.Generator:
        """The generator of the attack on this row, which does not depend on other rows."""
        return row_generator(self.seed, self.id)

    def explain_decline(self, fields: Sequence[str]) -> str:
        """Why it cannot be attacked, whatever the edits; empty where it can."""
        texts = [self.example.get(field) or "" for field in fields]
        if sum(map(len, texts)) > MAX_CHARACTERS:
            return f"there are more than {MAX_CHARACTERS:,} characters"
        return "" if any(map(str.strip, texts)) else "there is no text"


@dataclass(frozen=True)
class Prediction:
    """The label that the model gives one row, None where it gives NaN or Inf, and its probabilities, if it has any."""

    label: str | None
    probabilities: Mapping[str, float]

    def probability_of(self, label: str | None) -> float:
        """The probability of a label; of a model without probabilities 1 for its own label, and 0 for any other."""
        if self.label is None:
            return 0.0
        return self.probabilities.get(label or "", float(self.label == label))

    @property
    def confidence(self) -> float | None:
        """The probability of the predicted label."""
        return self.probabilities.get(self.label or "")


@dataclass(frozen=True)
class Victim:
    """A runner with the codec of its task: all that an attack knows of a model."""

    view: ViewContext
    codec: Codec
    labels: tuple[str, ...]
    batching: Batching

    def predict(self, row_ids: Sequence[str], examples: Sequence[Example]) -> list[Prediction]:
        """The prediction for each example; `row_ids` are those of the rows that the examples are edits of.

        Equal encodings are run once. An MqaError names the row where the model fails.
        """
        predictions: list[Prediction] = []
        for start in range(0, len(examples), ENCODED_AT_ONCE):
            part = slice(start, start + ENCODED_AT_ONCE)
            predictions += self._predict_encoded(row_ids[part], self.codec.encode(examples[part]))
        return predictions

    def _predict_encoded(self, row_ids: Sequence[str], rows: Sequence[EncodedRow]) -> list[Prediction]:
        keys = [_make_encoding_key(row) for row in rows]
        distinct = {key: (row_id, row) for key, row_id, row in zip(keys, row_ids, rows, strict=True)}
        batches = self.batching.batches(
            sorted(distinct, key=lambda key: -self.codec.cost(distinct[key][1])),
            self.view.runner.budget,
            cost=lambda key: self.codec.cost(distinct[key][1]),
            shape=lambda key: shapes(distinct[key][1]),
        )
        predictions: dict[bytes, Prediction] = {}
        for batch in batches:
            predictions |= zip(batch, run_in_halves(self._run, [distinct[key] for key in batch]), strict=True)
        return [predictions[key] for key in keys]

    def _run(self, batch: Sequence[tuple[str, EncodedRow]]) -> list[Prediction]:
        rows = [row for _, row in batch]
        try:
            runner = self.view.runner
            outputs = run_rows(self.codec, runner.run, rows, self.batching, runner.budget)
        except MqaError:  # memory that has run out, too
            raise
        except Exception as error:
            if len(batch) == 1:
                raise MqaError(
                    f"backend `{self.view.backend}` fails on row `{batch[0][0]}` or an edit of it: {type(error).__name__}: {error}",
                    hint="can the model read such a text alone?",
                ) from error
            return [prediction for row in batch for prediction in self._run([row])]
        return list(self._to_predictions(self.codec.decode(outputs, rows).to_pylist()))

    def _to_predictions(self, decoded: Sequence[Mapping[str, Any]]) -> Iterator[Prediction]:
        for row in decoded:
            probabilities = row.get("probability") or ()
            named = dict(zip(self.labels, probabilities, strict=True)) if probabilities else {}
            yield Prediction(row["label"], named)


def attack_rows(context: ProbeContext, view: ViewContext, options: AttackOptions) -> list[AttackResult]:
    """The attack on a sample of a view's rows, in the order of the sample; raises a NotRunError where none can be."""
    victim = make_victim(context, view)
    fields = select_text_fields(context, view, options.fields)
    rows = sample_rows(context, view, options.rows)
    declined = {row.id: AttackResult(row, reason=reason) for row in rows if (reason := row.explain_decline(fields))}

    def start(row: SampledRow) -> Search:
        rng = row.make_rng()
        transformations = options.transformations or DEFAULT_TRANSFORMATIONS
        words = find_candidates(row.example, fields, transformations, options.max_candidates, rng)
        return search(words, row.target, options.limits, rng)

    accepted = [row for row in rows if row.id not in declined]
    searched: dict[str, AttackResult] = {}
    searches = search_in_batches(accepted, start, victim, lambda: context.progress(len(searched), len(accepted)))
    for row, result in searches:
        searched[row.id] = AttackResult(row, result, NO_CANDIDATES)
    results = [(declined | searched)[row.id] for row in rows]
    if not any(result.outcome in ATTACKED for result in results):
        raise NotRunError(
            f"there is no row to attack: {_summarize_skipped(results)}",
            hint="draw more `rows`, or allow other `transformations`",
        )
    return results


def sample_rows(context: ProbeContext, view: ViewContext, size: int) -> list[SampledRow]:
    """A random sample of a view's rows, or all where there are fewer; raises a NotRunError where there is none."""
    rows = view.rows
    if not len(rows):
        raise NotRunError("there are no rows to attack")
    seed = int(context.rng.integers(2**62))
    sample = context.rng.permutation(len(rows))[:size].tolist()
    drawn = rows.take(sample)
    assert context.model_under_test is not None
    targets = read_target_labels(rows, context.model_under_test.model.labels)
    ids = map(str, drawn.ids.to_pylist())
    sampled_targets = [targets[row] for row in sample]
    return [SampledRow(*row, seed) for row in zip(ids, drawn.examples(), sampled_targets, strict=True)]


def select_text_fields(context: ProbeContext, view: ViewContext, names: Sequence[str] | None) -> list[str]:
    """The fields to edit: those named, else all that are text."""
    assert context.model_under_test is not None
    task = context.model_under_test.task
    lists = task.grouping.fields if task.grouping is not None else ()
    texts = [name for name, modality in task.fields.items() if modality == "text" and name not in lists]
    available = [name for name in texts if name in view.rows.fields]
    if not available:
        raise NotRunError(f"the rows of `{task.name}` have no text to edit", hint="attack a model that reads text")
    for name in names or ():
        if name not in available:
            listed = ", ".join(f"`{one}`" for one in available)
            raise DataError(f"the rows have no text `{name}`", hint=f"they have {listed}")
    return list(dict.fromkeys(names)) if names else available


def make_victim(context: ProbeContext, view: ViewContext) -> Victim:
    """A view's runner as a victim; raises a NotRunError where it is no classifier of one label a row."""
    if context.model_under_test is None:
        raise NotRunError("there is no model to attack", hint="give the suite a `[model]`")
    task = context.model_under_test.task
    if task.schema != "label":
        raise NotRunError(
            f"an attack needs a model that gives a row one label, and `{task.name}` gives {task.schema}",
            hint="attack a model for classification",
        )
    return Victim(
        view, view.codec or context.model_under_test.codec, context.model_under_test.model.labels, context.batching
    )


def _summarize_skipped(results: Sequence[AttackResult]) -> str:
    outcomes = [result.outcome for result in results]
    reasons = {
        Outcome.SKIPPED_WRONG: "are predicted wrong as they are",
        Outcome.SKIPPED_NO_PREDICTION: "have no prediction",
        Outcome.DECLINED: "cannot be edited",
    }
    counts = [f"{outcomes.count(outcome)} {reason}" for outcome, reason in reasons.items() if outcome in outcomes]
    return f"of {len(results)}, {', '.join(counts)}"


def _make_encoding_key(row: EncodedRow) -> bytes:
    """Names, types, shapes and values of an encoded row as bytes, equal for equal rows alone."""
    parts = [(name, row[name].dtype.str, row[name].shape) for name in sorted(row)]
    return repr(parts).encode() + b"".join(np.ascontiguousarray(row[name]).tobytes() for name in sorted(row))
