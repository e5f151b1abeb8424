"""Taps: what the modules inside of a module give while it runs."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from mqa_registry import NotRunError
from mqa_transformers.scripted import is_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@contextmanager
def tapped(module: Any, names: Iterable[str], take: Callable[[str, Any], None]) -> Iterator[None]:
    """For as long as it lasts, `take` gets a submodule's name and its output whenever one of these has finished."""
    with _hooked(module, names, lambda part, name: part.register_forward_hook(partial(_finished, name, take))):
        yield


@contextmanager
def fed(module: Any, names: Iterable[str], take: Callable[[str, Any], None]) -> Iterator[None]:
    """For as long as it lasts, `take` gets a submodule's name and all its arguments whenever one of these begins."""

    def hook(part: Any, name: str) -> Any:
        return part.register_forward_pre_hook(partial(_begun, name, take), with_kwargs=True)

    with _hooked(module, names, hook):
        yield


@contextmanager
def _hooked(module: Any, names: Iterable[str], hook: Callable[[Any, str], Any]) -> Iterator[None]:
    names = tuple(names)
    if names and closed(module):
        raise NotRunError("TorchScript shows nothing of the modules inside of it")
    handles: list[Any] = []
    try:
        for name in names:
            handles.append(hook(submodule(module, name), name))  # noqa: PERF401 - those before a failure are taken off
        yield
    finally:
        for handle in handles:
            handle.remove()


def closed(module: Any) -> bool:
    """Whether a module lets nobody see what those inside of it are given and give, as TorchScript does not."""
    return is_script(module)


def takes_cache(module: Any) -> bool:
    """Whether a module can be asked to give its keys and values, or not to."""
    return not closed(module) and "use_cache" in inspect.signature(module.forward).parameters


def submodule(module: Any, name: str) -> Any:
    """A module inside of a module, by its name."""
    try:
        return dict(module.named_modules())[name] if closed(module) else module.get_submodule(name)
    except (AttributeError, KeyError) as error:
        raise NotRunError(f"the model has no module `{name}`") from error


def class_of(module: Any) -> str:
    """The name of a module's class, that of its code where it is TorchScript."""
    return str(module.original_name if closed(module) else type(module).__name__)


def _finished(name: str, take: Callable[[str, Any], None], module: Any, inputs: Any, output: Any) -> None:
    take(name, output)


def _begun(name: str, take: Callable[[str, Any], None], module: Any, inputs: Any, named: Any) -> None:
    take(name, [*inputs, *named.values()])
