"""The page `mqa_registry/README.md`: it keeps to its length, and what it names is there."""

from __future__ import annotations

import ast
import json
import re
import sys
import typing
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import mqa_registry
from mqa_registry import RunOptions, cli, hookspecs, run
from mqa_registry.contributions import one_line_help
from mqa_registry.errors import ExitCode
from mqa_registry.expect import RESERVED
from mqa_registry.options import contribution_options
from mqa_registry.plugins import load, load_all
from mqa_registry.reports import to_json
from mqa_registry.suite import grammar, plugin_names, read, validate
from mqa_registry.types import SCHEMAS
from tests.test_architecture import LAYERS, MODULES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "mqa_registry" / "README.md").read_text(encoding="utf-8")
MAX_WORDS = 2800  # six printed pages
EXAMPLE = "ours"  # the plugin that the page writes

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
CODE = re.findall(r"`([^`\n]+)`", PROSE)


def section(title: str) -> str:
    return PAGE[PAGE.index(f" {title}\n") :].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def first_column(title: str) -> list[str]:
    """The names in backticks in the first column of a section's tables."""
    rows = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("| `")]
    return [name for cell in rows for name in re.findall(r"`([^`]+)`", cell)]


@cache
def names_in_code() -> frozenset[str]:
    """Every name of the code, and every string in it that is one: keys of reports, of suites, of options."""
    names: set[str] = set()
    for node in (node for path in MODULES for node in ast.walk(ast.parse(path.read_text("utf-8")))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
                names.add(name)
    return frozenset(names)


@cache
def help_of(*command: str) -> str:
    done = CliRunner().invoke(cli.app, [*command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    return done.stdout


def test_it_is_six_pages_long():
    assert len(PAGE.split()) <= MAX_WORDS


def test_every_class_that_it_names_is_public():
    named = {name for name in CODE if re.fullmatch(r"[A-Z][a-z]\w+", name)}
    assert len(named) > 15
    assert {name for name in named if name not in mqa_registry.__all__} == set()


def test_it_imports_public_names_alone():
    used = {
        alias.name
        for block in blocks("python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module == "mqa_registry"
        for alias in node.names
    }
    assert used >= {"Backend", "Metric", "hookimpl"}
    assert used <= set(mqa_registry.__all__)


def test_its_hooks_are_all_that_there_are():
    hooks = {name for name in vars(hookspecs) if name.startswith("mqa_")}
    assert {name for name in first_column("4. What a plugin gives") if name.startswith("mqa_")} == hooks


def test_every_name_in_backticks_is_one_of_the_code():
    named = {name.strip('"') for name in CODE if re.fullmatch(r'"?[a-z_]\w*"?', name)}
    assert len(named) > 80
    assert named - names_in_code() - set(LAYERS) == set()


@pytest.mark.parametrize("name", sorted(set(re.findall(r'"([a-z_]+/[a-z][a-z0-9-]*)"', PAGE))))
def test_a_contribution_that_it_names_is_there(name):
    plugin, _, contribution = name.partition("/")
    if plugin in (EXAMPLE, "plugin"):
        return
    assert contribution in {one.name for one in load_all().plugins[plugin].contributions}


def test_its_commands_are_all_that_there_are():
    named = set(re.findall(r"mqa ([a-z]+)", " ".join(first_column("6. Commands and exit codes"))))
    assert named == set(typer.main.get_command(cli.app).commands)


def test_its_flags_are_those_of_commands():
    known = " ".join(help_of(command) for command in typer.main.get_command(cli.app).commands) + help_of()
    flags = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", " ".join(CODE)))
    assert flags
    assert {flag for flag in flags if not re.search(rf"{flag}\b", known)} == set()


def test_its_exit_codes_are_all_that_there_are():
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == sorted(ExitCode)


def test_its_keys_of_a_check_and_words_of_expect_are_all_that_there_are():
    told = section("3. The suite file")
    keys = [option.name for table in (grammar.SUITE, grammar.DATA, grammar.CHECK, grammar.WAIVER) for option in table]
    for name in {*keys, *RESERVED}:
        assert re.search(rf"\b{name}\b", told), name


def test_its_schemas_are_all_that_there_are():
    (told,) = re.findall(r"columns of one schema: (.+?)\. ", PAGE)
    assert set(re.split(r", | or ", told)) == set(SCHEMAS)


def test_its_layers_are_in_the_order_of_imports():
    told = first_column("7. Layers")
    assert set(told) <= set(LAYERS)
    assert sorted(told, key=LAYERS.index) == told
    packages = {path.parent.name for path in (ROOT / "mqa_registry").glob("*/__init__.py")}
    assert packages <= set(told)


def test_its_suite_is_sound(tmp_path):
    suite = next(block for block in blocks("toml") if block.startswith("format"))
    (tmp_path / "release.toml").write_text(suite, encoding="utf-8")
    raw = read(tmp_path / "release.toml")
    checked = validate(raw, load(plugin_names(raw)), files=False)
    assert len(checked.checks) == 4
    assert [waiver.check for waiver in checked.waivers] == ["metrics/f1"]


def test_its_metric_works():
    block = next(block for block in blocks("python") if "Metric" in block)
    namespace: dict[str, typing.Any] = {}
    exec(block, namespace)
    (metric,) = namespace["mqa_metrics"]()

    class Values:
        def __init__(self, values):
            self.values = np.array(values)

    assert metric.function(Values([1.0, 2.0]), Values([1.2, 3.0])).tolist() == [True, False]
    assert one_line_help(metric) == "The share of rows that are off by `tolerance` at most."


def test_its_backend_works(tmp_path, monkeypatch):
    (tmp_path / "ours.py").write_text(next(block for block in blocks("python") if "Backend" in block), "utf-8")
    plugin = load([], files=[tmp_path / "ours.py"]).plugins["ours"]
    assert plugin.broken == ""
    (engine,) = plugin.contributions
    assert engine.name == "engine"
    (tmp_path / "model.bin").write_bytes(b"weights")
    options = engine.options(tmp_path / "model.bin")
    assert engine.identity(None, options) == {"file": mqa_registry.content_digest(tmp_path / "model.bin")}
    assert [str(option) for option in contribution_options(engine)] == [
        "`path` is a path: the compiled model",
        "`threads` is a whole number, 1 if left out: the number of threads",
    ]

    @contextmanager
    def load_engine(path, threads):
        yield SimpleNamespace(run=lambda batch: {"length": np.full(len(batch["x"]), len(path.read_bytes()) * threads)})

    monkeypatch.setitem(sys.modules, "our_engine", SimpleNamespace(load=load_engine))
    with engine.open(None, options) as runner:
        assert runner.run({"x": np.zeros(2)})["length"].tolist() == [7, 7]


def test_its_report_has_the_keys_of_a_report(tmp_path):
    (tmp_path / "rows.csv").write_text("id,text,target\n1,good,yes\n2,bad,no\n", encoding="utf-8")
    (tmp_path / "predictions.csv").write_text("id,label\n1,yes\n2,no\n", encoding="utf-8")
    (tmp_path / "suite.toml").write_text(
        'format = 1\ndata.rows = { use = "datasets/file", path = "rows.csv" }\n'
        'backends.service = { use = "replay/file", path = "predictions.csv" }\n'
        'check = [{ measure = "metrics/accuracy", expect = { min = 0.1 }, gate = "point" }]\n',
        encoding="utf-8",
    )
    found = to_json(run(tmp_path / "suite.toml", RunOptions(store=tmp_path / "store")))
    told = json.loads(blocks("json")[0])
    assert told.keys() == found.keys()
    assert told["format"] == found["format"]
    assert told["suite"].keys() == found["suite"].keys()
    assert told["environment"].keys() == found["environment"].keys()
    assert told["environment"]["data"]["reviews"].keys() == found["environment"]["data"]["rows"].keys()
    assert told["environment"]["backends"]["onnx"].keys() == found["environment"]["backends"]["service"].keys()
    (one_told,), (one_found,) = told["results"], found["results"]
    assert one_told.keys() == one_found.keys()
    found_keys = one_found["numbers"]["value"].keys()  # of a number that is bounded
    assert one_told["numbers"]["drop"].keys() == found_keys
    assert one_told["numbers"]["value"].keys() == found_keys - {"verdict"}
