"""What a user would write today: a transformers pipeline for every view, and ONNX Runtime by hand beside it.

    python script.py MODEL_FOLDER VIEWS.json MODEL.onnx

prints, as JSON, the seconds for predicting every view on both. Knows nothing of mqa.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import onnxruntime
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

BATCH_SIZE = 32


def main() -> None:
    folder, views, onnx = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype="float32").eval()
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    texts = json.loads(Path(views).read_text())
    start = time.perf_counter()
    for view in texts:
        classify(view, batch_size=BATCH_SIZE, truncation=True)
    middle = time.perf_counter()
    for view in texts:
        by_hand(session, tokenizer, view)
    print(json.dumps({"torch": middle - start, "onnx": time.perf_counter() - middle}))


def by_hand(session: Any, tokenizer: Any, texts: list[str]) -> None:
    names = {one.name for one in session.get_inputs()}
    for first in range(0, len(texts), BATCH_SIZE):
        batch = tokenizer(texts[first : first + BATCH_SIZE], padding=True, truncation=True, return_tensors="np")
        session.run(None, {name: array for name, array in batch.items() if name in names})


if __name__ == "__main__":
    main()
