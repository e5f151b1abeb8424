"""Retrainings of the demo model held against it: the worse one is caught with its flips, the equally good one is not.

`retrainings.parquet` has 2,050 sentences of film reviews that none was trained on, without their texts: 1,000 that the
recipe holds out and 1,050 of the data set. For each row it has the probability of `positive` by the shipped model, by
`model.py --seed 8`, and by `model.py --seed 8 --rows 3000`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

from mqa_registry import runs
from mqa_registry.errors import ExitCode
from mqa_registry.judging.result import Verdict
from mqa_registry.run_options import HistoryOptions

TABLE = pq.read_table(Path(__file__).with_name("retrainings.parquet")).to_pandas()
SOURCE = TABLE.id.str.partition("-")[0].to_numpy()
HELD_OUT = TABLE.id.str.startswith("held-").to_numpy()
SUITE = """
format = 1
name = "films"
[data.films]
use = "datasets/file"
path = "films.parquet"
[backends.torch]
use = "replay/file"
path = "predictions.parquet"
classes = ["negative", "positive"]
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.68 }
[[check]]
measure = { use = "metrics/f1", average = "macro" }
expect = { min = 0.68 }
[[check]]
measure = "metrics/auroc"
expect = { min = 0.80 }
[[check]]
measure = "metrics/ece"
expect = { max = 0.17 }
[[check]]
name = "sources"
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "source" }
expect = { min = 0.5 }
"""


def is_right(model, rows):
    return (TABLE[model].to_numpy()[rows] > 0.5) == (TABLE.label == "positive").to_numpy()[rows]


@pytest.fixture(scope="module", params=[HELD_OUT, np.full(len(TABLE), True)], ids=["held-out", "all"])
def compared(request, tmp_path_factory):
    """The rows, and the run of each retraining held against that of the shipped model."""
    folder, rows = tmp_path_factory.mktemp("films"), request.param
    ids, labels = TABLE.id[rows].tolist(), TABLE.label[rows].tolist()
    pq.write_table(
        pa.table({"id": ids, "text": ids, "label": labels, "source": SOURCE[rows]}), folder / "films.parquet"
    )
    (folder / "suite.toml").write_text(SUITE)

    def run(model, **history):
        positive = TABLE[model].to_numpy()[rows].astype(float)
        predictions = {"id": ids, "negative": 1 - positive, "positive": positive}
        pq.write_table(pa.table(predictions), folder / "predictions.parquet")
        return runs.run(folder / "suite.toml", history=HistoryOptions(**history))

    run("release", tag="release")
    return rows, {model: run(model, against="release") for model in ("equal", "worse")}


def test_the_worse_one_is_caught_with_the_rows_that_it_newly_gets_wrong(compared):
    rows, reports = compared
    before, now = is_right("release", rows), is_right("worse", rows)
    assert 0.01 < before.mean() - now.mean() < 0.03
    assert reports["worse"].exit_code is ExitCode.FAILED
    assert "metrics/auroc" in {one.check for one in reports["worse"].against.changes if one.verdict is Verdict.FAIL}
    (flips,) = reports["worse"].against.flips
    newly_wrong = np.flatnonzero(before & ~now)
    assert flips.test.negative_flips == len(newly_wrong)
    exact = binomtest(len(newly_wrong), len(before)).proportion_ci()
    assert (flips.share.low, flips.share.high) == pytest.approx((exact.low, exact.high))
    assert {one.id for one in flips.examples} <= set(TABLE.id[rows].to_numpy()[newly_wrong])
    assert len(flips.examples) == min(len(newly_wrong), 100)


@pytest.mark.parametrize("model", ["equal", "worse"])
def test_the_sentences_of_each_source_are_held_by_themselves(compared, model):
    rows, reports = compared
    groups = {one.group: one for one in reports[model].against.changes if one.check == "sources"}
    assert groups.keys() == set(SOURCE[rows])
    for name, change in groups.items():
        of_source = rows & (name == SOURCE)
        before, now = is_right("release", of_source).mean(), is_right(model, of_source).mean()
        assert (change.before.estimate, change.now.estimate) == (pytest.approx(before), pytest.approx(now))
        assert change.change.estimate == pytest.approx(before - now)
        assert change.change.rows == of_source.sum()


def test_the_equally_good_one_is_not(compared):
    rows, reports = compared
    assert abs(is_right("release", rows).mean() - is_right("equal", rows).mean()) < 0.01
    assert (reports["equal"].exit_code, reports["equal"].against.verdict) == (ExitCode.OK, Verdict.PASS)
    assert reports["equal"].against.flips[0].test.negative_flips > 0
