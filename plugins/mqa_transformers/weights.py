"""Where a model's folder keeps its weights: one file, or several that an index names."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, file_format
from mqa_transformers.files import check_fetched, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
INDEX = ".index.json"
SUFFIX = ".safetensors"  # transformers loads a file of any other as a pickle


def find_weights(path: Path, config: Mapping[str, Any], *, allow_pickle: bool) -> tuple[tuple[str, ...], bool]:
    """The files to load, by their names inside the folder, and whether they are pickles."""
    named = config.get("transformers_weights")  # a configuration may name a file of its own
    candidates = SAFETENSORS if named is None else (str(named),)
    if (entry := _present(path, candidates)) is not None:
        files = _files(path, entry)
        _check_safetensors(path, files)
        return files, False
    pickle = _present(path, PICKLES) if named is None else None
    if pickle is None:
        raise DataError(f"`{path}` holds no weights: there is no `{candidates[0]}` in it")
    if not allow_pickle:
        raise DataError(
            f"`{path}` has its weights in a pickle alone (`{pickle}`), and loading a pickle can run code",
            hint="save the model again as safetensors, or allow it with `--allow-pickle`",
        )
    return _files(path, pickle), True


def _check_safetensors(path: Path, names: tuple[str, ...]) -> None:
    """A DataError for a file that is not safetensors by its suffix and its first bytes, whatever named it.

    An index of safetensors, or a configuration, may name anything: no flag makes a pickle of what is called otherwise.
    """
    for name in names:
        if name.endswith(INDEX):
            continue
        check_fetched(path / name)
        kind = file_format(path / name)
        if kind is not FileFormat.SAFETENSORS or not name.endswith(SUFFIX):
            what = (
                f"`{path / name}` is {kind}"
                if kind is not FileFormat.SAFETENSORS
                else f"`{path / name}` does not end in `{SUFFIX}`"
            )
            raise DataError(
                f"{what}, and is named as weights in safetensors",
                hint="`model.save_pretrained(folder)` writes safetensors, in files of that suffix",
            )


def _present(path: Path, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if (path / name).is_file()), None)


def _files(path: Path, entry: str) -> tuple[str, ...]:
    """The entry alone, or with all files that it names as an index."""
    _check_inside(path, entry)
    if not entry.endswith(INDEX):
        return (entry,)
    shards = read_json(path / entry).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise DataError(f"`{path / entry}` has no `weight_map`, and so names no weights")
    names = sorted({str(name) for name in shards.values()})
    for name in names:
        _check_inside(path, name)
        if not (path / name).is_file():
            raise DataError(f"`{path}` lacks the weights file `{name}`, which `{entry}` names")
    return (entry, *names)


def _check_inside(path: Path, name: str) -> None:
    """Lexically: in the hub's cache the files themselves are links to elsewhere."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        raise DataError(f"`{path}` names weights outside of itself: `{name}`")
