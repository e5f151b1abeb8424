"""What attribution finds where runners can do less, or the fault is none of a module's; with runners in plain numpy."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.attribution.result import Attribution, ModuleRatio
from mqa_registry import RunnerFacts

RNG = np.random.default_rng(7)
TABLE, HEAD = RNG.normal(size=(50, 8)), RNG.normal(size=(8, 5))
BATCH = {"words": RNG.integers(2, 50, (3, 6)), "kinds": RNG.integers(0, 2, (3, 6)), "mask": np.ones((3, 6), np.int64)}
BATCH["mask"][1, 4:] = 0


def network(batch, dtype):
    hidden = np.tanh(TABLE.astype(dtype)[batch["words"]] * (1 + batch["kinds"][..., None]).astype(dtype))
    weights = batch["mask"][..., None].astype(dtype)
    pooled = (hidden * weights).sum(1) / weights.sum(1)
    return {"hidden": hidden, "logits": pooled @ HEAD.astype(dtype)}


@dataclass
class Plain:
    """A reference that gives outputs of modules, though it has none."""

    dtype: Any = np.float32
    facts: RunnerFacts = field(default_factory=RunnerFacts)

    def run(self, batch):
        return network(batch, self.dtype)

    @contextmanager
    def variant(self, *, dtype="", optimization=""):
        yield Plain(np.dtype(dtype).type)

    def module_names(self):
        return []

    def module_outputs(self, batch, modules):
        return {}


@dataclass
class Changed:
    """A candidate that is only a function."""

    facts: ClassVar[RunnerFacts] = RunnerFacts()
    change: Any

    def run(self, batch):
        return self.change(batch)


@dataclass
class Optimized(Changed):
    """One whose fault is gone where nothing is optimized."""

    at: tuple[str, ...] = ("basic", "extended", "all")

    @contextmanager
    def variant(self, *, dtype="", optimization=""):
        yield Changed(self.change if optimization in self.at else lambda batch: network(batch, np.float32))


def ask(candidate, **options):
    return attribute_difference(Plain(), candidate, [BATCH], mask="mask", **options)


@dataclass
class Fixed(Plain):
    """A reference that takes so many rows and no others, such as a program that was exported for one batch."""

    def run(self, batch):
        if len(batch["words"]) != len(BATCH["words"]):
            raise AssertionError("Guard failed: words.size()[0] == 3")
        return network(batch, self.dtype)


def test_a_candidate_of_a_fixed_number_of_rows_is_given_that_many():
    def off(batch):
        return {name: array + np.float32(0.1) for name, array in network(batch, np.float32).items()}

    found = attribute_difference(Fixed(), Changed(off), [BATCH], mask="mask", oracle=Fixed(np.float64))
    assert found.kind == "exporter"


def test_nothing_is_reported_for_noise():
    assert ask(Changed(lambda batch: network(batch, np.float32))) is None


def test_nothing_is_reported_for_differences_in_padding():
    def padded(batch):
        found = network(batch, np.float32)
        return found | {"hidden": np.where(batch["mask"][..., None] > 0, found["hidden"], np.float32(5))}

    assert ask(Changed(padded)) is None
    assert attribute_difference(Plain(), Changed(padded), [BATCH]) is not None


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)).filter(lambda order: list(order) != list(range(5))))
def test_labels_in_another_order_are_attributed_to_the_signature(order):
    def swapped(batch):
        found = network(batch, np.float32)
        return found | {"logits": found["logits"][:, list(order)]}

    found = ask(Changed(swapped))
    assert found.kind == "signature"
    moved = [place for place, label in enumerate(order) if place != label]
    assert f"{moved[0]} holds what is {order[moved[0]]} in the model" in found.reason
    assert found.reason.count("holds what is") == min(3, len(moved))
    assert (f" and {len(moved) - 3} more" in found.reason) == (len(moved) > 3)


def test_outputs_under_other_names_are_attributed_to_the_signature():
    def renamed(batch):
        found = network(batch, np.float32)
        return {"output_0": found["hidden"], "output_1": found["logits"]}

    found = ask(Changed(renamed))
    assert found.kind == "signature"
    assert "what it calls `output_1` is `logits`" in found.reason


def test_the_name_of_an_only_output_does_not_matter():
    class Lone(Plain):
        def run(self, batch):
            return {"logits": network(batch, self.dtype)["logits"]}

        @contextmanager
        def variant(self, *, dtype="", optimization=""):
            yield Lone(np.dtype(dtype).type)

    renamed = Changed(lambda batch: {"output_0": network(batch, np.float32)["logits"]})
    assert attribute_difference(Lone(), renamed, [BATCH], mask="mask") is None
    swapped = Changed(lambda batch: {"output_0": network(batch, np.float32)["logits"][:, ::-1]})
    assert "the last axis of `logits`" in attribute_difference(Lone(), swapped, [BATCH], mask="mask").reason


def test_inputs_in_another_order_are_attributed_to_the_signature():
    def mistaken(batch):
        return network(batch | {"words": batch["kinds"], "kinds": batch["words"]}, np.float32)

    found = ask(Changed(mistaken))
    assert found.kind == "signature"
    assert "what it calls `words` is `kinds`" in found.reason


@pytest.mark.parametrize(
    ("move", "shape"), [(np.transpose, "[5, 3]"), (lambda logits: logits[:, None], "[3, 1, 5]"), (np.ravel, "[15]")]
)
def test_right_numbers_in_another_shape_are_attributed_to_the_signature(move, shape):
    def moved(batch):
        found = network(batch, np.float32)
        return found | {"logits": move(found["logits"])}

    found = attribute_difference(Fixed(), Changed(moved), [BATCH], mask="mask", oracle=Fixed(np.float64))
    assert found.kind == "signature"
    assert found.reason == f"`logits` has its numbers in the shape {shape}, and not [3, 5]"


def test_other_numbers_in_another_shape_are_not_attributed_to_the_signature():
    def moved(batch):
        found = network(batch, np.float32)
        return found | {"logits": found["logits"].T * np.float32(1.01)}

    assert (
        attribute_difference(Fixed(), Changed(moved), [BATCH], mask="mask", oracle=Fixed(np.float64)).kind == "exporter"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda found: found | {"hidden": found["hidden"].astype(np.float64)}, "comes as float64, and not float32"),
        (lambda found: {"hidden": found["hidden"]}, "the file has no output `logits`"),
    ],
)
def test_another_type_and_missing_outputs_are_attributed_to_the_signature(change, reason):
    found = ask(Changed(lambda batch: change(network(batch, np.float32))))
    assert found.kind == "signature"
    assert reason in found.reason


def test_an_additional_output_is_no_fault():
    def more(batch):
        found = network(batch, np.float32)
        return found | {"more": found["logits"]}

    assert ask(Changed(more)) is None


def test_an_optimizer_is_found_without_a_graph_too():
    def wrong(batch):
        found = network(batch, np.float32)
        return found | {"logits": found["logits"] * np.float32(1.01)}

    found = ask(Optimized(wrong))
    assert (found.kind, found.module) == ("optimizer", "")
    assert "from the level `basic` on" in found.reason
    assert "level" not in ask(Optimized(wrong, at=("all",))).reason


@pytest.mark.parametrize("side", ["model", "file"])
def test_batches_are_not_combined_where_a_side_takes_no_more_rows(side):
    """Of a model or file that was exported for three rows; nothing differs but the type of an output."""

    def retyped(batch):
        if side == "file" and len(batch["words"]) != len(BATCH["words"]):
            raise ValueError("Got 6 rows, expected 3")
        found = network(batch, np.float32)
        return found | {"logits": found["logits"].astype(np.float64)}

    model = Fixed if side == "model" else Plain
    found = attribute_difference(model(), Changed(retyped), [BATCH, BATCH], mask="mask", oracle=model(np.float64))
    assert (found.kind, found.reason) == ("signature", "`logits` comes as float64, and not float32")


@dataclass
class Unsteady(Plain):
    """A reference whose logits change with the number of rows, by so much."""

    by: float = 0.0

    def run(self, batch):
        found = network(batch, self.dtype)
        few = len(batch["words"]) < len(BATCH["words"])
        return found | {"logits": found["logits"] + np.asarray(self.by if few else 0, self.dtype)}


@pytest.mark.parametrize(("by", "kind"), [(4e-6, ""), (1e-3, "reference")])
def test_a_reference_may_change_with_its_batch_by_rounding(by, kind):
    reference, sound = Unsteady(by=by), Changed(lambda batch: network(batch, np.float32))
    exact = Plain(np.float64)
    noise = np.abs(network(BATCH, np.float32)["logits"] - network(BATCH, np.float64)["logits"]).max()
    assert (10 < by / noise < 100) == (not kind)
    found = attribute_difference(reference, sound, [BATCH], mask="mask", oracle=exact)
    assert (found.kind if found else "") == kind


def test_a_candidate_without_a_graph_is_at_fault_as_a_whole():
    found = ask(Changed(lambda batch: {"logits": network(batch, np.float32)["logits"] * np.float32(1.01)}))
    assert (found.kind, found.module) == ("exporter", "")


def test_a_candidate_that_cannot_run_is_infinitely_far_off():
    def broken(batch):
        raise ValueError("no kernel for this")

    found = ask(Changed(broken))
    assert found.ratio == np.inf
    assert found.evidence()["ratio"] is None


@pytest.mark.parametrize("ratio", [0.0, 3.14159, np.inf, np.nan])
def test_evidence_is_json_without_missing_numbers(ratio):
    found = Attribution(
        "kernel",
        "because",
        ratio,
        module="a.b",
        node_names=("one", "two"),
        nearby_modules=(ModuleRatio("a.b", 0, ratio, 2.0),),
    )
    told = json.loads(json.dumps(found.evidence(), allow_nan=False))
    assert (told["kind"], told["module"], told["node"]) == ("kernel", "a.b", "two")
    assert "weight" not in told
    assert told.get("ratio") == {0.0: None, 3.14159: 3.14}.get(ratio), "nothing for 0, null for what is not finite"
