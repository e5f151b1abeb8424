"""Make newswire-tagger: a tiny BERT that marks persons, places and organizations, trained from scratch.

    python suites/recipes/tagger.py

It is trained on the phrases and names that `newswire.py` does not hold out. At the end it is asked for the sentences of
`suites/data/newswire.parquet`, of which it has seen none.
"""

# ruff: noqa: S311, TID253
# Shuffling needs no secret, and a script that trains always pays for torch.

from __future__ import annotations

import argparse
import json
import random
import re
import string
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import torch
from newswire import OUT as HELD_OUT
from newswire import Lists, make_rows, read_lists
from tokenizers import BertWordPieceTokenizer
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, BertForTokenClassification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tokenizers import Encoding
    from transformers import PreTrainedModel

SEED = 7
THREADS = 1  # matrices this small gain nothing by more
ROWS, BATCH, RATE, WARM_UP = 40_000, 16, 2e-3, 0.1  # every sentence is read once
POOL = 64 * BATCH  # batches are cut from pools sorted by length: little padding, and still a mixed order
POSITIONS = 128
TAGS = ("O", "PER", "LOC", "ORG")  # no two names touch in these sentences
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORD = re.compile(r"[A-Za-z]+")
MIN_WORDS = 30  # a word in small letters that occurs so often is kept whole
MIN_NAMES = 60  # as are the first letters, and the endings, of so many words in capitals
MADE_UP = 0.3  # the share of the longer words that are made up in training
IGNORED = -100  # the target of special tokens, as cross_entropy has it
TARGET = Path(__file__).parents[1] / "models" / "newswire-tagger"


def make_vocabulary(texts: Sequence[str], known: Iterable[str]) -> list[str]:
    """The pieces: common words, and what spells any other word that begins with a capital or a digit.

    A word in small letters that is not common, and begins with none that is, is unknown as a whole: it may be any word, and is
    no name. `known` are words in capitals to keep whole. Names are spelled by their first letters, single characters, and common endings.
    """
    counts = Counter(word for text in texts for word in WORD.findall(text))
    common = sorted(word for word, count in counts.items() if count >= MIN_WORDS and word.islower())
    names = [word for word in counts if word[0].isupper()]
    heads = Counter(word[:size] for word in names for size in (2, 3) if len(word) > size)
    endings = Counter(word[-size:] for word in names for size in (2, 3, 4, 5) if len(word) > size + 1)
    kept = sorted(head for head, count in heads.items() if count >= MIN_NAMES)
    kept += sorted(f"##{ending}" for ending, count in endings.items() if count >= MIN_NAMES)
    first = [*string.ascii_uppercase, *string.digits, *string.punctuation]
    inner = [f"##{one}" for one in (*string.ascii_letters, *string.digits)]
    begin = [word.capitalize() for word in common if word.capitalize() in counts]
    return list(dict.fromkeys((*SPECIAL, *first, *inner, *common, *begin, *sorted(known), *kept)))


def make_tokenizer(pieces: Sequence[str]) -> BertWordPieceTokenizer:
    """A tokenizer of these pieces, which minds case."""
    numbers = {piece: number for number, piece in enumerate(pieces)}
    return BertWordPieceTokenizer(numbers, lowercase=False, strip_accents=False)


def list_known(lists: Lists) -> set[str]:
    """The words in capitals that are in both parts of the lists and say what a name is of: titles, days, months, `Bank`, `Bay`."""
    signs = (name for kind in ("endings_of_firms", "before_places", "behind_places") for name in lists.names[kind])
    return {part for many in (*lists.words.values(), signs) for word in many for part in WORD.findall(word)}


def mark_positions(model: BertForTokenClassification) -> None:
    """Begin with positions as sines and cosines (Vaswani et al. 2017), by which neighbours are found sooner than by chance."""
    table = model.bert.embeddings.position_embeddings.weight
    positions, width = torch.arange(table.shape[0]), table.shape[1]
    angles = positions[:, None] / 10_000 ** (torch.arange(0, width, 2)[None] / width)
    with torch.no_grad():
        table.copy_(torch.stack([angles.sin(), angles.cos()], -1).flatten(1) * 2 * model.config.initializer_range)


