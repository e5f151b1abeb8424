"""A plugin that was written for an earlier version of the hooks says which field or form has changed, and to what."""

from __future__ import annotations

import dataclasses
from textwrap import indent

import numpy as np
import pytest

import mqa_registry
from mqa_registry import Metric, Statistic, contributions
from mqa_registry.contributions.versions import RENAMED_FIELDS, RENAMED_IMPORTS
from mqa_registry.errors import PluginError

EARLIER = "it was written for an earlier version of the hooks than 2: "
FORMS = [
    (
        "mqa_metrics",
        "Metric('x', function, takes=('label',))",
        "of `Metric`, `takes` is now `schemas`",
    ),
    (
        "mqa_comparisons",
        "Comparison('x', function, takes=('label',), right=function)",
        "of `Comparison`, `takes` is now `schemas`, `right` is now `is_correct`",
    ),
    ("mqa_slices", "Slice('x', function, sees='table')", "of `Slice`, `sees` is now `inputs`"),
    (
        "mqa_perturbations",
        "Perturbation('x', function, modality='text', answer='changes')",
        "of `Perturbation`, `answer` is now `target_effect`",
    ),
    (
        "mqa_probes",
        "Probe('x', function, gives=('value',), numbers=dict, sees='rows')",
        (
            "`Probe` is a class: derive from it, make its function the method `observe` and yield an instance; "
            "`gives` is now `outputs`, `sees` is now `inputs`"
        ),
    ),
    (
        "mqa_backends",
        "Backend('x', function, identity=function)",
        "`Backend` is a class: derive from it, make its function the method `open` and yield an instance",
    ),
    (
        "mqa_backends",
        "Backend('x', function, identity=function, stamp=function)",
        (
            "`Backend` is a class: derive from it, make its function the method `open` and yield an instance; "
            "`stamp` is now `record_verdict`"
        ),
    ),
    (
        "mqa_backends",
        "Replay('x', function)",
        "`Replay` is a class: derive from it, make its function the method `read` and yield an instance",
    ),
    (
        "mqa_models",
        "ModelSource('x', function, tells=function)",
        (
            "`ModelSource` is a class: derive from it, make its function the method `load` and yield an instance; "
            "`tells` is now `infer_task`"
        ),
    ),
    (
        "mqa_tasks",
        "Task('x', function, schema='label', fields={}, sample=[], metric='metrics/f1')",
        "`Task` is a class: derive from it, make its function the method `bind` and yield an instance",
    ),
]


def plugin(hook, *yields, head=""):
    kinds = "Backend, Comparison, Metric, ModelSource, Perturbation, Probe, Replay, Slice, Task"
    body = indent("\n".join(f"yield {one}" for one in yields), "    ")
    return (
        f"from mqa_registry import {kinds}, hookimpl\n{head}\ndef function(): ...\n@hookimpl\ndef {hook}():\n{body}\n"
    )


@pytest.mark.parametrize(("hook", "form", "change"), FORMS)
def test_the_form_of_an_earlier_version_is_reported_with_its_present_form(broken, hook, form, change):
    assert broken(plugin(hook, form)) == f"{EARLIER}{change} (mqa_bad.py, line 6)"


def test_attributes_of_an_earlier_version_are_reported_with_their_present_names(broken):
    probe = """
from mqa_registry import NoOptions
class Size(Probe[NoOptions]):
    name, gives, sees = "size", ("value",), "rows"
    def observe(self, context, options): ...
    def numbers(self, table): ...
"""
    renames = "(`gives` is now `outputs`, `sees` is now `inputs`)"
    assert broken(plugin("mqa_probes", "Size()", head=probe)) == (
        f"probe `size`: it lacks `inputs` {renames}; probe `size`: it lacks `outputs` {renames}"
    )


@pytest.mark.parametrize(("name", "now"), RENAMED_IMPORTS.items())
def test_an_import_by_an_earlier_name_is_reported_with_its_present_name(broken, name, now):
    assert name not in mqa_registry.__all__
    assert now in mqa_registry.__all__
    assert broken(f"from mqa_registry import {name}").endswith(
        f" (mqa_bad.py, line 1); since version 2 of the hooks it is `{now}`"
    )


@pytest.mark.parametrize(("name", "end"), [("Metrics", "; did you mean `Metric`?"), ("zzz", "")])
def test_an_import_with_a_typo_is_reported_with_a_similar_name(broken, name, end):
    assert broken(f"from mqa_registry import {name}").endswith(f" (mqa_bad.py, line 1){end}")


def test_a_codec_of_functions_is_refused_as_it_is_a_class():
    with pytest.raises(PluginError, match="`Codec` is a class: derive from it, make its functions methods") as raised:
        mqa_registry.Codec(encode=list, collate=list, decode=list, size=len, mask="attention_mask")
    assert raised.value.message.endswith("return an instance; `size` is now `cost`, `mask` is now `padding_mask`")


@pytest.mark.parametrize(("old", "new"), RENAMED_FIELDS["Statistic"].items())
def test_earlier_fields_of_a_statistic_are_reported_with_their_present_names(old, new):
    with pytest.raises(PluginError, match=f"of `Statistic`, `{old}` is now `{new}`"):
        Statistic(**{old: np.sum})


def test_every_renamed_field_is_one_of_now_and_none_of_before():
    for kind, names in RENAMED_FIELDS.items():
        cls = getattr(contributions, kind)
        now = {one.name for one in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
        for base in cls.__mro__:
            now |= {*vars(base), *vars(base).get("__annotations__", ())}
        assert set(names.values()) <= now, kind
        assert not set(names) & now, kind


def test_what_is_no_field_of_any_version_is_pythons_own_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'schema'"):
        Metric("x", len, schema=("label",))


def test_a_class_of_a_plugin_may_be_made_with_arguments():
    class Size(contributions.Probe[contributions.NoOptions]):
        outputs, inputs = ("value",), "rows"

        def __init__(self, name):
            self.name = name

        def observe(self, context, options): ...

        def numbers(self, table): ...

    assert (Size("small").name, Size(name="large").name) == ("small", "large")
