"""The checkpoint that a model in memory was loaded from, where the model is still what its files say.

Such a model is run as the one in the files: its predictions are those that are stored of them, a subprocess can load it, and
the command line can repeat the run.
"""

from __future__ import annotations

import inspect
import json
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import MqaError, RunContext
from mqa_transformers.checkpoint import open_checkpoint
from mqa_transformers.loading import load_module, load_processor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mqa_registry import LiveModel
    from mqa_transformers.checkpoint import Checkpoint

INSTALLED = {"site-packages", "dist-packages"}  # folders of installed packages
STANDARD_LIBRARY = sysconfig.get_path("stdlib")
CONTENT = {"_parameters", "_buffers", "_modules"}  # attributes of a module, which are compared otherwise
STATE = {"training"}  # an attribute of a module that mqa sets
# Of a configuration: what mqa sets, and what says where the model is from.
CONFIG_STATE = {"use_cache", "return_dict", "dtype", "torch_dtype", "_name_or_path", "transformers_version"}
TOKENIZER_ATTRIBUTES = ("model_max_length", "padding_side", "truncation_side", "special_tokens_map")
USED_SETTINGS = {"truncation", "padding"}  # of a tokenizer: how it was last called


def find_checkpoint(live: LiveModel, fetch: Callable[[str, str, RunContext], Path]) -> dict[str, str] | None:
    """The options of `transformers/auto` that load the same model and tokenizer; None where they would be others.

    Weights, settings and tokenizers are compared, so that a model that was trained further, or patched, is not taken for
    its origin. `fetch` gives the folder of a repository at a revision, from the cache of the hub.
    """
    name, commit = (
        getattr(getattr(live.model, "config", None), key, None) for key in ("_name_or_path", "_commit_hash")
    )
    if not isinstance(name, str) or not name or live.processor is None:
        return None
    context = RunContext(exports=Path(), offline=True)
    try:
        if Path(name).is_dir():
            options = {"id": str(Path(name).absolute())}
            checkpoint = open_checkpoint(Path(name), context)
        elif isinstance(commit, str):
            options = {"id": name, "revision": commit}
            checkpoint = open_checkpoint(fetch(name, commit, context), context)
        else:
            return None
        return options if _holds(checkpoint, live) else None
    except MqaError:  # the files are gone, or others by now
        return None


def _holds(checkpoint: Checkpoint, live: LiveModel) -> bool:
    """Whether a checkpoint holds this very model and tokenizer."""
    if checkpoint.config.architecture != type(live.model).__name__ or any(map(_is_patched, _classes(live.model))):
        return False
    tokenizer = load_processor(checkpoint, "")
    if not _are_same_tokenizers(tokenizer, live.processor):
        return False
    return _are_same_modules(load_module(checkpoint, "", lambda: tokenizer), live.model)


def _are_same_tokenizers(one: Any, other: Any) -> bool:
    if type(one) is not type(other) or not hasattr(one, "backend_tokenizer"):
        return False
    states = [
        {
            name: value
            for name, value in json.loads(each.backend_tokenizer.to_str()).items()
            if name not in USED_SETTINGS
        }
        for each in (one, other)
    ]
    return states[0] == states[1] and all(
        getattr(one, name, None) == getattr(other, name, None) for name in TOKENIZER_ATTRIBUTES
    )


def _are_same_modules(one: Any, other: Any) -> bool:
    """Whether two modules have the same parts with the same settings and weights, bit by bit."""
    parts, others = dict(one.named_modules()), dict(other.named_modules())
    return list(parts) == list(others) and all(
        type(part) is type(others[name])
        and _have_same_settings(part, others[name])
        and _have_same_tensors(part, others[name])
        for name, part in parts.items()
    )


def _have_same_tensors(one: Any, other: Any) -> bool:
    import torch

    for kind in ("_parameters", "_buffers"):
        tensors, others = getattr(one, kind), getattr(other, kind)
        if tensors.keys() != others.keys():
            return False
        for name, tensor in tensors.items():
            if (tensor is None) != (others[name] is None):
                return False
            if tensor is not None and not torch.equal(tensor.detach(), others[name].detach()):
                return False
    return True


def _have_same_settings(one: Any, other: Any) -> bool:
    settings, others = (
        {key: value for key, value in vars(each).items() if key not in CONTENT | STATE} for each in (one, other)
    )
    return settings.keys() == others.keys() and all(_are_same_values(settings[key], others[key]) for key in settings)


def _are_same_values(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if callable(getattr(one, "to_dict", None)):
        return _without_state(one.to_dict()) == _without_state(other.to_dict())
    try:
        return bool(one == other)
    except (RuntimeError, TypeError, ValueError):  # of tensors and arrays
        return False


def _without_state(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in CONFIG_STATE}


def _classes(module: Any) -> set[type]:
    return {kind for part in module.modules() for kind in type(part).__mro__}


def _is_patched(kind: type) -> bool:
    """Whether a class has a method whose code is not from an installed package, or is wrapped in such code."""
    files = (file for member in vars(kind).values() for file in _iter_source_files(member))
    return any(not INSTALLED & set(file.parts) and not file.is_relative_to(STANDARD_LIBRARY) for file in files)


def _iter_source_files(member: Any) -> Iterator[Path]:
    """The file of a function, and those of the functions that it wraps."""
    while inspect.isfunction(member):
        yield Path(member.__code__.co_filename)
        member = getattr(member, "__wrapped__", None)
