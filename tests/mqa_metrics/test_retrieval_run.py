"""A search as a user runs it: queries and passages by a trained encoder, with typos, and in a report."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Project
from tests.mqa_transformers.tasks.tiny_encoders import make_texts, shared_encoder

SUITE = """
format = 1
name = "search"
model = { use = "transformers/auto", id = "encoder", task = "feature-extraction" }
data.queries = { use = "datasets/file", path = "queries.parquet", columns = { target = "relevant" } }
data.passages = { use = "datasets/file", path = "passages.parquet" }
backends.torch = { use = "transformers/torch" }

[[check]]
name = "search"
measure = { use = "metrics/retrieval", k = 5 }
against = { data = "passages" }
expect = { min = 0.8, hit_rate = { min = 0.8 }, coverage = { max = 1.0 } }

[[check]]
name = "typos"
measure = { use = "metrics/retrieval", k = 5 }
perturb = { use = "robustness/typos", rate = 0.3 }
against = { data = "passages", perturb = false }
expect = { min = 0.0 }
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    shutil.copytree(shared_encoder(tmp_path_factory), folder / "encoder")
    queries, passages = make_texts(100, 1, "q"), make_texts(60, 2, "p")
    relevant = [
        [name for name, other in zip(passages.ids, passages.topics, strict=True) if other == topic]
        for topic in queries.topics
    ]
    columns = {"id": queries.ids, "text": queries.texts, "relevant": relevant, "topic": queries.topics}
    pq.write_table(pa.table(columns), folder / "queries.parquet")
    pq.write_table(pa.table({"id": passages.ids, "text": passages.texts}), folder / "passages.parquet")
    (folder / "suite.toml").write_text(SUITE, "utf-8")
    return Project(folder)


def test_an_encoder_finds_passages_on_the_topic_and_typos_cost_it_some(project):
    done = project.run("--json", "-")
    assert done.code == 0, done.err[-1500:]
    numbers = {
        one["check"]: {name: each["estimate"] for name, each in one["numbers"].items()} for one in done.json["results"]
    }
    assert numbers["search"]["value"] > numbers["typos"]["value"]
    assert numbers["search"].keys() == {"value", "recall", "precision", "mrr", "map", "hit_rate", "coverage"}
    again = project.run("--json", "-")
    assert json.dumps(again.json["results"][0]["numbers"]) == json.dumps(done.json["results"][0]["numbers"])


def test_targets_that_the_corpus_lacks_end_with_2(project):
    (project.folder / "suite.toml").write_text(SUITE.replace('"relevant"', '"topic"'), "utf-8")
    done = project.run()
    (project.folder / "suite.toml").write_text(SUITE, "utf-8")
    assert done.code == 2
    assert "the corpus has none of the 4 rows that are relevant" in " ".join(done.err.split())
