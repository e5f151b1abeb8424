"""Suites run in a test: a text of TOML, rows in memory, and a table in place of a model."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import api
from mqa_registry.errors import UsageError
from mqa_registry.run_options import RunOptions
from mqa_registry.testing import lookup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.reports import Report

LOOKUP_FILE = Path(lookup.__file__)
LOOKUP = LOOKUP_FILE.stem
DEFAULT_MODEL = {"use": f"{LOOKUP}/model", "task": f"{LOOKUP}/text"}


def run_suite(
    toml: str, *, plugins: Sequence[str | Path] = (), data: Mapping[str, Any] | None = None, model: Any = None
) -> Report:
    """Run a suite in this process, and return its report. Nothing is kept.

    `toml` is the suite; paths in it are relative to the current folder. `plugins` are files to load as plugins; those that are
    installed are found by their names. `data` are tables by the names of the suite's data sets, such as lists of dicts, and
    `model` a model in memory, both as `mqa_registry.run` takes them.

    The plugin `lookup` is there, too: a backend `lookup/backend` predicts what its table `answers` says. Where a suite
    names such a backend and no model, its model is `lookup/model`, and its task `lookup/text`. Raises an MqaError where nothing
    can be judged.
    """
    try:
        suite = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the suite is no TOML: {error}") from error
    backends = [table.get("use", "") for table in suite.get("backends", {}).values()]
    if model is None and "model" not in suite and any(str(use).startswith(f"{LOOKUP}/") for use in backends):
        suite["model"] = DEFAULT_MODEL
    with tempfile.TemporaryDirectory(prefix="mqa-test-") as folder:
        options = RunOptions(store=Path(folder), plugin_files=(LOOKUP_FILE, *map(Path, plugins)))
        return api.run({"name": "test", **suite}, options, model=model, data=data)
