"""Python: a suite as a file or a dict, with models and tables in memory, run and judged without a command."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import mqa_registry
from mqa_registry import (
    HistoryOptions,
    Interval,
    LiveModel,
    RunOptions,
    UsageError,
    Verdict,
    judge,
    run,
)
from mqa_registry.errors import DataError, SuiteError
from mqa_reports.html.repeat import describe_repetition

SUITES = Path(__file__).parents[1] / "suites"
ACCURACY = {"measure": "metrics/accuracy", "expect": {"min": 0.8}}
WORDS = ["area", "rhythm", "queue", "myth", "idea", "sky", "oasis", "lynx", "aerie", "crypt"] * 6
ROWS = [{"text": f"{word} {number}", "label": "few" if "y" in word else "many"} for number, word in enumerate(WORDS)]


@dataclass
class Vowels:
    """The model: a text has many vowels from this share on."""

    share: float = 0.3


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return RunOptions(plugin_files=(Path(__file__).parent / "vowels.py",), store=tmp_path_factory.mktemp("x") / "store")


@pytest.fixture(scope="module")
def report(options):
    """A run of a model and rows in memory."""
    return run({"name": "words", "check": [ACCURACY]}, options, model=Vowels(), data={"words": ROWS})


def test_task_data_and_backend_of_a_suite_of_checks_alone_follow_from_the_objects(report):
    assert (report.verdict, int(report.exit_code)) == (Verdict.PASS, 0)
    assert report.suite.name == "words"
    assert report.backends == ("counting",)
    assert report.work["counting"].predicted == 60
    assert report.environment["model"]["digest"] == "vowels 0.3"
    (result,) = report.results
    number = result.numbers["value"]
    assert (number.estimate, number.interval) == (1.0, Interval(number.low, 1.0))
    assert report.to_frame().loc[0, ["check", "estimate", "rows"]].tolist() == ["metrics/accuracy", 1.0, 60]


def test_a_run_of_objects_says_that_no_command_repeats_it_and_is_judged_again(report, options):
    assert report.environment["in_memory"] == ["data.words", "model"]
    (note,) = report.findings
    assert note.message == "`data.words` and `model` were objects in memory: no command repeats this run"
    commands = [command for command, _ in describe_repetition(report).commands]
    assert commands == [f"mqa judge {report.run}"]
    again = judge(report, plugin_files=options.plugin_files, store=options.store)
    assert (again.verdict, again.findings) == (report.verdict, report.findings)


def test_equal_rows_of_another_library_find_the_predictions_that_are_stored(report, options):
    found = run({"check": [ACCURACY]}, options, model=Vowels(), data={"words": pd.DataFrame(ROWS)})
    assert (found.work["counting"].found, found.work["counting"].predicted) == (60, 0)
    assert found.results[0].numbers == report.results[0].numbers


def test_another_model_does_not_find_them(report, options):
    other = run({"check": [ACCURACY]}, options, model=LiveModel(Vowels(0.9)), data={"words": ROWS})
    assert other.work["counting"].found == 0
    assert other.verdict is Verdict.FAIL


SUITE = """
format = 1
[model]
use = "vowels/memory"
task = "count"
[data.more]
use = "datasets/file"
path = "gone.csv"
columns = { text = "word" }
limit = 30
[backends.counting]
use = "vowels/counting"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }
"""


@pytest.fixture(scope="module")
def suite(options):
    """A suite file whose data are not there, next to the store."""
    file = options.store.parent / "suite.toml"
    file.write_text(SUITE, "utf-8")
    return file


@pytest.fixture
def renamed():
    return pa.Table.from_pylist(ROWS).rename_columns(["word", "label"])


def test_objects_replace_what_a_suite_file_names_and_its_columns_hold_for_them(suite, renamed, options):
    replaced = run({"extends": str(suite), "name": "laid over"}, options, model=Vowels(), data={"more": renamed})
    assert replaced.suite.name == "laid over"
    assert replaced.verdict is Verdict.PASS
    assert replaced.results[0].numbers["value"].rows == 30
    assert replaced.results[0].location.file == str(suite)
    again = judge(replaced, suite, plugin_files=options.plugin_files, store=options.store)
    assert again.results[0].numbers == replaced.results[0].numbers
    strict = {"check": [{"measure": "metrics/accuracy", "expect": {"max": np.float64(0.5)}}]}
    assert judge(replaced, strict, plugin_files=options.plugin_files, store=options.store).verdict is Verdict.FAIL


def test_a_suite_cannot_name_an_object(options):
    with pytest.raises(DataError, match="the data set is an object in the memory of a Python program") as caught:
        run({"check": [ACCURACY], "data": {"words": {"use": "datasets/memory"}}}, options, model=Vowels())
    assert caught.value.__notes__ == ['hint: call `mqa_registry.run` with `data={"NAME": TABLE}`']


def test_options_hold_for_a_dict(report, options):
    settings = ("check.metrics/accuracy.expect.min=1.5",)
    chosen = RunOptions(set=settings, limit=10, plugin_files=options.plugin_files, store=options.store)
    with pytest.raises(SuiteError) as caught:
        run({"check": (ACCURACY,)}, chosen, model=Vowels(), data={"words": ROWS})
    assert "1.5" in caught.value.__notes__[0]
    confined = RunOptions(confined=True, store=options.store)
    with pytest.raises(SuiteError, match="1 problem"):
        run({"check": [ACCURACY], "data": {"words": {"use": "datasets/file", "path": Path("/etc/passwd")}}}, confined)


def test_a_run_is_held_against_an_earlier_one(report, options):
    history = HistoryOptions(against=report.run)
    other = run({"check": [ACCURACY]}, options, model=Vowels(0.9), data={"words": ROWS}, history=history)
    (flips,) = other.against.flips
    assert (flips.test.negative_flips, flips.test.positive_flips) == (30, 0)


def test_an_error_says_what_to_do_in_a_traceback(options):
    with pytest.raises(UsageError) as caught:
        run({"check": [ACCURACY]}, options, model=Counter(), data={"words": ROWS})
    assert caught.value.__notes__ == [f"hint: {caught.value.hint}"]


def test_it_runs_in_a_notebook_and_in_a_thread_and_prints_nothing(report, options, capfd):
    handler, reports = signal.getsignal(signal.SIGINT), []

    def again():
        reports.append(run({"check": [ACCURACY]}, options, model=Vowels(), data={"words": ROWS}))

    async def cell():
        again()

    asyncio.run(cell())
    thread = threading.Thread(target=again)
    thread.start()
    thread.join()
    assert [one.verdict for one in reports] == [Verdict.PASS] * 2
    assert signal.getsignal(signal.SIGINT) is handler
    assert capfd.readouterr() == ("", "")


def test_a_model_of_transformers_shares_predictions_with_its_folder_until_it_is_another(tmp_path):
    """The real demo model, in a file's run, then in memory, then trained on."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    only_accuracy = RunOptions(only=("metrics/accuracy",), backends=("torch",), limit=20, store=tmp_path / "store")
    of_files = run(SUITES / "nlp.toml", only_accuracy)
    assert of_files.work["torch"].predicted == 20
    folder = SUITES / "models/reviews-minilm"
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    model.train()
    rows = {"sentiment": pd.read_parquet(SUITES / "data/sentiment.parquet").iloc[:20]}
    same = run(SUITES / "nlp.toml", only_accuracy, model=LiveModel(model, tokenizer), data=rows)
    assert (same.work["torch"].found, same.work["torch"].predicted) == (20, 0)
    assert same.results[0].numbers == of_files.results[0].numbers
    assert same.environment["in_memory"] == ["data.sentiment"]
    with torch.no_grad():
        model.classifier.bias += torch.tensor([-9.0, 9.0])
    other = run(SUITES / "nlp.toml", only_accuracy, model=LiveModel(model, tokenizer), data=rows)
    assert (other.work["torch"].found, other.work["torch"].predicted) == (0, 20)
    assert other.environment["in_memory"] == ["data.sentiment", "model"]
    assert other.environment["model"]["architecture"] == "BertForSequenceClassification"
    assert other.views[0].confusion.counts != same.views[0].confusion.counts
    assert model.training


def test_the_functions_are_public():
    assert {"run", "judge", "RunOptions", "Report", "Result", "Verdict", "Interval"} <= set(mqa_registry.__all__)
