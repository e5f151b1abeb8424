"""The probes of white-box attacks.

`vision/adversarial` is the accuracy of a model whose images are changed along its gradient, `vision/transfer` tells whether
what is found so on the reference changes the predictions of another backend.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry import Evidence, ExampleRow, Probe, counted
from mqa_vision.adversarial_attack.attack import AttackRecord, GradientAttackOptions, attack_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import ProbeContext

    Bools: TypeAlias = npt.NDArray[np.bool_]

SCHEMA = pa.schema([(field.name, pa.string()) for field in fields(AttackRecord)])
SHARE = (0.0, 1.0)
ADVERSARIAL_NUMBERS = ("value", "accuracy", "success_rate")
TRANSFER_NUMBERS = ("value", "robust_accuracy", "reference_robust_accuracy")
MAX_EXAMPLES = 5


class Adversarial(Probe[GradientAttackOptions]):
    """Robust accuracy: the share of images that are predicted right after an attack along the model's gradient.

    FGSM or PGD changes each image that the model gets right, as the model is fed it, so that the loss rises; no value leaves
    the range from black to white. An image that is predicted wrong as it is counts as wrong. A stronger attack may change
    more. `accuracy` is the share of the same images that are right as they are, and `success_rate` the share of those that
    the attack changes. The backend has to give gradients, which PyTorch does.
    """

    name = "adversarial"
    inputs = "runner"
    outputs = ADVERSARIAL_NUMBERS
    ranges = dict.fromkeys(ADVERSARIAL_NUMBERS, SHARE)
    requires = ("pillow",)

    def columns(self, options: GradientAttackOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: GradientAttackOptions) -> pa.Table:
        return _to_table(attack_rows(context, context.view, options))

    def numbers(self, table: pa.Table) -> dict[str, Bools]:
        right, still_right = _is_target(table, "label"), _is_target(table, "attacked_label")
        return {"value": still_right, "accuracy": right, "success_rate": ~still_right[right]}

    def evidence(self, table: pa.Table) -> Evidence:
        """How many predictions the attack changed, and some of them."""
        right = _is_target(table, "label")
        changed = right & ~_is_target(table, "attacked_label")
        note = f"the attack changed {changed.sum()} of {counted(int(right.sum()), 'right prediction')}"
        return Evidence(notes=(note,), examples=_show(table.filter(pa.array(changed)), "label", "attacked_label"))


class Transfer(Probe[GradientAttackOptions]):
    """The share of an attack's successes on the reference that are successes on this backend, fed the same inputs.

    The reference, which has to give gradients, as PyTorch does, is attacked as by `vision/adversarial`. A success counts where
    this backend predicts the image right as it is. `robust_accuracy` is the share of all images that this backend gets right after
    the attack on the reference, `reference_robust_accuracy` that of the reference. A sound export has the reference's.
    """

    name = "transfer"
    inputs = "runner"
    outputs = TRANSFER_NUMBERS
    ranges = dict.fromkeys(TRANSFER_NUMBERS, SHARE)
    compares = True
    requires = ("pillow",)

    def columns(self, options: GradientAttackOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: GradientAttackOptions) -> pa.Table:
        assert context.reference is not None
        return _to_table(attack_rows(context, context.reference, options, candidate=context.view))

    def numbers(self, table: pa.Table) -> dict[str, Bools]:
        theirs = _is_target(table, "candidate_attacked_label")
        return {
            "value": ~theirs[_find_replayed(table)],
            "robust_accuracy": theirs,
            "reference_robust_accuracy": _is_target(table, "attacked_label"),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """How many successes transferred, and some that did not."""
        replayed = _find_replayed(table)
        resisted = replayed & _is_target(table, "candidate_attacked_label")
        successes = counted(int(replayed.sum()), "success", "successes")
        note = f"of {successes} on the reference, {replayed.sum() - resisted.sum()} transferred"
        examples = _show(table.filter(pa.array(resisted)), "attacked_label", "candidate_attacked_label")
        return Evidence(notes=(note,), examples=examples)


def _to_table(records: Iterable[AttackRecord]) -> pa.Table:
    return pa.Table.from_pylist([asdict(record) for record in records], SCHEMA)


def _is_target(table: pa.Table, column: str) -> Bools:
    """Whether the label in a column is the row's target; no prediction is not."""
    pairs = zip(table.column(column).to_pylist(), table.column("target").to_pylist(), strict=True)
    return np.array([label == target for label, target in pairs], bool)


def _find_replayed(table: pa.Table) -> Bools:
    """The successes on the reference, of images that the other backend predicts right as they are."""
    success = _is_target(table, "label") & ~_is_target(table, "attacked_label")
    return success & _is_target(table, "candidate_label")


def _show(table: pa.Table, reference: str, prediction: str) -> list[ExampleRow]:
    return [
        ExampleRow(row["id"], target=row["target"], prediction=row[prediction], reference=row[reference])
        for row in table.slice(0, MAX_EXAMPLES).to_pylist()
    ]
