"""Kernels: code of the hub that a model's configuration can ask for in place of a library's own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPLEMENTATION = "_implementation"  # in the keys that choose code: of the attention, of experts


def is_kernel(name: str) -> bool:
    """Whether the name of an implementation is that of a repository on the hub, `owner/name`."""
    return "/" in name


def implementations(value: Any, *, chosen: bool = False) -> Iterator[str]:
    """Every implementation that a configuration names, as its file has it, for the whole model or for a part.

    `chosen` says that the value itself is of such a key: a name, or a name for each part.
    """
    if isinstance(value, dict):
        for key, one in value.items():
            yield from implementations(one, chosen=chosen or IMPLEMENTATION in key)
    elif isinstance(value, list):
        for one in value:
            yield from implementations(one, chosen=chosen)
    elif chosen and isinstance(value, str):
        yield value


def check_kernels(config: Any, *, allowed: bool) -> None:
    """A DataError where a configuration, as transformers read it, asks for a kernel of the hub.

    Whatever key of its file asked for it: transformers keeps the answer in the configuration, and in those of its parts.
    """
    for name in implementations(_held(config)):
        if not allowed and (is_kernel(name) or _falls_back(name)):
            raise DataError(
                f"the configuration asks for the attention `{name}`, whose code is fetched from the hub",
                hint="read that code, then allow it with `--trust-remote-code`",
            )


def _held(value: Any) -> Any:
    """A configuration and those in it as dicts of what they hold."""
    from transformers import PretrainedConfig

    if isinstance(value, PretrainedConfig | dict):
        items = value.items() if isinstance(value, dict) else vars(value).items()
        return {str(key): _held(one) for key, one in items}
    return [_held(one) for one in value] if isinstance(value, list | tuple) else value


def _falls_back(name: str) -> bool:
    """Whether transformers fetches a kernel in place of a library that is not installed."""
    from transformers.modeling_flash_attention_utils import (
        FLASH_ATTENTION_COMPATIBILITY_MATRIX,
        FLASH_ATTN_KERNEL_FALLBACK,
    )

    if name not in FLASH_ATTN_KERNEL_FALLBACK or find_spec("kernels") is None:
        return False
    known = FLASH_ATTENTION_COMPATIBILITY_MATRIX.get(int(name.rpartition("_")[2]))
    return known is None or not known["general_availability_check"]()
