"""The floor: distinct rows through a model, sorted by length, and nothing else. Knows nothing of mqa.

    python floor.py torch|onnx MODEL_FOLDER TEXTS.json MODEL.onnx [BATCH_SIZE]

prints, as JSON, the seconds at the best of its own batch sizes, and that batch size; given one, it takes that.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_SIZES = (8, 16, 32, 64, 128, 256)


def main() -> None:
    backend, folder, texts, onnx, *given = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = json.loads(Path(texts).read_text())
    run = _torch(folder) if backend == "torch" else _onnx(onnx)
    _predict(run, tokenizer, rows[:64], 32)
    seconds = {size: _timed(run, tokenizer, rows, size) for size in map(int, given or BATCH_SIZES)}
    best = min(seconds, key=lambda size: seconds[size])
    print(json.dumps({"seconds": seconds[best], "batch_size": best, "all": seconds}))


def _torch(folder: str) -> Callable[[Any], Any]:
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()

    def run(batch: Any) -> Any:
        with torch.inference_mode():
            return model(**batch).logits

    return run


def _onnx(path: str) -> Callable[[Any], Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = {one.name for one in session.get_inputs()}

    def run(batch: Any) -> Any:
        return session.run(None, {name: array.numpy() for name, array in batch.items() if name in names})

    return run


def _timed(run: Callable[[Any], Any], tokenizer: Any, rows: list[str], size: int) -> float:
    start = time.perf_counter()
    _predict(run, tokenizer, rows, size)
    return time.perf_counter() - start


def _predict(run: Callable[[Any], Any], tokenizer: Any, rows: list[str], size: int) -> None:
    encoded = tokenizer(rows, truncation=True)
    order = sorted(range(len(rows)), key=lambda row: -len(encoded["input_ids"][row]))
    for start in range(0, len(order), size):
        part = {name: [values[row] for row in order[start : start + size]] for name, values in encoded.items()}
        run(tokenizer.pad(part, return_tensors="pt"))


if __name__ == "__main__":
    main()
