"""The backend `onnxruntime/session`: its options, the ONNX file that it runs, given or exported, and a session of it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.execution_providers import (
    CPU,
    node_placement,
    resolve_providers,
    runtime_distribution,
)
from mqa_onnxruntime.export.cache import EXPORT_TIMEOUT, cached_export, export_recipe, recipe_digest
from mqa_onnxruntime.export.conversion import ExportPrecision, Precision
from mqa_onnxruntime.export.output_folder import export_model
from mqa_onnxruntime.export.stamp import check_stamp, write_verdict
from mqa_onnxruntime.graph.onnx_file import file_sha256, read_onnx_file
from mqa_onnxruntime.session.execution import fixed_batch_size, gpu_facts, select_execution
from mqa_onnxruntime.session.factory import (
    Optimization,
    SessionConfig,
    SessionFactory,
    open_session,
    plain_provider_options,
)
from mqa_onnxruntime.session.input_types import check_outputs, input_types
from mqa_onnxruntime.session.int8_sums import int8_facts
from mqa_onnxruntime.session.interface import FileInterface
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_registry import Backend, DataError, RunnerFacts, SuggestedBackend, check_threads, find_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_onnxruntime.execution_providers import ProviderRequest
    from mqa_registry import Device, Exported, Finding, Judgement, Model, ModelUnderTest, RunContext, Runner


# Tokens in one batch, padding included, by the kind of device.
BUDGETS = {"cpu": 512, "cuda": 32768}


@dataclass(frozen=True, kw_only=True)
class OnnxExportOptions:
    """How the model is exported.

    `opset` is the version of the operators in an export. `precision` is that of an export. `per_channel` quantizes every
    channel of a weight by itself. `calibration_data` is a file of rows that int8-static measures activations with; left out,
    it takes rows of the suite's first data set. `export_timeout` is how many seconds an export may take, in a separate
    process: a hang or a crash there is NOT-RUN. `custom_ops` is a library of operators that ONNX Runtime does not bring,
    which needs `--allow-code`.
    """

    opset: int | None = None
    precision: Precision = "float32"
    per_channel: bool = False
    calibration_data: Path | None = None
    export_timeout: float = EXPORT_TIMEOUT
    custom_ops: Path | None = None

    def __post_init__(self) -> None:
        if self.export_timeout <= 0:
            raise DataError(f"`export_timeout` is {self.export_timeout:g}, and an export needs some seconds")
        _ = self.export_precision

    @cached_property
    def export_precision(self) -> ExportPrecision:
        """The precision of an export; a DataError where its options do not go together."""
        return ExportPrecision(self.precision, self.per_channel, self.calibration_data)


@dataclass(frozen=True, kw_only=True)
class SessionOptions(OnnxExportOptions):
    """How ONNX Runtime runs the model.

    `path` is an `.onnx` file; without one the model is exported, and the export is cached.

    `providers` are execution providers, of which the first must run the model; left out, it is CUDA where that really
    starts, else the CPU. `optimization` is ONNX Runtime's level of graph optimization. `threads` is how many threads share
    the work of one operator. `cpu_operators` may run on the CPU although a GPU was requested; what makes masks, positions
    and shapes always may. `tf32` lets CUDA multiply in TensorFloat-32. `io_binding` keeps inputs and outputs in a GPU's
    memory while it works. `cuda_graph` has CUDA capture its work for inputs of one shape, and replay it; the first run of
    a shape, which captures, takes as long as several.

    A file that takes a fixed number of rows is run so many at a time, the last ones filled up. One of a fixed number of
    tokens gets rows padded and cut to it, and so does every other backend of the run: a task that cannot pad is refused,
    and so are two files of different lengths.

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

    @property
    def session_config(self) -> SessionConfig:
        """The settings of its sessions."""
        return SessionConfig(self.optimization, self.threads, self.custom_ops)

    def provider_request(self, context: RunContext) -> ProviderRequest:
        """What is to run the model; a DataError where the options ask for what cannot be."""
        request = resolve_providers(context, self.providers, tf32=self.tf32, cuda_graph=self.cuda_graph)
        request.check_cuda_graph()
        return request


