"""Other sessions of a file that already runs: another optimisation level, fewer optimizers, an altered graph."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.capture import captured, said
from mqa_onnxruntime.providers import LEVELS, SILENT
from mqa_onnxruntime.reasons import told
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INFO = 1  # at which ONNX Runtime says what each of its optimizers did
CHANGED = re.compile(r"GraphTransformer (\S+) modified: 1 ")
FOLDER = "session.model_external_initializers_file_folder_path"
OPTIMIZED = "optimized.onnx"  # the graph as it is run, in a folder that is given
WEIGHTS = {  # apart from it, for one file holds no more than 2 GB
    "session.optimized_model_external_initializers_file_name": "weights",
    "session.optimized_model_external_initializers_min_size_in_bytes": "0",
}


@dataclass(frozen=True)
class Source:
    """What further sessions are opened of: a file, on the providers where its first session landed."""

    path: Path
    optimization: str = "all"
    threads: int | None = None
    providers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    library: Path | None = None  # of operators that ONNX Runtime does not bring

    def open(
        self,
        *,
        graph: bytes = b"",
        optimization: str = "",
        without: Sequence[str] = (),
        profile: Path | None = None,
    ) -> Any:
        """A session; `graph` stands in for the file's own, `without` are the optimizers left out.

        External data of a graph are looked for beside the file. In the folder `profile` it writes its profile and the
        graph that it has made of the file's, with all weights. Raises a NotRunError where it cannot be run.
        """
        return self._opened(graph, optimization, without, SILENT, profile)[0]

    def optimizers(self) -> tuple[str, ...]:
        """The optimizers that change the file's graph on its way to a session, in the order they do."""
        _, log = self._opened(b"", "", (), INFO)
        return tuple(dict.fromkeys(CHANGED.findall(log)))

    def _opened(
        self, graph: bytes, optimization: str, without: Sequence[str], severity: int, profile: Path | None = None
    ) -> tuple[Any, str]:
        with tempfile.TemporaryFile() as log:
            try:
                with captured(log):
                    session = self._session(graph, optimization or self.optimization, without, severity, profile)
            except Exception as error:
                raise NotRunError(f"ONNX Runtime cannot run a part of `{self.path}`: {told(error)}") from error
            return session, said(log)

    def _session(
        self, graph: bytes, optimization: str, without: Sequence[str], severity: int, profile: Path | None
    ) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[optimization])
        options.log_severity_level = severity
        options.intra_op_num_threads = self.threads or 0
        if self.library:
            options.register_custom_ops_library(str(self.library))
        if profile:
            _profiled(options, profile)
        if graph:
            options.add_session_config_entry(FOLDER, str(self.path.parent.resolve()))
        return onnxruntime.InferenceSession(
            graph or str(self.path),
            options,
            providers=[(name, dict(given)) for name, given in self.providers.items()],
            disabled_optimizers=list(without),
            enable_fallback=0,
        )


def _profiled(options: Any, folder: Path) -> None:
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.optimized_model_filepath = str(folder / OPTIMIZED)
    for key, value in WEIGHTS.items():
        options.add_session_config_entry(key, value)
