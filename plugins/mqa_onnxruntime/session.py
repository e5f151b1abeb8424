"""The backend `onnxruntime/session`: an ONNX file, given or exported, run by ONNX Runtime."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.exports import LIMIT
from mqa_onnxruntime.gpu import check_graph, execution, on_gpu, tf32_of, without_graphs
from mqa_onnxruntime.interface import Interface
from mqa_onnxruntime.placement import placement
from mqa_onnxruntime.portions import fixed_rows
from mqa_onnxruntime.providers import CPU, Optimization, asked_for, check_allowed, open_session, runtime
from mqa_onnxruntime.reopening import Source
from mqa_onnxruntime.runner import SessionRunner
from mqa_onnxruntime.signature import check_outputs, input_types
from mqa_onnxruntime.variant import Precision, Variant
from mqa_onnxruntime.wanted import Wanted
from mqa_registry import check_threads, find_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_onnxruntime.providers import Asked
    from mqa_registry import Device, Runner, Subject

# Tokens in one batch, padding included.
BUDGETS = {"cpu": 512, "cuda": 32768}


@contextmanager
def onnxruntime_session(
    subject: Subject,
    *,
    path: Path | None = None,
    providers: list[str] | None = None,
    optimization: Optimization = "all",
    opset: int | None = None,
    precision: Precision = "float32",
    per_channel: bool = False,
    calibration: Path | None = None,
    export_timeout: float = LIMIT,
    custom_ops: Path | None = None,
    threads: int | None = None,
    cpu_operators: list[str] | None = None,
    tf32: bool = False,
    io_binding: bool = True,
    cuda_graph: bool = False,
    inputs: dict[str, str] | None = None,
    constants: dict[str, bool | int | float | list[int] | list[float]] | None = None,
    batch_axis: dict[str, int] | None = None,
    outputs: dict[str, str] | None = None,
) -> Iterator[Runner]:
    """ONNX Runtime, on the model's export or on a given `.onnx`.

    Without a `path` the model is exported, for `opset` where that is given, and the export is kept. The first of
    `providers` must run the model; left out, it is CUDA where that really starts, else the CPU. `cpu_operators` may
    run on the CPU although a GPU was asked for; what makes masks, positions and shapes always may. `precision` is
    that of the export. `per_channel` quantizes every channel of a weight by itself. `calibration` is a file of rows
    that int8-static measures activations with; left out, it takes rows of the suite's first data set.
    `export_timeout` is how many seconds an export may take. `custom_ops` is a library of operators that ONNX Runtime
    does not bring. On a GPU, `tf32` lets CUDA multiply in TensorFloat-32, `io_binding` keeps inputs and outputs in
    the GPU's memory while it works, and `cuda_graph` has CUDA capture what it does for inputs of one shape, and
    replay it; the first run of a shape, which captures, takes as long as several. A file that takes a fixed number of
    rows is run so many at a time, the last ones filled up; one of a fixed number of tokens gets rows padded and cut to it,
    and so does every other backend of the run. A file's inputs and outputs may be others than the task's and
    the model's: by the names in the file, `inputs` are the task's names of its inputs, as in `{ ids = "input_ids" }`,
    `outputs` the model's names of its outputs, `constants` inputs that are the same for all rows, such as a rate or a
    state (a number fills the whole input), and `batch_axis` the axis that counts rows, where it is not the first.
    """
    interface = Interface(inputs or {}, outputs or {}, constants or {}, batch_axis or {})
    wanted = Wanted(path, opset, Variant(precision, per_channel, calibration), custom_ops, export_timeout, interface)
    asked = replace(asked_for(subject.conditions, providers), tf32=tf32, graph=cuda_graph)
    known = _known(subject, wanted, asked, optimization, threads)
    check_graph(asked)
    check_allowed(subject.conditions, asked)
    file, facts = wanted.had(subject)
    session, reason = open_session(file, asked, optimization, threads, custom_ops)
    check_outputs(session, file)
    placed = placement(session, asked, file, cpu_operators or ())
    providers, device = session.get_providers(), _landed(session, asked)
    sample = subject.sample()
    types, rows = input_types(session, sample, file, interface), fixed_rows(session, interface)
    read = [interface.source(name) for name in types if name not in interface.constants]
    unread = [name for name in sample if name not in read]
    chosen = {
        "optimization": optimization,
        "threads": threads,
        "not_started": reason or None,
        "fixed_rows": rows,
        "unread_inputs": unread or None,
    }
    yield SessionRunner(
        session,
        inputs=types,
        provider=providers[0],
        budget=BUDGETS[device.kind],
        identity=known | _place(providers, device),
        facts={
            **_place(providers, device),
            "providers": providers,
            **{name: value for name, value in chosen.items() if value is not None},
            **placed,
            **on_gpu(session, asked, bound=io_binding),
            **facts,
        },
        source=Source(file, optimization, threads, without_graphs(session), custom_ops),
        execute=execution(session, asked, bound=io_binding),
        rows=rows,
        interface=interface,
    )


def identity(
    subject: Subject,
    *,
    path: Path | None = None,
    providers: list[str] | None = None,
    optimization: Optimization = "all",
    opset: int | None = None,
    precision: Precision = "float32",
    per_channel: bool = False,
    calibration: Path | None = None,
    export_timeout: float = LIMIT,
    custom_ops: Path | None = None,
    threads: int | None = None,
    cpu_operators: list[str] | None = None,
    tf32: bool = False,
    io_binding: bool = True,
    cuda_graph: bool = False,
    inputs: dict[str, str] | None = None,
    constants: dict[str, bool | int | float | list[int] | list[float]] | None = None,
    batch_axis: dict[str, int] | None = None,
    outputs: dict[str, str] | None = None,
) -> dict[str, str]:
    """What an answer depends on beside model and example, as far as it is known without ONNX Runtime."""
    interface = Interface(inputs or {}, outputs or {}, constants or {}, batch_axis or {})
    wanted = Wanted(path, opset, Variant(precision, per_channel, calibration), custom_ops, export_timeout, interface)
    asked = replace(asked_for(subject.conditions, providers), tf32=tf32, graph=cuda_graph)
    check_graph(asked)
    return _known(subject, wanted, asked, optimization, threads)


def _known(
    subject: Subject, wanted: Wanted, asked: Asked, optimization: Optimization, threads: int | None
) -> dict[str, str]:
    check_threads(threads)
    known = wanted.known(subject) | {"runtime": " ".join(runtime()), "optimization": optimization}
    known |= _place(asked.providers, asked.device) | ({"tf32": "on"} if tf32_of(asked) else {})
    return known if threads is None else known | {"threads": str(threads)}


def _place(providers: Sequence[str], device: Device) -> dict[str, str]:
    return {"providers": ", ".join(providers), "device": str(device), "device_name": device.name}


def _landed(session: Any, asked: Asked) -> Device:
    """Where the session runs; a binding provider that did not start was refused before."""
    return find_device("cpu") if session.get_providers()[0] == CPU else asked.device
