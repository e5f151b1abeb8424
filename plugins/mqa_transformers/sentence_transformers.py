"""What a folder of sentence-transformers says of its model: how the vectors of tokens become the vector of a text.

`modules.json` lists the modules of the model, in order; that of the pooling has its own folder, such as `1_Pooling`, with a
`config.json`. The library itself is not needed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError
from mqa_transformers.configuration import check_fetched, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODULES = "modules.json"
LENGTHS = "sentence_bert_config.json"

# What the configuration of the module `Pooling` calls a way to pool, and the task's name of it.
POOLING_KEYS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last-token",
}
POOLING_NAMES = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last-token"}  # under `pooling_mode`


def read_sentence_encoder(folder: Path) -> dict[str, Any]:
    """The `pooling`, whether to `normalize`, and the `max_length` of a model of sentence-transformers, as far as it says them.

    Empty for any other folder. What this version does not run, such as a dense layer behind the pooling, is named under
    `unsupported`: another task of the model may not need it.
    """
    if not (folder / MODULES).is_file():
        return {}
    try:
        modules = [_read_module(kind, path) for kind, path in _read_modules(folder)]
        lengths = read_json(folder / LENGTHS) if (folder / LENGTHS).is_file() else {}
    except DataError as error:
        return {"unsupported": error.message}
    facts: dict[str, Any] = {"normalize": False}
    for module in modules:
        facts |= module
    length = lengths.get("max_seq_length")
    return facts | ({"max_length": length} if isinstance(length, int) else {})


def list_module_files(folder: Path) -> list[str]:
    """The files of modules in folders of their own, by their names inside the model's folder."""
    try:
        files = [path / "config.json" for kind, path in _read_modules(folder) if kind != "Transformer"]
    except DataError:
        return []
    return [str(file.relative_to(folder)) for file in files if file.is_file()]


def _read_modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """The class of each module and its folder, which is inside of the model's."""
    file = folder / MODULES
    if not file.is_file():
        return
    check_fetched(file)
    try:
        modules = json.loads(file.read_text("utf-8"))
        pairs = [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in modules]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"`{file}` is no list of modules with `type` and `path`") from error
    for kind, path in pairs:
        inside = (folder / path).resolve()
        if not inside.is_relative_to(folder.resolve()):
            raise DataError(f"`{file}` names a folder outside of the model, `{path}`")
        yield kind, folder / path


def _read_module(kind: str, folder: Path) -> dict[str, Any]:
    """What a module contributes; a DataError for one that is not known."""
    if kind == "Pooling":
        return {"pooling": _read_pooling(read_json(folder / "config.json"))}
    if kind not in {"Transformer", "Normalize"}:
        raise DataError(f"`{MODULES}` has a module `{kind}`")
    return {"normalize": True} if kind == "Normalize" else {}


def _read_pooling(config: Mapping[str, Any]) -> str:
    """The way of pooling that a configuration names; a DataError for several at once, or one that is not known."""
    if isinstance(name := config.get("pooling_mode"), str):
        names = [name]
        known: Mapping[str, str] = POOLING_NAMES
    else:
        names = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
        known = POOLING_KEYS
    if len(names) != 1 or names[0] not in known:
        listed = " and ".join(f"`{name}`" for name in names) or "no way"
        raise DataError(f"its tokens are pooled in {listed}")
    return known[names[0]]
