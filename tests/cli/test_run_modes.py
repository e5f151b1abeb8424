"""Tasks whose rows are generated, streamed or split, in suites as users run them, with a plugin of one file."""

from __future__ import annotations

import pytest

PLUGIN = '''
from contextlib import contextmanager
from dataclasses import dataclass
import numpy as np
import pyarrow as pa
from mqa_registry import (
    Backend, Codec, Generation, Model, ModelSource, NoOptions, RunnerFacts, State, Streaming, Task, hookimpl
)

LETTERS = "abcdefgh"

class Letters(ModelSource[NoOptions]):
    """Nothing but letters."""
    name = "letters"

    def load(self, task, run_context, options):
        return Model(digest="letters", module=lambda: None, processor=lambda: None, labels=("no", "yes"))

class LettersCodec(Codec):
    padding_mask = "attention_mask"

    def encode(self, examples):
        return [{"input_ids": np.array([LETTERS.index(one) for one in row["text"]])} for row in examples]

    def collate(self, rows):
        width = max(map(self.cost, rows))
        ids = np.stack([np.pad(row["input_ids"], (width - self.cost(row), 0)) for row in rows])
        mask = np.stack([np.arange(width) >= width - self.cost(row) for row in rows]).astype(np.int64)
        return {"input_ids": ids, "attention_mask": mask}

    def cost(self, row):
        return len(row["input_ids"])

class WriteCodec(LettersCodec):
    """Each next letter is as many letters on as the text has had so far."""
    run_mode = Generation(max_new_tokens=3, end_tokens=(7,), states=(State("seen", "before", (1,)),))

    def decode(self, outputs, rows):
        pairs = zip(outputs["tokens"], outputs["lengths"], strict=True)
        return pa.table({"text": ["".join(LETTERS[one] for one in tokens[:n]) for tokens, n in pairs]})

class Write(Task[NoOptions]):
    """The letters that follow."""
    name, schema, fields, metric, run_mode = "write", "text", {"text": "text"}, "parity/agreement", "generation"

    def bind(self, model, options):
        return WriteCodec()

class PairsCodec(LettersCodec):
    """Pairs of letters, one after the other."""

    def split(self, row):
        ids = row["input_ids"]
        return [{"input_ids": ids[start : start + 2]} for start in range(0, len(ids), 2)]

    def join(self, outputs, row):
        return {"count": outputs[-1]["seen"]} if self.run_mode else {"count": sum(one["seen"] for one in outputs)}

    def decode(self, outputs, rows):
        return pa.table({"value": outputs["count"][:, 0].astype(float)})

class Count(Task[NoOptions]):
    """How many letters a text has, counted in pairs that know nothing of each other."""
    name, schema, fields, metric = "count", "value", {"text": "text"}, "metrics/accuracy"

    def bind(self, model, options):
        return PairsCodec()

class StreamCodec(PairsCodec):
    run_mode = Streaming(states=(State("seen", "before", (1,)),))

class Stream(Count):
    """How many letters a text has, carried from pair to pair."""
    name, run_mode = "stream", "streaming"

    def bind(self, model, options):
        return StreamCodec()

class Undeclared(Count):
    """A task that does not say how it runs."""
    name = "undeclared"

    def bind(self, model, options):
        return StreamCodec()

class Runner:
    identity, facts, budget = {}, RunnerFacts(device="cpu"), 6

    def __init__(self, forgets):
        self.forgets = forgets

    def run(self, batch):
        before = batch.get("before", np.zeros((len(batch["input_ids"]), 1), np.float32))
        mask = batch["attention_mask"]
        # With a cache the mask has more columns than there are tokens: those in front were counted before.
        own = mask[:, mask.shape[1] - batch["input_ids"].shape[1] :]
        seen = (0 if self.forgets else before) + own.sum(axis=1, keepdims=True)
        chosen = (batch["input_ids"][:, -1] + seen[:, 0].astype(int)) % len(LETTERS)
        return {"logits": np.eye(len(LETTERS))[chosen][:, None] * 9.0, "seen": seen.astype(np.float32)}

@dataclass(frozen=True, kw_only=True)
class CounterOptions:
    forgets: bool = False

class Counter(Backend[CounterOptions]):
    """Counts letters, from any count on."""
    name, run_modes = "counter", ("forward", "generation", "streaming")

    def identity(self, model_under_test, options):
        return {}

    @contextmanager
    def open(self, model_under_test, options):
        yield Runner(options.forgets)

class Plain(Counter):
    """The same, by forward passes alone."""
    name, run_modes = "plain", ("forward",)

@hookimpl
def mqa_models():
    yield Letters()

@hookimpl
def mqa_tasks():
    yield from (Write(), Count(), Stream(), Undeclared())

@hookimpl
def mqa_backends():
    yield from (Counter(), Plain())
'''

