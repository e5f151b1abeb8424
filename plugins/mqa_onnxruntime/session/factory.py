"""Opening sessions of ONNX Runtime: the first one of a file, and others of the same file."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from mqa_onnxruntime.captured_output import capture_output, read_log
from mqa_onnxruntime.execution_providers import CPU, runtime_distribution
from mqa_onnxruntime.runtime_errors import first_line, fix_for, is_cuda_unavailable, provider_failure
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mqa_onnxruntime.execution_providers import ProviderRequest

Optimization = Literal["all", "extended", "basic", "disabled"]

LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}
# Severities of its log: at INFO it says what each optimizer did; what goes wrong comes as an exception anyway.
INFO, FATAL = 1, 4
RECORD_PLACEMENT = "session.record_ep_graph_assignment_info"
EXTERNAL_DATA_FOLDER = "session.model_external_initializers_file_folder_path"
CHANGED = re.compile(r"GraphTransformer (\S+) modified: 1 ")
OPTIMIZED = "optimized.onnx"  # the graph as it is run, in the folder of a profile
OPTIMIZED_WEIGHTS = {  # apart from it: one file holds 2 GB at most
    "session.optimized_model_external_initializers_file_name": "weights",
    "session.optimized_model_external_initializers_min_size_in_bytes": "0",
}


@dataclass(frozen=True)
class SessionConfig:
    """The settings of a session.

    `optimization` is the level of graph optimization, `threads` how many threads share the work of one operator, None
    for as many as the machine has cores. `custom_ops` is a library of operators that ONNX Runtime does not bring.
    """

    optimization: str = "all"
    threads: int | None = None
    custom_ops: Path | None = None


DEFAULT_CONFIG = SessionConfig()


def create_session(
    model: str | bytes,
    providers: Sequence[tuple[str, Mapping[str, str]]],
    config: SessionConfig = DEFAULT_CONFIG,
    *,
    severity: int = FATAL,
    entries: Mapping[str, str] | None = None,
    profile: Path | None = None,
    without: Sequence[str] = (),
) -> Any:
    """An `InferenceSession` of a file's path or of a serialized model.

    `providers` come with their options, `entries` are ONNX Runtime's configuration entries, `without` are the optimizers
    left out. Into the folder `profile` the session writes its profile and the graph as it runs it. Raises whatever ONNX
    Runtime raises.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[config.optimization])
    options.log_severity_level = severity
    # Threads that wait actively gain a tenth on an idle machine, and cost a third where others need the cores too.
    options.intra_op_num_threads = config.threads or 0
    if config.custom_ops is not None:
        options.register_custom_ops_library(str(config.custom_ops))
    entries = dict(entries or {})
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile / "profile")
        options.optimized_model_filepath = str(profile / OPTIMIZED)
        entries |= OPTIMIZED_WEIGHTS
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    named = [(name, dict(given)) for name, given in providers]
    return onnxruntime.InferenceSession(
        model, options, providers=named, disabled_optimizers=list(without), enable_fallback=0
    )


def open_session(path: Path, request: ProviderRequest, config: SessionConfig = DEFAULT_CONFIG) -> tuple[Any, str]:
    """A session of an ONNX file, and why its first provider is not the first requested one; empty where it is.

    Raises a NotRunError where the file cannot be run, or not by the provider that is required.
    """
    try:
        session, reason = _open_quietly(path, request, config)
    except NotRunError as error:
        if request.required or request.providers == (CPU,):
            raise
        session, _ = _open_quietly(path, replace(request, providers=(CPU,)), config)
        cause = error.__cause__
        reason = first_line(cause) if isinstance(cause, Exception) else error.message
    actual = session.get_providers()[0]
    if actual == request.providers[0]:
        return session, ""
    if not request.required:
        return session, reason
    because = f": {reason}" if reason else ""
    raise _not_started(request, f"the session landed on `{actual}`{because}")


