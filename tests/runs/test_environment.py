"""The environment of a run: the versions that its results depend on, as the plugins of the suite name them."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import pyarrow as pa

from mqa_registry.contributions import Metric, RunContext, RunnerFacts
from mqa_registry.observations import BackendRecord, Observations
from mqa_registry.plugins import Catalog, Plugin, load_all
from mqa_registry.plugins.versions import list_versions, required_packages
from mqa_registry.runs.environment import (
    JUDGING_KINDS,
    describe_environment,
    update_environment,
)
from mqa_registry.types import Rows
from tests.stand_ins import make_backend


def _nothing(*given):
    """Nothing."""


CATALOG = Catalog(
    {
        "own": Plugin(
            "own",
            "mqa-own",
            "1",
            (
                make_backend("engine", _nothing, packages=("engine", "pytest")),
                Metric("score", _nothing, schemas=("label",), packages=("scipy", "pytest")),
            ),
        )
    }
)


def test_packages_are_those_of_the_plugins_then_the_hosts_each_once():
    assert required_packages(CATALOG) == ("engine", "pytest", "scipy", "numpy", "pyarrow")


def test_a_verdict_depends_on_those_of_measures_and_slices_alone():
    assert required_packages(CATALOG, JUDGING_KINDS) == ("scipy", "pytest", "numpy", "pyarrow")


def test_versions_are_those_of_what_is_installed():
    found = list_versions(("numpy", "no-such-package"))
    assert found["packages"] == {"numpy": version("numpy")}
    assert found["mqa"] == version("mqa-registry")


def test_what_the_model_was_permitted_is_told_beside_what_it_is(tmp_path):
    seen = Observations({}, {}, model={"digest": "sha256:m"})
    plain, permitted = (
        describe_environment(CATALOG, seen, RunContext(exports=tmp_path, **given), tmp_path / "suite.toml")["model"]
        for given in ({}, {"allow_pickle": True, "trust_remote_code": True})
    )
    assert plain == {"digest": "sha256:m"}
    assert permitted == {"digest": "sha256:m", "allow_pickle": True, "trust_remote_code": True}


def test_a_plugin_in_a_file_is_told_by_its_digest(tmp_path):
    (tmp_path / "near.py").write_bytes(b"what it does")
    near = Plugin("near", str(tmp_path / "near.py"))
    catalog = Catalog(CATALOG.plugins | {"near": near, "gone": Plugin("gone", str(tmp_path / "gone.py"))})
    found = describe_environment(catalog, Observations({}, {}), RunContext(exports=tmp_path), tmp_path / "suite.toml")
    assert found["plugins"] == {"own": "mqa-own 1", "near": near.distribution, "gone": str(tmp_path / "gone.py")}
    assert found["plugin_files"] == {"near": f"sha256:{hashlib.sha256(b'what it does').hexdigest()}"}


def test_a_backend_is_told_by_the_digest_of_what_it_depends_on_and_what_it_really_ran_on(tmp_path):
    facts = RunnerFacts(device="cpu", providers=("CPUExecutionProvider",), threads=2)
    seen = Observations({}, {}, backends={"onnx": BackendRecord("sha256:b", facts)})
    found = describe_environment(CATALOG, seen, RunContext(exports=tmp_path), tmp_path / "suite.toml")["backends"]
    assert found == {"onnx": {"digest": "sha256:b", "providers": ["CPUExecutionProvider"], "facts": facts.to_table()}}
    assert RunnerFacts.from_table(found["onnx"]["facts"]) == facts


def test_the_data_of_a_kept_run_stay_what_they_were_and_count_the_rows_that_are_kept():
    rows = Rows(pa.table({"id": ["1", "2"]}), ())
    earlier = {"a": {"rows": 9, "digest": "sha256:a"}, "b": {"rows": 9, "truncated": {"rows": 1}}, "gone": {"rows": 9}}
    found = update_environment({"mqa": "0", "data": earlier}, {"a": rows, "b": rows, "c": rows}, CATALOG)
    assert found["data"] == {
        "a": {"rows": 2, "digest": "sha256:a"},
        "b": {"rows": 2, "truncated": {"rows": 1}},
        "c": {"rows": 2},
    }
    assert (found["mqa"], found["judged"]["mqa"]) == ("0", version("mqa-registry"))
    assert found["judged"]["plugins"] == {"own": CATALOG.plugins["own"].origin}
    assert set(found["judged"]["packages"]) == {"scipy", "pytest", "numpy", "pyarrow"}


def test_built_in_plugins_name_the_libraries_that_their_results_depend_on():
    named = set(required_packages(load_all()))
    assert named >= {"torch", "transformers", "tokenizers", "onnx", "onnxruntime", "onnxruntime-gpu", "py3langid"}
    assert set(required_packages(load_all(), JUDGING_KINDS)) == {
        "numpy",
        "pyarrow",
        "scipy",
        "scikit-learn",
        "py3langid",
        "pillow",
        "soundfile",
    }
