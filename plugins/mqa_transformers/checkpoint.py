"""A checkpoint: the folder that `save_pretrained` writes, its files, its digest, and the code that it brings or requests.

Such code runs only with `--trust-remote-code`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, content_digest, file_format, is_special
from mqa_transformers.configuration import CONFIG, check_fetched, read_configuration, read_json
from mqa_transformers.sentence_transformers import list_module_files
from mqa_transformers.weights import check_sizes, find_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mqa_registry import RunContext
    from mqa_transformers.configuration import Configuration

ADAPTER_CONFIG = "adapter_config.json"  # of peft
SENTENCE_TRANSFORMERS = "modules.json"
CARD = "README.md"
MAX_FOLDERS = 3  # in one hint

# Suffixes of what a folder may hold besides the model: notes, and weights in forms that are not loaded from it.
UNUSED_SUFFIXES = frozenset(
    {".md", ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".gguf", ".onnx", ".data", ".py"}
)
EXPORT_RECORDS = (".mqa.json", ".trace.json")  # endings of files that mqa writes next to an export

# What to do with a file that was named where a folder is expected.
FILE_HINTS = {
    FileFormat.TORCHSCRIPT: 'the source `torch/file` runs it: `use = "torch/file"` in a suite, with `--allow-code`',
    FileFormat.PROGRAM: 'the source `torch/file` runs it: `use = "torch/file"` in a suite, with `--allow-code`',
    FileFormat.SAFETENSORS: f"name the folder that it is in, with its `{CONFIG}`",
    FileFormat.ONNX: "it is the `path` of the backend `onnxruntime/session`; the model is what it was exported from",
    FileFormat.LFS_POINTER: "`git lfs pull` fetches the file itself",
}
FACTORY_HINT = (
    "name the folder that `save_pretrained` wrote, or a function that builds the model (the source `torch/factory`)"
)

PROCESSOR_CONFIGS = ("tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
AUTO_MAP = "auto_map"  # the key that names Python classes in the model's own files
IMPLEMENTATION = "_implementation"  # in the keys that choose the code of the attention or of the experts


@dataclass(frozen=True)
class Checkpoint:
    """A transformers model on disk.

    `weights` are the files of weights that are loaded, by their names inside the folder. `is_pickled` says that they are
    a pickle, `has_code` that the folder brings Python code that is run, and `is_trusted` that code which it brings or
    asks for may run.
    """

    path: Path
    config: Configuration
    weights: tuple[str, ...]
    is_pickled: bool
    has_code: bool
    is_trusted: bool = False

    @property
    def commit(self) -> str | None:
        """The commit of the repository, where the folder lies in the cache of the hub."""
        return self.path.name if self.path.parent.name == "snapshots" else None

    @property
    def card(self) -> Path | None:
        """The model card, where the folder has one."""
        return self.path / CARD if self.has_file(CARD) else None

    def has_file(self, name: str) -> bool:
        """Whether the folder has a file of this name."""
        return (self.path / name).is_file()

    def files(self) -> list[str]:
        """The names, inside the folder, of all files that a prediction depends on."""
        return sorted({*self.weights, *self._other_files()})

    def digest(self) -> str:
        """The sha256 over the names and contents of all files that a prediction depends on."""
        total = hashlib.sha256()
        for name in self.files():
            total.update(f"{name}\0{content_digest(self.path / name)}\n".encode("utf-8", "surrogateescape"))
        return f"sha256:{total.hexdigest()}"

    def _other_files(self) -> Iterator[str]:
        """The configuration, the processor's files, those of sentence-transformers, and the code where it is run."""
        for file in self.path.iterdir():
            is_unused = (
                file.name.startswith(".") or file.name.endswith(EXPORT_RECORDS) or file.suffix in UNUSED_SUFFIXES
            )
            if file.is_file() and not is_unused:
                yield file.name
        yield from list_module_files(self.path)
        if self.has_code:
            yield from (str(file.relative_to(self.path)) for file in self.path.rglob("*.py"))


def open_checkpoint(path: Path, context: RunContext) -> Checkpoint:
    """The checkpoint in a folder; a DataError where there is none, or none that may be loaded under these conditions."""
    _check_is_checkpoint(path)
    _check_no_special_files(path)
    config = read_configuration(path)
    check_remote_code(path, config.values, is_trusted=context.trust_remote_code)
    weights, is_pickled = find_weights(path, config.values, allow_pickle=context.allow_pickle)
    checkpoint = Checkpoint(
        path,
        config,
        weights,
        is_pickled=is_pickled,
        has_code=bool(find_remote_code(path, config.values)),
        is_trusted=context.trust_remote_code,
    )
    for name in checkpoint.files():
        check_fetched(path / name)
    check_sizes(path, config.values, weights, is_pickled=is_pickled)
    return checkpoint


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

    It does not matter which key of the file requests it: transformers keeps the kernel's name in the configuration object, and
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


def _check_no_special_files(path: Path) -> None:
    """A DataError for a pipe or a device, which transformers would open and read without end."""
    for file in path.iterdir():
        if is_special(file):
            raise DataError(f"`{file}` is a pipe or a device, and a model is made of files", hint="remove it")


def _check_is_checkpoint(path: Path) -> None:
    """A DataError that says what a path is, and what to name instead, unless it is the folder of a whole model."""
    if path.is_file():
        kind = file_format(path)
        folder_hint = f"name the folder that it is in, `{path.parent}`"
        default = folder_hint if (path.parent / CONFIG).is_file() else FACTORY_HINT
        raise DataError(f"`{path}` is {kind}, and a transformers model is a folder", hint=FILE_HINTS.get(kind, default))
    if (path / ADAPTER_CONFIG).is_file():
        raise _adapter_error(path)
    if (path / CONFIG).is_file():
        return
    if (path / SENTENCE_TRANSFORMERS).is_file() and (inner := next(_checkpoints_inside(path), None)):
        raise DataError(
            f"`{path}` holds a model of sentence-transformers, whose transformer is in a folder inside",
            hint=f"name that folder: `{inner}`",
        )
    message = f"`{path}` holds no transformers model: there is no `{CONFIG}` in it"
    if inside := list(_checkpoints_inside(path)):
        names = " or ".join(f"`{folder}`" for folder in inside[:MAX_FOLDERS])
        raise DataError(message, hint=f"name a folder inside that has one: {names}")
    raise DataError(
        message, hint="`model.save_pretrained(folder)` and `tokenizer.save_pretrained(folder)` make such a folder"
    )


def _adapter_error(path: Path) -> DataError:
    name = read_json(path / ADAPTER_CONFIG).get("base_model_name_or_path")
    base = f"`{name}`" if isinstance(name, str) and name else ""
    return DataError(
        f"`{path}` holds an adapter{f' for the model {base}' if base else ''}, which is no whole model",
        hint=f"load {base or 'its base model'} with the task's own class, put the adapter on it with"
        " `PeftModel.from_pretrained` of peft, and save what `merge_and_unload()` gives",
    )


def _checkpoints_inside(path: Path) -> Iterator[Path]:
    """The folders directly inside whose configuration says which type of model it is."""
    for folder in sorted(path.glob("*/")):
        if (folder / CONFIG).is_file() and "model_type" in read_json(folder / CONFIG):
            yield folder


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
