"""The backend `onnxruntime/session`: an ONNX file, given or exported, run by ONNX Runtime."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.exports import kept_export
from mqa_onnxruntime.graph import read_graph
from mqa_onnxruntime.placement import placement
from mqa_onnxruntime.providers import CPU, Optimization, asked_for, check_allowed, open_session, runtime
from mqa_onnxruntime.recipe import recipe, recipe_digest
from mqa_onnxruntime.reopening import Source
from mqa_onnxruntime.runner import SessionRunner
from mqa_onnxruntime.signature import input_types
from mqa_registry import DataError, find_device

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
    threads: int | None = None,
    cpu_operators: list[str] | None = None,
) -> Iterator[Runner]:
    """ONNX Runtime, on the model's export or on a given `.onnx`.

    Without a `path` the model is exported, for `opset` where that is given, and the export is kept. The first of
    `providers` must run the model; left out, it is CUDA where that really starts, else the CPU. `cpu_operators` may run
    on the CPU although a GPU was asked for; what is computed from shapes always may.
    """
    known = identity(subject, path=path, providers=providers, optimization=optimization, opset=opset, threads=threads)
    asked = asked_for(subject.conditions, providers)
    check_allowed(subject.conditions, asked)
    file, facts = _given(path) if path else _exported(subject, opset)
    session, reason = open_session(file, asked, optimization, threads)
    placed = placement(session, asked, file, cpu_operators or ())
    providers, device = session.get_providers(), _landed(session, asked)
    chosen = {"optimization": optimization, "threads": threads, "not_started": reason or None}
    yield SessionRunner(
        session,
        inputs=input_types(session, subject.sample(), file),
        provider=providers[0],
        budget=BUDGETS[device.kind],
        identity=known | _place(providers, device),
        facts={
            **_place(providers, device),
            "providers": providers,
            **{name: value for name, value in chosen.items() if value is not None},
            **placed,
            **facts,
        },
        source=Source(file, optimization, threads, session.get_provider_options()),
    )


def identity(
    subject: Subject,
    *,
    path: Path | None = None,
    providers: list[str] | None = None,
    optimization: Optimization = "all",
    opset: int | None = None,
    threads: int | None = None,
    cpu_operators: list[str] | None = None,
) -> dict[str, str]:
    """What an answer depends on beside model and example, as far as it is known without ONNX Runtime."""
    if threads is not None and threads < 1:
        raise DataError(f"`threads` is {threads}, and a backend needs at least one")
    if path is not None and opset is not None:
        raise DataError(f"`opset` is for an export, and `{path}` is one already", hint="leave one of the two out")
    asked = asked_for(subject.conditions, providers)
    known = _known_file(path) if path else _known_export(subject, opset)
    known |= {"runtime": " ".join(runtime()), "optimization": optimization} | _place(asked.providers, asked.device)
    return known if threads is None else known | {"threads": str(threads)}


def _known_file(path: Path) -> dict[str, str]:
    """A given file is known by its bytes, with those of its external data."""
    graph = read_graph(path)
    return {"onnx": graph.sha256(), "precision": graph.precision}


def _known_export(subject: Subject, opset: int | None) -> dict[str, str]:
    """An export is known by its recipe, so that nothing need be exported to find what the store has for it."""
    return {"export": recipe_digest(recipe(subject, opset)), "precision": "float32"}


def _place(providers: Sequence[str], device: Device) -> dict[str, str]:
    return {"providers": ", ".join(providers), "device": str(device), "device_name": device.name}


def _landed(session: Any, asked: Asked) -> Device:
    """Where the session runs; a binding provider that did not start was refused before."""
    return find_device("cpu") if session.get_providers()[0] == CPU else asked.device


def _given(path: Path) -> tuple[Path, dict[str, Any]]:
    graph = read_graph(path)
    return path, {"exporter": "given", **graph.facts()}


def _exported(subject: Subject, opset: int | None) -> tuple[Path, dict[str, Any]]:
    export = kept_export(subject, opset)
    return export.path, {"exporter": export.exporter, **export.facts}
