"""What a path that holds no whole transformers model holds otherwise, and what to name instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import DataError, FileFormat, file_format
from mqa_transformers.files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = "config.json"
ADAPTER = "adapter_config.json"
MODULES = "modules.json"  # of sentence-transformers
SHOWN = 3  # folders in one hint

# What runs, or says more of, a file that was named in place of a folder.
INSTEAD = {
    FileFormat.TORCHSCRIPT: 'the source `torch/file` runs it: `use = "torch/file"` in a suite, with `--allow-code`',
    FileFormat.PROGRAM: 'the source `torch/file` runs it: `use = "torch/file"` in a suite, with `--allow-code`',
    FileFormat.SAFETENSORS: f"name the folder that it is in, with its `{CONFIG}`",
    FileFormat.ONNX: "it is the `path` of the backend `onnxruntime/session`; the model is what it was exported from",
    FileFormat.LFS_POINTER: "`git lfs pull` fetches the file itself",
}
BUILT = "name the folder that `save_pretrained` wrote, or a function that builds the model (the source `torch/factory`)"


def check_whole(path: Path) -> None:
    """A DataError, with what there is instead, unless a path is a folder with the configuration of a whole model."""
    if path.is_file():
        kind = file_format(path)
        beside = f"name the folder that it is in, `{path.parent}`" if (path.parent / CONFIG).is_file() else BUILT
        raise DataError(f"`{path}` is {kind}, and a transformers model is a folder", hint=INSTEAD.get(kind, beside))
    if (path / ADAPTER).is_file():
        raise _adapter(path)
    if (path / CONFIG).is_file():
        return
    if (path / MODULES).is_file() and (inner := next(_models_inside(path), None)):
        raise DataError(
            f"`{path}` holds a model of sentence-transformers, whose transformer is in a folder inside",
            hint=f"name that folder: `{inner}`",
        )
    message = f"`{path}` holds no transformers model: there is no `{CONFIG}` in it"
    if inside := list(_models_inside(path)):
        names = " or ".join(f"`{one}`" for one in inside[:SHOWN])
        raise DataError(message, hint=f"name a folder inside that has one: {names}")
    raise DataError(
        message, hint="`model.save_pretrained(folder)` and `tokenizer.save_pretrained(folder)` make such a folder"
    )


def _adapter(path: Path) -> DataError:
    base = read_json(path / ADAPTER).get("base_model_name_or_path")
    of = f" for the model `{base}`" if isinstance(base, str) and base else ""
    return DataError(
        f"`{path}` holds an adapter{of}, which is no whole model",
        hint=f"load {f'`{base}`' if of else 'its base model'} with the task's own class, put the adapter on it with"
        " `PeftModel.from_pretrained` of peft, and save what `merge_and_unload()` gives",
    )


def _models_inside(path: Path) -> Iterator[Path]:
    """The folders inside with a configuration that says which class of model it is of."""
    for folder in sorted(path.glob("*/")):
        if (folder / CONFIG).is_file() and "model_type" in read_json(folder / CONFIG):
            yield folder
