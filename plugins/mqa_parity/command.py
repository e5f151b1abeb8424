"""The command `mqa parity`: its command line read as the options of the function `parity`, and its report shown."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqa_parity import model_comparison
from mqa_registry import (
    ModelOptions,
    ParityOptions,
    ReportOptions,
    RunOptions,
    UsageError,
    flags,
    read_columns,
    show_report,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RUN_FLAGS = flags(
    "limit", "device", "store", "offline", "plugin_files", "allow_code", "allow_pickle", "trust_remote_code", "timeout"
)
ARRAY_SUFFIX = ".npz"


def parity(
    named: ModelOptions,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.onnx",
            help="The export that is compared with the model; left out, one is made.",
            show_default=False,
        ),
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows to run both on; left out, a few sentences.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="Which column of --data is this field; may be repeated."),
    ] = None,
    inputs: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="The model's inputs as arrays.")] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FILE'S=]NAME",
            help="An output that the file must have; may be repeated. Left out, what both have.",
        ),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="FILE'S=NAME", help="What an input of the file is for the model."),
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option(metavar="FILE'S=VALUE", help="An input of the file that is always the same.")
    ] = None,
    batch_axis: Annotated[
        list[str] | None, typer.Option(metavar="FILE'S=AXIS", help="The axis that counts rows, if not the first, 0.")
    ] = None,
    tolerance: Annotated[
        tuple[float, float] | None, typer.Option(metavar="ATOL RTOL", help="A fixed tolerance, as numpy has it.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="The execution provider that runs the file.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="The precision of an export that is made.")
    ] = None,
    opset: Annotated[int | None, typer.Option(metavar="N", help="The version of its operators.")] = None,
    reproduction: Annotated[
        bool, typer.Option("--reproduction", help="Keep a script that shows a difference without mqa.")
    ] = False,
    options: Annotated[RunOptions, RUN_FLAGS],
    report: ReportOptions,
) -> int:
    """Compare an ONNX file with its PyTorch model, or another file, and name the first module that differs."""
    parity_options = ParityOptions(
        task=named.task,
        source=named.source,
        columns=read_columns(columns or (), data),
        outputs=_read_outputs(outputs or ()),
        input=dict(_split_pairs("--input", "ids=input_ids", input_ or ())),
        constant={
            name: _parse_value(name, text) for name, text in _split_pairs("--constant", "rate=16000", constant or ())
        },
        batch_axis={
            name: _parse_axis(name, text) for name, text in _split_pairs("--batch-axis", "state=1", batch_axis or ())
        },
        tolerance=tolerance,
        provider=provider,
        precision=precision,
        opset=opset,
        reproduction=reproduction,
    )
    found = model_comparison.parity(
        named.model, file, inputs=_choose_rows(data, inputs), options=parity_options, run_options=options, report=report
    )
    divergence = found.first_divergence
    return show_report(found.report, report, {"first_divergence": divergence and divergence.facts})


def _choose_rows(data: Path | None, inputs: Path | None) -> Path | None:
    """The file of rows, or of arrays; a UsageError where both are named, or one is named as the other."""
    if data is not None and inputs is not None:
        raise UsageError("`--data` and `--inputs` both name rows", hint="leave one of them out")
    if data is not None and data.suffix == ARRAY_SUFFIX:
        raise UsageError(f"`{data}` holds arrays, and `--data` names rows", hint=f"name it with `--inputs {data}`")
    if inputs is not None and inputs.suffix != ARRAY_SUFFIX:
        raise UsageError(f"`{inputs}` is no `.npz` of arrays", hint=f"rows are named with `--data {inputs}`")
    return data or inputs


def _read_outputs(outputs: Sequence[str]) -> dict[str, str]:
    """The model's outputs by the file's names for them; a UsageError where one has no name."""
    if empty := [one for one in outputs if not one.rpartition("=")[2]]:
        raise UsageError(f"`--outputs {empty[0]}` names no output", hint="as in `--outputs last_hidden_state`")
    named = dict(_split_pairs("--outputs", "embedding=pooler_output", [one for one in outputs if "=" in one]))
    return named | {one: one for one in outputs if "=" not in one}


def _split_pairs(option: str, example: str, arguments: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Each name with its value; a name may have an equals sign in it, a value none."""
    for argument in arguments:
        name, equals, value = argument.rpartition("=")
        if not (name and equals and value):
            raise UsageError(f"`{option} {argument}` is no pair", hint=f"as in `{option} {example}`")
        yield name, value


def _parse_value(name: str, text: str) -> Any:
    """A number, true or false, or lists of them, as TOML writes them."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise UsageError(
            f"`--constant {name}={text}` is no number",
            hint="as in `--constant rate=16000` or `--constant state=[0, 1]`",
        ) from None


def _parse_axis(name: str, text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"`--batch-axis {name}={text}` is no axis", hint="axes are counted from 0, the first")
    return int(text)