def tag_tokens(encoding: Encoding, spans: Sequence[dict[str, Any]]) -> list[int]:
    """The position of each token's tag: the label of the span that it is in."""
    tags = []
    for (start, end), is_special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True):
        span = next((one for one in spans if one["start"] <= start and end <= one["end"]), None)
        if is_special:
            tags.append(IGNORED)
        elif span is None:
            tags.append(0)
        else:
            tags.append(TAGS.index(span["label"]))
    return tags


def batches(encodings: Sequence[Encoding], chooser: random.Random) -> Iterator[list[int]]:
    """The numbers of rows in batches of like length."""
    order = list(range(len(encodings)))
    pools = [sorted(order[start : start + POOL], key=lambda row: len(encodings[row].ids)) for start in order[::POOL]]
    cut = [pool[start : start + BATCH] for pool in pools for start in range(0, len(pool), BATCH)]
    chooser.shuffle(cut)
    yield from cut


def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """The rows as one matrix."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])


def forward(model: BertForTokenClassification, encodings: Sequence[Encoding]) -> Tensor:
    """The logits of a batch."""
    mask = pad([one.attention_mask for one in encodings], 0)
    logits: Tensor = model(input_ids=pad([one.ids for one in encodings], 0), attention_mask=mask).logits
    return logits


def train(model: BertForTokenClassification, encodings: Sequence[Encoding], tags: Sequence[list[int]]) -> None:
    """Train in place: linear warm-up, then linear decay."""
    order = list(batches(encodings, random.Random(SEED)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    warm = WARM_UP * len(order)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(order) - step) / (len(order) - warm))
    )
    model.train()
    for step, batch in enumerate(order):
        logits = forward(model, [encodings[row] for row in batch])
        targets = pad([tags[row] for row in batch], IGNORED)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 200 == 199:
            print(f"step {step + 1} of {len(order)}: loss {loss.item():.4f}", flush=True)


def find_spans(tags: Sequence[int], encoding: Encoding) -> set[tuple[int, int, str]]:
    """The spans that the tags mark, start, end and label: each word is what its first piece is."""
    spans: list[tuple[int, int, str]] = []
    before = "O"
    for number, piece, (start, end) in zip(tags, encoding.tokens, encoding.offsets, strict=True):
        tag = TAGS[number]
        if piece.startswith("##"):
            if before != "O":
                spans[-1] = (spans[-1][0], end, spans[-1][2])
            continue
        if end > start and tag != "O":
            spans.append((spans.pop()[0] if tag == before else start, end, tag))
        before = tag if end > start else "O"
    return set(spans)


def measure_f1(
    model: BertForTokenClassification, encodings: Sequence[Encoding], rows: Sequence[dict[str, Any]]
) -> float:
    """The share of spans that are found whole and under their label: strict F1."""
    model.eval()
    hits = found = wanted = 0
    with torch.inference_mode():
        for batch in batches(encodings, random.Random(SEED)):
            tags = forward(model, [encodings[row] for row in batch]).argmax(-1)
            for row, line in zip(batch, tags.tolist(), strict=True):
                spans = find_spans(line[: len(encodings[row].ids)], encodings[row])
                targets = {(one["start"], one["end"], one["label"]) for one in rows[row]["spans"]}
                hits, found, wanted = hits + len(spans & targets), found + len(spans), wanted + len(targets)
    return 2 * hits / (found + wanted)


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
    lists = read_lists(held_out=False)
    rows = list(make_rows(lists, ROWS, SEED + 1, made_up=MADE_UP))
    pieces = make_vocabulary([row["text"] for row in rows], list_known(lists))
    tokenizer = make_tokenizer(pieces)
    encodings = tokenizer.encode_batch([row["text"] for row in rows])
    tags = [tag_tokens(encoding, row["spans"]) for encoding, row in zip(encodings, rows, strict=True)]
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
        max_position_embeddings=POSITIONS, id2label=dict(enumerate(TAGS)), label2id={tag: n for n, tag in enumerate(TAGS)},
    )  # fmt: skip
    model = BertForTokenClassification(config)
    mark_positions(model)
    print(f"{len(rows):,} rows, {len(pieces):,} pieces, {sum(one.numel() for one in model.parameters()):,} parameters")
    train(model, encodings, tags)
    held_out = pq.read_table(HELD_OUT).to_pylist()
    print(f"strict F1 {measure_f1(model, tokenizer.encode_batch([row['text'] for row in held_out]), held_out):.3f}")
    save(model, tokenizer, folder, POSITIONS)


if __name__ == "__main__":
    main()
