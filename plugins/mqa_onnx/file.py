"""The model source `onnx/file`: an ONNX file that is the model itself."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mqa_registry import DataError, Model, NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry import Conditions, Task

CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"


def is_onnx_name(name: str) -> bool:
    """Whether a model's name is that of an ONNX file."""
    return Path(name).suffix == ".onnx"


def of_file(task: Task, conditions: Conditions, *, id: Path, processor: Path | None = None) -> Model:  # noqa: A002 - the option's name in a suite
    """An ONNX file as a model, with no PyTorch behind it: a backend of `onnxruntime/session` runs it.

    `id` is the file. `processor` is the folder of its tokenizer and configuration; left out, the file's own folder, or
    the one above, where such are there.
    """
    if not id.is_file():
        raise DataError(f"there is no file `{id}`")
    folder = processor or next((one for one in (id.parent, id.parent.parent) if (one / TOKENIZER).is_file()), None)
    config = _config(folder or id.parent)
    with id.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    about = {"id": str(id), "form": "ONNX", "positions": config.get("max_position_embeddings")}
    return Model(
        digest=f"sha256:{digest}",
        module=partial(_no_module, id),
        processor=partial(_processor, folder),
        labels=_labels(config),
        about={name: fact for name, fact in about.items() if fact is not None},
        file=id,
    )


def told_task(conditions: Conditions) -> str:
    """The one task that takes any model as it stands."""
    return "transformers/forward"


def _config(folder: Path) -> Mapping[str, Any]:
    """What a model's configuration says, where there is one."""
    try:
        told = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"`{folder / CONFIG}` cannot be read: {error}") from error
    return told if isinstance(told, dict) else {}


def _labels(config: Mapping[str, Any]) -> list[str]:
    named = config.get("id2label")
    if not isinstance(named, dict) or not all(str(place).isdecimal() for place in named):
        return []
    return [str(named[place]) for place in sorted(named, key=int)]


def _no_module(path: Path) -> NoReturn:
    raise NotRunError(
        f"`{path}` is an ONNX file, and there is no PyTorch model behind it",
        hint="a backend of `onnxruntime/session` without a `path` runs it",
    )


def _processor(folder: Path | None) -> Any:
    """The tokenizer in a folder; None where there is none."""
    if folder is None:
        return None
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise DataError(f"`{folder}` has no tokenizer that can be loaded: {error!s:.200}") from error
