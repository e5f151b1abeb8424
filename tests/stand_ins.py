"""Contributions of the kinds that are classes, made of plain functions: for tests that need one of them once."""

from __future__ import annotations

from dataclasses import make_dataclass
from inspect import Parameter, signature
from types import new_class
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.contributions import (
    Backend,
    Codec,
    Evidence,
    Model,
    ModelSource,
    NoOptions,
    Probe,
    Replay,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mqa_registry import TableSource


def make_probe(name: str, observe: Callable[..., Any], **attributes: Any) -> Probe[Any]:
    """A probe whose `observe`, `numbers`, `evidence` and `check` are functions without a `self`.

    The keyword-only parameters of `observe` are its options. Left out, it gives the one number `value` of its rows.
    """
    given = {
        "numbers": dict,
        "evidence": lambda table: Evidence(),
        "inputs": "rows",
        "outputs": ("value",),
    } | attributes
    functions = {"check": given.pop("check")} if "check" in given else {}
    return _made(Probe, name, given, observe=observe, **functions)


def make_backend(name: str, open_runner: Callable[..., Any], **attributes: Any) -> Backend[Any]:
    """A backend whose methods are functions without a `self`; left out, its identity is empty."""
    methods = {"identity": lambda model_under_test: {}} | attributes
    functions = {
        key: methods.pop(key) for key in ("identity", "export", "fixed_length", "record_verdict") if key in methods
    }
    return _made(Backend, name, methods, open=open_runner, **functions)


def make_source(load: Callable[..., Model], name: str = "source", **attributes: Any) -> ModelSource[Any]:
    """A model source whose `load` and `infer_task` are functions without a `self`."""
    functions = {key: attributes.pop(key) for key in ("infer_task",) if key in attributes}
    return _made(ModelSource, name, attributes, load=load, **functions)


def make_task(bind: Callable[[Model], Codec] | None = None, name: str = "task", **attributes: Any) -> Task[Any]:
    """A task whose `bind` is a function without a `self`."""
    given = {"schema": "label", "fields": {"text": "text"}, "metric": "metrics/accuracy"} | attributes
    return _made(Task, name, given, bind=bind or (lambda model: make_codec()))


def make_replay(read: Callable[..., Any], name: str = "replay") -> Replay[Any]:
    """A replay whose `read` is a function without a `self`, with the option `schema`."""
    return _made(Replay, name, {}, read=read)


def make_codec(
    encode: Callable[..., Any] = list,
    collate: Callable[..., Any] = list,
    decode: Callable[..., Any] = list,
    cost: Callable[..., Any] = len,
    **attributes: Any,
) -> Codec:
    """A codec of functions without a `self`."""
    functions = {"encode": encode, "collate": collate, "decode": decode, "cost": cost}
    functions |= {
        key: attributes.pop(key) for key in ("find_unusable", "full_costs", "with_length") if key in attributes
    }
    members = {key: staticmethod(function) for key, function in functions.items()} | attributes
    return new_class("MadeCodec", (Codec,), exec_body=lambda body: body.update(members))()


def change_codec(codec: Codec, **members: Any) -> Codec:
    """The same codec with other attributes and, as functions without a `self`, other methods."""
    static = {key: staticmethod(value) if callable(value) else value for key, value in members.items()}
    changed = new_class("ChangedCodec", (type(codec),), exec_body=lambda body: body.update(static))()
    vars(changed).update(vars(codec))
    return changed


def _made(kind: Any, name: str, attributes: dict[str, Any], **functions: Callable[..., Any]) -> Any:
    """An instance of a class of this kind; the options are the keyword-only parameters of its main function."""
    options = _options_of(functions[kind.main])
    names = set(getattr(options, "__dataclass_fields__", ()))

    def method(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = _keyword_only(function)

        def call(_self: Any, *arguments: Any) -> Any:
            *positional, options = arguments
            return function(*positional, **{key: getattr(options, key) for key in names if key in parameters})

        call.__doc__ = function.__doc__
        return call

    plain = {key: value for key, value in attributes.items() if not callable(value) or isinstance(value, type)}
    static = {key: staticmethod(value) for key, value in attributes.items() if callable(value)}
    members = plain | static | {key: method(function) for key, function in functions.items()} | {"name": name}
    members["__doc__"] = functions[kind.main].__doc__
    made = new_class("Made", (kind[options],), exec_body=lambda body: body.update(members))
    return made()


def _keyword_only(function: Callable[..., Any]) -> dict[str, Parameter]:
    try:
        parameters = signature(function).parameters
    except ValueError:  # of a built-in type
        return {}
    return {key: one for key, one in parameters.items() if one.kind is Parameter.KEYWORD_ONLY}


def _options_of(function: Callable[..., Any]) -> type[Any]:
    fields = [
        (key, one.annotation) if one.default is Parameter.empty else (key, one.annotation, one.default)
        for key, one in _keyword_only(function).items()
    ]
    if not fields:
        return NoOptions
    made = make_dataclass("MadeOptions", fields, frozen=True, kw_only=True)
    made.__module__, made.__doc__ = function.__module__, function.__doc__
    return made


def read_all(source: TableSource, columns: Collection[str] | None = None, stop: int | None = None) -> pa.Table:
    """The pieces that a source gives, as one table."""
    return pa.concat_tables(source.read(columns, stop))
