"""A cross-encoder that ranks the candidates of queries, in suites as users run them: PyTorch, ONNX and scores made elsewhere."""

from __future__ import annotations

import json
import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import make_project

pytestmark = pytest.mark.usefixtures("exports_here")

COLOURS = ("red", "green", "blue", "black")
WORDS = ("the", "sea", "house", "was", "is", "a", "door", "very", "old", "one", "which", "has", "colour")
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *COLOURS, *WORDS)
MAPPING = '{ group = "query_id", query = "question", text = "passage", member = "passage_id", target = "relevance" }'
SUITE = """
format = 1
name = "ranking"
seed = 7
[model]
use = "transformers/auto"
id = "ranker"
task = "text-ranking"
[data.queries]
use = "datasets/file"
path = "queries.parquet"
columns = {mapping}
[backends.served]
use = "replay/file"
path = "served"
schema = "ranking"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
[[check]]
measure = "parity/agreement"
expect = {{ min = 0.5 }}
gate = "point"
on = ["torch", "onnx"]
"""
PERTURBED = """
[[check]]
name = "upper case"
measure = "parity/agreement"
perturb = { use = "robustness/upper-case" }
by = { use = "fairness/column", column = "shop" }
expect = { min = 0.5, min_rows = 5 }
gate = "point"
against = { perturb = false }
on = ["onnx"]
"""


STEPS = 100  # of training, about three seconds


def write_sentence(rng, *colours):
    return " ".join(rng.permutation([*rng.choice(WORDS, rng.integers(3, 8)), *colours]))


def make_queries(rng, count):
    """Candidates with their queries, a row each: of every query one has a colour, and no two are the same."""
    rows = []
    for query in range(count):
        size = rng.integers(2, 6)
        texts: list[str] = [write_sentence(rng, rng.choice(COLOURS))]
        while len(texts) < size:
            texts = list(dict.fromkeys([*texts, write_sentence(rng)]))
        for number, place in enumerate(rng.permutation(size)):
            rows.append(
                {
                    "query_id": query, "question": "which one has a colour", "passage": texts[place],
                    "passage_id": f"p{number}", "relevance": int(place == 0), "shop": f"shop {query % 2}",
                }
            )  # fmt: skip
    return rows


def train(module, tokenizer, rows):
    """Teach the module that a candidate with a colour is relevant, and others a little by their length: no two are equal."""
    import torch

    torch.manual_seed(7)
    encoded = tokenizer(
        [row["question"] for row in rows], [row["passage"] for row in rows], padding=True, return_tensors="pt"
    )
    wanted = torch.tensor([0.1 + 0.6 * row["relevance"] + len(row["passage"].split()) / 40 for row in rows])
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3)
    module.train()
    for _ in range(STEPS):
        picked = torch.randint(len(rows), (64,))
        logits = module(**{name: values[picked] for name, values in encoded.items()}).logits[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted[picked])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    module.eval()


def score_pairs(module, tokenizer, rows):
    """The oracle: the model's logit for each pair, alone."""
    import torch

    with torch.no_grad():
        return [module(**tokenizer(row["question"], row["passage"], return_tensors="pt")).logits.item() for row in rows]


