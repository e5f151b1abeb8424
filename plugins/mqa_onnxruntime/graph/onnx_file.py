"""An ONNX file, read without running it: whether it is one, which files it consists of, and what is in it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.protobuf import PRECISIONS, all_nodes, messages, shape_of, type_name
from mqa_onnxruntime.graph.random_ops import training_nodes
from mqa_registry import DataError, content_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

# The domains whose operators ONNX Runtime brings itself.
BUILT_IN_DOMAINS = frozenset(
    {
        "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft",
        "com.microsoft.nchwc", "com.microsoft.experimental", "com.ms.internal.nhwc",
    }
)  # fmt: skip


@dataclass(frozen=True)
class ValueInfo:
    """An input or output: a dynamic axis of `shape` is its name, or None where it has none."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class OnnxFile:
    """What an ONNX file declares.

    `files` are the file and its external data, by name inside its folder. `precision` is the element type of most of
    its weights. `dynamic_axes` are, per input, the axes of no fixed length. `custom_operators` are those that ONNX
    Runtime does not bring, as `domain::Name`. `inputs` leave out initializers, `training` are its nodes in training mode.
    """

    path: Path
    files: tuple[str, ...]
    opset: int
    precision: str
    dynamic_axes: dict[str, tuple[int, ...]]
    custom_operators: tuple[str, ...] = ()
    inputs: tuple[ValueInfo, ...] = ()
    outputs: tuple[str, ...] = ()
    training: tuple[str, ...] = ()

    def sha256(self) -> str:
        """The digest of the names and contents of all its files."""
        total = hashlib.sha256()
        for name in self.files:
            total.update(f"{name}\0{file_sha256(self.path.parent / name)}\n".encode())
        return total.hexdigest()

    def facts(self) -> dict[str, Any]:
        """The facts of a report; `bytes` counts those of all its files."""
        size = sum((self.path.parent / name).stat().st_size for name in self.files)
        facts = {"opset": self.opset, "precision": self.precision, "sha256": self.sha256(), "bytes": size}
        return facts | ({"in_training": list(self.training)} if self.training else {})


def read_onnx_file(path: Path) -> OnnxFile:
    """Read an ONNX file without its external data.

    Raises a DataError where it is no ONNX file, or its external data are not whole or lie outside of its folder.
    """
    file, external_data = _read(path, file_sha256(path))
    for location, size in sorted(external_data.items()):
        _check_location(path, location, size)
    return file


@lru_cache(maxsize=16)
def _read(path: Path, _content: str) -> tuple[OnnxFile, Mapping[str, int]]:
    """The file, and the bytes that it reads of each file of external data; equal content is parsed once."""
    model = parse_model(path)
    external_data = _external_data(path, model)
    file = OnnxFile(
        path,
        (path.name, *sorted(external_data)),
        opset=opset_of(model),
        precision=precision_of(model),
        dynamic_axes={value.name: _dynamic_axes(value) for value in model.graph.input},
        custom_operators=_custom_operators(model),
        inputs=_inputs(model),
        outputs=tuple(value.name for value in model.graph.output),
        training=tuple(training_nodes(model)),
    )
    return file, external_data


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content; a DataError where it cannot be read."""
    if path.is_dir():
        raise DataError(f"`{path}` cannot be read: it is a folder")
    return content_digest(path)


def parse_model(path: Path) -> Any:
    """The `ModelProto` of an ONNX file, without its external data; a DataError where it is not a whole one."""
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


def value_info(value: Any) -> ValueInfo:
    """An input or output of a model."""
    return ValueInfo(value.name, type_name(value.type.tensor_type.elem_type), shape_of(value))


def _external_data(path: Path, model: Any) -> dict[str, int]:
    """The files that hold tensors' data, and how many bytes of each are read."""
    sizes: dict[str, int] = {}
    for tensor in messages(model):
        if tensor.DESCRIPTOR.name == "TensorProto" and tensor.data_location == tensor.EXTERNAL:
            entries = {entry.key: entry.value for entry in tensor.external_data}
            location = entries.get("location", "")
            sizes[location] = max(sizes.get(location, 0), _data_end(path, tensor, entries))
    return sizes


def _data_end(path: Path, tensor: Any, entries: Mapping[str, str]) -> int:
    """The offset at which a tensor's data end in their file, as far as the tensor declares it."""
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", 0))
    except ValueError:
        offset = length = -1
    if min(offset, length) < 0:
        raise DataError(
            f"`{path}` has an impossible offset or length for the data of `{tensor.name}`",
            hint="export the model again",
        )
    return offset + length


def _check_location(path: Path, location: str, size: int) -> None:
    """Check that external data are whole and lie in the file's own folder, links resolved."""
    folder = path.parent.resolve()
    if Path(location).is_absolute() or ".." in Path(location).parts or not _is_inside(folder, location):
        raise DataError(f"`{path}` has its weights outside of its own folder: `{location}`", hint="put them into it")
    if (actual := _file_size(folder / location)) is None:
        raise DataError(
            f"`{path}` has its weights in `{location:.200}`, which is not there",
            hint="an export is copied with all its files",
        )
    if actual < size:
        raise DataError(
            f"`{path}` has {size:,} bytes of weights in `{location}`, which has {actual:,}",
            hint="is it whole, and of this export?",
        )


def _is_inside(folder: Path, location: str) -> bool:
    try:
        return (folder / location).resolve().is_relative_to(folder)
    except (OSError, ValueError):  # too long for a name, or with a character that none can have
        return True  # and so leads nowhere


def _file_size(file: Path) -> int | None:
    """The size in bytes; None where there is no such file, nor can be."""
    try:
        return file.stat().st_size if file.is_file() else None
    except (OSError, ValueError):
        return None


def _custom_operators(model: Any) -> tuple[str, ...]:
    """Operators of other domains than ONNX Runtime's, without the functions that the model defines itself."""
    functions = {(function.domain, function.name) for function in model.functions}
    used = {(node.domain, node.op_type) for node in all_nodes(model) if node.domain not in BUILT_IN_DOMAINS}
    return tuple(sorted(f"{domain}::{name}" for domain, name in used - functions))


def _inputs(model: Any) -> tuple[ValueInfo, ...]:
    initialized = {tensor.name for tensor in model.graph.initializer}
    return tuple(value_info(value) for value in model.graph.input if value.name not in initialized)


def _dynamic_axes(value: Any) -> tuple[int, ...]:
    axes = value.type.tensor_type.shape.dim
    return tuple(number for number, axis in enumerate(axes) if not axis.HasField("dim_value"))
