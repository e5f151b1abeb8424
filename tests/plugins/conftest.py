"""Distributions that exist in a temporary folder alone."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from mqa_registry import plugins


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay a distribution with one module and one entry point onto the path; importing it leaves no trace."""
    before = set(sys.modules)

    def add(distribution, source, *, name=None, module=None, version="1.0", value=None):
        module = module or distribution.replace("-", "_")
        folder = tmp_path / f"{distribution}-{version}"
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(dedent(source), "utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", "utf-8")
        point = f"{name or distribution.removeprefix('mqa-')} = {value or module}"
        (info / "entry_points.txt").write_text(f"[mqa]\n{point}\n", "utf-8")
        monkeypatch.syspath_prepend(str(folder))

    yield add
    for module in set(sys.modules) - before:
        del sys.modules[module]


@pytest.fixture
def load():
    """Load plugins by name from what is on the path now."""
    return lambda *names, files=(): plugins.load(names, files=files, candidates=plugins.find_entry_points())


@pytest.fixture
def broken(install, load):
    """Why a plugin of this source cannot be used."""

    def reason(source):
        install("mqa-bad", source)
        plugin = load("bad").plugin("bad")
        assert plugin.contributions == ()
        return plugin.broken

    return reason
