"""The public surface, as it was published: a change of it changes this snapshot, and is told in the changelog."""

from __future__ import annotations

import dataclasses
import inspect

import mqa_registry
from mqa_registry import hookspecs
from mqa_registry.errors import ExitCode

OBJECT_METHODS = {name for name in dir(object) if name != "__init__"}


def test_a_public_name_its_parameters_fields_and_methods_change_with_the_snapshot_alone(snapshot):
    lines = [line for name in sorted(mqa_registry.__all__) for line in describe(name, getattr(mqa_registry, name))]
    assert "\n".join(lines) == snapshot


def test_the_hooks_their_parameters_and_what_they_yield_change_with_the_snapshot_alone(snapshot):
    hooks = [name for name in vars(hookspecs) if name.startswith("mqa_")]
    assert [f"{name}{inspect.signature(getattr(hookspecs, name))}" for name in hooks] == snapshot


def test_exit_codes_change_with_the_snapshot_alone(snapshot):
    assert {code.name: code.value for code in ExitCode} == snapshot


def describe(name: str, value: object) -> list[str]:
    """What others may rely on: the kind of a name, parameters, and of a class its public members, a line each."""
    if inspect.isclass(value):
        return [f"class {name}({', '.join(base.__name__ for base in value.__bases__)})", *describe_members(value)]
    if inspect.isroutine(value):
        return [f"def {name}{inspect.signature(value)}"]
    return [f"{name}: {type(value).__name__}"]


def describe_members(cls: type) -> list[str]:
    """The members that a class itself defines: fields with their types and defaults, methods with their parameters."""
    fields = [f"    {field.name}: {field.type}{describe_default(field)}" for field in own_fields(cls)]
    named = {field.name for field in own_fields(cls)}
    members = [
        line
        for name, member in sorted(vars(cls).items())
        if not name.startswith("_") and name not in named
        for line in describe_member(name, member)
    ]
    return [*fields, *members]


def own_fields(cls: type) -> list[dataclasses.Field]:
    """The fields that a data class itself adds."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return [field for field in fields if field.name in vars(cls).get("__annotations__", {})]


def describe_default(field: dataclasses.Field) -> str:
    if field.default is not dataclasses.MISSING:
        return f" = {describe_value(field.default)}"
    return "" if field.default_factory is dataclasses.MISSING else " = ..."


def describe_value(value: object) -> str:
    """A value as it is written, where that says something in every process."""
    return value.__qualname__ if callable(value) and hasattr(value, "__qualname__") else repr(value)


def describe_member(name: str, member: object) -> list[str]:
    if isinstance(member, property):
        return [f"    {name}: property -> {inspect.signature(member.fget).return_annotation}"]
    if isinstance(member, classmethod | staticmethod):
        return [f"    @{type(member).__name__} {name}{inspect.signature(member.__func__)}"]
    if inspect.isfunction(member):
        return [f"    {name}{inspect.signature(member)}"]
    return [f"    {name}"]
