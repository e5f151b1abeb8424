"""Recommenders as a user has them: the suites of `plugins/tasks.md` on models trained here, exports, and damage."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Project
from tests.mqa_recommendation.conftest import CANDIDATES, USERS
from tests.task_page import read_suite

pytestmark = pytest.mark.usefixtures("exports_here")

ROWS = ("--data", "candidates.parquet", "--columns", "group=user_id", "--columns", "member=item_id")
TASK = ("--task", "recommendation/ranking", "--allow-code")


@pytest.fixture(scope="module")
def project(recommender, tmp_path_factory):
    """A copy of the folder that tests may write into; exports are kept in it."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(recommender.folder, folder, dirs_exist_ok=True)
    return Project(folder, recommender.columns)


def run(project, suite, *arguments):
    (project.folder / "suite.toml").write_text(suite, "utf-8")
    done = project.run("--allow-code", "--json", "-", *arguments)
    assert done.out, done.err
    return done


def estimates(done, check):
    """The number of a check by backend."""
    return {
        one["backend"]: one["numbers"]["value"]["estimate"] for one in done.json["results"] if one["check"] == check
    }


def rank(project, model):
    """Every user's candidates by the oracle, the best first."""
    rankings: dict[str, list[tuple[float, str]]] = {}
    for row, score in zip(project.columns["rows"], project.columns[model], strict=True):
        rankings.setdefault(row["user_id"], []).append((-score, row["item_id"]))
    return {user: [name for _, name in sorted(pairs)] for user, pairs in rankings.items()}


def test_the_suite_of_candidates_holds_on_both_backends(project):
    done = run(project, read_suite("recommender"))
    assert done.code == 0, done.err[-2000:]
    found = estimates(done, "metrics/ndcg")
    assert found["torch"] == found["onnx"] > 0.9
    assert estimates(done, "first item") == {"onnx": 1.0}
    assert done.json["environment"]["data"]["users"]["rows"] == USERS
    groups = next(one["groups"] for one in done.json["results"] if one["check"] == "for everybody")
    assert sorted(groups) == ["here", "there"]


@pytest.mark.parametrize(("model", "function"), [("towers", "build"), ("factors", "factors")])
def test_both_backends_rank_as_the_scores_of_the_pairs_say(project, model, function):
    """A two-tower model by its vectors, and matrix factorisation by the score it gives."""
    oracle = rank(project, model)
    table = pa.table({"id": list(oracle), "ranking": list(oracle.values())})
    pq.write_table(table, project.folder / "oracle.parquet")
    served = '[backends.oracle]\nuse = "replay/file"\npath = "oracle.parquet"\nschema = "ranking"\n\n[backends.torch]'
    suite = (
        read_suite("recommender")
        .replace("two_tower:build", f"two_tower:{function}")
        .replace("[backends.torch]", served)
    )
    suite += '[[check]]\nname = "order"\nmeasure = "parity/agreement"\nexpect = { min = 0.9 }\n'
    assert estimates(run(project, suite), "order") == {"torch": 1.0, "onnx": 1.0}


def test_objects_of_several_features_are_inputs_by_their_keys(project):
    rows = [row | {"user": {"user": row["user"]}, "item": {"item": row["item"]}} for row in project.columns["rows"]]
    pq.write_table(pa.Table.from_pylist(rows), project.folder / "objects.parquet")
    plain = estimates(run(project, read_suite("recommender"), "--backend", "torch"), "metrics/ndcg")
    objects = read_suite("recommender").replace("candidates.parquet", "objects.parquet")
    assert estimates(run(project, objects, "--backend", "torch"), "metrics/ndcg") == plain


def test_the_search_among_all_items_holds_on_both_backends(project):
    done = run(project, read_suite("search among all items"))
    assert done.code == 0, done.err[-2000:]
    found = {one["backend"]: one["numbers"] for one in done.json["results"] if one["check"] == "metrics/retrieval"}
    assert found["torch"]["value"]["estimate"] == found["onnx"]["value"]["estimate"] > 0.9
    assert found["torch"]["recall"]["estimate"] > 0.45  # 10 of 20 are the most that can be
    assert estimates(done, "parity/neighbour-flips") == {"onnx": 0.0}


