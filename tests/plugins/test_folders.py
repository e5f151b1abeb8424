"""`--plugin FOLDER`: a package that is loaded from where it stands, as it stands."""

from __future__ import annotations

import os
import sys

import pytest

from mqa_registry.contributions import Metric
from mqa_registry.errors import PluginError

INIT = """
from mqa_registry import Metric, hookimpl
from jester.words import funny
from .words import funny as again

@hookimpl
def mqa_metrics():
    yield Metric("funny", funny, schemas=("label",))
"""
WORDS = "def funny(predictions, targets):\n    'Is it funny?'\n"


@pytest.fixture
def jester(tmp_path):
    folder = tmp_path / "jester"
    folder.mkdir()
    (folder / "__init__.py").write_text(INIT)
    (folder / "words.py").write_text(WORDS)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "jester"]:
        del sys.modules[name]


def test_a_package_is_a_plugin_named_by_its_folder(jester, load):
    catalog = load(files=[jester])
    assert not catalog.plugin("jester").broken
    assert isinstance(catalog.find((Metric,), "jester/funny"), Metric)
    assert str(jester.parent) not in sys.path


def test_its_modules_are_compiled_as_they_stand(jester, load, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    load(files=[jester])
    before = (jester / "words.py").stat()
    (jester / "words.py").write_text(WORDS.replace("Is it", "Is he"))
    os.utime(jester / "words.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    metric = load(files=[jester]).find((Metric,), "jester/funny")
    assert metric.documentation == "Is he funny?"
    assert not (jester / "__pycache__").exists()


def test_a_folder_without_init_is_no_package(jester, load):
    (jester / "__init__.py").unlink()
    with pytest.raises(PluginError, match=r"it has no `__init__\.py`"):
        load(files=[jester])


def test_a_folder_whose_name_no_module_can_have_is_refused(jester, load):
    with pytest.raises(PluginError, match="`the-jester` cannot name a package"):
        load(files=[jester.rename(jester.with_name("the-jester"))])


def test_a_package_takes_the_place_of_no_module_that_is_imported(jester, load):
    folder = jester.rename(jester.with_name("json"))
    assert "another module `json` is imported already" in load(files=[folder]).plugin("json").broken
