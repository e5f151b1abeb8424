"""Batching and encoding: by which rule the rows of a run are batched, on every backend, and the rows as arrays."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Batching, shapes
from mqa_registry.errors import ContributionError
from mqa_registry.execution.invariance import batch_invariance, shift_of_padding
from mqa_registry.execution.model_building import take_evenly
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

FORMAT = b"2"  # increases when the rule would be measured otherwise
SAMPLE_ROWS = 32  # of which a few are run
RULE_TEXTS = {"equal length": "in batches of rows of equal length, without padding", "single": "one at a time"}


@dataclass(frozen=True)
class RunBatching:
    """The batching rule of one run.

    `backend` is the backend that it was measured on; `remarks` are those of its codec, for the report.
    """

    batching: Batching = field(default_factory=Batching)
    backend: str = ""
    remarks: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """Warnings for the report: that the rule is not the usual one, and the remarks."""
        if self.batching.rule != "padded":
            yield batching_finding(self.backend, self.batching)
        yield from (Finding("warning", "model", remark) for remark in self.remarks)


def batching_finding(subject: str, batching: Batching) -> Finding:
    """The warning that predictions depend on the batch, with the rule that avoids it."""
    message = f"predictions depend on the batch: {batching.reason}; rows are run {RULE_TEXTS[batching.rule]}, on every backend"
    hint = "serve it like that, or find out why: `padding_side`, `pad_token_id` and position ids are the usual causes"
    return Finding("warning", subject, message, hint)


def measure_batching(
    live: Iterable[LiveBackend], rows: Rows, store: Store, stack: ExitStack, progress: Progress, *, fresh: bool
) -> RunBatching:
    """The batching rule by the first of these backends that can be opened, from the store if it was measured before.

    `rows` are unperturbed rows to measure it on. With `fresh`, it is measured again.
    """
    sample = take_evenly(rows, SAMPLE_ROWS)
    for backend in live:
        keys = _keys(backend, sample)
        stored = [] if fresh else [facts for key in keys if (facts := store.get_facts(key))]
        if stored:
            return RunBatching(Batching(**stored[0]["batching"]), backend.name, tuple(stored[0]["remarks"]))
        backend.open(stack, progress)
        if backend.runner is None:
            continue
        progress.stage("measuring whether predictions depend on the batch")
        encoded = _encode_sample(backend, sample)
        batching = batch_invariance(backend.codec, encoded, backend.run, backend.runner.facts)
        if batching is None:
            return RunBatching(backend=backend.name)
        remarks = (*backend.codec.remarks, *_padding_remarks(backend, sample))
        for_these_rows = len({shapes(row) for row in encoded}) == 1  # padding was not seen
        # Opening the backend may have changed its digest, and so its keys: a run that does not open it finds the former.
        for key in {keys[for_these_rows], _keys(backend, sample)[for_these_rows]}:
            store.put_facts(key, {"batching": asdict(batching), "remarks": remarks})
        return RunBatching(batching, backend.name, remarks)
    return RunBatching()


def _padding_remarks(backend: LiveBackend, sample: Sequence[Example]) -> Iterator[str]:
    """A remark where a row padded to a fixed length is predicted otherwise than the row without padding."""
    if backend.codec.length is None or backend.runner is None:
        return
    codec = backend.model_under_test.with_length(None).codec
    shift = shift_of_padding(codec, backend.codec, sample, backend.run, backend.runner.facts)
    if shift:
        yield f"predictions depend on padding: {shift} when a row is padded to {backend.codec.length} tokens, as all are"


def _keys(backend: LiveBackend, sample: Sequence[Example]) -> tuple[bytes, bytes]:
    """The keys of a measured rule in the store: for any rows, and for this sample alone, where all rows have one length."""
    for_any_rows = hashlib.blake2b(b"batching" + FORMAT + backend.digest, digest_size=16)
    for_sample = for_any_rows.copy()
    for example in sample:
        for_sample.update(fingerprint(example))
    return for_any_rows.digest(), for_sample.digest()


def _encode_sample(backend: LiveBackend, sample: Sequence[Example]) -> list[Encoded]:
    """The encoded rows, with those of the task's sample where all have one length; none where the task fails on them."""
    codec, task_sample = backend.codec, backend.model_under_test.task.sample
    try:
        rows = list(codec.encode(sample))
        if task_sample and len({shapes(row) for row in rows}) == 1:
            rows += [row for row in codec.encode(task_sample) if row.keys() == rows[0].keys()]
    except ContributionError:  # predicting the rows of the run fails too, and reports it
        return []
    return rows


@dataclass(frozen=True)
class Encoding:
    """One distinct encoded row, its cost, and the fingerprints of the examples that have this encoding."""

    arrays: Encoded
    size: int
    fingerprints: tuple[bytes, ...]


@dataclass(frozen=True)
class Encodings:
    """The distinct encodings of some examples, the largest first, and the full sizes of truncated examples by fingerprint."""

    rows: list[Encoding]
    truncated: Mapping[bytes, int]


def encode(codec: Codec, examples: Mapping[bytes, Example]) -> Encodings:
    """Encode some examples, given by fingerprint."""
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
    return Encodings(rows, {name: full for name, full, row in sizes if full > _max_full_size(codec, row)})


def _max_full_size(codec: Codec, row: Encoded) -> int:
    """The largest full size of a row that was not truncated. Padding to a fixed length does not count."""
    return codec.cost(row) if codec.length is None or codec.limit is None else codec.limit


def select_encodings(encodings: Iterable[Encoding], fingerprints: set[bytes]) -> list[Encoding]:
    """The encodings of these examples, without the fingerprints of others."""
    selected = []
    for encoding in encodings:
        remaining = tuple(one for one in encoding.fingerprints if one in fingerprints)
        if remaining:
            selected.append(Encoding(encoding.arrays, encoding.size, remaining))
    return selected


def _digest(row: Encoded) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(row):
        array = np.ascontiguousarray(row[name])
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.digest()


def join_outputs(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Concatenate parts of an output along the rows; narrower parts are padded with zeros to the shape of the widest."""
    if not all(part.ndim for part in parts):
        return parts[0]
    shape = np.max([part.shape[1:] for part in parts], axis=0)
    padded = [
        np.pad(part, [(0, 0), *((0, int(to - by)) for to, by in zip(shape, part.shape[1:], strict=True))])
        for part in parts
    ]
    return np.concatenate(padded)
