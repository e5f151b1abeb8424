"""The options of `onnxruntime/session`: what a suite may set, and what the settings mean together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_onnxruntime.export.cache import EXPORT_TIMEOUT
from mqa_onnxruntime.precision.conversion import ExportPrecision, Precision
from mqa_onnxruntime.providers.request import resolve_providers
from mqa_onnxruntime.session.factory import Optimization  # noqa: TC001 - options are read at run time
from mqa_onnxruntime.session.interface import FileInterface
from mqa_registry import DataError, check_threads

if TYPE_CHECKING:
    from mqa_onnxruntime.providers.request import ProviderRequest
    from mqa_registry import RunContext


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How the model is exported.

    `opset` is the version of the operators in an export. `precision` is that of an export. `per_channel` quantizes every
    channel of a weight by itself. `calibration` is a file of rows that int8-static measures activations with; left out,
    it takes rows of the suite's first data set. `export_timeout` is how many seconds an export may take. `custom_ops` is
    a library of operators that ONNX Runtime does not bring.
    """

    opset: int | None = None
    precision: Precision = "float32"
    per_channel: bool = False
    calibration: Path | None = None
    export_timeout: float = EXPORT_TIMEOUT
    custom_ops: Path | None = None

    def __post_init__(self) -> None:
        if self.export_timeout <= 0:
            raise DataError(f"`export_timeout` is {self.export_timeout:g}, and an export needs some seconds")
        _ = self.export_precision

    @cached_property
    def export_precision(self) -> ExportPrecision:
        """The precision of an export; a DataError where its options do not go together."""
        return ExportPrecision(self.precision, self.per_channel, self.calibration)


@dataclass(frozen=True, kw_only=True)
class SessionOptions(ExportOptions):
    """How ONNX Runtime runs the model.

    `path` is an `.onnx` file; without one the model is exported, and the export is kept.

    `providers` are execution providers, of which the first must run the model; left out, it is CUDA where that really
    starts, else the CPU. `optimization` is ONNX Runtime's level of graph optimization. `threads` is how many threads share
    the work of one operator. `cpu_operators` may run on the CPU although a GPU was asked for; what makes masks, positions
    and shapes always may. `tf32` lets CUDA multiply in TensorFloat-32. `io_binding` keeps inputs and outputs in a GPU's
    memory while it works. `cuda_graph` has CUDA capture its work for inputs of one shape, and replay it; the first run of
    a shape, which captures, takes as long as several.

    A file that takes a fixed number of rows is run so many at a time, the last ones filled up. One of a fixed number of
    tokens gets rows padded and cut to it, and so does every other backend of the run.

    A file's inputs and outputs may be others than the task's and the model's, by the names in the file: `inputs` are the
    task's names of its inputs, as in `{ ids = "input_ids" }`. `constants` are inputs that are the same for all rows, such
    as a rate or a state; a number fills the whole input. `batch_axis` is the axis that counts rows, where it is not the
    first. `outputs` are the model's names of its outputs.
    """

    path: Path | None = None
    providers: list[str] | None = None
    optimization: Optimization = "all"
    threads: int | None = None
    cpu_operators: list[str] | None = None
    tf32: bool = False
    io_binding: bool = True
    cuda_graph: bool = False
    inputs: dict[str, str] | None = None
    constants: dict[str, bool | int | float | list[int] | list[float]] | None = None
    batch_axis: dict[str, int] | None = None
    outputs: dict[str, str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threads(self.threads)
        _ = self.interface
        if self.path is not None:
            self.check_no_export(self.path)

    def check_no_export(self, path: Path) -> None:
        """Raise a DataError where an option is for an export, and a file is given."""
        given = {"opset": self.opset is not None, "precision": self.precision != "float32"}
        if name := next((name for name, is_set in given.items() if is_set), ""):
            raise DataError(f"`{name}` is for an export, and `{path}` is one already", hint="leave one of the two out")

    @cached_property
    def interface(self) -> FileInterface:
        """The names, constants and axes of the file; a DataError where they contradict each other."""
        return FileInterface(self.inputs or {}, self.outputs or {}, self.constants or {}, self.batch_axis or {})

    def provider_request(self, context: RunContext) -> ProviderRequest:
        """What is to run the model; a DataError where the options ask for what cannot be."""
        request = resolve_providers(context, self.providers, tf32=self.tf32, cuda_graph=self.cuda_graph)
        request.check_cuda_graph()
        return request
