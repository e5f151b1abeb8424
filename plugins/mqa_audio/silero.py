"""The model source `audio/silero-vad`: the detector of speech in the package `silero-vad`, TorchScript and ONNX."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mqa_audio.voice_activity import LABELS, VOICE_ACTIVITY
from mqa_registry import DataError, Model, ModelSource, UsageError, content_digest

if TYPE_CHECKING:
    from mqa_registry import RunContext, Task

PACKAGE, MODULE = "silero-vad", "silero_vad"
SCRIPT = "silero_vad.jit"


@dataclass(frozen=True, kw_only=True)
class SileroOptions:
    """`file` is the ONNX file of the package that a backend of `onnxruntime/session` runs, where it names none itself."""

    file: Literal["silero_vad.onnx", "silero_vad_half.onnx", "silero_vad_16k_op15.onnx"] = "silero_vad.onnx"


class SileroSource(ModelSource[SileroOptions]):
    """The detector of speech of the installed package `silero-vad`, at 16 kHz.

    PyTorch runs its TorchScript, ONNX Runtime the file of the same publisher. Both are read from the installed package, which
    is not imported: it needs no flag, as no other installed package does.
    """

    name = "silero-vad"
    packages = ("silero-vad", "torch")
    requires = ("silero-vad",)
    loads = (VOICE_ACTIVITY,)
    takes = "no name: it is in the package `silero-vad`"

    def load(self, task: Task[Any], run_context: RunContext, options: SileroOptions) -> Model:
        if task.needs != VOICE_ACTIVITY:
            raise UsageError(f"`audio/silero-vad` is for the task `audio/{VOICE_ACTIVITY}`, not for `{task.name}`")
        folder = _find_folder()
        script, file = folder / SCRIPT, folder / options.file
        for path in (script, file):
            if not path.is_file():
                raise DataError(
                    f"`{path}` is missing in the installed package", hint=f"pip install --force-reinstall {PACKAGE}"
                )
        return Model(
            digest=f"sha256:{content_digest(script)}",
            module=lambda: _load_module(script),
            processor=lambda: None,
            labels=LABELS,
            about={"id": f"{PACKAGE} {version(PACKAGE)}", "format": "TorchScript", "bytes": script.stat().st_size},
            file=file,
        )


def _find_folder() -> Path:
    """The folder of the package's models; a UsageError where it is not installed."""
    spec = find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise UsageError(f"the package `{PACKAGE}` is not installed", hint=f"pip install {PACKAGE}")
    return Path(spec.origin).parent / "data"


def _load_module(path: Path) -> Any:
    """The network for 16 kHz, with its state as an input and an output, rows first."""
    import torch

    class SpeechDetector(torch.nn.Module):
        """A chunk of each row, and the state from before, (rows, 2, 128): the probability of speech, and the state after."""

        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network

        def forward(self, input: Any, state: Any) -> dict[str, Any]:  # noqa: A002 - the name in the ONNX file
            output, after = self.network(input, state.transpose(0, 1).contiguous())
            return {"output": output, "stateN": after.transpose(0, 1).contiguous()}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript, which the publisher chose
        script = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call] # it has no types
    return SpeechDetector(script._model).eval()  # noqa: SLF001 - the script's own name for the network at 16 kHz
