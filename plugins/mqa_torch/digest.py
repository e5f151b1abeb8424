"""The digest of a model that code builds, or that is in memory: of its weights, its settings, and the code itself.

Weights do not identify a model: an epsilon, a flag or a line of `forward` changes the predictions of the same weights.
Not every attribute is a setting: addresses, generated names, times and random tokens are others in every process, and
frameworks keep many of them. What a function builds is therefore built twice, and what differs is left out. A model in
memory cannot be built twice: where such an attribute is another in the next process, its predictions are made again.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mqa_registry import content_digest, source_files
from mqa_torch.loaded_code import describe_code, source_file
from mqa_torch.settings import TORCH_ATTRIBUTES, describe_tensor, is_user_class, read_settings, to_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOOKS = re.compile(r"_\w*hooks\w*")  # attributes of a module with functions that run before or after it
TOKENIZER = "tokenizer.json"
USED_SETTINGS = {"truncation", "padding"}  # of a tokenizer's file: how it was last called


def digest_factory(name: str, factory: Callable[[], Any], module: Any, rebuilt: Any) -> str:
    """The sha256 over a function's name, its code, and what it built: a module, and `rebuilt` a second time."""
    total = hashlib.sha256(f"{name}\0".encode())
    settings = json.dumps(_intersect(read_settings(module), read_settings(rebuilt)), sort_keys=True).encode()
    for part in (*_weights(module, rebuilt), settings, *_code(name, factory, module)):
        total.update(hashlib.sha256(part).digest())
    return f"sha256:{total.hexdigest()}"


def digest_module(module: Any, processor: Any) -> str:
    """The sha256 over the weights, the settings and the loaded code of a module in memory, and its processor."""
    total = hashlib.sha256()
    for one in _with_unregistered_modules(module):
        settings = json.dumps(read_settings(one), sort_keys=True).encode()
        code = "\n".join(describe_code([*_own_code(one), *{type(part) for part in one.modules()}])).encode()
        for content in (*_weights(one, one), settings, code):
            total.update(hashlib.sha256(content).digest())
    for content in _describe_processor(processor):
        total.update(hashlib.sha256(content).digest())
    return f"sha256:{total.hexdigest()}"


def _with_unregistered_modules(module: Any) -> Iterator[Any]:
    """A module, and those that it has in lists and dicts, which PyTorch does not count as its parts."""
    import torch

    known = {id(part) for part in module.modules()}
    pending = [module]
    while pending:
        one = pending.pop(0)
        yield one
        for part in one.modules():
            for name, value in vars(part).items():
                values = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
                for inner in values if name not in TORCH_ATTRIBUTES else ():
                    if isinstance(inner, torch.nn.Module) and id(inner) not in known:
                        known |= {id(each) for each in inner.modules()}
                        pending.append(inner)


def _own_code(module: Any) -> Iterator[Any]:
    """The functions that modules have as attributes and hooks, such as a replaced `forward`, and the classes of objects."""
    for part in module.modules():
        for name, value in vars(part).items():
            if name not in TORCH_ATTRIBUTES:
                values = value.values() if HOOKS.fullmatch(name) and isinstance(value, dict) else (value,)
                yield from (one for one in values if isinstance(one, FunctionType | partial) or inspect.ismethod(one))
                yield from (type(one) for one in values if is_user_class(type(one)))


def _describe_processor(processor: Any) -> Iterator[bytes]:
    """The class of a processor, and what it saves of itself; of one that saves nothing, its settings and code."""
    if processor is None:
        return
    save = getattr(processor, "save_pretrained", None)
    kind = processor if isinstance(processor, FunctionType | partial) else type(processor)
    yield "\n".join(describe_code([kind])).encode()
    if not callable(save):
        yield json.dumps(to_plain(processor), sort_keys=True).encode()
        return
    with tempfile.TemporaryDirectory() as folder:
        save(folder)
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                yield file.relative_to(folder).as_posix().encode()
                yield _read_saved(file)


def _read_saved(file: Path) -> bytes:
    """A file that a processor saved, without how it was last called."""
    content = file.read_bytes()
    if file.name != TOKENIZER:
        return content
    saved = {name: value for name, value in json.loads(content).items() if name not in USED_SETTINGS}
    return json.dumps(saved, sort_keys=True).encode()


def _weights(module: Any, rebuilt: Any) -> Iterator[bytes]:
    """Every parameter and buffer, those too that are never saved, in their order; without names that are generated anew."""
    stable_names = {name for name, _ in _tensors(rebuilt)}
    for name, tensor in _tensors(module):
        yield f"{name if name in stable_names else ''}\0{describe_tensor(tensor)}".encode()


def _tensors(module: Any) -> tuple[tuple[str, Any], ...]:
    return (*module.named_parameters(), *module.named_buffers())


def _intersect(value: Any, other: Any) -> Any:
    """What two values have in common, of dicts and lists in their items; None where they differ."""
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: _intersect(value[key], other[key]) for key in value.keys() & other.keys()}
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        return [_intersect(*pair) for pair in zip(value, other, strict=True)]
    return value if value == other else None


def _code(name: str, factory: Callable[[], Any], module: Any) -> Iterator[bytes]:
    """The digests of the files of the function, of what it imports from its folder, and of every class in the model."""
    classes = {type(part) for part in module.modules()}
    files = {file for value in (factory, *classes) if (file := source_file(value))}
    start = sys.modules.get(name.partition(":")[0])
    files |= set(source_files(start).values()) if start else set()
    # By their content, since their paths are others on every machine.
    yield from sorted(content_digest(file).encode() for file in files)
