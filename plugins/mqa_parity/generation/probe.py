"""The probe `parity/generation`: a decoder against its reference, token by token, each with its own cache."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
from annotated_types import Ge

from mqa_parity.examples import MAX_EXAMPLES, round_for_report
from mqa_parity.generation.step_errors import CACHE, LOGITS, observe_steps, require_generation
from mqa_parity.generation.summary import compute_numbers, find_first_divergence, find_other_tokens, summarize_steps
from mqa_parity.runners import open_runners
from mqa_parity.sample_batches import MAX_BATCH_ROWS, make_batches, run_within_memory
from mqa_parity.sampling import require_codec, sample_rows
from mqa_registry import Evidence, ExampleRow, Probe, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_parity.generation.step_errors import StepError
    from mqa_parity.generation.summary import ArrayStep, FirstDivergence, OtherToken
    from mqa_registry import ProbeContext

DISTANCES = ("ratio", "first_step", "later_steps", "caches", "max_abs", "mismatches")
SHARES = ("same_tokens", "damaged_tokens")
ERROR_COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "fields", "kind", "array", "mismatch")),
        *((name, pa.int64()) for name in ("step", "elements", "reference_token", "candidate_token")),
        *((name, pa.float64()) for name in ("error", "baseline_error", "magnitude", "margin")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """How many rows are run, and how far.

    `rows` of the view are run, the shortest and the longest among them. `steps` is how many tokens each of them gets, at
    most as many as the task generates.
    """

    rows: Annotated[int, Ge(1)] = 16
    steps: Annotated[int, Ge(1)] = 8


class GenerationParity(Probe[GenerationOptions]):
    """How far a decoder lies from its reference at each step of a generation, and from which token on their texts part.

    Both sides are fed the tokens that the reference finds most probable, each with its own cache, so that a fault does not
    hide behind another text. Logits and caches are compared with PyTorch in float64, and the unit of an error is PyTorch's
    own, as in `parity/tensors`: 10 is the bound for every model and precision. `ratio` is the worst of all, `first_step`
    that of the logits of the first step (the prefill), `later_steps` that of the logits of all later steps, which read the
    cache, and `caches` that of keys and values. `max_abs` is the largest difference of a logit, in the model's own unit.
    `mismatches` counts what no tolerance covers: NaN, another shape, a crash. There is no ratio where PyTorch does not have
    the candidate's precision, as int8; then the tokens decide.

    `same_tokens` is the share of rows of which both sides, left to themselves, write the same most probable tokens.
    `damaged_tokens` is the share of rows whose first other token is no tie: the reference's margin is larger than errors of
    the size that is allowed could bridge. Tokens after the end of a text do not count.
    """

    name = "generation"
    inputs = "runner"
    outputs = (*DISTANCES, *SHARES)
    ranges = dict.fromkeys(DISTANCES, (0.0, math.inf)) | dict.fromkeys(SHARES, (0.0, 1.0))
    compares = True
    text_columns = ("fields",)
    version = 1

    def columns(self, options: GenerationOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: GenerationOptions) -> pa.Table:
        """The errors of each row, step and array; NotRunError where the task generates nothing."""
        assert context.reference is not None
        require_generation(require_codec(context))
        batch_rows = MAX_BATCH_ROWS if context.batching.takes_batches else 1
        return run_within_memory(partial(_observe_rows, context, options), batch_rows)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        return compute_numbers(table)

    def evidence(self, table: pa.Table) -> Evidence:
        """Where the candidate differs first, the ratio of every step, and the rows whose texts part."""
        steps, tokens = summarize_steps(table), find_other_tokens(table)
        first = find_first_divergence(steps)
        parted = [one for one in tokens if one.step is not None]
        return Evidence(
            remarks=[*_describe_divergence(first), *_describe_tokens(tokens, parted)],
            examples=[_make_example(one) for one in sorted(parted, key=_rate_damage)[:MAX_EXAMPLES]],
            details={
                "first_divergence": first.to_table() if first else None,
                "ratio_by_step": _ratio_by_step(steps, LOGITS),
                "cache_ratio_by_step": _ratio_by_step(steps, CACHE),
            },
        )


def _observe_rows(context: ProbeContext, options: GenerationOptions, batch_rows: int) -> pa.Table:
    """The errors of the sampled rows, with so many in a batch at most."""
    assert context.reference is not None
    codec = require_codec(context)
    steps = min(options.steps, require_generation(codec).max_new_tokens)
    sampled = sample_rows(context, options.rows)
    with open_runners(context.reference, context.view) as runners:
        budget = min(runners.baseline.budget, runners.candidate.budget) // 2  # float64 takes twice the memory
        errors: list[StepError] = []
        for batch in make_batches(codec, sampled, budget, batch_rows):
            errors += observe_steps(runners, context.reference.backend, codec, batch, steps)
            context.progress(len({error.id for error in errors}), len(sampled))
        table = pa.Table.from_pylist([asdict(error) for error in errors], ERROR_COLUMNS)
        whole = {
            "comparable": pa.scalar(runners.is_comparable),
            "allowed_units": pa.scalar(runners.precision.allowed),
            "floor": pa.scalar(runners.precision.floor),
        }
    for name, value in whole.items():
        table = table.append_column(name, pa.repeat(value, len(table)))
    return table


def _ratio_by_step(steps: list[ArrayStep], kind: str) -> list[float | None]:
    """The largest ratio of each step, from the first on; None where it is infinite or unknown."""
    ratios: dict[int, float] = {}
    for one in steps:
        if one.kind == kind:
            ratios[one.step] = max(one.ratio, ratios.get(one.step, one.ratio))
    return [round_for_report(ratios[step]) for step in sorted(ratios)]


def _describe_divergence(first: FirstDivergence | None) -> Iterator[str]:
    if first is None:
        return
    layer = "" if first.layer is None else f", in layer {first.layer}"
    where = f"`{first.array}`{layer}, at {first.ratio:.4g} times the reference's own error"
    if first.kind == "prefill":
        yield f"the first step, which reads the prompt, differs: first in {where}"
    elif first.kind == "cache output":
        yield f"the first step has the right logits and gives another cache: first in {where}"
    else:
        yield f"the first step is right, and step {first.step}, which reads the cache, is not: first in {where}"


def _describe_tokens(tokens: list[OtherToken], parted: list[OtherToken]) -> Iterator[str]:
    """How many texts part, how many of them at a tie, and where the first of them does."""
    if not parted:
        return
    ties = sum(one.tie is True for one in parted)
    earliest = min(parted, key=lambda one: one.step or 0)
    yield (
        f"of {counted(len(tokens), 'row')}, {len(parted)} get other tokens, {ties} of them at a tie; "
        f"row `{earliest.id}` is the first, at token {earliest.step}"
    )


def _rate_damage(other: OtherToken) -> tuple[bool, float]:
    """Sorts damage before ties, and the largest margin before others."""
    return (other.tie is True, -math.inf if other.margin is None else -other.margin)


def _make_example(other: OtherToken) -> ExampleRow:
    margin = None if other.margin is None else round_for_report(other.margin)
    fields = json.loads(other.fields) if other.fields else {}
    return ExampleRow(other.id, fields, margin=margin, details={"token": other.step, "tie": other.tie})
