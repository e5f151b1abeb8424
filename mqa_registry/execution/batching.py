"""How the rows of a run are batched: measured once of the reference, kept in the store, the same for every backend."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Batching, shapes
from mqa_registry.errors import ContributionError
from mqa_registry.execution.invariance import batch_invariance, shift_of_padding
from mqa_registry.execution.model_building import spread
from mqa_registry.findings import Finding
from mqa_registry.types import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.execution.live_backend import LiveBackend
    from mqa_registry.execution.progress import Progress
    from mqa_registry.store import Store
    from mqa_registry.types import Example, Rows

FORMAT = b"2"  # counts up when the same model would be measured otherwise
DRAWN = 32  # rows, of which a few are run
WORDS = {"equal length": "in batches of rows of equal length, without padding", "single": "one at a time"}


@dataclass(frozen=True)
class RunBatching:
    """How the rows of one run are batched. `backend` is the one that was measured; `remarks` are the task's own."""

    batching: Batching = field(default_factory=Batching)
    backend: str = ""
    remarks: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """What a report says of it."""
        if self.batching.rule != "padded":
            yield batching_finding(self.backend, self.batching)
        yield from (Finding("warning", "model", remark) for remark in self.remarks)


def batching_finding(subject: str, batching: Batching) -> Finding:
    """That a model's predictions depend on the batch, and what was done about it."""
    message = (
        f"predictions depend on the batch: {batching.reason}; rows are run {WORDS[batching.rule]}, on every backend"
    )
    fix = "serve it like that, or find out why: `padding_side`, `pad_token_id` and position ids are the usual causes"
    return Finding("warning", subject, message, fix)


def measured(
    live: Iterable[LiveBackend], rows: Rows, store: Store, stack: ExitStack, progress: Progress, *, fresh: bool
) -> RunBatching:
    """How rows have to be batched for the first of these backends that runs; it is opened where the store cannot tell."""
    drawn = spread(rows, DRAWN)
    for backend in live:
        keys = _keys(backend, drawn)
        noted = [] if fresh else [found for key in keys if (found := store.get_facts(key))]
        if noted:
            batching, remarks = Batching(**noted[0]["batching"]), tuple(noted[0]["remarks"])
            return RunBatching(batching, backend.name, remarks)
        backend.open(stack, progress)
        if backend.runner is None:
            continue
        progress.stage("measuring whether predictions depend on the batch")
        encoded = _encoded(backend, drawn)
        invariance = batch_invariance(backend.codec, encoded, backend.run, backend.runner.facts)
        if invariance is None:
            return RunBatching(backend=backend.name)
        remarks = (*backend.codec.remarks, *_padding_remarks(backend, drawn))
        seen = len({shapes(row) for row in encoded}) > 1
        for key in {keys[not seen], _keys(backend, drawn)[not seen]}:
            store.put_facts(key, {"batching": asdict(invariance), "remarks": remarks})
        return RunBatching(invariance, backend.name, remarks)
    return RunBatching()


def _padding_remarks(backend: LiveBackend, drawn: Sequence[Example]) -> Iterator[str]:
    """That rows of a fixed length are predicted otherwise than rows as they are, where that is so."""
    if backend.codec.length is None or backend.runner is None:
        return
    codec = backend.model_under_test.with_length(None).codec
    moved = shift_of_padding(codec, backend.codec, drawn, backend.run, backend.runner.facts)
    if moved:
        yield f"predictions depend on padding: {moved} when a row is padded to {backend.codec.length} tokens, as all are"


def _keys(backend: LiveBackend, drawn: Sequence[Example]) -> tuple[bytes, bytes]:
    """Under which the store has a measurement: of the backend on any rows, and on these, where all have one length."""
    any_rows = hashlib.blake2b(b"batching" + FORMAT + backend.digest, digest_size=16)
    these = any_rows.copy()
    for example in drawn:
        these.update(fingerprint(example))
    return any_rows.digest(), these.digest()


def _encoded(backend: LiveBackend, drawn: Sequence[Example]) -> list[Encoded]:
    """The rows, with the task's sample where they alone have one length; none where the task fails on them."""
    codec, sample = backend.codec, backend.model_under_test.task.sample
    try:
        rows = list(codec.encode(drawn))
        if sample and len({shapes(row) for row in rows}) == 1:
            rows += [row for row in codec.encode(sample) if row.keys() == rows[0].keys()]
    except ContributionError:  # the run itself fails on them too, and says so
        return []
    return rows


@dataclass(frozen=True)
class Encoding:
    """One distinct encoded row, and the fingerprints of the examples that are encoded so."""

    arrays: Encoded
    size: int
    fingerprints: tuple[bytes, ...]


@dataclass(frozen=True)
class Encodings:
    """The distinct encodings of some examples, the longest first, and the full sizes of those that were truncated."""

    rows: list[Encoding]
    truncated: Mapping[bytes, int]


def encode(codec: Codec, examples: Mapping[bytes, Example]) -> Encodings:
    """The encodings of some examples, given by fingerprint."""
    grouped: dict[bytes, list[bytes]] = {}
    arrays: dict[bytes, Encoded] = {}
    given = list(examples.values())
    encoded = codec.encode(given)
    for name, row in zip(examples, encoded, strict=True):
        digest = _digest(row)
        grouped.setdefault(digest, []).append(name)
        arrays[digest] = row
    encodings = [Encoding(arrays[digest], codec.cost(arrays[digest]), tuple(same)) for digest, same in grouped.items()]
    rows = sorted(encodings, key=lambda encoding: (-encoding.size, encoding.fingerprints))
    if codec.limit is None:
        return Encodings(rows, {})
    sizes = zip(examples, codec.full_costs(given, encoded), encoded, strict=True)
    return Encodings(rows, {name: full for name, full, row in sizes if full > _uncut(codec, row)})


def _uncut(codec: Codec, row: Encoded) -> int:
    """The largest full size with which an encoded row is whole; padding to a fixed length is none of a row."""
    return codec.cost(row) if codec.length is None or codec.limit is None else codec.limit


def only(encodings: Iterable[Encoding], wanted: set[bytes]) -> list[Encoding]:
    """The encodings of wanted examples, with the other fingerprints taken off."""
    kept = []
    for encoding in encodings:
        fingerprints = tuple(fingerprint for fingerprint in encoding.fingerprints if fingerprint in wanted)
        if fingerprints:
            kept.append(Encoding(encoding.arrays, encoding.size, fingerprints))
    return kept


def _digest(row: Encoded) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(row):
        array = np.ascontiguousarray(row[name])
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.digest()


def join_outputs(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Parts of an output, one behind the other, the narrower ones padded with zeros to the shape of the widest."""
    if not all(part.ndim for part in parts):
        return parts[0]
    shape = np.max([part.shape[1:] for part in parts], axis=0)
    padded = [
        np.pad(part, [(0, 0), *((0, int(to - by)) for to, by in zip(shape, part.shape[1:], strict=True))])
        for part in parts
    ]
    return np.concatenate(padded)
