"""A model that code builds is known by everything that its answers depend on."""

from __future__ import annotations

import collections
import importlib
import os
import subprocess
import sys

import pluggy
import pytest
import torch
from mqa_torch.model_sources import FactoryOptions, FactorySource
from mqa_torch.settings import is_user_class

import mqa_transformers
from mqa_registry import RunContext

FORWARD = next(task for task in mqa_transformers.mqa_tasks() if task.name == "forward")
OURS = """
import torch
from layers import Layer

def make():
    torch.manual_seed(7)
    return Layer()

def other():
    return make()
"""
LAYERS = """
import functools, itertools, time, types, uuid
import torch
import sums

COUNTER = itertools.count()

class Key: ...

class Settings:
    def __init__(self, most):
        self.most = most

class Layer(torch.nn.Module):
    def __init__(self, flag=True):
        super().__init__()
        self.inner = torch.nn.Linear(3, 2)
        self.norm = torch.nn.LayerNorm(2, eps=1e-5)
        self.flag, self.scale, self.names = flag, torch.tensor(2.0), {"a", "b", "c"}
        self.register_buffer("table", torch.arange(4.0), persistent=False)
        self.circle = {}
        self.uid, self.address, self.token, self.born = id(self), repr(object()), uuid.uuid4().hex, time.time_ns()
        self.nodes, self.by_key = [f"{id(self)}_node"], {id(self): 1, Key(): 2}
        self.name = f"layer_{next(COUNTER)}"
        self.members = {Key(), "a", "b"}
        self.own = Settings(3)
        self.loose = types.SimpleNamespace(alpha=0.5)
        self.act = (lambda gain: lambda x: x * gain)(4)
        self.half = functools.partial(torch.add, alpha=6)
        self.circle["itself"] = self.circle
        self.add_module(f"part_{uuid.uuid4().hex}", torch.nn.Linear(2, 2))
        self.register_parameter(f"weight_{uuid.uuid4().hex}", torch.nn.Parameter(torch.ones(2)))

    def forward(self, x):
        return sums.add(self.norm(self.inner(x)))
"""
SUMS = """
def add(x):
    return x + 1
"""
FILES = {"ours.py": OURS, "layers.py": LAYERS, "sums.py": SUMS}


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """The digest of what a function builds, once its files are written, with something in one of them changed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget():
        for name in FILES:
            sys.modules.pop(name.removesuffix(".py"), None)
        importlib.invalidate_caches()

    def made(file="ours.py", before="", after="", function="make"):
        forget()
        for name, code in FILES.items():
            assert before in code or name != file
            (tmp_path / name).write_text(code.replace(before, after, 1) if name == file else code)
        return (
            FactorySource()
            .load(FORWARD, RunContext(tmp_path / "exports", allow_code=True), FactoryOptions(id=f"ours:{function}"))
            .digest
        )

    yield made
    forget()


def test_the_digest_is_the_same_in_every_process(digest, tmp_path):
    program = """
import sys
from pathlib import Path
from mqa_registry import RunContext
from mqa_torch.model_sources import FactoryOptions, FactorySource
import mqa_transformers

task = next(task for task in mqa_transformers.mqa_tasks() if task.name == "forward")
print(FactorySource().load(task, RunContext(Path(), allow_code=True), FactoryOptions(id="ours:make")).digest)
"""
    expected = digest()
    assert digest() == expected
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == [expected]


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("ours.py", "Layer()", "Layer(flag=False)"),
        ("ours.py", "manual_seed(7)", "manual_seed(8)"),
        ("layers.py", "eps=1e-5", "eps=1e-3"),
        ("layers.py", "tensor(2.0)", "tensor(3.0)"),
        ("layers.py", "torch.ones(2)", "torch.zeros(2)"),
        ("layers.py", "arange(4.0)", "arange(5.0)"),
        ("layers.py", "import torch", "import torch  # another line"),
        ("layers.py", "self.norm(self.inner(x))", "self.inner(x)"),
        ("sums.py", "x + 1", "x + 2"),
    ],
)
def test_a_change_of_code_changes_the_digest(digest, file, before, after):
    assert digest(file, before, after) != digest()


def test_two_functions_of_one_file_have_different_digests(digest):
    assert digest(function="other") != digest(function="make")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("flag, torch.tensor(2.0)", "SET, torch.tensor(2.0)"),
        ("Settings(3)", "Settings(SET)"),
        ("alpha=0.5", "alpha=SET"),
        ("x * gain)(4)", "x * gain)(SET)"),
        ("alpha=6", "alpha=SET"),
    ],
)
def test_settings_change_the_digest_where_the_code_is_the_same(digest, monkeypatch, before, after):
    """As where a function reads them from elsewhere."""
    reading = ("layers.py", before, after.replace("SET", "__import__('os').environ['FLAG']"))
    digests = []
    for flag in ("on", "off"):
        monkeypatch.setenv("FLAG", flag)
        digests.append(digest(*reading))
    assert len(set(digests)) == 2


class Users:
    """A class that is in no installed package."""


def test_only_attributes_of_the_users_classes_are_settings():
    assert is_user_class(Users)
    for kind in (pluggy.PluginManager, collections.Counter, torch.nn.Linear):
        assert not is_user_class(kind)
