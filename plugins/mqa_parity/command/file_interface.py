"""The inputs and outputs of a file as the command line names them, `KEY=VALUE`: the options of its backend."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class FileInterface:
    """What a file calls its inputs and outputs; `required` are the model's names of outputs that the file must have."""

    inputs: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, Any], ...] = ()
    batch_axis: tuple[tuple[str, int], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()

    def options(self) -> dict[str, Any]:
        """The options of a backend that runs the file, without those that are empty."""
        options = {
            "inputs": dict(self.inputs),
            "constants": dict(self.constants),
            "batch_axis": dict(self.batch_axis),
            "outputs": dict(self.outputs),
        }
        return {name: value for name, value in options.items() if value}


def read_interface(
    inputs: Sequence[str], constants: Sequence[str], batch_axis: Sequence[str], outputs: Sequence[str]
) -> FileInterface:
    """The interface of what the command line has; a UsageError where a pair has no meaning."""
    required = [one.rpartition("=")[2] for one in outputs]
    if empty := [one for one, name in zip(outputs, required, strict=True) if not name]:
        raise UsageError(f"`--outputs {empty[0]}` names no output", hint="as in `--outputs last_hidden_state`")
    return FileInterface(
        inputs=tuple(_pairs("--input", "ids=input_ids", inputs)),
        constants=tuple((name, _value(name, text)) for name, text in _pairs("--constant", "rate=16000", constants)),
        batch_axis=tuple((name, _axis(name, text)) for name, text in _pairs("--batch-axis", "state=1", batch_axis)),
        outputs=tuple(_pairs("--outputs", "embedding=pooler_output", [one for one in outputs if "=" in one])),
        required=tuple(required),
    )


def _pairs(option: str, example: str, given: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Each name with its value; a name may have an equals sign in it, a value none."""
    for one in given:
        name, equals, value = one.rpartition("=")
        if not (name and equals and value):
            raise UsageError(f"`{option} {one}` is no pair", hint=f"as in `{option} {example}`")
        yield name, value


def _value(name: str, text: str) -> Any:
    """A number, true or false, or lists of them, as TOML writes them."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise UsageError(
            f"`--constant {name}={text}` is no number",
            hint="as in `--constant rate=16000` or `--constant state=[0, 1]`",
        ) from None


def _axis(name: str, text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"`--batch-axis {name}={text}` is no axis", hint="axes are counted from 0, the first")
    return int(text)
