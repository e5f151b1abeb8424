"""Plugins are loaded by name, each by itself; a broken one says why and harms nobody else."""

from __future__ import annotations

import os
import py_compile
import sys
from importlib.metadata import EntryPoint

import pytest

import mqa_metrics
from mqa_registry import hookspecs, plugins
from mqa_registry.contributions import Metric, Slice, one_line_help
from mqa_registry.errors import PluginError, Problem
from mqa_registry.expect import RESERVED
from mqa_registry.plugins import HOOKS, loading

GOOD = """
from mqa_registry import Metric, Slice, hookimpl

def accuracy(predictions, targets):
    "The share of right answers."

def length(example, *, words: int = 10):
    "Short or long."

@hookimpl
def mqa_metrics():
    yield Metric("accuracy", accuracy, schemas=("label",))

@hookimpl
def mqa_slices():
    return [Slice("length", length)]
"""


def test_a_plugin_gives_what_its_hooks_yield(install, load):
    install("mqa-good", GOOD, version="2.1")
    plugin = load("good").plugin("good")
    assert (plugin.broken, plugin.origin) == ("", "mqa-good 2.1")
    assert [(type(each), each.name, one_line_help(each)) for each in plugin.contributions] == [
        (Metric, "accuracy", "The share of right answers."),
        (Slice, "length", "Short or long."),
    ]


def test_a_plugin_that_is_not_named_is_not_imported(install, load):
    install("mqa-good", GOOD)
    install("mqa-other", "raise SystemExit('imported')")
    catalog = load("good")
    assert "mqa_other" not in sys.modules
    assert list(catalog.plugins) == ["good"]
    assert {"good", "other"} <= set(catalog.installed)


def test_a_broken_plugin_leaves_the_others_alone(install, load):
    install("mqa-good", GOOD)
    install("mqa-bad", "import no_such_module")
    catalog = load("good", "bad")
    assert not catalog.plugin("good").broken
    assert "No module named 'no_such_module'" in catalog.plugin("bad").broken
    assert catalog.plugin("bad").hint == "`pip install --upgrade mqa-bad`, or `pip uninstall mqa-bad`"


def test_all_plugins_can_be_listed_broken_ones_with_their_reason(install):
    install("mqa-good", GOOD)
    install("mqa-bad", "import no_such_module")
    catalog = plugins.load_all(candidates=plugins.find_entry_points())
    assert {"good", "bad"} <= set(catalog.plugins)
    assert set(catalog.plugins) == set(catalog.installed)


def test_an_entry_point_may_name_an_object_in_a_module(install, load):
    install("mqa-good", GOOD + "\nimport sys\nplugin = sys.modules[__name__]\n", value="mqa_good:plugin")
    assert len(load("good").plugin("good").contributions) == 2


def test_what_is_named_and_not_installed_is_not_there(load):
    assert "nobody" not in load("nobody").plugins


def test_a_name_that_two_distributions_claim_is_refused(install, load):
    install("mqa-good", GOOD, name="shared")
    install("mqa-evil", "raise RuntimeError('imported')", name="shared", version="0.2")
    plugin = load("shared").plugin("shared")
    assert plugin.broken == "2 distributions give a plugin of this name: mqa-evil 0.2 and mqa-good 1.0"
    assert plugin.hint == "uninstall all but one"
    assert not {"mqa_good", "mqa_evil"} & set(sys.modules)


def test_a_distribution_found_twice_on_the_path_is_one(install, load, monkeypatch):
    install("mqa-good", GOOD)
    monkeypatch.syspath_prepend(sys.path[0])
    assert not load("good").plugin("good").broken


HEAD = "from mqa_registry import Metric, Slice, hookimpl\ndef accuracy(predictions, targets): ...\n"

PERTURBS = """
from mqa_registry import Perturbation
@hookimpl
def mqa_perturbations():
    yield Perturbation("p", lambda example, rng: example, {})
"""

