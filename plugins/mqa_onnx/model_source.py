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
IMAGE_PROCESSOR = "preprocessor_config.json"
IMAGE_CLASSIFIER = "ForImageClassification"  # the end of the names of such classes of transformers


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Which file.

    `id` is the file. `processor` is the folder of its tokenizer, or its image processor, and its configuration; left out, it
    is the file's own folder or the one above, where one of them has such a file.
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
        """That of the configuration next to the file, where it is an image classifier's; else the one that takes any model."""
        folder = options.processor or _find_folder(options.id, CONFIG)
        classes = _read_config(folder).get("architectures") if folder else None
        is_classifier = isinstance(classes, list) and bool(classes) and str(classes[0]).endswith(IMAGE_CLASSIFIER)
        return "transformers/image-classification" if is_classifier else "transformers/forward"

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        path = options.id
        if not path.is_file():
            raise DataError(f"there is no file `{path}`")
        modalities = set(task.fields.values())
        reads_images = "image" in modalities and "text" not in modalities
        folder = options.processor or _find_folder(path, IMAGE_PROCESSOR if reads_images else TOKENIZER)
        config = _read_config(folder or path.parent)
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        about = {
            "id": str(path),
            "format": "ONNX",
            "max_positions": config.get("max_position_embeddings"),
            "num_channels": config.get("num_channels"),
        }
        return Model(
            digest=f"sha256:{digest}",
            module=partial(_raise_no_module, path),
            processor=partial(_load_processor, folder, reads_images=reads_images),
            labels=_class_names(config),
            about={name: value for name, value in about.items() if value is not None},
            file=path,
        )


def _find_folder(path: Path, name: str) -> Path | None:
    """The file's own folder or the one above, whichever has a file of this name first; None where neither has."""
    return next((folder for folder in (path.parent, path.parent.parent) if (folder / name).is_file()), None)


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


def _load_processor(folder: Path | None, *, reads_images: bool) -> Any:
    """The tokenizer in a folder, or its image processor by Pillow; None without a folder."""
    if folder is None:
        return None
    import transformers

    what, loader = ("image processor", "AutoImageProcessor") if reads_images else ("tokenizer", "AutoTokenizer")
    backend = {"backend": "pil"} if reads_images else {}
    try:
        return getattr(transformers, loader).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **backend
        )
    except Exception as error:
        raise DataError(f"`{folder}` has no {what} that can be loaded: {error!s:.200}") from error
