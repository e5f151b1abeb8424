"""`parity/invariance`: what a row is answered must not depend on the company it is in."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mqa_parity.batch_invariance import METRICS, BatchInvariance, InvarianceOptions
from mqa_registry import Probe

INVARIANCE = BatchInvariance()

ROUGH = 1e4  # roundings: far more than any order of a sum could explain


@pytest.fixture
def network(numpy_runner):
    return numpy_runner.compute


@pytest.fixture
def seen(context, numpy_runner):
    """What the probe makes of one runner: its numbers, its evidence and its observations."""

    def look(runner=None, texts=None, **options):
        table = INVARIANCE.observe(context(runner or numpy_runner(), texts=texts), InvarianceOptions(**options))
        return INVARIANCE.numbers(table), INVARIANCE.evidence(table), table

    return look


def moving(change):
    """A function of the logits, as an edit of all outputs."""
    return lambda found: found | {"logits": change(found["logits"]).astype(found["logits"].dtype)}


def unfair(numbers):
    return {name for name in METRICS[1:] if numbers[name] > ROUGH}


def test_it_is_a_probe_of_one_runner():
    import mqa_parity

    (probe,) = [one for one in mqa_parity.mqa_probes() if one.name == "invariance"]
    assert isinstance(probe, Probe)
    assert not probe.compares
    assert (probe.inputs, probe.outputs, probe.text_columns) == ("runner", METRICS, ("fields",))


def test_a_sound_network_moves_by_a_few_roundings_at_most(seen):
    found, _, table = seen()
    assert set(found) == set(METRICS)
    assert all(0 <= found[name] < 10 for name in ("value", "batch", "padding", "order"))
    assert found["repeat"] == 0
    assert set(table.column("output").to_pylist()) == {"hidden", "logits"}, "integers do not move by roundings"
    assert len(set(table.column("id").to_pylist())) == 16


def test_a_model_that_forgets_the_mask_moves_with_padding_and_nothing_else(seen, numpy_runner, network):
    def blind(batch, dtype):
        return network(batch | {"mask": np.ones_like(batch["mask"])}, dtype)

    found, shown, _ = seen(numpy_runner(blind))
    assert unfair(found) == {"padding"}
    assert found["value"] == found["padding"]
    (said,) = [remark for remark in shown.remarks if "next to a longer row" in remark]
    assert said.startswith("`logits` moves by ")
    assert shown.examples[0].details["kind"] == "padding"
    assert set(shown.examples[0].fields) == {"text"}


def test_a_model_that_counts_its_rows_moves_with_the_batch(seen, numpy_runner):
    found, _, _ = seen(numpy_runner(changes=moving(lambda logits: logits * (1 + len(logits) / 100))))
    assert unfair(found) == {"batch"}


LEAKS = {
    "statistics of the batch": lambda logits: logits + logits.mean(0, keepdims=True) / 10,
    "the row before": lambda logits: logits + np.roll(logits, 1, axis=0) / 10,
    "the first row": lambda logits: logits + logits[:1] / 10,
    "the last row": lambda logits: logits + logits[-1:] / 10,
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("texts", [["abcd", "efgh", "ijkl"], ["ab", "cdefgh"]], ids=["as long", "one longer"])
def test_a_model_that_mixes_rows_moves_with_other_rows_and_not_with_copies(seen, numpy_runner, leak, texts):
    found, shown, _ = seen(numpy_runner(changes=moving(leak)), texts=texts)
    assert found["others"] > ROUGH
    assert found["batch"] < 10
    assert any("next to other rows of its length" in remark for remark in shown.remarks)


def test_batch_statistics_in_place_of_running_ones_are_detected(context, numpy_runner):
    """As a BatchNorm without running statistics has them: a row among copies of itself has its own."""
    import torch

    torch.manual_seed(7)
    norm = torch.nn.BatchNorm1d(3, track_running_stats=False).eval()

    def compute(batch, dtype):
        words = torch.from_numpy(batch["words"].astype(np.float32) / 50)
        with torch.no_grad():
            spread = torch.stack([words, words**2, words**3], 1)
            return {"pooled": norm(spread).mean(2).numpy().astype(dtype)}

    found = INVARIANCE.numbers(
        INVARIANCE.observe(context(numpy_runner(compute), texts=["abcd", "efgh", "ijkl", "zzyy"]), InvarianceOptions())
    )
    assert found["others"] > ROUGH
    assert found["batch"] < 100


def test_one_row_has_no_others(seen):
    assert math.isnan(seen(texts=["abcd"])[0]["others"])


def test_a_model_that_uses_its_first_row_moves_with_the_order(seen, numpy_runner):
    found, _, _ = seen(numpy_runner(changes=moving(lambda logits: logits + logits[:1] / 10)))
    assert unfair(found) == {"order", "others"}


def test_an_output_that_compares_every_row_with_every_other_is_left_out(seen, numpy_runner):
    found, _, table = seen(numpy_runner(changes=lambda found: found | {"beside": found["logits"] @ found["logits"].T}))
    assert not unfair(found)
    assert set(table.column("output").to_pylist()) == {"hidden", "logits"}


def test_a_model_that_draws_random_numbers_moves_when_it_is_run_again(seen, numpy_runner):
    rng = np.random.default_rng(7)
    found, shown, _ = seen(numpy_runner(changes=moving(lambda logits: logits * rng.random())))
    assert "repeat" in unfair(found)
    assert any("when it is run again" in remark for remark in shown.remarks)


def test_threads_are_compared_with_another_number_of_them_where_it_can_change(seen, numpy_runner, fixed_runner):
    steady = numpy_runner(threaded=lambda found: found)
    assert seen(steady)[0]["threads"] == 0
    moved = numpy_runner(threaded=moving(lambda logits: logits * 1.1))
    assert unfair(seen(moved)[0]) == {"threads"}
    for without in (numpy_runner(), fixed_runner()):
        assert math.isnan(seen(without)[0]["threads"])


def test_nan_next_to_a_longer_row_is_infinitely_far(seen, numpy_runner, network):
    def overflowing(batch, dtype):
        found = network(batch, dtype)
        lost = (batch["mask"] == 0).any(axis=1)[:, None]
        return found | {"logits": np.where(lost, dtype("nan"), found["logits"])}

    found, _, _ = seen(numpy_runner(overflowing))
    assert found["padding"] == math.inf


def test_padding_is_undefined_for_rows_of_one_length(seen):
    found, _, _ = seen(texts=["abcd", "efgh", "ijkl"])
    assert math.isnan(found["padding"])
    assert found["value"] >= 0


def test_one_row_is_enough(seen):
    found, _, _ = seen(texts=["abcd"])
    assert found["batch"] >= 0
    assert math.isnan(found["order"])


def test_half_precision_is_measured_in_its_own_roundings(seen, numpy_runner):
    half = numpy_runner(dtype="float16", changes=moving(lambda logits: logits * (1 + len(logits) * 1e-3)))
    single = numpy_runner(changes=half.changes)
    assert seen(half)[0]["batch"] < 10
    assert seen(single)[0]["batch"] > 1000
