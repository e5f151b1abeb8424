"""A file that a suite names is there, or a problem of the suite with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.contributions import Dataset, ModelSource
from mqa_registry.options import contribution_options
from mqa_registry.plugins import Catalog, Plugin
from mqa_registry.suite.diagnostics import Diagnostics
from mqa_registry.suite.references import Reference, Resolver, find_missing_paths
from mqa_registry.suite.toml import make_tree
from tests.stand_ins import make_source


def table(context, *, path: Path, more: list[Path] | None = None):
    """Rows."""


def model(task, context, *, id: str | Path):  # noqa: A002
    """A model."""


@pytest.fixture
def missing(tmp_path, monkeypatch):
    """What is not there of the options of one contribution: each message and hint."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/reviews.csv", "models/reviews-minilm/config.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    given = (Dataset("table", table), make_source(model, "model"))
    catalog = Catalog({"own": Plugin("own", "mqa-own", "1", given)})

    def found(name, **options):
        root = make_tree("the command line", {"it": {"use": name, **options}}, Path())
        node = root.tables["it"]
        nodes = {key: child for key, child in node.tables.items() if key != "use"}
        kind = Dataset if name == "own/table" else ModelSource
        use = Resolver(catalog, Diagnostics()).resolve(Reference(node, node.tables["use"], nodes), (kind,))
        assert use is not None
        return [
            (message, hint)
            for _, message, hint in find_missing_paths(contribution_options(use.contribution), nodes, use.options)
        ]

    return found


def test_what_is_there_is_no_problem(missing):
    assert missing("own/table", path="data/reviews.csv", more=["data"]) == []
    assert missing("own/model", id="models/reviews-minilm") == []


def test_what_is_not_there_is_named_with_what_was_meant(missing):
    gone, meant = "there is no file or folder `data/reviws.csv`", "did you mean `data/reviews.csv`?"
    assert missing("own/table", path="data/reviws.csv") == [(gone, meant)]
    assert missing("own/table", path="dta/reviews.csv") == [
        ("there is no file or folder `dta/reviews.csv`", "did you mean `data`?")
    ]
    assert missing("own/model", id="models/reviews-minlm/") == [
        ("there is no file or folder `models/reviews-minlm/`", "did you mean `models/reviews-minilm`?")
    ]
    assert missing("own/table", path="data", more=["data", "x"]) == [("there is no file or folder `x`", "")]


@pytest.mark.parametrize(
    "suffix", ["pt", "pt2", "pth", "ts", "jit", "ckpt", "pkl", "bin", "onnx", "safetensors", "h5", "keras"]
)
def test_a_name_with_the_suffix_of_a_model_file_is_a_path(missing, suffix):
    assert missing("own/model", id=f"x.{suffix}") == [(f"there is no file or folder `x.{suffix}`", "")]
    assert missing("own/model", id=f"x.{suffix}x") == []


@pytest.mark.parametrize("name", ["./mine", "/no/where", "a/b/c", "x.onnx", "models/x.ckpt", "nowhere/", "a\\b"])
def test_a_name_that_can_be_a_path_alone_is_one(missing, name):
    assert [message for message, _ in missing("own/model", id=name)] == [f"there is no file or folder `{name}`"]


@pytest.mark.parametrize("name", ["bert-base-uncased", "org/name", "models/something-else"])
def test_a_name_on_a_hub_is_none(missing, name):
    assert missing("own/model", id=name) == []


def test_a_mistyped_folder_is_no_name_on_a_hub(missing):
    assert missing("own/model", id="models/reviews-minlm") == [
        ("there is no file or folder `models/reviews-minlm`", "did you mean `models/reviews-minilm`?")
    ]


def test_a_link_that_leads_nowhere_is_no_other_file_of_nearly_the_same_name(missing, tmp_path):
    (tmp_path / "rows.csv").symlink_to(tmp_path / "rows.csv")
    assert missing("own/table", path="rows.csv") == [
        ("`rows.csv` is a link that leads nowhere", "link to a file or folder that is there")
    ]
