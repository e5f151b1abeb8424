"""An ONNX file, read without running it: is it one, what does it stand on, what is it made of."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.drawing import in_training
from mqa_onnxruntime.protobuf import messages
from mqa_registry import DataError, content_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

# The element types of weights, by their number in the ONNX standard.
PRECISIONS = {
    1: "float32",
    10: "float16",
    16: "bfloat16",
    11: "float64",
    2: "uint8",
    3: "int8",
    21: "uint4",
    22: "int4",
}

# The domains whose operators ONNX Runtime brings itself.
DOMAINS = frozenset(
    {
        "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft",
        "com.microsoft.nchwc", "com.microsoft.experimental", "com.ms.internal.nhwc",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Value:
    """An input or output: `shape` has a name or None for an axis of no fixed length."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class Graph:
    """What an ONNX file says of itself. `files` are the file and its external data, by name inside its folder."""

    path: Path
    files: tuple[str, ...]
    opset: int
    precision: str  # of most of its weights
    dynamic: dict[str, tuple[int, ...]]  # per input, the axes of no fixed length
    foreign: tuple[str, ...] = ()  # operators that ONNX Runtime does not bring, as `domain::Name`
    inputs: tuple[Value, ...] = ()  # initializers that may be given otherwise are none
    outputs: tuple[str, ...] = ()
    training: tuple[str, ...] = ()  # nodes that do as in training, with their operators

    def sha256(self) -> str:
        """Over the names and contents of all its files."""
        total = hashlib.sha256()
        for name in self.files:
            total.update(f"{name}\0{file_sha256(self.path.parent / name)}\n".encode())
        return total.hexdigest()

    def facts(self) -> dict[str, Any]:
        """What a report tells of it; `bytes` are those of all its files."""
        size = sum((self.path.parent / name).stat().st_size for name in self.files)
        found = {"opset": self.opset, "precision": self.precision, "sha256": self.sha256(), "bytes": size}
        return found | ({"in_training": list(self.training)} if self.training else {})


def read_graph(path: Path) -> Graph:
    """Read an ONNX file but not its external data; a DataError where it cannot be one, or reaches outside its folder."""
    graph, needed = _read(path, file_sha256(path))
    for location, size in sorted(needed.items()):
        _check_location(path, location, size)
    return graph


@lru_cache(maxsize=16)
def _read(path: Path, _content: str) -> tuple[Graph, Mapping[str, int]]:
    """A graph, and its external data; a file of the same content is parsed once."""
    model = parsed(path)
    needed = _external(path, model)
    graph = Graph(
        path,
        (path.name, *sorted(needed)),
        opset=opset_of(model),
        precision=precision_of(model),
        dynamic={value.name: _dynamic(value) for value in model.graph.input},
        foreign=_foreign(model),
        inputs=_inputs(model),
        outputs=tuple(value.name for value in model.graph.output),
        training=tuple(in_training(model)),
    )
    return graph, needed


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content; a DataError where it cannot be read."""
    if path.is_dir():
        raise DataError(f"`{path}` cannot be read: it is a folder")
    return content_digest(path)


def parsed(path: Path) -> Any:
    """The model in an ONNX file, without its external data; a DataError where it is not a whole one."""
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror}") from error
    except Exception as error:  # the kind is the protobuf library's own
        raise DataError(f"`{path}` is not an ONNX file, or not a whole one", hint="export the model again") from error
    if not model.ir_version or not model.graph.node:
        raise DataError(f"`{path}` is not an ONNX file: it holds no graph", hint="export the model again")
    if not model.graph.output:
        raise DataError(f"`{path}` has no outputs: there is nothing to run it for", hint="export the model again")
    return model


def opset_of(model: Any) -> int:
    """The version of the standard operators that a model is written in."""
    return max((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), default=0)


def precision_of(model: Any) -> str:
    """The element type of most of a model's weights."""
    counts: Counter[str] = Counter()
    for tensor in model.graph.initializer:
        if tensor.data_type in PRECISIONS:
            counts[PRECISIONS[tensor.data_type]] += prod(tensor.dims)
    return counts.most_common(1)[0][0] if counts else "float32"


def value_of(value: Any) -> Value:
    """An input or output of a model."""
    return Value(value.name, type_name(value.type.tensor_type.elem_type), shape_of(value))


def type_name(number: int) -> str:
    """An element type by its number in the ONNX standard."""
    from onnx import TensorProto

    return PRECISIONS.get(number) or str(TensorProto.DataType.Name(number)).lower()


def shape_of(value: Any) -> tuple[int | str | None, ...]:
    """Of an input or output, with a name or None for an axis of no fixed length."""
    axes = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in axes)


def _external(path: Path, model: Any) -> dict[str, int]:
    """The files that hold tensors' data, and how many bytes of each are read."""
    needed: dict[str, int] = {}
    for tensor in messages(model):
        if tensor.DESCRIPTOR.name == "TensorProto" and tensor.data_location == tensor.EXTERNAL:
            told = {entry.key: entry.value for entry in tensor.external_data}
            location = told.get("location", "")
            needed[location] = max(needed.get(location, 0), _end(path, tensor, told))
    return needed


def _end(path: Path, tensor: Any, told: Mapping[str, str]) -> int:
    """Where a tensor's data end in their file, as far as the tensor says."""
    try:
        offset, length = int(told.get("offset", 0)), int(told.get("length", 0))
    except ValueError:
        offset = length = -1
    if min(offset, length) < 0:
        raise DataError(f"`{path}` does not say where the data of `{tensor.name}` lie", hint="export the model again")
    return offset + length


def _check_location(path: Path, location: str, size: int) -> None:
    """That external data lie in the file's own folder, whatever it says and whatever links say, and are whole."""
    home = path.parent.resolve()
    if Path(location).is_absolute() or ".." in Path(location).parts or not _leads_into(home, location):
        raise DataError(f"`{path}` has its weights outside of its own folder: `{location}`", hint="put them beside it")
    if (there := _size(home / location)) is None:
        raise DataError(
            f"`{path}` has its weights in `{location:.200}`, which is not there",
            hint="an export is copied with all its files",
        )
    if there < size:
        raise DataError(
            f"`{path}` has {size:,} bytes of weights in `{location}`, which has {there:,}",
            hint="is it whole, and of this export?",
        )


def _leads_into(home: Path, location: str) -> bool:
    try:
        return (home / location).resolve().is_relative_to(home)
    except (OSError, ValueError):  # too long for a name, or with a character that none can have
        return True  # and so leads nowhere


def _size(file: Path) -> int | None:
    """In bytes; None where there is no such file, nor can be."""
    try:
        return file.stat().st_size if file.is_file() else None
    except (OSError, ValueError):
        return None


def _foreign(model: Any) -> tuple[str, ...]:
    """Functions that the model defines itself are its own, whatever their domain."""
    own = {(function.domain, function.name) for function in model.functions}
    nodes = (message for message in messages(model) if message.DESCRIPTOR.name == "NodeProto")
    used = {(node.domain, node.op_type) for node in nodes if node.domain not in DOMAINS}
    return tuple(sorted(f"{domain}::{name}" for domain, name in used - own))


def _inputs(model: Any) -> tuple[Value, ...]:
    initialized = {tensor.name for tensor in model.graph.initializer}
    return tuple(value_of(value) for value in model.graph.input if value.name not in initialized)


def _dynamic(value: Any) -> tuple[int, ...]:
    axes = value.type.tensor_type.shape.dim
    return tuple(number for number, axis in enumerate(axes) if not axis.HasField("dim_value"))
