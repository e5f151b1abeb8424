"""The files of weights in a checkpoint: which are loaded, and whether they have the sizes of the configuration."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, file_format
from mqa_transformers.configuration import CONFIG, check_fetched, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
INDEX_SUFFIX = ".index.json"
SAFETENSORS_SUFFIX = ".safetensors"  # transformers loads a file of any other suffix as a pickle

# Keys of a configuration that say how many of something a model has.
SIZE_KEY = re.compile(r"(?:num|n)_\w+|\w+_(?:size|dim|heads|labels)|d_\w+")
LAYERS_KEY = re.compile(r"\w*(?:layers|blocks)|depth")
UNCHECKED_SIZE = 1_000_000  # the largest size that is not held against the weights
UNCHECKED_LAYERS = 1000  # the same for a number of layers
HEADER_LENGTH_BYTES = 8  # at the start of a file of safetensors, which say how long its header is
MAX_HEADER_BYTES = 100_000_000


def find_weights(path: Path, config: Mapping[str, Any], *, allow_pickle: bool) -> tuple[tuple[str, ...], bool]:
    """The files to load, by their names inside the folder, and whether they are pickles.

    `config` are the values of the folder's `config.json`. A DataError where there are no weights, where they are a pickle
    and none is allowed, and where they lie outside of the folder.
    """
    configured = config.get("transformers_weights")  # a configuration may name a file
    candidates = SAFETENSORS if configured is None else (str(configured),)
    if (entry := _first_present(path, candidates)) is not None:
        files = _list_files(path, entry)
        _check_safetensors(path, files)
        return files, False
    pickle = _first_present(path, PICKLES) if configured is None else None
    if pickle is None:
        raise DataError(f"`{path}` holds no weights: there is no `{candidates[0]}` in it")
    if not allow_pickle:
        raise DataError(
            f"`{path}` has its weights only in a pickle (`{pickle}`), and loading a pickle can run code",
            hint="save the model again as safetensors, or allow it with `--allow-pickle`",
        )
    return _list_files(path, pickle), True


def check_sizes(path: Path, config: Mapping[str, Any], weights: Sequence[str], *, is_pickled: bool) -> None:
    """A DataError for a size in a configuration that none of the weights has, before a library makes room for it.

    Of a pickle only the number of bytes is known.
    """
    sizes = [(key, size) for key, size in _iter_sizes(config) if size > _unchecked_size(key)]
    if not sizes:
        return
    files = [path / name for name in weights if not name.endswith(".json")]
    if is_pickled:
        n_tensors = longest_axis = sum(file.stat().st_size for file in files)
    else:
        shapes = [shape for file in files for shape in _read_shapes(file)]
        n_tensors, longest_axis = len(shapes), max((length for shape in shapes for length in shape), default=0)
    for key, size in sizes:
        limit = n_tensors if LAYERS_KEY.fullmatch(key) else longest_axis
        if size > max(limit, _unchecked_size(key)):
            raise DataError(
                f"`{path / CONFIG}` says that `{key}` is {size:,}, and no weight is that large",
                hint=f"is `{CONFIG}` that of this model?",
            )


def _check_safetensors(path: Path, names: tuple[str, ...]) -> None:
    """A DataError for a file that is not safetensors by its suffix and its first bytes.

    An index of safetensors, or a configuration, may name any file, a pickle too, and no flag allows that one.
    """
    for name in names:
        if name.endswith(INDEX_SUFFIX):
            continue
        check_fetched(path / name)
        kind = file_format(path / name)
        if kind is not FileFormat.SAFETENSORS or not name.endswith(SAFETENSORS_SUFFIX):
            what = (
                f"`{path / name}` is {kind}"
                if kind is not FileFormat.SAFETENSORS
                else f"`{path / name}` does not end in `{SAFETENSORS_SUFFIX}`"
            )
            raise DataError(
                f"{what}, and is named as weights in safetensors",
                hint="`model.save_pretrained(folder)` writes safetensors, in files of that suffix",
            )


def _first_present(path: Path, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if (path / name).is_file()), None)


def _list_files(path: Path, entry: str) -> tuple[str, ...]:
    """The entry alone, or with all files that it names where it is an index."""
    _check_inside(path, entry)
    if not entry.endswith(INDEX_SUFFIX):
        return (entry,)
    weight_map = read_json(path / entry).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise DataError(f"`{path / entry}` has no `weight_map`, and so names no weights")
    shards = sorted({str(name) for name in weight_map.values()})
    for shard in shards:
        _check_inside(path, shard)
        if not (path / shard).is_file():
            raise DataError(f"`{path}` lacks the weights file `{shard}`, which `{entry}` names")
    return (entry, *shards)


def _check_inside(path: Path, name: str) -> None:
    """A DataError for a name that leads out of the folder.

    The check is lexical, since in the cache of the hub the files are links to files elsewhere.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        raise DataError(f"`{path}` names weights outside of itself: `{name}`")


def _unchecked_size(key: str) -> int:
    return UNCHECKED_LAYERS if LAYERS_KEY.fullmatch(key) else UNCHECKED_SIZE


def _iter_sizes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every size in a configuration, and in those of its parts, with its key."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _iter_sizes(value)
        elif isinstance(value, int) and (SIZE_KEY.fullmatch(key) or LAYERS_KEY.fullmatch(key)):
            yield key, value


def _read_shapes(file: Path) -> list[tuple[int, ...]]:
    """The shapes of the tensors in a file of safetensors; a DataError where its header is damaged."""
    try:
        with file.open("rb") as content:
            length = int.from_bytes(content.read(HEADER_LENGTH_BYTES), "little")
            header = json.loads(content.read(min(length, MAX_HEADER_BYTES)))
        return [tuple(map(int, entry["shape"])) for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"`{file}` is damaged: it has no header of safetensors") from error
