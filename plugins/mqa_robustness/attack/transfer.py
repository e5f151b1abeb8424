"""The probe `robustness/transfer`: whether what brings down one backend brings down another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
from annotated_types import Ge, Gt, Le, MinLen

from mqa_registry import NotRunError
from mqa_robustness.attack.attempts import FELL, SCHEMA, Rules, attempts, record
from mqa_robustness.attack.offers import EditName  # noqa: TC001 - a type of options, which the host reads at run time
from mqa_robustness.attack.oracle import oracle_of
from mqa_robustness.attack.search import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import Scene
    from mqa_robustness.attack.attempts import Attempt
    from mqa_robustness.attack.oracle import Answer, Oracle

REPLAYED = pa.schema(
    [
        *SCHEMA,
        ("candidate_before", pa.string()),
        ("candidate_after", pa.string()),
        ("candidate_probability", pa.float64()),
        ("replayed", pa.bool_()),
    ]
)


def transfer(
    scene: Scene,
    *,
    rows: Annotated[int, Ge(1)] = 50,
    budget: Annotated[int, Ge(4)] = 200,
    max_share: Annotated[float, Gt(0), Le(1)] = 0.2,
    edits: Annotated[list[EditName], MinLen(1)] | None = None,
    fields: Annotated[list[str], MinLen(1)] | None = None,
    tries: Annotated[int, Ge(1)] = 2,
) -> pa.Table:
    """The share of the reference's adversarial edits that make the other backend change its answer as well.

    The reference is attacked as by `robustness/adversarial`, and each row that fell is then run on this backend, as it
    is and with its edit. A row that this backend answers otherwise from the start has no say. `same_answer` is the
    share of the other edits to which both backends give one answer; `queries` is the mean a row that the attack asked
    the reference.

    `rows` are those that are attacked, drawn by the suite's seed. `budget` is the number of queries for each of them.
    `max_share` is the share of a row's words that may be edited, at least one. `edits` are named as for
    `robustness/adversarial`, and left out they are the same. `fields` are the texts that are edited, all of them if
    left out. `tries` is the number of edits of each kind that are tried on a word, of those that draw on chance.
    """
    assert scene.reference is not None
    rules = Rules(rows, Limits(budget, max_share), edits, fields, tries)
    candidate = oracle_of(scene, scene.view)
    made = attempts(scene, scene.reference, rules)
    fallen = [attempt for attempt in made if attempt.state == FELL]
    if not fallen:
        raise NotRunError(
            f"no row of `{scene.reference.backend}` fell, so there is nothing to replay",
            hint="attack more `rows`, with a larger `budget` or `max_share`",
        )
    replays = _replayed(fallen, candidate)
    records = [record(attempt) | replays.get(attempt.row.id, {}) for attempt in made]
    return pa.Table.from_pylist(records, REPLAYED)


def _replayed(fallen: Sequence[Attempt], candidate: Oracle) -> dict[str, dict[str, Any]]:
    """What the candidate makes of the rows that fell: of each as it is, and with its edit."""
    names = [attempt.row.id for attempt in fallen]
    before = candidate.answers(names, [attempt.row.example for attempt in fallen])
    after = candidate.answers(names, [attempt.disturbed for attempt in fallen])
    return {name: _record(*pair) for name, *pair in zip(names, before, after, strict=True)}


def _record(before: Answer, after: Answer) -> dict[str, Any]:
    return {
        "candidate_before": before.label,
        "candidate_after": after.label,
        "candidate_probability": after.sureness,
        "replayed": True,
    }
