"""Fine-tune a teacher, and a smaller student after it."""

# ruff: noqa: S311, TID253
# Shuffling needs no secret, and a script that trains always pays for torch.

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reviews import Review
    from tokenizers import Tokenizer
    from transformers import BertForSequenceClassification

BATCH = 32
LONGEST = 64
TEMPERATURE = 2.0
# Batches are cut from pools sorted by length: little padding, and still a mixed order.
POOL = 32 * BATCH


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    epochs: int
    rate: float
    seed: int
    warm_up: float = 0.1
    decay: float = 0.01


@dataclass(frozen=True)
class Rows:
    """Tokenized rows, their labels and, for a student, what the teacher answers."""

    pieces: list[list[int]]
    labels: Tensor
    logits: Tensor | None = None


def tokenize(tokenizer: Tokenizer, reviews: list[Review]) -> Rows:
    """Tokenize reviews, long ones cut."""
    tokenizer.enable_truncation(LONGEST)
    encodings = tokenizer.encode_batch([review.text for review in reviews])
    return Rows([encoding.ids for encoding in encodings], torch.tensor([review.label for review in reviews]))


def batches(rows: Rows, chooser: random.Random) -> Iterator[list[int]]:
    """The row numbers of one epoch, in batches of like length."""
    order = list(range(len(rows.pieces)))
    chooser.shuffle(order)
    pools = [order[start : start + POOL] for start in range(0, len(order), POOL)]
    cut: list[list[int]] = []
    for pool in pools:
        pool.sort(key=lambda row: len(rows.pieces[row]))
        cut += [pool[start : start + BATCH] for start in range(0, len(pool), BATCH)]
    chooser.shuffle(cut)
    yield from cut


def pad(pieces: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Piece ids and attention mask of one batch; padding is id 0."""
    width = max(map(len, pieces))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in pieces])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in pieces])
    return ids, mask


def predict(model: BertForSequenceClassification, rows: Rows) -> Tensor:
    """The logits of every row, in the order of the rows."""
    model.eval()
    order = sorted(range(len(rows.pieces)), key=lambda row: len(rows.pieces[row]))
    logits = torch.empty(len(order), model.config.num_labels)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            ids, mask = pad([rows.pieces[row] for row in chosen])
            logits[chosen] = model(input_ids=ids, attention_mask=mask).logits
    return logits.clone()


def loss(logits: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
    """Cross-entropy on the labels and, for a student, on the teacher's soft answers."""
    hard = functional.cross_entropy(logits, labels)
    if taught is None:
        return hard
    soft = functional.cross_entropy(logits / TEMPERATURE, (taught / TEMPERATURE).softmax(-1)) * TEMPERATURE**2
    return 0.5 * hard + 0.5 * soft


def train(model: BertForSequenceClassification, rows: Rows, plan: Plan) -> None:
    """Train a classifier in place: linear warm-up, then linear decay."""
    torch.manual_seed(plan.seed)
    chooser = random.Random(plan.seed)
    order = [batch for _ in range(plan.epochs) for batch in batches(rows, chooser)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=plan.decay)
    warm = plan.warm_up * len(order)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(order) - step) / (len(order) - warm))
    )
    model.train()
    for batch in order:
        ids, mask = pad([rows.pieces[row] for row in batch])
        taught = None if rows.logits is None else rows.logits[batch]
        logits = model(input_ids=ids, attention_mask=mask).logits
        torch.autograd.backward(loss(logits, rows.labels[batch], taught))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
