"""The demo model's export answers as the model itself, on real rows."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mqa_registry import Conditions, Subject

SUITES = Path(__file__).parents[2] / "suites"
MODEL = SUITES / "models/reviews-minilm"
ROWS = SUITES / "data/sentiment.parquet"


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    """The demo model with its task, and the PyTorch backend, by their plugin's entry point."""
    if not (MODEL / "model.safetensors").is_file() or not ROWS.is_file():
        pytest.skip("the demo model or its data are not in this checkout")
    (point,) = entry_points(group="mqa", name="transformers")
    plugin = point.load()
    task, source = next(plugin.mqa_tasks()), next(plugin.mqa_models())
    conditions = Conditions(exports=tmp_path_factory.mktemp("exports"), offline=True, device="cpu")
    subject = Subject(source.function(task, conditions, id=MODEL), task, conditions, {})
    return subject, next(plugin.mqa_backends())


def test_the_export_of_the_demo_model_answers_as_the_model(reviews, backend):
    subject, torch_backend = reviews
    texts = pq.read_table(ROWS).column("text").slice(0, 200).to_pylist()
    rows = subject.codec.encode([{"text": text} for text in texts])
    with torch_backend.function(subject) as reference, backend.function(subject) as candidate:
        for start in range(0, len(rows), 40):
            batch = subject.codec.collate(rows[start : start + 40])
            wanted, found = reference.run(batch)["logits"], candidate.run(batch)["logits"]
            assert np.abs(wanted - found).max() < 1e-4
            assert (wanted.argmax(1) == found.argmax(1)).all()
        for text in ("", "x", "long " * 1000):
            batch = subject.codec.collate(subject.codec.encode([{"text": text}]))
            assert np.abs(reference.run(batch)["logits"] - candidate.run(batch)["logits"]).max() < 1e-4
