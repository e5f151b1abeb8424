"""An ONNX file, read without running it: is it one, what does it stand on, what is it made of."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

# The parts of a model that tensors can be found in.
HOLDERS = frozenset({"GraphProto", "NodeProto", "AttributeProto", "FunctionProto", "SparseTensorProto"})

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


@dataclass(frozen=True)
class Graph:
    """What an ONNX file says of itself. `files` are the file and its external data, by name inside its folder."""

    path: Path
    files: tuple[str, ...]
    opset: int
    precision: str  # of most of its weights
    dynamic: dict[str, tuple[int, ...]]  # per input, the axes of no fixed length

    def sha256(self) -> str:
        """Over the names and contents of all its files."""
        total = hashlib.sha256()
        for name in self.files:
            total.update(f"{name}\0{file_sha256(self.path.parent / name)}\n".encode())
        return total.hexdigest()

    def facts(self) -> dict[str, Any]:
        """What a report tells of it; `bytes` are those of all its files."""
        size = sum((self.path.parent / name).stat().st_size for name in self.files)
        return {"opset": self.opset, "precision": self.precision, "sha256": self.sha256(), "bytes": size}


def read_graph(path: Path) -> Graph:
    """Read an ONNX file but not its external data; a DataError where it cannot be one, or reaches outside its folder."""
    model = parsed(path)
    locations = sorted({location for tensor in _tensors(model) if (location := _location(tensor))})
    for location in locations:
        _check_location(path, location)
    return Graph(
        path,
        (path.name, *locations),
        opset=max((entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), default=0),
        precision=_precision(model),
        dynamic={value.name: _dynamic(value) for value in model.graph.input},
    )


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content; a DataError where it cannot be read."""
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror}") from error


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
    return model


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor of a model, in graphs inside of nodes and in functions too."""
    for field, value in message.ListFields():
        kind = field.message_type.name if field.message_type else ""
        parts = (value,) if hasattr(value, "ListFields") else value
        if kind == "TensorProto":
            yield from parts
        elif kind in HOLDERS:
            for part in parts:
                yield from _tensors(part)


def _location(tensor: Any) -> str:
    """The file that holds a tensor's data, or nothing where the tensor does."""
    if tensor.data_location != tensor.EXTERNAL:
        return ""
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _check_location(path: Path, location: str) -> None:
    """That external data lie in the file's own folder, whatever it says, and whatever links say."""
    home = path.parent.resolve()
    inside = not Path(location).is_absolute() and (home / location).resolve().is_relative_to(home)
    if not inside or ".." in Path(location).parts:
        raise DataError(f"`{path}` has its weights outside of its own folder: `{location}`", hint="put them beside it")
    if not (home / location).is_file():
        raise DataError(
            f"`{path}` has its weights in `{location}`, which is not there",
            hint="an export is copied with all its files",
        )


def _precision(model: Any) -> str:
    counts: Counter[str] = Counter()
    for tensor in model.graph.initializer:
        if tensor.data_type in PRECISIONS:
            counts[PRECISIONS[tensor.data_type]] += prod(tensor.dims)
    return counts.most_common(1)[0][0] if counts else "float32"


def _dynamic(value: Any) -> tuple[int, ...]:
    axes = value.type.tensor_type.shape.dim
    return tuple(number for number, axis in enumerate(axes) if not axis.HasField("dim_value"))
