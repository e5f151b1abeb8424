"""The shape of the code: which way imports point, what a start loads, what may be public."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mqa_registry
from mqa_registry.contributions import one_line_help
from mqa_registry.plugins import load_all
from mqa_registry.reports.reporters import TRACKERS, list_names, load_tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = Path(mqa_registry.__file__).parent
LAYERS = [
    "stats", "errors", "batch_norm", "files", "process", "watchdog", "provenance", "naming", "number_groups", "vector_groups",
    "entry_points", "expect", "findings", "machine", "summaries", "types", "blob_measures",
    "contributions", "hookspecs", "extras", "sounds", "options", "languages", "boundary", "plugins", "suite", "run_options", "model_inputs",
    "sample_predictions", "plan", "observations", "store", "execution", "judging", "reports", "runs", "api", "functions", "doctor", "testing", "cli", "__main__",
]  # fmt: skip
MODEL_LIBRARIES = {"torch", "transformers", "tokenizers", "onnx", "onnxruntime", "onnxscript", "datasets", "sklearn"}
PLUGINS = {
    point.name: Path(importlib.import_module(point.value).__file__).parent
    for point in entry_points(group="mqa")
    if point.dist is not None and point.dist.metadata["Name"] == "mqa-registry"
}
# As a word of its own, but for file names (`FILE.onnx`) and lists of their endings (`pt|onnx`); `datasets` is English, too.
LIBRARY = re.compile(rf"(?<![\w./|-])(?:{'|'.join(MODEL_LIBRARIES - {'datasets'})})(?![\w/])")
OTHERS = PLUGINS.keys() - {"mqa"}  # whose suites are of no library, and which the host's own diagnoses are named after
CONTRIBUTION = re.compile(rf"(?<![\w./-])(?:{'|'.join(OTHERS)})/[\w{{]")
PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
# Also those that give no contribution: forms of the report, and suites as tests.
PACKAGES = sorted(path.parent for path in next(iter(PLUGINS.values())).parent.glob("mqa_*/__init__.py"))
MODULES = [*HOST.rglob("*.py"), *(path for folder in PACKAGES for path in folder.rglob("*.py"))]


def imported(path: Path) -> set[tuple[str, str]]:
    """Every import of a module, under `if TYPE_CHECKING` too: the module and, where there is one, the name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


def host_layer(module: str, name: str) -> str | None:
    parts = [*module.split("."), name]
    return parts[1] if parts[0] == "mqa_registry" and parts[1] in LAYERS else None


def test_every_module_of_the_host_has_its_layer():
    names = {path.relative_to(HOST).parts[0].removesuffix(".py") for path in HOST.rglob("*.py")} - {"__init__"}
    assert names == set(LAYERS)


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_imports_of_the_host_point_one_way(path):
    layer = path.relative_to(HOST).parts[0].removesuffix(".py")
    if layer == "__init__":
        return
    below = LAYERS[: LAYERS.index(layer) + 1]
    used = {found for module, name in imported(path) if (found := host_layer(module, name))}
    assert used <= set(below)


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_the_host_knows_no_model_library_and_no_plugin(path):
    tops = {module.partition(".")[0] for module, _ in imported(path)}
    assert not tops & (MODEL_LIBRARIES | {folder.name for folder in PACKAGES})


def strings(path: Path) -> Iterator[str]:
    """Every string of a module, those in parts too, without docstrings."""
    tree = ast.parse(path.read_text())
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docstrings = {id(node.body[0].value) for node in documented if ast.get_docstring(node) is not None}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_the_host_names_no_contribution_of_a_plugin_and_no_model_library(path):
    assert not [text for text in strings(path) if CONTRIBUTION.search(text) or LIBRARY.search(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("parity/tensors", True), ("write `metrics/f1`", True), ("transformers/{}", True), ("import torch", True),
        ("torch", True), ("onnx", True), ("`torch.save` wrote it", True), ("onnxruntime-gpu", True),
        ("FILE.onnx", False), ("pt|onnx|bin", False), ("its ONNX export", False), ("/onnx/file", False),
        ("plugin/name", False), ("TorchScript", False), ("data sets", False),
    ],
)  # fmt: skip
def test_what_counts_as_such_a_name(text, names):
    assert bool(CONTRIBUTION.search(text) or LIBRARY.search(text)) is names


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_plugin_uses_only_what_everybody_may(folder):
    others = {other.name for other in PACKAGES} - {folder.name}
    for path in folder.rglob("*.py"):
        for module, name in imported(path):
            assert module.partition(".")[0] not in others, f"{path.name} imports another plugin"
            if module.partition(".")[0] == "mqa_registry":
                assert (module, name in mqa_registry.__all__) == ("mqa_registry", True), f"{path.name}: {module} {name}"