class SessionBackend(Backend[SessionOptions]):
    """ONNX Runtime, on the model's export or on a given `.onnx`.

    The predictions of each precision are stored apart. A task without a sample is traced with rows of the data. Arrays of
    the task that a file does not take are the fact `unread_inputs`. On a GPU, the facts `cpu_fallback` counts the
    operators on the CPU that a weight or floating-point data pass through: one of them is NOT-RUN, unless
    `cpu_operators` names it.
    """

    name = "session"
    run_modes = ("forward", "generation", "streaming")
    packages = ("onnx", "onnxruntime-gpu", "onnxruntime")
    export_options = OnnxExportOptions

    def suggest(self, model: Model, file: Path | None) -> SuggestedBackend | None:
        """ONNX Runtime, for a given file, a model that is one, or a PyTorch model, which it exports."""
        if file is None and model.file is not None and model.file.suffix != ".onnx":
            return None  # the file of another library
        about = "ONNX Runtime, on the given file" if file or model.file else "ONNX Runtime, on an export of the model"
        return SuggestedBackend(name="onnx", options={"path": file} if file else {}, about=about)

    def identity(self, model_under_test: ModelUnderTest, options: SessionOptions) -> dict[str, str]:
        """What a prediction depends on besides model and example, found without loading ONNX Runtime."""
        return _identity(OnnxSource(model_under_test, options), options.provider_request(model_under_test.run_context))

    def fixed_length(self, model_under_test: ModelUnderTest, options: SessionOptions) -> int | None:
        """The number of tokens of every row that a given file takes; None where it takes any, and of an export."""
        path = OnnxSource(model_under_test, options).existing_file
        return None if path is None else options.interface.fixed_length(read_onnx_file(path).inputs)

    def export(self, model_under_test: ModelUnderTest, folder: Path, options: OnnxExportOptions) -> Exported:
        """Put the model's export into a folder, with its weights, its node metadata and its stamp."""
        return export_model(model_under_test, folder, options)

    def record_verdict(
        self, identity: Mapping[str, str], judgement: Judgement, options: SessionOptions
    ) -> Iterator[Finding]:
        """Add a judgement to the stamp of a given file; a file without a stamp stays without."""
        return write_verdict(identity, judgement, options.path)

    @contextmanager
    def open(self, model_under_test: ModelUnderTest, options: SessionOptions) -> Iterator[Runner]:
        request = options.provider_request(model_under_test.run_context)
        source = OnnxSource(model_under_test, options)
        identity = _identity(source, request)
        request.check_device(model_under_test.run_context)
        file, file_facts = source.resolve()
        session, provider_error = open_session(file, request, options.session_config)
        check_outputs(session, file)
        placement = node_placement(session, request, file, options.cpu_operators or ())
        providers = session.get_providers()
        device = find_device("cpu") if providers[0] == CPU else request.device
        sample, interface = model_under_test.sample(), options.interface
        types, rows = input_types(session, sample, file, interface), fixed_batch_size(session, interface)
        facts = RunnerFacts.from_table(
            {"optimization": options.optimization}
            | ({"provider_error": provider_error} if provider_error else {})
            | {**file_facts, **placement, **gpu_facts(session, request, io_binding=options.io_binding)}
            | (int8_facts(file_facts.get("precision")) if providers[0] == CPU else {})
        )
        yield SessionRunner(
            session,
            inputs=types,
            provider=providers[0],
            budget=BUDGETS[device.kind],
            identity=identity | _device_identity(providers, device),
            facts=replace(
                facts,
                device=str(device),
                device_name=device.name,
                providers=tuple(providers),
                threads=options.threads,
                fixed_rows=rows,
                unread_inputs=interface.unread_inputs(sample, types),
            ),
            source=SessionFactory(file, options.session_config, plain_provider_options(session)),
            execute=select_execution(session, request, io_binding=options.io_binding),
            rows=rows,
            interface=interface,
        )


@dataclass(frozen=True)
class OnnxSource:
    """Finds the ONNX file of a model under test, as the options ask for it."""

    model_under_test: ModelUnderTest
    options: SessionOptions

    @property
    def existing_file(self) -> Path | None:
        """The file that needs no export: that of `path`, or the model itself; else None."""
        model = self.model_under_test.model
        path = self.options.path or (model.file if model.converter is None else None)
        if path is not None:
            self.options.check_no_export(path)
        return path

    def fingerprint(self) -> dict[str, str]:
        """What identifies the file before anything is exported: the digest of its bytes, or of the export's recipe."""
        custom_ops = self.options.custom_ops
        if custom_ops is not None and not self.model_under_test.run_context.allow_code:
            raise DataError(
                f"`custom_ops` is a library of code, `{custom_ops}`, and that is not run",
                hint="see where it is from, then allow it with `--allow-code`",
            )
        path = self.existing_file
        fingerprint = self._fingerprint_file(path) if path else self._fingerprint_export()
        fingerprint |= self.options.interface.identity()
        return fingerprint if custom_ops is None else fingerprint | {"custom_ops": file_sha256(custom_ops)}

    def resolve(self) -> tuple[Path, dict[str, Any]]:
        """The file, exported now unless the export is kept already, and its facts for the report."""
        if path := self.existing_file:
            return path, read_onnx_file(path).facts()
        options = self.options
        export = cached_export(
            self.model_under_test.with_length(None),
            options.opset,
            options.export_precision,
            timeout=options.export_timeout,
        )
        levels = dict(Counter(finding["level"] for finding in export.audit["findings"]))
        facts = {"exporter": export.exporter, **export.facts, "precision": options.precision}
        return export.path, facts | ({"audit_findings": levels} if levels else {})

    def _fingerprint_file(self, path: Path) -> dict[str, str]:
        """A DataError where it needs custom operators that are not given, lacks a named input, or was changed."""
        file = read_onnx_file(path)
        self.options.interface.check_names([value.name for value in file.inputs], file.outputs, path)
        if file.custom_operators and self.options.custom_ops is None:
            raise DataError(
                f"`{path}` uses the operator `{file.custom_operators[0]}`, which ONNX Runtime does not bring",
                hint="in a suite, give the backend its library as `custom_ops`, and allow it with `--allow-code`",
            )
        sha256 = file.sha256()
        check_stamp(path, sha256)
        return {"onnx": sha256, "precision": file.precision}

    def _fingerprint_export(self) -> dict[str, str]:
        """The digest by which the store has predictions of the export, which need not exist for that."""
        recipe = export_recipe(
            self.model_under_test.with_length(None), self.options.opset, self.options.export_precision
        )
        return {"export": recipe_digest(recipe), "precision": self.options.precision}


def _identity(source: OnnxSource, request: ProviderRequest) -> dict[str, str]:
    options = source.options
    identity = source.fingerprint() | _device_identity(request.providers, request.device)
    identity |= {"runtime": " ".join(runtime_distribution()), "optimization": options.optimization}
    identity |= {"tf32": "on"} if request.uses_tf32() else {}
    return identity if options.threads is None else identity | {"threads": str(options.threads)}


def _device_identity(providers: Sequence[str], device: Device) -> dict[str, str]:
    return {"providers": ", ".join(providers), "device": str(device), "device_name": device.name}
