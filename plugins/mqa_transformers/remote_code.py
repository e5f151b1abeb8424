"""Code that comes with a model, or that its configuration asks the hub for: it runs with `--trust-remote-code` alone."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError
from mqa_transformers.configuration import CONFIG, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROCESSOR_CONFIGS = ("tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
AUTO_MAP = "auto_map"  # the key that names Python classes in the model's own files
IMPLEMENTATION = "_implementation"  # in the keys that choose the code of the attention or of the experts


def find_remote_code(path: Path, config: Mapping[str, Any]) -> str:
    """The name of the file in a model's folder that names code to run; empty where there is none.

    `config` are the values of its `config.json`.
    """
    if AUTO_MAP in config or any(map(is_hub_kernel, list_implementations(config))):
        return CONFIG
    present = (name for name in PROCESSOR_CONFIGS if (path / name).is_file())
    return next((name for name in present if AUTO_MAP in read_json(path / name)), "")


def check_remote_code(path: Path, config: Mapping[str, Any], *, is_trusted: bool) -> None:
    """A DataError where a model's folder names code to run, unless that code is trusted."""
    if (file := find_remote_code(path, config)) and not is_trusted:
        raise DataError(
            f"`{path}` brings code of its own (see `{file}`), and that is not run",
            hint="read the code, then allow it with `--trust-remote-code`",
        )


def check_kernels(config: Any, *, is_trusted: bool) -> None:
    """A DataError where a configuration, as transformers read it, asks for a kernel of the hub that is not trusted.

    It does not matter which key of the file asked: transformers keeps the kernel's name in the configuration object, and
    in those of the model's parts.
    """
    for name in list_implementations(_to_dict(config)):
        if not is_trusted and (is_hub_kernel(name) or _falls_back_to_hub(name)):
            raise DataError(
                f"the configuration asks for the attention `{name}`, whose code is fetched from the hub",
                hint="read that code, then allow it with `--trust-remote-code`",
            )


def is_hub_kernel(name: str) -> bool:
    """Whether the name of an implementation is that of a repository on the hub, `owner/name`."""
    return "/" in name


def list_implementations(value: Any, *, is_name: bool = False) -> Iterator[str]:
    """Every implementation that the values of a configuration name, for the whole model or for a part.

    `is_name` says that `value` stands under a key that chooses one: it is a name, or a name for each part.
    """
    if isinstance(value, dict):
        for key, child in value.items():
            yield from list_implementations(child, is_name=is_name or IMPLEMENTATION in key)
    elif isinstance(value, list):
        for child in value:
            yield from list_implementations(child, is_name=is_name)
    elif is_name and isinstance(value, str):
        yield value


def _to_dict(value: Any) -> Any:
    """A configuration object of transformers, and those inside of it, as dicts of their attributes."""
    from transformers import PretrainedConfig

    if isinstance(value, PretrainedConfig | dict):
        items = value.items() if isinstance(value, dict) else vars(value).items()
        return {str(key): _to_dict(child) for key, child in items}
    return [_to_dict(child) for child in value] if isinstance(value, list | tuple) else value


def _falls_back_to_hub(name: str) -> bool:
    """Whether transformers fetches a kernel of the hub because the library of that name is not installed."""
    from transformers.modeling_flash_attention_utils import (
        FLASH_ATTENTION_COMPATIBILITY_MATRIX,
        FLASH_ATTN_KERNEL_FALLBACK,
    )

    if name not in FLASH_ATTN_KERNEL_FALLBACK or find_spec("kernels") is None:
        return False
    version = FLASH_ATTENTION_COMPATIBILITY_MATRIX.get(int(name.rpartition("_")[2]))
    return version is None or not version["general_availability_check"]()