@pytest.mark.parametrize("path", sorted(MODULES), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_module_is_one_idea_of_readable_size(path):
    assert len(path.read_text().splitlines()) <= 300
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}


def test_every_public_name_is_there_and_explained():
    assert mqa_registry.__all__ == sorted(mqa_registry.__all__)
    assert set(mqa_registry.__all__) == set(mqa_registry._HOME)
    for name in mqa_registry.__all__:
        value = getattr(mqa_registry, name)
        assert value.__doc__ or name in {"Example", "hookimpl"}, f"{name} has no docstring"


def test_every_built_in_contribution_explains_itself_in_one_line():
    for plugin in load_all().plugins.values():
        for contribution in plugin.contributions:
            line = one_line_help(contribution)
            assert 10 < len(line) <= 130, f"{plugin.name}/{contribution.name}: {line!r}"


def names_of(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


MODELS = {"retrieval"}  # extras with the model of a suite, which no contribution needs, and nobody gets unasked
INSTALLED = names_of(PROJECT["dependencies"])
OPTIONAL = {
    extra: names_of(requirements)
    for extra, requirements in PROJECT["optional-dependencies"].items()
    if extra not in {"all", "test", *MODELS}
}


def test_every_package_that_a_module_imports_is_declared():
    distributions = packages_distributions()
    ours = {"mqa_registry", *(folder.name for folder in PACKAGES)}
    tops = (
        {module.partition(".")[0] for path in MODULES for module, _ in imported(path)} - ours - sys.stdlib_module_names
    )
    declared = INSTALLED.union(*OPTIONAL.values(), {"pytest"})  # which is what loads its plugin
    assert {top for top in tops if not {canonicalize_name(one) for one in distributions[top]} & declared} == set()


def test_what_an_extra_brings_is_required_by_contributions_and_trackers_alone():
    contributions = [one for plugin in load_all().plugins.values() for one in plugin.contributions]
    trackers = [load_tracker(name) for name in list_names(TRACKERS)]
    required = {canonicalize_name(package) for one in (*contributions, *trackers) for package in one.requires}
    assert set.union(*OPTIONAL.values()) == required
    assert not required & INSTALLED


def test_one_extra_brings_all_others():
    (everything,) = (Requirement(one) for one in PROJECT["optional-dependencies"]["all"])
    assert (everything.name, everything.extras) == (PROJECT["name"], set(OPTIONAL))


@pytest.mark.parametrize("folder", [HOST, *PACKAGES], ids=lambda folder: folder.name)
def test_every_package_says_that_it_has_types(folder):
    assert (folder / "py.typed").read_bytes() == b""


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after some code, which may end it."""
    program = f"import atexit, sys\natexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_loads_little():
    help_ = "sys.argv = ['mqa', '--help']\nfrom mqa_registry.cli import main\nmain()"
    # Without attrs, which rich takes where something else has installed it.
    modules = {one for one in loaded_by(help_) if one.split(".")[0] != "attr"}
    assert 100 < len(modules) <= 310
    heavy = MODEL_LIBRARIES | {"numpy", "scipy", "pydantic", "pluggy", "pyarrow", "py3langid", "rich"}
    assert not modules & (heavy | {folder.name for folder in PACKAGES})


@pytest.mark.parametrize("command", ["init", "run", "judge", "validate", "rows", "schema"])
def test_help_of_a_command_of_the_host_loads_no_plugin_and_nothing_that_calculates(command):
    modules = loaded_by(f"sys.argv = ['mqa', '{command}', '--help']\nfrom mqa_registry.cli import main\nmain()")
    heavy = MODEL_LIBRARIES | {"numpy", "scipy", "pluggy", "pyarrow", "py3langid"}  # Typer itself looks for pydantic
    assert not modules & (heavy | {folder.name for folder in PACKAGES})


def test_importing_the_package_loads_nothing_heavy():
    modules = loaded_by("import mqa_registry")
    assert not modules & (MODEL_LIBRARIES | {"numpy", "scipy", "pydantic", "pluggy", "pyarrow", "typer", "rich"})


def test_loading_every_plugin_loads_no_model_library():
    modules = loaded_by("from mqa_registry.plugins import load_all\nload_all()")
    assert not modules & (MODEL_LIBRARIES | {"scipy.stats", "pandas", "py3langid"})


def packages_of(modules: set[str]) -> set[str]:
    """The packages and single modules of the host that are among some modules."""
    return {parts[1] for one in modules if len(parts := one.split(".")) > 1 and parts[0] == "mqa_registry"}


def test_statistics_load_no_other_package():
    names = ", ".join(f"mqa_registry.stats.{path.stem}" for path in sorted((HOST / "stats").glob("[!_]*.py")))
    modules = loaded_by(f"import {names}")
    assert packages_of(modules) == {"stats"}
    assert not modules & {"scipy.stats", "scipy.optimize", "pandas", "pyarrow"}


def test_the_judge_loads_records_statistics_and_the_boundary_to_plugins():
    names = ", ".join(f"mqa_registry.judging.{path.stem}" for path in sorted((HOST / "judging").glob("[!_]*.py")))
    modules = loaded_by(f"import {names}")
    assert packages_of(modules) == {
        "stats", "errors", "files", "process", "naming", "findings", "summaries", "types", "contributions", "boundary", "sample_predictions", "expect",
        "observations", "judging",
    }  # fmt: skip
    assert not modules & (MODEL_LIBRARIES | {"sqlite3", "pydantic", "rich", "typer", "pluggy", "scipy.stats"})


REPLAYED = """
format = 1
[data.posts]
use = "datasets/file"
path = "posts.csv"
[backends.before]
use = "replay/file"
path = "posts.csv"
[backends.after]
use = "replay/file"
path = "posts.csv"
[[check]]
measure = { use = "metrics/f1", average = "macro" }
by = "fairness/length"
expect = { min = 0.5 }
[[check]]
measure = "parity/agreement"
expect = { min = 0.9 }
"""


def test_a_run_of_replayed_predictions_loads_no_model_library(tmp_path):
    (tmp_path / "suite.toml").write_text(REPLAYED, "utf-8")
    rows = "".join(f"{row},{'a film ' * (row % 20)},{'good' if row % 2 else 'bad'}\n" for row in range(400))
    (tmp_path / "posts.csv").write_text(f"id,text,label\n{rows}", "utf-8")
    arguments = ["mqa", "run", str(tmp_path / "suite.toml"), "--json", str(tmp_path / "report.json"), "-q"]
    modules = loaded_by(f"sys.argv = {arguments!r}\nfrom mqa_registry.cli import main\nmain()")
    results = json.loads((tmp_path / "report.json").read_text("utf-8"))["results"]
    assert [result["verdict"] for result in results] == ["PASS"] * 3
    assert "pyarrow" in modules
    # pyarrow itself looks for pandas, and imports it where something else has installed it.
    heavy = MODEL_LIBRARIES | {"scipy.stats", "py3langid", "emoji", "huggingface_hub"}
    assert modules & heavy == set()


IMPORTS = """
import importlib, sys
for package in sys.argv[1:]:  # each as if it were the first of ours
    for name in [name for name in sys.modules if name.startswith("mqa_")]:
        del sys.modules[name]
    print(package, file=sys.stderr)
    importlib.import_module(package)
"""


def test_importing_a_package_warns_of_nothing():
    command = [sys.executable, "-W", "error", "-c", IMPORTS, "mqa_registry", *(folder.name for folder in PACKAGES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_stands_in_a_report_is_found_without_drawing_it():
    names = ", ".join(f"mqa_registry.reports.{path.stem}" for path in sorted((HOST / "reports").glob("[!_]*.py")))
    assert not loaded_by(f"import {names}") & (MODEL_LIBRARIES | {"rich", "pydantic", "typer", "pluggy"})


def test_what_reporters_are_there_is_known_without_what_makes_them():
    modules = loaded_by("import mqa_reports, mqa_pytest")
    assert {one for one in modules if one.startswith(("mqa_reports.", "mqa_pytest."))} == set()
    assert not modules & (
        MODEL_LIBRARIES
        | {"jinja2", "numpy", "pyarrow", "pydantic", "rich", "typer", "xml.etree", "mlflow", "tensorboard"}
    )
