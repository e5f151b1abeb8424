"""The backend `onnxruntime/session`: an ONNX file, given or exported, run by ONNX Runtime."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.export.export_command import export_model
from mqa_onnxruntime.export.stamp import write_verdict
from mqa_onnxruntime.graph.onnx_file import read_onnx_file
from mqa_onnxruntime.options import ExportOptions, SessionOptions
from mqa_onnxruntime.providers.placement import node_placement
from mqa_onnxruntime.providers.request import CPU, GPU_PROVIDERS, runtime_distribution
from mqa_onnxruntime.session.execution import fixed_batch_size, select_execution
from mqa_onnxruntime.session.factory import SessionFactory, open_session, plain_provider_options
from mqa_onnxruntime.session.input_types import check_outputs, input_types
from mqa_onnxruntime.session.onnx_source import OnnxSource
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_registry import Backend, find_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mqa_onnxruntime.providers.request import ProviderRequest
    from mqa_registry import Device, Exported, Finding, Judgement, ModelUnderTest, Runner

# Tokens in one batch, padding included, by the kind of device.
BUDGETS = {"cpu": 512, "cuda": 32768}


class SessionBackend(Backend[SessionOptions]):
    """ONNX Runtime, on the model's export or on a given `.onnx`."""

    name = "session"
    packages = ("onnx", "onnxruntime-gpu", "onnxruntime")
    export_options = ExportOptions

    def identity(self, model_under_test: ModelUnderTest, options: SessionOptions) -> dict[str, str]:
        """What a prediction depends on besides model and example, as far as it is known without ONNX Runtime."""
        return _identity(OnnxSource(model_under_test, options), options.provider_request(model_under_test.run_context))

    def fixed_length(self, model_under_test: ModelUnderTest, options: SessionOptions) -> int | None:
        """The number of tokens of every row that a given file takes; None where it takes any, and of an export made here."""
        path = options.path or model_under_test.model.file
        return None if path is None else options.interface.fixed_length(read_onnx_file(path).inputs)

    def export(self, model_under_test: ModelUnderTest, folder: Path, options: ExportOptions) -> Exported:
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
        known = _identity(source, request)
        request.check_device(model_under_test.run_context)
        file, facts = source.resolve()
        session, reason = open_session(file, request, options.optimization, options.threads, options.custom_ops)
        check_outputs(session, file)
        placement = node_placement(session, request, file, options.cpu_operators or ())
        providers = session.get_providers()
        device = find_device("cpu") if providers[0] == CPU else request.device
        sample, interface = model_under_test.sample(), options.interface
        types, rows = input_types(session, sample, file, interface), fixed_batch_size(session, interface)
        read = [interface.task_name(name) for name in types if name not in interface.constants]
        chosen = {
            "optimization": options.optimization,
            "threads": options.threads,
            "not_started": reason or None,
            "fixed_rows": rows,
            "unread_inputs": [name for name in sample if name not in read] or None,
        }
        yield SessionRunner(
            session,
            inputs=types,
            provider=providers[0],
            budget=BUDGETS[device.kind],
            identity=known | _device_facts(providers, device),
            facts={
                **_device_facts(providers, device),
                "providers": providers,
                **{name: value for name, value in chosen.items() if value is not None},
                **placement,
                **gpu_facts(session, request, io_binding=options.io_binding),
                **facts,
            },
            source=SessionFactory(
                file, options.optimization, options.threads, plain_provider_options(session), options.custom_ops
            ),
            execute=select_execution(session, request, io_binding=options.io_binding),
            rows=rows,
            interface=interface,
        )


def gpu_facts(session: Any, request: ProviderRequest, *, io_binding: bool) -> dict[str, bool]:
    """The facts of a session on a GPU; none of another."""
    if session.get_providers()[0] not in GPU_PROVIDERS:
        return {}
    return {
        "tf32": request.uses_tf32(),
        "io_binding": io_binding or request.cuda_graph,
        "cuda_graph": request.cuda_graph,
    }


def _identity(source: OnnxSource, request: ProviderRequest) -> dict[str, str]:
    options = source.options
    known = source.fingerprint() | {"runtime": " ".join(runtime_distribution()), "optimization": options.optimization}
    known |= _device_facts(request.providers, request.device) | ({"tf32": "on"} if request.uses_tf32() else {})
    return known if options.threads is None else known | {"threads": str(options.threads)}


def _device_facts(providers: Sequence[str], device: Device) -> dict[str, str]:
    return {"providers": ", ".join(providers), "device": str(device), "device_name": device.name}
