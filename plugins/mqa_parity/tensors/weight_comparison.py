"""Whether a file's weights are the model's: all of them, also those that no observed row uses."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from mqa_parity.attribution.result import MEANINGS
from mqa_parity.protocols import SupportsWeightComparison, SupportsWeights
from mqa_registry import MqaError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from mqa_parity.protocols import WeightReport

MAX_WEIGHTS = 3  # in a remark
FEW_WEIGHTS = 3  # so few may be wrong in an export of the same model
OTHER_MODEL_SHARE = 0.8  # of a file's weights: if more differ, they are another model's


@dataclass(frozen=True)
class WeightComparison:
    """A reference and a candidate whose weights are compared once, when they are first asked for."""

    reference: object
    candidate: object

    @cached_property
    def report(self) -> WeightReport | None:
        """How the candidate's weights differ; None where either side does not give its weights."""
        if not isinstance(self.reference, SupportsWeights):
            return None
        if not isinstance(self.candidate, SupportsWeightComparison):
            return None
        return self.candidate.compare_weights(self.reference.weights("").items)

    def summary(self) -> WeightSummary | None:
        """The same in words; an error other than an MqaError becomes its `error`."""
        try:
            report = self.report
        except MqaError:
            raise
        except Exception as error:
            return WeightSummary(error=summarize_error(error))
        if report is None:
            return None
        differences = tuple(DifferentWeight(one.tensor, one.weight, one.reason) for one in report.differences)
        return WeightSummary(report.matched, differences, tuple(report.unknown), tuple(report.unrecognized))


@dataclass(frozen=True)
class DifferentWeight:
    """A tensor of a file that is not the model's `weight`, which is empty where it stands for none, and why."""

    tensor: str
    weight: str
    reason: str

    def __str__(self) -> str:
        weight = f"`{self.weight}` of the model" if self.weight else "any weight of the model"
        return f"initializer `{self.tensor}` is not {weight}: {self.reason}"


@dataclass(frozen=True)
class WeightSummary:
    """How many tensors are weights of the model, which are not, which stand for none, and which cannot be read.

    `error` says why no weights could be compared.
    """

    matched: int = 0
    differences: tuple[DifferentWeight, ...] = ()
    unknown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    error: str = ""

    def to_json(self) -> str:
        names = ("error",) if self.error else ("matched", "differences", "unknown", "unread")
        return json.dumps({name: value for name, value in asdict(self).items() if name in names})

    @classmethod
    def from_observations(cls, observations: pa.Table) -> WeightSummary:
        """The summary in the observations of `parity/tensors`; an empty one where nothing was compared."""
        texts = pc.unique(observations.column("weights")).to_pylist()
        fields = json.loads(next((text for text in texts if text), "{}"))
        return cls(
            fields.get("matched", 0),
            tuple(DifferentWeight(**one) for one in fields.get("differences", ())),
            tuple(fields.get("unknown", ())),
            tuple(fields.get("unread", ())),
            fields.get("error", ""),
        )

    def remarks(self) -> Iterator[str]:
        """The differences in words."""
        different = len(self.differences) + len(self.unknown)
        if other_model := describe_other_model(different, different + self.matched):
            yield other_model
        yield from map(str, self.differences[:MAX_WEIGHTS])
        if len(self.differences) > MAX_WEIGHTS:
            yield f"and {len(self.differences) - MAX_WEIGHTS} more of its weights are not the model's"

    def notes(self) -> Iterator[str]:
        """What was not compared, which matters for a file that passes, too."""
        if self.error:
            yield f"its weights could not be compared with the model's: {self.error}"
        if self.unread:
            names = ", ".join(f"`{name}`" for name in self.unread[:MAX_WEIGHTS])
            more = f" and {len(self.unread) - MAX_WEIGHTS} more" if len(self.unread) > MAX_WEIGHTS else ""
            yield (
                f"{names}{more}: integers in a form that mqa does not know, not compared with the model's weights by"
                " themselves"
            )

    def first_divergence(self) -> dict[str, Any]:
        """The first weight that differs, with the keys of an attribution's evidence; empty where none does."""
        if not self.differences:
            return {}
        first = self.differences[0]
        found = {"kind": "weights", "meaning": MEANINGS["weights"], "reason": str(first)}
        if not first.weight:
            return found
        module = {"module": name} if (name := first.weight.rpartition(".")[0]) else {}
        return found | module | {"weight": f"{first.tensor}: {first.weight}"}


def describe_other_model(different: int, number: int) -> str:
    """That so many different weights make a file another model's, in words; empty where they are few."""
    if different <= FEW_WEIGHTS or different <= OTHER_MODEL_SHARE * number:
        return ""
    return f"{different} of {number} weights differ from the model's: another model, or another training step"
