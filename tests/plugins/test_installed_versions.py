"""The versions that two processes have to share: a difference is told by name."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

from mqa_registry.plugins import load
from mqa_registry.plugins.versions import Installed, describe_differences, list_installed

HERE = list_installed(load(["metrics", "transformers"]))


def differences(**changed):
    names = {"torch": "the package `torch`", "metrics": "the plugin `metrics`", "mqa": "mqa"}
    there = dict(HERE)
    for name, found in changed.items():
        there[names[name]] = found
    return list(describe_differences({name: one for name, one in there.items() if one is not None}, HERE))


def test_versions_are_those_of_mqa_python_packages_and_plugins():
    assert HERE["the package `torch`"] == Installed(version("torch"))
    assert {"mqa", "Python", "the package `numpy`", "the plugin `metrics`"} <= set(HERE)
    assert HERE["mqa"].source
    assert HERE["the plugin `metrics`"].source


def test_equal_installations_have_no_difference():
    assert differences() == []


def test_another_version_is_named_with_both():
    here = HERE["the package `torch`"].version
    assert differences(torch=Installed("0.1")) == [f"the package `torch` is 0.1 on the worker and {here} here"]


def test_a_package_that_is_missing_is_named():
    here = HERE["the package `torch`"].version
    assert differences(torch=None) == [f"the package `torch` is missing on the worker and {here} here"]


def test_other_source_code_under_one_version_is_named():
    changed = {
        name: replace(HERE[key], source="0") for name, key in (("mqa", "mqa"), ("metrics", "the plugin `metrics`"))
    }
    assert differences(**changed) == [
        "mqa has other source code on the worker",
        "the plugin `metrics` has other source code on the worker",
    ]
