"""The environment of a run: the versions that its results depend on, as the plugins of the suite name them."""

from __future__ import annotations

from importlib.metadata import version

from mqa_registry.contributions import Metric
from mqa_registry.plugins import Catalog, Plugin, load_all
from mqa_registry.runs.environment import JUDGING_KINDS, list_versions, required_packages
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


def test_built_in_plugins_name_the_libraries_that_their_results_depend_on():
    named = set(required_packages(load_all()))
    assert named >= {"torch", "transformers", "tokenizers", "onnx", "onnxruntime", "onnxruntime-gpu", "py3langid"}
    assert set(required_packages(load_all(), JUDGING_KINDS)) == {
        "numpy",
        "pyarrow",
        "scipy",
        "scikit-learn",
        "py3langid",
    }
