"""Make newswire-tagger: a tiny BERT that marks persons, places and organizations, trained from scratch.

    python suites/recipes/tagger.py

It is trained on the templates and names that `newswire.py` does not hold out.
"""

# ruff: noqa: S311, TID253
# Shuffling needs no secret, and a script that trains always pays for torch.

from __future__ import annotations

import argparse
import json
import random
import string
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from newswire import make_rows, split
from tokenizers import BertWordPieceTokenizer
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, BertForTokenClassification

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Encoding
    from transformers import PreTrainedModel

SEED = 7
THREADS = 1  # matrices this small gain nothing by more
ROWS, EPOCHS, BATCH, RATE = 4000, 4, 32, 2e-3
POSITIONS = 128
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHARACTERS = string.ascii_letters + string.digits + string.punctuation
MIN_WORDS, MIN_PIECES = 30, 200  # so often a word, and a piece of words, occurs that is kept whole
IGNORED = -100  # the target of special tokens, as cross_entropy has it
TARGET = Path(__file__).parents[1] / "models" / "newswire-tagger"


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


def tag_tokens(encoding: Encoding, spans: Sequence[dict[str, Any]]) -> list[int]:
    """The position of each token's tag: B where a span begins with it, I inside of one."""
    tags = []
    for (start, end), is_special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True):
        span = next((one for one in spans if one["start"] <= start and end <= one["end"]), None)
        if is_special:
            tags.append(IGNORED)
        elif span is None:
            tags.append(0)
        else:
            tags.append(TAGS.index(f"{'B' if start == span['start'] else 'I'}-{span['label']}"))
    return tags


def batches(
    encodings: Sequence[Encoding], tags: Sequence[list[int]], chooser: random.Random
) -> Iterator[tuple[Tensor, ...]]:
    """The rows of one epoch in their order for it: ids, attention mask and tags."""
    order = list(range(len(encodings)))
    chooser.shuffle(order)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        width = max(len(encodings[row].ids) for row in rows)
        pad = [width - len(encodings[row].ids) for row in rows]
        ids = [encodings[row].ids + [0] * more for row, more in zip(rows, pad, strict=True)]
        mask = [[1] * (width - more) + [0] * more for more in pad]
        yield (
            torch.tensor(ids),
            torch.tensor(mask),
            torch.tensor([tags[row] + [IGNORED] * more for row, more in zip(rows, pad, strict=True)]),
        )


def train(model: BertForTokenClassification, encodings: Sequence[Encoding], tags: Sequence[list[int]]) -> None:
    """Train in place, the rate falling to 0."""
    chooser = random.Random(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(encodings) // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    model.train()
    for epoch in range(EPOCHS):
        for ids, mask, targets in batches(encodings, tags, chooser):
            logits = model(input_ids=ids, attention_mask=mask).logits
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}", flush=True)


def save(model: PreTrainedModel, tokenizer: BertWordPieceTokenizer, folder: Path, positions: int) -> None:
    """Write the model in half precision, and its tokenizer of so many positions."""
    folder.mkdir(parents=True, exist_ok=True)
    model.half().eval().save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": positions} | names
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", "utf-8")


def main() -> None:
    """Make the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder to write")
    folder = parser.parse_args().out
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    rows = list(make_rows(*split(held_out=False), ROWS, SEED + 1))
    vocabulary = make_vocabulary([row["text"] for row in rows])
    tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=False, strip_accents=False)
    encodings = tokenizer.encode_batch([row["text"] for row in rows])
    tags = [tag_tokens(encoding, row["spans"]) for encoding, row in zip(encodings, rows, strict=True)]
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=POSITIONS, id2label=dict(enumerate(TAGS)), label2id={tag: n for n, tag in enumerate(TAGS)},
    )  # fmt: skip
    model = BertForTokenClassification(config)
    print(
        f"{len(rows):,} rows, {len(vocabulary):,} pieces, {sum(one.numel() for one in model.parameters()):,} parameters"
    )
    train(model, encodings, tags)
    save(model, tokenizer, folder, POSITIONS)


if __name__ == "__main__":
    main()
