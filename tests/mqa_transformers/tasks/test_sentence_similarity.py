"""The task `sentence-similarity`: the cosine of two texts is what transformers gives by hand, on both backends."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import ModelUnderTest, RunContext
from mqa_registry.contributions.task import stack_outputs
from mqa_transformers.loading import silence_transformers
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.tasks.feature_extraction import FeatureExtractionOptions
from mqa_transformers.tasks.sentence_similarity import SentenceSimilarity
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from tests.cli.conftest import Project
from tests.mqa_transformers.tasks.tiny_encoders import make_texts, shared_encoder, shared_export

PAIRS = [("the song was long", "a drum and a song"), ("a cloud", "with a new ball and a race"), ("soup", "soup")]


def compare(folder, pairs, length=None, **options):
    """The similarity of each pair, of which all texts run in one batch."""
    context = RunContext(folder / "exports", device="cpu")
    model = AutoSource().load(SentenceSimilarity(), context, AutoOptions(id=folder))
    subject = ModelUnderTest(model, SentenceSimilarity(), context, FeatureExtractionOptions(**options))
    codec = subject.codec if length is None else subject.codec.with_length(length)
    rows = codec.encode([{"text": one, "text_pair": other} for one, other in pairs])
    parts = [part for row in rows for part in codec.split(row)]
    with TorchBackend().open(subject, TorchOptions()) as runner:
        outputs = runner.run(codec.collate(parts))
    each = [{name: values[number] for name, values in outputs.items()} for number in range(len(parts))]
    joined = [codec.join(each[2 * number : 2 * number + 2], row) for number, row in enumerate(rows)]
    return codec.decode(stack_outputs(joined), rows)["value"].to_pylist()


def compare_by_hand(folder, pairs):
    import torch
    from transformers import AutoModel, AutoTokenizer

    with silence_transformers(), torch.no_grad():
        model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)

        def embed(text):
            return model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)

        return [float(torch.cosine_similarity(embed(one), embed(other), dim=0)) for one, other in pairs]


def test_a_similarity_is_what_transformers_gives_by_hand(tmp_path_factory):
    encoder = shared_encoder(tmp_path_factory)
    expected = compare_by_hand(encoder, PAIRS)
    assert expected[-1] == pytest.approx(1.0)
    assert compare(encoder, PAIRS) == pytest.approx(expected, abs=1e-5)
    assert compare(encoder, PAIRS, length=14) == pytest.approx(expected, abs=1e-5)
    assert compare(encoder, PAIRS, normalize=False) == pytest.approx(expected, abs=1e-5)


SUITE = """
format = 1
name = "similar"
model = { use = "transformers/auto", id = "encoder", task = "sentence-similarity" }
data.pairs = { use = "datasets/file", path = "pairs.parquet" }
backends.torch = { use = "transformers/torch" }
backends.onnx = { use = "onnxruntime/session", path = "model.onnx" }

[[check]]
measure = "metrics/spearman"
expect = { min = 0.6 }

[[check]]
measure = "metrics/pearson"
perturb = { use = "robustness/typos", rate = 0.3 }
expect = { min = 0.0 }

[[check]]
measure = { use = "parity/close", atol = 1e-4 }
expect = { min = 0.95 }
"""


def test_both_backends_find_texts_on_one_topic_similar(tmp_path_factory, tmp_path):
    shutil.copytree(shared_export(tmp_path_factory), tmp_path, dirs_exist_ok=True)
    one, other = make_texts(100, 5, "a"), make_texts(100, 6, "b")
    scores = [float(left == right) for left, right in zip(one.topics, other.topics, strict=True)]
    assert 0.1 < np.mean(scores) < 0.5
    columns = {"id": one.ids, "text": one.texts, "text_pair": other.texts, "target": scores}
    pq.write_table(pa.table(columns), tmp_path / "pairs.parquet")
    (tmp_path / "suite.toml").write_text(SUITE, "utf-8")
    done = Project(tmp_path).run("--json", "-")
    assert done.code == 0, done.err[-1500:]
