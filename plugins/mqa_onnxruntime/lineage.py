"""Which part of the PyTorch model each node of an export came from.

Exporters write that into the nodes' metadata, with the paths of the machine that made it. What ships carries none of
it: it is moved into a file beside the export, and the paths in it are cut to the part inside a package.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph import parsed
from mqa_onnxruntime.protobuf import messages
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYS = "pkg.torch.onnx."  # what the keys of the exporter's metadata begin with
FILE = re.compile(r'File "([^"]+)"')


@dataclass(frozen=True)
class Descent:
    """Where one node came from: the modules around it from the outermost in, their classes, and the line of Python.

    `scopes` and `classes` have one entry a module, the root's name being empty, and may end with the operation itself.
    """

    scopes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    fx_node: str = ""
    stack_trace: str = ""


def lineage_file(path: Path) -> Path:
    """Where the descent of an ONNX file's nodes is kept: `model.trace.json` beside `model.onnx`."""
    return path.with_suffix(".trace.json")


def lineage(path: Path) -> dict[str, Descent]:
    """The descent of an ONNX file's nodes by their names: from the file beside it, else from its own metadata.

    Empty where neither tells anything; a DataError where the file beside it is damaged.
    """
    beside = lineage_file(path)
    if not beside.is_file():
        return _descents(parsed(path))
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
        return {name: _descent(one) for name, one in told.items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"`{beside}` does not tell where nodes came from", hint="export the model again") from error


def strip(path: Path) -> None:
    """Move the descent of an ONNX file's nodes out of it, and drop all other words of its exporter."""
    model = parsed(path)
    told = {name: asdict(descent) for name, descent in _descents(model).items()}
    lineage_file(path).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    for message in messages(model):
        for field in ("metadata_props", "doc_string"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    path.write_bytes(model.SerializeToString())


def _descents(model: Any) -> dict[str, Descent]:
    nodes = [message for message in messages(model) if message.DESCRIPTOR.name == "NodeProto"]
    found = {node.name or node.output[0]: dict(_told(node)) for node in nodes if node.name or node.output}
    return {name: _descent(told) for name, told in found.items() if told}


def _told(node: Any) -> Iterator[tuple[str, Any]]:
    """What a node's metadata say, by the names of Descent's fields."""
    said = {entry.key.removeprefix(KEYS): entry.value for entry in node.metadata_props if entry.key.startswith(KEYS)}
    for field, key in (("scopes", "name_scopes"), ("classes", "class_hierarchy")):
        if names := _names(said.get(key, "")):
            yield field, names
    if said.get("fx_node"):
        yield "fx_node", said["fx_node"]
    if said.get("stack_trace"):
        yield "stack_trace", FILE.sub(lambda match: f'File "{_inside(Path(match[1]))}"', said["stack_trace"])


def _names(text: str) -> list[str]:
    """The strings of a list that is spelled as in Python."""
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [str(name) for name in names] if isinstance(names, list) else []


def _inside(file: Path) -> str:
    """A source file by its path inside the folder that Python found it in: no machine's folders are told."""
    return _inside_of(file, tuple(sys.path))


@lru_cache(maxsize=1024)
def _inside_of(file: Path, entries: tuple[str, ...]) -> str:
    roots = [Path(entry) for entry in entries if entry and Path(entry).is_absolute() and file.is_relative_to(entry)]
    root = max(roots, key=lambda one: len(one.parts), default=file.parent)
    return file.relative_to(root).as_posix()


def _descent(told: Mapping[str, Any]) -> Descent:
    scopes, classes = (tuple(str(name) for name in told.get(key, ())) for key in ("scopes", "classes"))
    return Descent(scopes, classes, str(told.get("fx_node", "")), str(told.get("stack_trace", "")))
