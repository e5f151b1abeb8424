"""Show one difference between PyTorch and ONNX Runtime without mqa: python reproduce.py

Needs numpy and onnxruntime; if onnx is installed too, its reference evaluator is run as well. Exits with 1 where ONNX
Runtime is off, with 0 where it is not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
LEVELS = {"optimized": "ORT_ENABLE_ALL", "as it is in the file": "ORT_DISABLE_ALL"}


def main() -> int:
    """Print the error that is allowed, and that of each way to run the subgraph."""
    inputs = dict(np.load(HERE / "inputs.npz", allow_pickle=False))
    expected = np.load(HERE / "expected.npz", allow_pickle=False)
    providers = _providers()
    print(f"PyTorch in float64 is the truth; allowed is an error of {expected['allowed_error']:.3g}")
    errors = [_error(_run_session(level, providers, inputs), expected) for level in LEVELS.values()]
    for name, error in zip(LEVELS, errors, strict=True):
        print(f"ONNX Runtime, {name}: {error:.3g}")
    try:
        print(f"the reference evaluator of ONNX: {_error(_run_evaluator(inputs), expected):.3g}")
    except ImportError:
        print("the reference evaluator of ONNX: not run, since onnx is not installed")
    return int(max(errors) > expected["allowed_error"])


def _providers() -> list[tuple[str, dict[str, str]]]:
    """The providers that the difference was found on, as far as this ONNX Runtime has them."""
    import onnxruntime

    session = json.loads((HERE / "session.json").read_text(encoding="utf-8"))
    names = [name for name in session["providers"] if name in onnxruntime.get_available_providers()]
    if CUDA in names:
        onnxruntime.preload_dlls()
    if names[:1] != session["providers"][:1]:
        print(f"this ONNX Runtime has no {session['providers'][0]}, which the difference was found on")
    return [(name, {"use_tf32": str(int(session["tf32"]))} if name == CUDA else {}) for name in names or [CPU]]


def _run_session(level: str, providers: list[tuple[str, dict[str, str]]], inputs: dict[str, Any]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(HERE / "subgraph.onnx", options, providers=providers)
    if session.get_providers()[0] != providers[0][0]:
        print(f"{providers[0][0]} does not start here, and {session.get_providers()[0]} runs in its place")
    try:
        return session.run(None, inputs)[0]
    except Exception as error:
        print(f"ONNX Runtime cannot run it: {error}")
        return None


def _run_evaluator(inputs: dict[str, Any]) -> Any:
    from onnx.reference import ReferenceEvaluator

    try:
        (found,) = ReferenceEvaluator(str(HERE / "subgraph.onnx")).run(None, inputs)
    except Exception as error:
        print(f"the reference evaluator of ONNX cannot run it: {error}")
        return None
    return found


def _error(found: Any, file: Any) -> float:
    """The largest error of the elements that are compared; infinite where there is none, or the shape is another."""
    if found is None or found.size != file["expected"].size:
        return float("inf")
    if file["check_shape"] and found.shape != file["expected"].shape:
        print(f"its shape is {found.shape}, and not {file['expected'].shape}")
        return float("inf")
    distance = np.abs(found.reshape(file["expected"].shape).astype(np.float64) - file["expected"])[file["compared"]]
    return float(np.nan_to_num(distance, nan=np.inf).max(initial=0.0))


if __name__ == "__main__":
    sys.exit(main())
