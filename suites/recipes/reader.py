"""Make notes-reader: a tiny BERT that answers questions on short notes, trained from scratch.

    python suites/recipes/reader.py

It is trained on the sentences, questions and names that `notes.py` does not hold out.
"""

# ruff: noqa: S311, TID253
# Shuffling needs no secret, and a script that trains always pays for torch.

from __future__ import annotations

import argparse
import random
import string
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from notes import make_rows, split
from tagger import SPECIAL, save
from tokenizers import BertWordPieceTokenizer
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, BertForQuestionAnswering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Encoding

SEED = 7
THREADS = 1  # matrices this small gain nothing by more
ROWS, EPOCHS, BATCH, RATE = 5000, 6, 32, 2e-3
POSITIONS = 192
CHARACTERS = string.ascii_letters + string.digits + string.punctuation
MIN_WORDS, MIN_PIECES = 30, 200  # so often a word, and a piece of words, occurs that is kept whole
TARGET = Path(__file__).parents[1] / "models" / "notes-reader"


def make_vocabulary(texts: Sequence[str]) -> dict[str, int]:
    """Pieces that spell any word: single characters, common words in small letters, and common pieces of three letters."""
    words = Counter(word for text in texts for word in "".join(c if c.isalnum() else " " for c in text).split())
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        for start in range(max(1, len(word) - 2)):
            piece = word[start : start + 3]
            pieces[piece if start == 0 else f"##{piece}"] += count
    common = sorted(word for word, count in words.items() if count >= MIN_WORDS and word.islower())
    kept = sorted(piece for piece, count in pieces.items() if count >= MIN_PIECES and piece not in common)
    single = [*CHARACTERS, *(f"##{one}" for one in CHARACTERS)]
    return {piece: number for number, piece in enumerate(dict.fromkeys((*SPECIAL, *single, *common, *kept)))}


def find_answer(encoding: Encoding, row: dict[str, Any]) -> tuple[int, int]:
    """The first and the last token of the answer; those of the first token, `[CLS]`, where there is none."""
    answers = row["answers"]
    if not answers["text"]:
        return 0, 0
    start = answers["answer_start"][0]
    stop = start + len(answers["text"][0])
    first, last = (encoding.char_to_token(position, 1) for position in (start, stop - 1))
    assert first is not None
    assert last is not None
    return first, last


def batches(
    encodings: Sequence[Encoding], answers: Sequence[tuple[int, int]], chooser: random.Random
) -> Iterator[tuple[Tensor, ...]]:
    """The rows of one epoch in their order for it: ids, segments, attention mask and answers."""
    order = list(range(len(encodings)))
    chooser.shuffle(order)
    for start in range(0, len(order), BATCH):
        rows = [encodings[row] for row in order[start : start + BATCH]]
        width = max(len(row.ids) for row in rows)

        def pad(name: str, rows: Sequence[Encoding] = rows, width: int = width) -> Tensor:
            lists = [getattr(row, name) for row in rows]
            return torch.tensor([one + [0] * (width - len(one)) for one in lists])

        targets = torch.tensor([answers[row] for row in order[start : start + BATCH]])
        yield pad("ids"), pad("type_ids"), pad("attention_mask"), targets


def train(model: BertForQuestionAnswering, encodings: Sequence[Encoding], answers: Sequence[tuple[int, int]]) -> None:
    """Train in place, the rate falling to 0."""
    chooser = random.Random(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(encodings) // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    model.train()
    for epoch in range(EPOCHS):
        for ids, segments, mask, targets in batches(encodings, answers, chooser):
            outputs = model(input_ids=ids, token_type_ids=segments, attention_mask=mask)
            loss = functional.cross_entropy(outputs.start_logits, targets[:, 0])
            loss = loss + functional.cross_entropy(outputs.end_logits, targets[:, 1])
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}", flush=True)


def main() -> None:
    """Make the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    folder = parser.parse_args().out
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    rows = list(make_rows(split(held_out=False), ROWS, SEED + 1))
    vocabulary = make_vocabulary([f"{row['question']} {row['context']}" for row in rows])
    tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=False, strip_accents=False)
    encodings = tokenizer.encode_batch([(row["question"], row["context"]) for row in rows])
    answers = [find_answer(encoding, row) for encoding, row in zip(encodings, rows, strict=True)]
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=POSITIONS, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    model = BertForQuestionAnswering(config)
    longest = max(len(one.ids) for one in encodings)
    print(
        f"{len(rows):,} rows, {longest} tokens at most, {len(vocabulary):,} pieces, {model.num_parameters():,} parameters"
    )
    train(model, encodings, answers)
    save(model, tokenizer, folder, POSITIONS)


if __name__ == "__main__":
    main()
