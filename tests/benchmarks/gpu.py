"""What a GPU gains, and what it costs in exactness and memory, each way of running a model beside PyTorch in float32.

    python -m tests.benchmarks.gpu [--model NAME ...] [--batch ROWS] [--length TOKENS] [--rounds N]

Models of transformers' own classes with random weights, in the sizes of their first releases, run by PyTorch and ONNX
Runtime in every precision; with inputs and outputs bound to the GPU's memory or not, with captured graphs, by TensorRT.
All are open at once and timed by turns, from arrays in this process's memory to arrays there; the ratios are those of
one run. `error` is the furthest output from float64, in that of PyTorch in float32; `GB` is what the GPU has less of
once a backend was opened and run. Where something does not run, the line says why. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from operator import truediv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.session.backend import SessionBackend, SessionOptions
from mqa_registry import ModelUnderTest, MqaError, RunContext, Runner, find_device
from mqa_transformers.loading import silence_transformers
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.tasks.forward import Forward, ForwardOptions
from mqa_transformers.torch_backend import TorchBackend, TorchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

WORDS, PIXELS = 30000, 224
WARMUP = 5  # more than it takes to capture a graph
REFERENCE = "torch float32"
TENSORRT = ["TensorrtExecutionProvider", "CUDAExecutionProvider"]
WAYS: dict[str, dict[str, Any]] = {
    REFERENCE: {},
    "torch tf32": {"tf32": True},
    "torch float16": {"dtype": "float16"},
    "torch bfloat16": {"dtype": "bfloat16"},
    "onnx float32": {},
    "onnx not bound": {"io_binding": False},
    "onnx captured": {"cuda_graph": True},
    "onnx tf32": {"tf32": True},
    "onnx float16": {"precision": "float16"},
    "onnx float16 captured": {"precision": "float16", "cuda_graph": True},
    "onnx bfloat16": {"precision": "bfloat16"},
    "onnx TensorRT": {"providers": TENSORRT},
}


@dataclass
class Way:
    """One backend, open, with what it gave and how long it took each time."""

    name: str
    runner: Runner
    outputs: Arrays
    gigabytes: float
    seconds: list[float] = field(default_factory=list)


def texts(batch: int, length: int) -> Arrays:
    words = np.random.default_rng(7).integers(1000, WORDS, (batch, length))
    return {"input_ids": words, "attention_mask": np.ones_like(words)}


def images(batch: int, _length: int) -> Arrays:
    return {"pixel_values": np.random.default_rng(7).normal(size=(batch, 3, PIXELS, PIXELS)).astype(np.float32)}


MODELS: dict[str, tuple[str, Callable[[int, int], Arrays]]] = {
    "Bert": ("BertForSequenceClassification", texts),
    "ViT": ("ViTForImageClassification", images),  # has no mask, which is what mostly keeps a graph from being captured
    "ResNet": ("ResNetForImageClassification", images),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--device", default="cuda", help="`cpu` shows the table without its point")
    asked = parser.parse_args()
    if asked.device != "cpu" and find_device("auto").kind == "cpu":
        print("skipped: no driver lists an NVIDIA GPU here")
        return
    warnings.simplefilter("ignore")
    for name in asked.model:
        with TemporaryDirectory() as folder, ExitStack() as stack:
            model_under_test, batch = made(name, Path(folder), asked)
            shapes = ", ".join(f"{key} {array.shape}" for key, array in batch.items())
            print(f"\n{name} on {find_device(asked.device).name}: {shapes}", flush=True)
            ways = [way for label in WAYS if (way := opened(label, model_under_test, batch, stack))]
            timed(ways, batch, asked.rounds)
            print("\n".join(table(ways, exact(ways, batch))), flush=True)


def made(name: str, folder: Path, asked: argparse.Namespace) -> tuple[ModelUnderTest, Arrays]:
    """A model with random weights, as its source gives it, and the batch that it is run on."""
    import torch
    import transformers

    kind, inputs = MODELS[name]
    torch.manual_seed(7)
    with silence_transformers():
        getattr(transformers, kind)(getattr(transformers, f"{name}Config")()).save_pretrained(folder / "model")
    context = RunContext(exports=folder / "exports", device=asked.device, offline=True)
    task = Forward()
    model = AutoSource().load(task, context, AutoOptions(id=folder / "model"))
    batch = inputs(asked.batch, asked.length)
    rows = [{"inputs": {key: array[row] for key, array in batch.items()}} for row in range(asked.batch)]
    return ModelUnderTest(model, task, context, ForwardOptions(), examples=lambda most: rows[:most]), batch


def _open(label: str, model_under_test: ModelUnderTest) -> AbstractContextManager[Runner]:
    if label.startswith("torch"):
        return TorchBackend().open(model_under_test, TorchOptions(**WAYS[label]))
    return SessionBackend().open(model_under_test, SessionOptions(**WAYS[label]))


def opened(label: str, model_under_test: ModelUnderTest, batch: Arrays, stack: ExitStack) -> Way | None:
    """A backend that was run until nothing of it is new; None, and a line that says why, where it does not run."""
    before = free()
    try:
        runner = stack.enter_context(_open(label, model_under_test))
        outputs = [runner.run(batch) for _ in range(WARMUP)][-1]
    except Exception as error:  # a benchmark goes on with the next one
        told = error.message if isinstance(error, MqaError) else str(error).partition("\n")[0]
        print(f"  {label:22} does not run: {told:.200}", flush=True)
        return None
    return Way(label, runner, outputs, (before - free()) / 1e9)


def free() -> int:
    """Bytes that the first GPU has free; 0 where PyTorch cannot tell."""
    import torch

    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0


def timed(ways: list[Way], batch: Arrays, rounds: int) -> None:
    """Each way's time in each round, after a run of its own that does not count."""
    order = np.random.default_rng(7)
    for _ in range(rounds):
        for number in order.permutation(len(ways)):
            run = partial(ways[number].runner.run, batch)
            run()
            begun = time.perf_counter()
            run()
            ways[number].seconds.append(time.perf_counter() - begun)


def exact(ways: list[Way], batch: Arrays) -> Arrays:
    """What PyTorch gives in float64; nothing where it does not run."""
    reference: Any = next((way.runner for way in ways if way.name == REFERENCE), None)
    if reference is None:
        return {}
    with reference.variant(dtype="float64") as variant:
        found: Arrays = variant.run(batch)
        return found


def table(ways: list[Way], truth: Arrays) -> Iterator[str]:
    """A line for each way: milliseconds, how many times as fast as the reference, error and memory."""
    first = next((way for way in ways if way.name == REFERENCE), None)
    yield f"  {'':22}{'ms':>9}{'speedup':>9}{'error':>9}{'GB':>7}"
    for way in ways:
        faster = f"{statistics.median(map(truediv, first.seconds, way.seconds)):.2f}" if first else "-"
        further = f"{error(way, truth) / error(first, truth):.2g}" if first and truth else "-"
        milliseconds = 1000 * statistics.median(way.seconds)
        yield f"  {way.name:22}{milliseconds:9.2f}{faster:>9}{further:>9}{way.gigabytes:7.2f}"


def error(way: Way, truth: Arrays) -> float:
    """How far the furthest number is from what it is in float64."""
    return max(float(np.abs(way.outputs[name] - values).max()) for name, values in truth.items() if name in way.outputs)


if __name__ == "__main__":
    main()