@pytest.fixture(scope="module")
def ranking(tmp_path_factory):
    """A project with a trained ranker, queries in random order, and the scores of the pairs as a service gives them."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    from mqa_transformers.loading import silence_transformers

    project = make_project(tmp_path_factory.mktemp("ranking"))
    folder = project.folder / "ranker"
    folder.mkdir()
    BertWordPieceTokenizer({piece: number for number, piece in enumerate(PIECES)}).save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 32}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(PIECES), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=32, num_labels=1, initializer_range=0.2,
    )  # fmt: skip
    rng = np.random.default_rng(7)
    with silence_transformers():
        module, tokenizer = BertForSequenceClassification(config), AutoTokenizer.from_pretrained(folder)
        train(module, tokenizer, make_queries(rng, 400))
        module.save_pretrained(folder)
        rows = make_queries(rng, 40)
        scores = score_pairs(module, tokenizer, rows)
    order = rng.permutation(len(rows))
    pq.write_table(pa.Table.from_pylist([rows[row] for row in order]), project.folder / "queries.parquet")
    served = project.folder / "served"
    served.mkdir()
    members = {"id": [row["query_id"] for row in rows], "member": [row["passage_id"] for row in rows], "score": scores}
    pq.write_table(pa.table(members), served / "queries.parquet")
    project.columns = {"rows": rows, "scores": scores}
    return project


def results(done):
    assert done.out, done.err
    return {(one["check"], one["backend"]): one for one in done.json["results"]}


def test_the_ranker_has_learned_to_rank(ranking):
    best: dict[int, tuple[float, int]] = {}
    for row, score in zip(ranking.columns["rows"], ranking.columns["scores"], strict=True):
        best[row["query_id"]] = max(best.get(row["query_id"], (-np.inf, 0)), (score, row["relevance"]))
    assert np.mean([relevance for _, relevance in best.values()]) >= 0.8


def test_both_backends_rank_as_the_scores_of_the_pairs_say(ranking):
    ranking.write(PERTURBED, head=SUITE.format(mapping=MAPPING))
    done = ranking.run("--json", "-")
    found = results(done)
    for backend in ("torch", "onnx"):
        value = found["parity/agreement", backend]["numbers"]["value"]
        assert (value["estimate"], value["rows"]) == (1, 40), done.err
    upper = found["upper case", "onnx"]
    assert upper["numbers"]["value"]["estimate"] == 1  # the tokenizer lowers them
    assert upper["evidence"]["changed"] == 40
    assert sorted(upper["groups"]) == ["shop 0", "shop 1"]
    assert done.json["environment"]["data"]["queries"]["rows"] == 40


def test_a_limit_takes_whole_queries(ranking):
    ranking.write("", head=SUITE.format(mapping=MAPPING))
    found = results(ranking.run("--limit", "7", "--json", "-"))
    assert (
        found["parity/agreement", "torch"]["numbers"]["value"] | {"estimate": 1, "rows": 7}
        == found["parity/agreement", "torch"]["numbers"]["value"]
    )


def test_an_example_shows_the_query_with_its_candidates_and_rankings(ranking, tmp_path):
    project = make_project(tmp_path)
    (project.folder / "ranker").symlink_to(ranking.folder / "ranker")
    (project.folder / "queries.parquet").symlink_to(ranking.folder / "queries.parquet")
    rows, scores = ranking.columns["rows"], ranking.columns["scores"]
    (project.folder / "served").mkdir()
    worst_first = {"id": [row["query_id"] for row in rows], "member": [row["passage_id"] for row in rows]}
    project.table("served/queries", **worst_first, score=[-score for score in scores])
    project.write("", head=SUITE.format(mapping=MAPPING).replace('[backends.onnx]\nuse = "onnxruntime/session"\n', ""))
    project.write("", head=(project.folder / "suite.toml").read_text().replace(', "onnx"', ""))
    found = results(project.run("--limit", "5", "--json", "-"))["parity/agreement", "torch"]
    assert found["verdict"] == "FAIL"
    shown = found["evidence"]["examples"][0]
    expected = [row for row in rows if str(row["query_id"]) == shown["id"]]
    assert shown["fields"]["query"] == expected[0]["question"]
    assert sorted(shown["fields"]["text"]) == sorted(row["passage"] for row in expected)
    assert shown["prediction"] == shown["reference"][::-1]
    text = project.run("--limit", "5").out
    assert expected[0]["question"] in text


def test_rows_are_written_a_query_each_with_lists(ranking, tmp_path):
    ranking.write("", head=SUITE.format(mapping=MAPPING))
    assert ranking.mqa("rows", "suite.toml", "--out", str(tmp_path / "rows")).code == 0
    table = pq.read_table(tmp_path / "rows" / "queries.parquet")
    assert table.column_names == ["id", "query", "text", "member"]
    assert table.num_rows == 40


def test_a_ranking_of_unknown_members_is_refused(ranking, tmp_path):
    project = make_project(tmp_path)
    for name in ("ranker", "queries.parquet"):
        (project.folder / name).symlink_to(ranking.folder / name)
    (project.folder / "served").mkdir()
    rows = ranking.columns["rows"]
    project.table("served/queries", id=[row["query_id"] for row in rows],
                  member=[row["passage"] for row in rows], score=[1.0] * len(rows))  # fmt: skip
    project.write("", head=SUITE.format(mapping=MAPPING))
    done = project.run("--limit", "3")
    assert done.code == 2
    assert "which has no such member" in done.err


def test_a_query_of_one_candidate_ends_the_command_before_anything_is_predicted(ranking, tmp_path):
    project = make_project(tmp_path)
    for name in ("ranker", "served"):
        (project.folder / name).symlink_to(ranking.folder / name)
    rows = ranking.columns["rows"]
    table = pa.Table.from_pylist([*rows, rows[0] | {"query_id": 99}])
    pq.write_table(table, project.folder / "queries.parquet")
    project.write("", head=SUITE.format(mapping=MAPPING))
    done = project.run()
    assert done.code == 2
    assert f"the group `99`, from row {len(rows) + 1:,} of the data set `queries` on, has 1 member" in done.err


def test_a_suite_is_written_for_a_ranker_and_its_rows_are_grouped(ranking, tmp_path):
    out = tmp_path / "suite.toml"
    arguments = ("--task", "transformers/text-ranking", "--data", "queries.parquet", "--out", str(out))
    done = ranking.mqa("init", "ranker", *arguments)
    assert done.code == 0, done.err
    columns = tomllib.loads(out.read_text())["data"]["queries"]["columns"]
    mapped = {
        "query": "question",
        "text": "passage",
        "group": "query_id",
        "member": "passage_id",
        "target": "relevance",
    }
    assert columns == mapped
    assert "metrics/ndcg" in out.read_text()
    assert ranking.mqa("validate", str(out)).code == 0