def test_a_sound_export_passes_and_a_damaged_one_fails_with_its_module(project):
    folder = Project(project.folder / "model")  # where commands find the module
    shutil.copy(project.folder / "candidates.parquet", folder.folder)
    exported = folder.mqa("export", "two_tower:build", "--out", "out", *ROWS, *TASK)
    assert exported.code == 0, exported.err
    sound = folder.mqa("parity", "two_tower:build", "out/model.onnx", *ROWS, *TASK, "--json", "-")
    assert sound.code == 0, sound.err
    flips = next(one for one in sound.json["results"] if one["check"] == "flips")
    assert flips["measure"] == {"use": "parity/flip-rate", "k": 1}
    model = onnx.load(folder.folder / "out" / "model.onnx")
    (bias,) = [one for one in model.graph.initializer if one.name.endswith("items.out.bias")]
    values = onnx.numpy_helper.to_array(bias).copy()
    values[::2] += 3.0
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, folder.folder / "damaged.onnx")
    damaged = folder.mqa("parity", "two_tower:build", "damaged.onnx", *ROWS, *TASK, "--json", "-")
    assert damaged.code == 1, damaged.err
    assert damaged.json["first_divergence"]["module"] == "items.out"


def test_a_flip_of_the_first_item_is_told_as_damage(project):
    oracle = rank(project, "towers")
    scores = dict.fromkeys(oracle, np.linspace(3, 0, CANDIDATES).tolist())
    swapped = {user: names[::-1] if user == "u3" else names for user, names in oracle.items()}
    for name, rankings in (("before", oracle), ("after", swapped)):
        table = {"id": list(rankings), "ranking": list(rankings.values()), "scores": list(scores.values())}
        pq.write_table(pa.table(table), project.folder / f"{name}.parquet")
    head = "".join(
        f'[backends.{name}]\nuse = "replay/file"\npath = "{name}.parquet"\nschema = "ranking"\n'
        for name in ("before", "after")
    )
    suite = read_suite("recommender").partition("[backends.torch]")[0] + head
    suite += '[[check]]\nmeasure = { use = "parity/flip-rate", k = 1 }\nexpect = { max = 0.001 }\ngate = "point"\n'
    (result,) = run(project, suite).json["results"]
    assert result["verdict"] == "FAIL"
    flips = result["evidence"]["details"]["flips"]
    assert (flips["count"], flips["damage"]) == (1, 1)
    assert result["evidence"]["examples"][0]["id"] == "u3"
    assert result["evidence"]["mcnemar"]["negative_flips"] == 1  # by whether the first item is relevant


def test_rankings_made_elsewhere_need_no_model(project):
    oracle = rank(project, "towers")
    rows = [{"user_id": user, "recommended": [{"item": name, "score": -place} for place, name in enumerate(names)]}
            for user, names in oracle.items()]  # fmt: skip
    (project.folder / "served.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    suite = """
format = 1
name = "served"
data.users = { use = "datasets/file", path = "users.parquet", columns = { id = "user_id", target = "clicked" } }
[backends.served]
use = "replay/file"
path = "served.jsonl"
schema = "ranking"
columns = { ranking = "recommended" }
[[check]]
measure = { use = "metrics/hit-rate", k = 2 }
expect = { min = 0.9 }
"""
    done = run(project, suite)
    assert done.code == 0, done.err
    assert estimates(done, "metrics/hit-rate") == {"served": 1.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"first item"', '"first item"\nperturb = "robustness/typos"'), "perturbs text, and the task `recommendation/ranking` reads features or name"),
        (('target = "clicked"', 'target = "country"'), "has a member with the target `here`"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_ends_with_2(project, change, said):
    (project.folder / "suite.toml").write_text(read_suite("recommender").replace(*change), "utf-8")
    done = project.run("--allow-code")
    assert done.code == 2
    assert said in " ".join(done.err.split())


def test_a_model_is_not_run_unless_it_is_allowed(project):
    (project.folder / "suite.toml").write_text(read_suite("recommender"), "utf-8")
    done = project.run()
    assert done.code == 2
    assert "`two_tower:build` is code, and that is not run" in done.err
