"""From a module to an ONNX file, by the first exporter that can."""

from __future__ import annotations

import copy
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.capture import captured
from mqa_onnxruntime.graph import read_graph
from mqa_onnxruntime.lineage import strip
from mqa_onnxruntime.naming import named_outputs
from mqa_onnxruntime.recipe import EXPORTERS
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.graph import Graph

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Axes: TypeAlias = Mapping[str, Sequence[int]]

MODEL = "model.onnx"
LOG = "export.log"


@dataclass(frozen=True)
class Tracing:
    """A module, inputs to trace it with, and which of their axes have no fixed length."""

    module: Any
    inputs: dict[str, Any]
    shapes: dict[str, dict[int, Any]]
    opset: int | None

    def copy(self) -> Tracing:
        """For one exporter: they change what they are given."""
        return replace(self, module=copy.deepcopy(self.module), inputs=dict(self.inputs))


def dynamic_axes(rows: Sequence[Arrays], batch: Arrays) -> dict[str, tuple[int, ...]]:
    """Per input of a batch, the axes of no fixed length: the rows, and those along which the rows differ."""
    return {name: (0, *_differing([row[name].shape for row in rows], array.ndim)) for name, array in batch.items()}


def export(module: Any, batch: Arrays, axes: Axes, folder: Path, opset: int | None) -> str:
    """Write `model.onnx`, its weights and its nodes' descent beside it, and a log; gives the name of the exporter.

    Raises a NotRunError where none of them can, an OSError where the folder cannot take the files.
    """
    import torch

    inputs = {name: torch.from_numpy(array.copy()) for name, array in batch.items()}
    shapes = {name: dict.fromkeys(axes[name], torch.export.Dim.DYNAMIC) for name in batch}
    tracing = Tracing(module, inputs, shapes, opset)
    failures: dict[str, str] = {}
    for name in EXPORTERS:
        try:
            with (folder / LOG).open("ab") as log, captured(log):
                _exporter(name)(tracing.copy(), folder / MODEL)
            _check(read_graph(folder / MODEL), axes, opset)
            strip(folder / MODEL)
        except OSError:
            raise
        except Exception as error:
            failures[name] = _told(error.__cause__ or error)  # exporters wrap it with advice
            _give_up(folder, error)
        else:
            return name
    with (folder / LOG).open("ab") as log, captured(log):
        _check_runs(tracing)
    raise NotRunError(f"the model cannot be exported to ONNX ({_reasons(failures)})")


def _reasons(failures: Mapping[str, str]) -> str:
    """Each exporter's reason; one that they share is told once."""
    shared = {reason: [name for name, own in failures.items() if own == reason] for reason in failures.values()}
    return "; ".join(f"{' and '.join(names)}: {reason}" for reason, names in shared.items())


def _check_runs(tracing: Tracing) -> None:
    """That the model itself runs: no exporter says well that it does not."""
    import torch

    try:
        with torch.inference_mode():
            tracing.module(**tracing.inputs)
    except Exception as error:
        if _takes_one_row(tracing):
            raise NotRunError(
                f"the model takes one row at a time, and an export is traced with several: {_told(error)}",
                hint="a decoder needs a `pad_token` in its tokenizer, or a `pad_token_id` in `config.json`, to take batches",
            ) from error
        names = ", ".join(f"`{name}`" for name in tracing.inputs)
        raise NotRunError(
            f"the model itself does not run on what it is to be traced with ({names}): {_told(error)}",
            hint="give it rows that it takes, with `--data`",
        ) from error


def _takes_one_row(tracing: Tracing) -> bool:
    import torch

    try:
        with torch.inference_mode():
            tracing.module(**{name: tensor[:1] for name, tensor in tracing.inputs.items()})
    except Exception:  # then it does not run at all
        return False
    return True


def _exporter(name: str) -> Callable[[Tracing, Path], None]:
    return {"transformers": _by_transformers, "torch": _by_torch}[name]


def _by_transformers(tracing: Tracing, path: Path) -> None:
    from transformers.exporters import OnnxConfig, OnnxExporter

    config = OnnxConfig(dynamic=True, dynamic_shapes=tracing.shapes, opset_version=tracing.opset)
    exporter = OnnxExporter()
    exporter.save_program(exporter.export(tracing.module, tracing.inputs, config).program, path)


def _by_torch(tracing: Tracing, path: Path) -> None:
    import torch

    with torch.inference_mode():
        outputs = tracing.module(**tracing.inputs)
    torch.onnx.export(
        tracing.module,
        kwargs=tracing.inputs,
        f=path,
        dynamo=True,
        dynamic_shapes=tracing.shapes,
        opset_version=tracing.opset,
        output_names=list(named_outputs(outputs)),
    )


def _differing(shapes: Sequence[tuple[int, ...]], rank: int) -> list[int]:
    """The axes of a batch along which its rows differ; a row has one axis less."""
    if any(len(shape) != rank - 1 for shape in shapes):
        return []
    return [axis + 1 for axis, lengths in enumerate(zip(*shapes, strict=True)) if len(set(lengths)) > 1]


def _check(graph: Graph, axes: Axes, opset: int | None) -> None:
    """That the file is what was asked for: exporters may settle for less without a word."""
    for name, wanted in axes.items():
        fixed = sorted(set(wanted) - set(graph.dynamic.get(name, wanted)))
        if fixed:
            raise NotRunError(f"it fixes the length of axis {fixed[0]} of `{name}`")
    if opset is not None and graph.opset != opset:
        raise NotRunError(f"it gives opset {graph.opset} where {opset} was asked for")


def _told(error: BaseException) -> str:
    """The first line of what went wrong."""
    return next((f"{line.strip():.200}" for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _give_up(folder: Path, error: Exception) -> None:
    """Write down what went wrong, and leave the folder to the next exporter."""
    with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.writelines(traceback.format_exception(error))
    for file in folder.glob(f"{MODEL}*"):
        file.unlink()