GROUPS = """
from mqa_registry import Grouping, NoOptions, Task

class Grouped(Task[NoOptions]):
    "The best of several texts."
    name, schema, metric = "t", "ranking", "own/none"
    fields = {{"text": "text", "photo": "image"}}
    grouping = Grouping({})

    def bind(self, model, options): ...

@hookimpl
def mqa_tasks():
    yield Grouped()
"""
BROKEN = {
    "does not parse": ("def (", "SyntaxError: invalid syntax"),
    "leaves": ("import sys; sys.exit(3)", "SystemExit: 3 (mqa_bad.py, line 1)"),
    "has nothing": ("", "it has no hooks; does its entry point name the right module?"),
    "raises where it is imported": ("\n1 / 0", "ZeroDivisionError: division by zero (mqa_bad.py, line 2)"),
    "yields something else": (
        "@hookimpl\ndef mqa_metrics():\n    yield accuracy",
        "hook `mqa_metrics` yields a `function`, and takes `Metric` alone",
    ),
    "yields another kind": (
        "@hookimpl\ndef mqa_metrics():\n    yield Slice('length', lambda example: None)",
        "hook `mqa_metrics` yields a `Slice`, and takes `Metric` alone",
    ),
    "gives nothing": (
        "@hookimpl\ndef mqa_metrics(): ...",
        "hook `mqa_metrics` gives None, and a hook yields contributions",
    ),
    "raises on its second item": (
        "@hookimpl\ndef mqa_metrics():\n    yield Metric('a', accuracy, schemas=('label',))\n    raise KeyError('second')",
        "KeyError: 'second' (mqa_bad.py, line 6)",
    ),
    "has a hook that is none": (
        "@hookimpl\ndef mqa_metric(): ...",
        "`mqa_metric` is no hook of this version of mqa; did you mean `mqa_metrics`",
    ),
    "has a function that looks like a hook": (
        "def mqa_sorcery(): ...",
        "`mqa_sorcery` is no hook of this version of mqa",
    ),
    "forgot the mark": ("def mqa_metrics(): ...", "`mqa_metrics` lacks `@hookimpl`"),
    "has a hook with an argument": (
        "@hookimpl\ndef mqa_metrics(config): ...",
        "hook `mqa_metrics` takes (config), and a hook takes no arguments",
    ),
    "has a hook with an optional argument": (
        "@hookimpl\ndef mqa_metrics(config=None): ...",
        "hook `mqa_metrics` takes (config=None), and a hook takes no arguments",
    ),
    "wraps others": (
        "@hookimpl(wrapper=True)\ndef mqa_metrics():\n    return (yield)",
        "hook `mqa_metrics` is a wrapper, and a plugin speaks for itself alone",
    ),
    "gives a name twice": (
        "@hookimpl\ndef mqa_metrics():\n    yield from [Metric('a', accuracy, schemas=('label',))] * 2",
        "`a` is given 2 times for `measure`",
    ),
    "gives a name with a slash": (
        "@hookimpl\ndef mqa_metrics():\n    yield Metric('a/b', accuracy, schemas=('label',))",
        "metric 'a/b' has a name of other than letters, digits, `_`, `.` and `-`",
    ),
    "gives a name with a space": (
        "@hookimpl\ndef mqa_metrics():\n    yield Metric('a b', accuracy, schemas=('label',))",
        "metric 'a b' has a name of other than letters, digits, `_`, `.` and `-`",
    ),
    "gives no name": (
        "@hookimpl\ndef mqa_metrics():\n    yield Metric(None, accuracy, schemas=('label',))",
        "metric None has a name of other than letters, digits, `_`, `.` and `-`",
    ),
    "has a wrong signature": (
        "@hookimpl\ndef mqa_metrics():\n    yield Metric('a', lambda predictions: 0, schemas=('label',))",
        "metric `a`: a metric takes (predictions, targets, *, options), and its function (predictions)",
    ),
    "takes a string for a tuple": (
        "@hookimpl\ndef mqa_metrics():\n    yield Metric('a', accuracy, schemas='label')",
        """metric `a`: `schemas` must be a tuple of prediction schemas, as in `("label",)`, not 'label'""",
    ),
    "has a target that does something else": (
        PERTURBS.format('modality="text", target_effect="stay"'),
        """perturbation `p`: `target_effect` must be "stays", "moves" or "changes", not 'stay'""",
    ),
    "edits what is no text": (
        PERTURBS.format('modality="image", edits=True'),
        "perturbation `p`: `edits` are those of a text, and it perturbs image",
    ),
    "groups by no field": (GROUPS.format("()"), "task `t`: `grouping` must name at least one field"),
    "groups by a field that it has not": (
        GROUPS.format('("text", "title")'),
        "task `t`: `grouping` names `title`, which is none of its `fields`",
    ),
    "groups photos": (
        GROUPS.format('("text", "photo")'),
        "task `t`: `grouping` names `photo`, and members of a group have no images",
    ),
    "groups at most one": (
        GROUPS.format('("text",), max_members=1'),
        "task `t`: `grouping` must have `min_members` from 1 on, and `max_members` not below it",
    ),
    "moves a target twice": (
        PERTURBS.format('modality="text", edits=True, target_effect="moves"'),
        "perturbation `p`: with `edits` mqa moves the target",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_with_the_reason(broken, source, reason):
    assert reason in broken(source if source.startswith(("def (", "\n1", "import sys")) else HEAD + source)


def test_an_entry_point_without_its_module_or_object_is_reported(install, load):
    install("mqa-lost", GOOD, value="no_such_module")
    install("mqa-half", GOOD, value="mqa_half:no_such_object")
    assert load("lost").plugin("lost").broken == "ModuleNotFoundError: No module named 'no_such_module'"
    assert "has no attribute 'no_such_object'" in load("half").plugin("half").broken


def test_every_mistake_of_a_plugin_is_reported_at_once(broken):
    message = broken(
        HEAD
        + """
@hookimpl
def mqa_metrics():
    yield Metric("a b", accuracy, schemas=("label",))
    yield Metric("c", lambda predictions, targets, *, x: 0, schemas=())
"""
    )
    assert all(part in message for part in ("metric 'a b'", "metric `c`: `schemas`", "option `x` has no type"))


def test_a_hook_of_a_newer_mqa_can_be_marked_as_optional(install, load):
    install("mqa-new", f"{GOOD}\n@hookimpl(optionalhook=True)\ndef mqa_from_the_future(): ...\n")
    assert len(load("new").plugin("new").contributions) == 2


def test_a_hook_may_be_spread_over_several_functions(install, load):
    more = "@hookimpl(specname='mqa_slices')\ndef more_slices():\n    yield Slice('more', length)\n"
    install("mqa-more", f"{GOOD}\n{more}")
    assert {each.name for each in load("more").plugin("more").contributions} == {"accuracy", "length", "more"}


def test_contributions_of_different_kinds_may_share_a_name(install, load):
    both = GOOD.replace('Slice("length"', 'Slice("accuracy"')
    install("mqa-both", both)
    catalog = load("both")
    assert catalog.find((Metric,), "both/accuracy") is catalog.plugin("both").contributions[0]
    assert catalog.find((Slice,), "both/accuracy") is catalog.plugin("both").contributions[1]


def test_a_metric_and_a_comparison_may_not_share_a_name(broken):
    message = broken(
        """
from mqa_registry import Comparison, Metric, hookimpl

@hookimpl
def mqa_metrics():
    yield Metric("same", lambda predictions, targets: 0, schemas=("label",))

@hookimpl
def mqa_comparisons():
    yield Comparison("same", lambda reference, candidate: 0, schemas=("label",))
"""
    )
    assert message == "`same` is given 2 times for `measure`"


def test_an_entry_point_whose_name_cannot_stand_in_a_reference_is_broken(install, load):
    install("mqa-odd", GOOD, name="a b")
    assert "name of its entry point" in load("a b").plugin("a b").broken


def test_a_file_is_one_more_plugin_named_by_its_stem(tmp_path, load):
    file = tmp_path / "mine.py"
    file.write_text(GOOD, "utf-8")
    catalog = load(files=[file])
    assert catalog.plugin("mine").origin == str(file)
    assert isinstance(catalog.find((Metric,), "mine/accuracy"), Metric)


def test_a_file_is_compiled_as_it_stands(tmp_path, load, monkeypatch):
    """Byte code of a text of the same size and second, which Python takes for current, is not run."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "mine.py"
    file.write_text(GOOD, "utf-8")
    py_compile.compile(str(file))
    before = file.stat()
    file.write_text(GOOD.replace("accuracy", "aptitude"), "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert isinstance(load(files=[file]).find((Metric,), "mine/aptitude"), Metric)


def test_a_broken_file_is_reported_with_the_reason(tmp_path, load):
    file = tmp_path / "mine.py"
    file.write_text("import no_such_module", "utf-8")
    found = load(files=[file]).find((Metric,), "mine/accuracy")
    assert isinstance(found, Problem)
    assert found.message.startswith(f"plugin `mine` ({file}) cannot be used: ModuleNotFoundError")
    assert found.hint == "fix the file"


@pytest.mark.parametrize("name", ["missing.py", "mine.txt", "a b.py", "folder.py"])
def test_a_file_that_can_be_no_plugin_is_refused(tmp_path, load, name):
    (tmp_path / "folder.py").mkdir()
    for there in ("mine.txt", "a b.py"):
        (tmp_path / there).write_text(GOOD, "utf-8")
    with pytest.raises(PluginError) as caught:
        load(files=[tmp_path / name])
    assert caught.value.hint


def test_a_file_takes_no_installed_plugins_name(tmp_path, install, load):
    install("mqa-good", GOOD)
    file = tmp_path / "good.py"
    file.write_text(GOOD, "utf-8")
    with pytest.raises(PluginError, match="there is another plugin `good` than that"):
        load(files=[file])
    (tmp_path / "mine.py").write_text(GOOD, "utf-8")
    with pytest.raises(PluginError, match="there is another plugin `mine` than that"):
        load(files=[tmp_path / "mine.py", tmp_path / "mine.py"])


def test_entry_points_are_looked_up_once_in_a_process():
    assert plugins.installed_entry_points() is plugins.installed_entry_points()


def test_a_plugin_that_is_installed_is_read_once_in_a_process():
    assert plugins.load(["metrics"]).plugin("metrics") is plugins.load_all().plugin("metrics")


def test_a_broken_one_is_tried_again(monkeypatch):
    points = {"late": (EntryPoint("late", "late_plugin", "mqa"),)}
    monkeypatch.setattr(loading, "_LOADED", {})
    monkeypatch.setattr(loading, "installed_entry_points", lambda: points)
    assert plugins.load(["late"]).plugin("late").broken
    monkeypatch.setitem(sys.modules, "late_plugin", mqa_metrics)
    assert not plugins.load(["late"]).plugin("late").broken


def test_the_hooks_are_those_of_the_specification():
    specified = {name for name in vars(hookspecs) if name.startswith("mqa_")}
    assert set(HOOKS) == specified
    for name, kinds in HOOKS.items():
        annotation = getattr(hookspecs, name).__annotations__["return"]
        annotation = annotation.replace("contributions.", "").replace("[Any]", "")
        assert annotation == f"Iterable[{' | '.join(kind.__name__ for kind in kinds)}]"


WATCHES = """
from mqa_registry import NoOptions, Probe, hookimpl

class Watch(Probe[NoOptions]):
    "What is seen."
    name = "watch"
    inputs = "{inputs}"
    outputs = ("{output}",)
    def observe(self, context, options): ...
    def numbers(self, table): ...

@hookimpl
def mqa_probes():
    return [Watch()]
"""


@pytest.mark.parametrize(
    ("inputs", "reason"), [("rows", ""), ("predictions", ""), ("runner", ""), ("x", "`inputs` must be")]
)
def test_a_probe_reads_rows_predictions_or_a_runner(install, load, inputs, reason):
    install("mqa-watch", WATCHES.format(inputs=inputs, output="value"))
    broken = load("watch").plugin("watch").broken
    assert reason in broken
    assert bool(broken) is bool(reason)


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_no_number_of_a_probe_has_the_name_of_a_word_of_expect(install, load, word):
    install("mqa-watch", WATCHES.format(inputs="rows", output=word))
    assert f"`outputs` names `{word}`, which means something else in `expect`" in load("watch").plugin("watch").broken


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("    inputs = ", "probe `watch`: it lacks `inputs`"),
        ("    outputs = ", "probe `watch`: it lacks `outputs`"),
        ("    name = ", "`Watch` has no `name`"),
        ("    def numbers(", "TypeError: Can't instantiate abstract class Watch"),
    ],
)
def test_a_class_lacks_nothing_that_its_kind_needs(install, load, line, reason):
    source = WATCHES.format(inputs="rows", output="value")
    install("mqa-watch", "\n".join(one for one in source.splitlines() if not one.startswith(line)))
    assert reason in load("watch").plugin("watch").broken


def test_a_class_in_place_of_an_instance_is_reported(install, load):
    install("mqa-watch", WATCHES.format(inputs="rows", output="value").replace("[Watch()]", "[Watch]"))
    assert (
        "hook `mqa_probes` yields the class `Watch`: yield an instance, `Watch()`"
        in load("watch").plugin("watch").broken
    )


@pytest.mark.parametrize(
    "declared", ['"text"', '"text", edits=True', '"image", target_effect="moves"', '"text", target_effect="changes"']
)
def test_a_perturbation_gives_edits_or_moves_the_target(install, load, declared):
    takes = "example, target, rng" if "moves" in declared else "example, rng"
    source = f"""
    from mqa_registry import Perturbation, hookimpl

    def function({takes}):
        "Something else."

    @hookimpl
    def mqa_perturbations():
        yield Perturbation("p", function, modality={declared})
    """
    install("mqa-good", source)
    assert load("good").plugin("good").broken == ""
