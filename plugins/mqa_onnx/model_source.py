"""The model source `onnx/file`: an ONNX file that is the model itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mqa_registry import DataError, Model, ModelSource, NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry import RunContext, Task

CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Which file.

    `id` is the file. `processor` is the folder of its tokenizer and configuration; left out, it is the file's own folder
    or the one above, where one of them has a tokenizer.
    """

    id: Path
    processor: Path | None = None


class FileSource(ModelSource[FileOptions]):
    """An ONNX file as a model without PyTorch: a backend of `onnxruntime/session` runs it.

    As a reference it is run in float64, too: a copy of it with wider numbers, by ONNX Runtime where that has the kernels,
    else by ONNX's evaluator.
    """

    name = "file"
    packages = ("onnx",)
    takes = "a file that ends in `.onnx`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of an ONNX file."""
        return Path(name).suffix == ".onnx"

    def infer_task(self, run_context: RunContext, options: FileOptions) -> str:
        """The task that takes any model: an ONNX file declares none."""
        return "transformers/forward"

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        path = options.id
        if not path.is_file():
            raise DataError(f"there is no file `{path}`")
        candidates = (path.parent, path.parent.parent)
        with_tokenizer = next((folder for folder in candidates if (folder / TOKENIZER).is_file()), None)
        folder = options.processor or with_tokenizer
        config = _read_config(folder or path.parent)
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        about = {"id": str(path), "format": "ONNX", "max_positions": config.get("max_position_embeddings")}
        return Model(
            digest=f"sha256:{digest}",
            module=partial(_raise_no_module, path),
            processor=partial(_load_tokenizer, folder),
            labels=_class_names(config),
            about={name: value for name, value in about.items() if value is not None},
            file=path,
        )


def _read_config(folder: Path) -> Mapping[str, Any]:
    """The model's `config.json`; empty where there is none."""
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"`{folder / CONFIG}` cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


def _class_names(config: Mapping[str, Any]) -> list[str]:
    """The names of the model's classes in their order; none where the configuration has no such table."""
    names = config.get("id2label")
    if not isinstance(names, dict) or not all(str(index).isdecimal() for index in names):
        return []
    return [str(names[index]) for index in sorted(names, key=int)]


def _raise_no_module(path: Path) -> NoReturn:
    raise NotRunError(
        f"`{path}` is an ONNX file, and there is no PyTorch model behind it",
        hint="a backend of `onnxruntime/session` without a `path` runs it",
    )


def _load_tokenizer(folder: Path | None) -> Any:
    """The tokenizer in a folder; None without a folder."""
    if folder is None:
        return None
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise DataError(f"`{folder}` has no tokenizer that can be loaded: {error!s:.200}") from error