SUITE = """
format = 1
name = "letters"
seed = 7
[model]
use = "letters/letters"
task = "letters/{task}"
[data.rows]
use = "datasets/file"
path = "rows.parquet"
[backends.truth]
use = "replay/file"
path = "truth.parquet"
schema = "{schema}"
[backends.counter]
use = "letters/counter"
[backends.forgets]
use = "letters/counter"
forgets = true
[backends.plain]
use = "letters/plain"
[[check]]
measure = "parity/{measure}"
expect = {{ {bound} }}
on = ["counter", "forgets", "plain"]
"""
TEXTS = ["a", "bcd", "abcdefg", "ha", "ccccc"] * 8


@pytest.fixture
def letters(project):
    (project.folder / "letters.py").write_text(PLUGIN)
    project.table("rows", id=list(range(len(TEXTS))), text=TEXTS)

    def run(task, schema, measure, bound, truth):
        project.table("truth", id=list(range(len(TEXTS))), **{schema: truth})
        project.write("", head=SUITE.format(task=task, schema=schema, measure=measure, bound=bound))
        return project.run("--plugin", "letters.py", "--json", "-")

    return run


def continued(text):
    """The oracle: each next letter, worked out from the text."""
    whole = text
    while len(whole) < len(text) + 3:
        whole += "abcdefgh"[("abcdefgh".index(whole[-1]) + len(whole)) % 8]
        if whole[-1] == "h":
            break
    return whole[len(text) :]


def results(done):
    assert done.out, done.err
    return {result["backend"]: result for result in done.json["results"]}


def test_a_generation_is_predicted_and_a_backend_that_loses_its_state_fails(letters):
    found = results(letters("write", "text", "agreement", "min = 0.9", [continued(text) for text in TEXTS]))
    assert found["counter"]["numbers"]["value"]["estimate"] == 1
    assert found["forgets"]["verdict"] == "FAIL"


def test_a_stream_carries_its_state_from_part_to_part(letters):
    found = results(letters("stream", "value", "max-abs-diff", "max = 0.1", [float(len(text)) for text in TEXTS]))
    assert found["counter"]["numbers"]["value"]["estimate"] == 0
    assert found["forgets"]["verdict"] == "FAIL"


def test_parts_of_a_row_need_no_state_and_run_on_every_backend(letters):
    found = results(letters("count", "value", "max-abs-diff", "max = 0.1", [float(len(text)) for text in TEXTS]))
    assert {name: one["numbers"]["value"]["estimate"] for name, one in found.items()} == dict.fromkeys(found, 0)


@pytest.mark.parametrize("task", ["write", "stream", "count"])
def test_a_probe_that_times_batches_times_steps_and_parts(letters, project, task):
    letters(task, "text" if task == "write" else "value", "agreement", "min = 0", [""] * len(TEXTS))
    timed = '[[check]]\nmeasure = "performance/latency"\nexpect.p95_ms = { max = 60000 }\non = ["counter"]\n'
    head = (project.folder / "suite.toml").read_text().partition("[[check]]")[0]
    project.write(timed, head=head)
    found = results(project.run("--plugin", "letters.py", "--json", "-"))
    assert found["counter"]["verdict"] == "PASS"


@pytest.mark.parametrize("task", ["write", "stream"])
def test_a_backend_of_forward_passes_alone_is_refused_and_costs_only_its_own_checks(letters, task):
    schema = "text" if task == "write" else "value"
    truth = [continued(text) if task == "write" else float(len(text)) for text in TEXTS]
    measure, bound = ("agreement", "min = 0.9") if task == "write" else ("max-abs-diff", "max = 0.1")
    found = results(letters(task, schema, measure, bound, truth))
    mode = "generation" if task == "write" else "streaming"
    assert found["plain"]["verdict"] == "NOT-RUN"
    assert f"backend `plain` does not run a model by `{mode}`" in found["plain"]["note"]
    assert found["counter"]["verdict"] == "PASS"


def test_a_task_declares_how_its_codec_runs(letters):
    done = letters("undeclared", "value", "max-abs-diff", "max = 0.1", [float(len(text)) for text in TEXTS])
    assert done.code == 3
    assert "is a task of the run mode `forward`, and its codec has `streaming`" in done.err + done.out