def _not_started(request: ProviderRequest, instead: str) -> NotRunError:
    version = runtime_distribution()[1]
    return NotRunError(
        f"`{request.providers[0]}` was requested, and {instead}",
        hint=f"`mqa doctor` shows what fixes it: ONNX Runtime {version}, CUDA, cuDNN and driver must fit",
    )


def _open_quietly(path: Path, request: ProviderRequest, config: SessionConfig) -> tuple[Any, str]:
    """A session, and what was printed about a provider that did not start."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        message = f"ONNX Runtime opens no file whose path is not UTF-8: `{path}`"
        raise NotRunError(message, hint="name it, and the folders above it, otherwise") from None
    with tempfile.TemporaryFile() as log:
        try:
            with capture_output(log):
                _prepare_providers(request)
                session = create_session(
                    str(path),
                    [(name, request.provider_options(name)) for name in request.providers],
                    config,
                    entries={RECORD_PLACEMENT: "1"},
                )
        except NotRunError:
            raise
        except Exception as error:
            if is_cuda_unavailable(error):
                raise _not_started(request, f"does not start: {first_line(error)}") from error
            message = f"ONNX Runtime {runtime_distribution()[1]} cannot run `{path}`: {first_line(error)}"
            raise NotRunError(message, hint=fix_for(error)) from error
        return session, provider_failure(read_log(log))


def _prepare_providers(request: ProviderRequest) -> None:
    """Load the libraries of CUDA for a GPU; a NotRunError where ONNX Runtime was built without a provider."""
    import onnxruntime

    if request.device.kind == "cuda":
        onnxruntime.preload_dlls()
    available = onnxruntime.get_available_providers()
    absent = [name for name in request.providers if name not in available]
    if absent:
        raise NotRunError(
            f"this ONNX Runtime has no `{absent[0]}`", hint=f"it has {', '.join(f'`{name}`' for name in available)}"
        )


def plain_provider_options(session: Any) -> Mapping[str, Mapping[str, str]]:
    """A session's providers with their options, without CUDA graphs: a captured one would read inputs that are gone."""
    return {
        name: {key: "0" if key == "enable_cuda_graph" else value for key, value in options.items()}
        for name, options in session.get_provider_options().items()
    }


@dataclass(frozen=True)
class SessionFactory:
    """Opens further sessions of a file, on the providers of its first session, which come with their options."""

    path: Path
    config: SessionConfig = DEFAULT_CONFIG
    providers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def open(
        self,
        *,
        graph: bytes = b"",
        optimization: str = "",
        without: Sequence[str] = (),
        profile: Path | None = None,
    ) -> Any:
        """A session; `graph` replaces the file's own, `without` are the optimizers left out.

        External data of `graph` are read from the file's folder. Into the folder `profile` the session writes its profile
        and the graph as it runs it, with all weights. Raises a NotRunError where it cannot be run.
        """
        return self._open_logged(graph, optimization, without, FATAL, profile)[0]

    def optimizers(self) -> tuple[str, ...]:
        """The optimizers that change the file's graph on its way to a session, in the order they do."""
        _, log = self._open_logged(b"", "", (), INFO)
        return tuple(dict.fromkeys(CHANGED.findall(log)))

    def _open_logged(
        self, graph: bytes, optimization: str, without: Sequence[str], severity: int, profile: Path | None = None
    ) -> tuple[Any, str]:
        """A session, and what ONNX Runtime logged while it was opened."""
        with tempfile.TemporaryFile() as log:
            try:
                with capture_output(log):
                    session = self._session(graph, optimization or self.config.optimization, without, severity, profile)
            except Exception as error:
                raise NotRunError(f"ONNX Runtime cannot run a part of `{self.path}`: {first_line(error)}") from error
            return session, read_log(log)

    def _session(
        self, graph: bytes, optimization: str, without: Sequence[str], severity: int, profile: Path | None
    ) -> Any:
        return create_session(
            graph or str(self.path),
            list(self.providers.items()),
            replace(self.config, optimization=optimization),
            severity=severity,
            entries={EXTERNAL_DATA_FOLDER: str(self.path.parent.resolve())} if graph else {},
            profile=profile,
            without=without,
        )
