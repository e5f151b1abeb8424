"""`parity/generation` of a GPT-2 and its exports, one sound and two damaged, as `mqa run` reports it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.session.backend import SessionBackend, SessionOptions
from mqa_registry import ModelUnderTest, NoOptions, RunContext
from tests.mqa_onnxruntime.decoder_plugin import Decoder, Write

pytestmark = pytest.mark.usefixtures("exports_here")
PLUGIN = Path(__file__).with_name("decoder_plugin.py")
SUITE = """
format = 1
name = "decoder"
seed = 7
[model]
use = "decoder_plugin/gpt2"
task = "decoder_plugin/write"
[data.prompts]
use = "datasets/file"
path = "prompts.parquet"
[backends.torch]
use = "transformers/torch"
[backends.sound]
use = "onnxruntime/session"
path = "sound.onnx"
[backends.cache]
use = "onnxruntime/session"
path = "cache.onnx"
[backends.prefill]
use = "onnxruntime/session"
path = "prefill.onnx"
[[check]]
measure = { use = "parity/generation", rows = 6, steps = 4 }
on = ["sound", "cache", "prefill"]
expect.ratio = { max = 10 }
expect.first_step = { max = 10 }
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of one run, by backend."""
    folder = tmp_path_factory.mktemp("decoder")
    task = Write()
    context = RunContext(exports=folder / "exports", device="cpu")
    model = Decoder().load(task, context, NoOptions())
    with SessionBackend().open(ModelUnderTest(model, task, context), SessionOptions()) as runner:
        exported = parse_model(runner.source.path)
        for weights in runner.source.path.parent.glob("*.data"):
            (folder / weights.name).write_bytes(weights.read_bytes())
    (folder / "sound.onnx").write_bytes(exported.SerializeToString())
    (folder / "cache.onnx").write_bytes(damage_input(exported, "past_key_values.1.value"))
    (folder / "prefill.onnx").write_bytes(damage_input(exported, "position_ids"))
    rng = np.random.default_rng(3)
    prompts = [" ".join(map(str, rng.integers(1, 48, size))) for size in (1, 3, 7, 2, 5, 4, 6, 3)]
    pq.write_table(
        pa.table({"id": [f"row-{n}" for n in range(len(prompts))], "text": prompts}), folder / "prompts.parquet"
    )
    (folder / "suite.toml").write_text(SUITE)
    command = ["-m", "mqa_registry", "run", "suite.toml", "--plugin", str(PLUGIN), "--json", "report.json"]
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert (folder / "report.json").exists(), done.stderr
    report = json.loads((folder / "report.json").read_text())
    return {result["backend"]: result for result in report["results"]}


def damage_input(model, name):
    """The file with one input halved (rounded down where it is whole) before anything reads it."""
    from onnx import TensorProto, helper, numpy_helper

    copy = type(model)()
    copy.CopyFrom(model)
    kind = next(value for value in copy.graph.input if value.name == name).type.tensor_type.elem_type
    whole = kind == TensorProto.INT64
    factor = np.array(2, np.int64) if whole else np.array(2, np.float32)
    copy.graph.initializer.append(numpy_helper.from_array(factor, "two"))
    for node in copy.graph.node:
        node.input[:] = ["damaged" if one == name else one for one in node.input]
    copy.graph.node.insert(0, helper.make_node("Div", [name, "two"], ["damaged"], name="damage"))
    return copy.SerializeToString()


def first_divergence(result):
    return result["evidence"]["details"]["first_divergence"]


def test_a_sound_export_passes_and_writes_the_same_tokens(results):
    sound = results["sound"]
    assert (sound["verdict"], first_divergence(sound)) == ("PASS", None)
    assert sound["numbers"]["same_tokens"]["estimate"] == 1
    assert sound["numbers"]["caches"]["estimate"] <= 10


def test_a_cache_that_is_read_wrongly_fails_from_the_second_step_on_in_its_layer(results):
    cache = results["cache"]
    assert (cache["verdict"], cache["numbers"]["first_step"]["verdict"]) == ("FAIL", "PASS")
    found = first_divergence(cache)
    assert (found["kind"], found["step"], found["array"], found["layer"]) == ("cached step", 2, "present.1.value", 1)
    ratios = cache["evidence"]["details"]["ratio_by_step"]
    assert ratios[0] <= 10 < min(ratios[1:])


def test_a_damaged_prefill_fails_in_the_first_step(results):
    prefill = results["prefill"]
    assert (prefill["verdict"], prefill["numbers"]["first_step"]["verdict"]) == ("FAIL", "FAIL")
    assert (first_divergence(prefill)["kind"], first_divergence(prefill)["layer"]) == ("prefill", 0)
    assert "the first step, which reads the prompt, differs" in " ".join(prefill["evidence"]["remarks"])
