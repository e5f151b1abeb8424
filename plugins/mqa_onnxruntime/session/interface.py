"""The interface of a file where it differs from the task's and the model's: names, constants, and the batch axis."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.graph.onnx_file import ValueInfo

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

TOKEN_TYPES = frozenset({"int64", "int32", "bool"})  # of token ids, token types and masks


@dataclass(frozen=True)
class FileInterface:
    """The options `inputs`, `outputs`, `constants` and `batch_axis`, each by the names in the file.

    `inputs` are the task's names of its inputs, `outputs` the model's names of its outputs. `constants` are inputs that
    are the same for every batch: a number fills the whole input. `batch_axis` is the axis of an input or output that
    counts rows, where that is not the first.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    batch_axis: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.inputs:
            if name in self.constants:
                raise DataError(f"`{name}` is in `inputs` and in `constants`", hint="leave it out of one of them")
        for name, axis in self.batch_axis.items():
            if axis < 0:
                raise DataError(f"`batch_axis` of `{name}` is {axis}", hint="axes are counted from 0, the first")
        if repeated := next((name for name, count in Counter(self.outputs.values()).items() if count > 1), ""):
            raise DataError(f"`outputs` gives two outputs the name `{repeated}`", hint="give each its own name")

    @property
    def is_default(self) -> bool:
        """Whether names are the task's and the model's, and the first axes count rows."""
        return not (self.inputs or self.outputs or self.constants or self.batch_axis)

    def identity(self) -> dict[str, str]:
        """What it adds to the identity of a backend."""
        options = {name: dict(value) for name, value in vars(self).items() if value}
        return {"interface": json.dumps(options, sort_keys=True, default=str)} if options else {}

    def check_names(self, inputs: Sequence[str], outputs: Sequence[str], path: Path) -> None:
        """Raise a DataError where an option names an input or output that the file does not have."""
        for option, names, existing in (
            ("inputs", self.inputs, inputs),
            ("constants", self.constants, inputs),
            ("outputs", self.outputs, outputs),
            ("batch_axis", self.batch_axis, [*inputs, *outputs]),
        ):
            for name in names:
                if name not in existing:
                    kind = "output" if option == "outputs" else "input" if option != "batch_axis" else "input or output"
                    raise DataError(
                        f"`{option}` names `{name}`, and `{path}` has no such {kind}", hint=_suggest(name, existing)
                    )

    def task_name(self, name: str) -> str:
        """What the task calls an input of the file."""
        return self.inputs.get(name, name)

    def unread_inputs(self, sample: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
        """The task's inputs that a file does not read, by the names of the file's inputs."""
        read = {self.task_name(name) for name in names if name not in self.constants}
        return tuple(name for name in sample if name not in read)

    def batch_axis_of(self, node: Any) -> int | None:
        """The axis of an input that counts rows; None where it has none, as a scalar.

        Of a constant it is the one dynamic axis, unless `batch_axis` names another. `node` has a `name` and a `shape`.
        """
        if node.name in self.batch_axis or node.name not in self.constants:
            return self.batch_axis.get(node.name, 0) if node.shape else None
        dynamic = [axis for axis, length in enumerate(node.shape) if not isinstance(length, int)]
        return dynamic[0] if len(dynamic) == 1 else None

    def fixed_length(self, inputs: Sequence[ValueInfo]) -> int | None:
        """The fixed number of tokens that all integer inputs of two axes, rows and tokens, share; else None."""
        given = [value for value in inputs if value.type in TOKEN_TYPES and value.name not in self.constants]
        tables = [value for value in given if len(value.shape) == 2]
        lengths = {value.shape[1 - axis] for value in tables if (axis := self.batch_axis_of(value)) in {0, 1}}
        length = lengths.pop() if len(lengths) == 1 else None
        return length if isinstance(length, int) else None

    def feed(self, nodes: Sequence[Any], batch: Arrays, types: Mapping[str, Any]) -> dict[str, Array]:
        """A session's inputs, made of a batch with the rows first."""
        fed = {
            node.name: self._input(node, batch, types[node.name]) for node in nodes if node.name not in self.constants
        }
        sizes = {  # of axes that have names, which other inputs may share
            symbol: size
            for node in nodes
            if node.name in fed
            for symbol, size in zip(node.shape, fed[node.name].shape, strict=True)
            if isinstance(symbol, str)
        }
        rows = len(next(iter(batch.values())))
        return fed | {
            node.name: self._constant(node, rows, sizes, types[node.name])
            for node in nodes
            if node.name in self.constants
        }

    def _input(self, node: Any, batch: Arrays, dtype: Any) -> Array:
        array, axis = np.asarray(batch[self.task_name(node.name)], dtype), self.batch_axis_of(node)
        return _scalar(node.name, array) if axis is None else np.moveaxis(array, 0, axis) if axis else array

    def _constant(self, node: Any, rows: int, sizes: Mapping[str, int], dtype: Any) -> Array:
        """The constant as an array of the input's shape; a number is repeated for every element."""
        value, axis = np.asarray(self.constants[node.name], dtype), self.batch_axis_of(node)
        if value.ndim == len(node.shape):
            return value
        if value.ndim:
            raise DataError(
                f"the constant `{node.name}` has {value.ndim} axes, and the file takes it with {len(node.shape)}",
                hint="write one number, which fills it",
            )
        shape = [
            rows if number == axis else length if isinstance(length, int) else sizes.get(length or "")
            for number, length in enumerate(node.shape)
        ]
        lengths = [length for length in shape if length is not None]
        if len(lengths) < len(shape):
            raise DataError(
                f"the shape of the constant `{node.name}` is not known: {node.shape}",
                hint="name the axis that counts rows with `batch_axis`, or give the input with the data",
            )
        return np.full(lengths, value, dtype)

    def rows_first(self, names: Sequence[str], outputs: Sequence[Array]) -> list[Array]:
        """Outputs of these names with the axis of rows in front."""
        return [
            np.moveaxis(array, axis, 0) if (axis := self.batch_axis.get(name, 0)) and array.ndim > axis else array
            for name, array in zip(names, outputs, strict=True)
        ]

    def output_names(self, names: Iterable[str]) -> dict[str, str]:
        """The model's names of the file's outputs: those in `outputs` first, in that order."""
        existing = list(names)
        renamed = {name: new for name, new in self.outputs.items() if name in existing}
        return renamed | {name: name for name in existing if name not in renamed and name not in renamed.values()}

    def rename_outputs(self, outputs: Arrays) -> dict[str, Array]:
        """The file's outputs under the model's names."""
        return {new: outputs[name] for name, new in self.output_names(outputs).items()}


def _scalar(name: str, array: Array) -> Array:
    """The one value of all rows; a DataError where they differ."""
    values = np.unique(array)
    if array.ndim > 1 or len(values) != 1:
        raise DataError(
            f"the file takes one `{name}` for a whole batch, and rows have others",
            hint=f"give all rows the same, or set it: `constants = {{ {name} = ... }}`",
        )
    return values.reshape(())


def _suggest(name: str, existing: Sequence[str]) -> str:
    return did_you_mean(name, existing) or f"it has {', '.join(f'`{one}`' for one in existing)}"


DEFAULT_INTERFACE = FileInterface()
