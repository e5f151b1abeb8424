"""What a suite says of a file's inputs and outputs: other names, constants, and axes that count rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Interface:
    """By the file's own names: what the task calls its inputs, what the model calls its outputs, and so on.

    `constants` are inputs that are the same for every batch: a number fills the whole input. `batch_axis` is the axis of
    an input or output that counts rows, where that is not the first.
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
        _check_once("outputs", self.outputs)

    @property
    def plain(self) -> bool:
        """Whether nothing is said."""
        return not (self.inputs or self.outputs or self.constants or self.batch_axis)

    def known(self) -> dict[str, str]:
        """For the identity of a backend."""
        said = {name: dict(value) for name, value in vars(self).items() if value}
        return {"interface": json.dumps(said, sort_keys=True, default=str)} if said else {}

    def check_names(self, inputs: Sequence[str], outputs: Sequence[str], path: Path) -> None:
        """A DataError where the file has no input or output of a name that is said."""
        for option, named, there in (
            ("inputs", self.inputs, inputs),
            ("constants", self.constants, inputs),
            ("outputs", self.outputs, outputs),
            ("batch_axis", self.batch_axis, [*inputs, *outputs]),
        ):
            for name in named:
                if name not in there:
                    kind = "output" if option == "outputs" else "input" if option != "batch_axis" else "input or output"
                    raise DataError(
                        f"`{option}` names `{name}`, and `{path}` has no such {kind}", hint=_near(name, there)
                    )

    def source(self, name: str) -> str:
        """What the task calls an input of the file."""
        return self.inputs.get(name, name)

    def axis(self, node: Any) -> int | None:
        """The axis of an input that counts rows; None where it has none, as a scalar.

        That of a constant is the only one whose length the file leaves open, unless it is said.
        """
        if node.name in self.batch_axis or node.name not in self.constants:
            return self.batch_axis.get(node.name, 0) if node.shape else None
        free = [axis for axis, length in enumerate(node.shape) if not isinstance(length, int)]
        return free[0] if len(free) == 1 else None

    def feed(self, nodes: Sequence[Any], given: Arrays, types: Mapping[str, Any]) -> dict[str, Array]:
        """A session's inputs, of a batch with the rows first."""
        fed = {
            node.name: self._placed(node, given, types[node.name]) for node in nodes if node.name not in self.constants
        }
        sizes = {  # of axes that have names, which other inputs may share
            symbol: size
            for node in nodes
            if node.name in fed
            for symbol, size in zip(node.shape, fed[node.name].shape, strict=True)
            if isinstance(symbol, str)
        }
        rows = len(next(iter(given.values())))
        return fed | {
            node.name: self._constant(node, rows, sizes, types[node.name])
            for node in nodes
            if node.name in self.constants
        }

    def _placed(self, node: Any, given: Arrays, dtype: Any) -> Array:
        array, axis = np.asarray(given[self.source(node.name)], dtype), self.axis(node)
        return _scalar(node.name, array) if axis is None else np.moveaxis(array, 0, axis) if axis else array

    def _constant(self, node: Any, rows: int, sizes: Mapping[str, int], dtype: Any) -> Array:
        """An array of the file's own rank, or a number in every place, as often as there are rows."""
        value, axis = np.asarray(self.constants[node.name], dtype), self.axis(node)
        if value.ndim == len(node.shape):  # all of it is said
            return value
        if value.ndim:
            raise DataError(
                f"the constant `{node.name}` has {value.ndim} axes, and the file takes it with {len(node.shape)}",
                hint="write one number, which fills it",
            )
        shape = [
            rows if place == axis else length if isinstance(length, int) else sizes.get(length or "")
            for place, length in enumerate(node.shape)
        ]
        known = [length for length in shape if length is not None]
        if len(known) < len(shape):
            raise DataError(
                f"how large the constant `{node.name}` is to be is nowhere said: {node.shape}",
                hint="say which axis counts rows with `batch_axis`, or give it with the data",
            )
        return np.full(known, value, dtype)

    def returned(self, names: Sequence[str], outputs: Sequence[Array]) -> list[Array]:
        """Outputs with the rows first."""
        return [
            np.moveaxis(array, axis, 0) if (axis := self.batch_axis.get(name, 0)) and array.ndim > axis else array
            for name, array in zip(names, outputs, strict=True)
        ]

    def named(self, names: Iterable[str]) -> dict[str, str]:
        """What the file's outputs are called, by their names in it: those that are said first, in that order."""
        there = list(names)
        said = {name: called for name, called in self.outputs.items() if name in there}
        return said | {name: name for name in there if name not in said and name not in said.values()}


def _check_once(option: str, names: Mapping[str, str]) -> None:
    twice = [called for called in names.values() if list(names.values()).count(called) > 1]
    if twice:
        raise DataError(f"`{option}` says `{twice[0]}` of two names", hint="each has its own")


def _scalar(name: str, array: Array) -> Array:
    """The one value of all rows; a DataError where they differ."""
    values = np.unique(array)
    if array.ndim > 1 or len(values) != 1:
        raise DataError(
            f"the file takes one `{name}` for a whole batch, and rows have others",
            hint=f"give all rows the same, or say it: `constants = {{ {name} = ... }}`",
        )
    return values.reshape(())


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"it has {', '.join(f'`{one}`' for one in known)}"


PLAIN = Interface()  # nothing is said: names are the task's and the model's, and the first axes count rows
