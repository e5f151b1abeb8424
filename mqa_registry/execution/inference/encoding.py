"""Encoding: the examples of a shard as arrays, each distinct one once for all backends, in groups that fit into memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.boundary import TimeLimitReached
from mqa_registry.contributions import Generation
from mqa_registry.errors import ContributionError, OutOfMemoryError, RowError
from mqa_registry.execution.workers.threads import encode_in_threads
from mqa_registry.machine import available_cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.errors import MqaError
    from mqa_registry.types import Example

GROUP_BYTES = 128 * 2**20  # of the arrays that are batched together
FIRST_EXAMPLES = 32  # of a shard: their size tells how many follow in a group


@dataclass(frozen=True)
class Encoding:
    """One distinct encoded row, its cost, and the fingerprints of the examples that have this encoding."""

    arrays: Encoded
    cost: int
    fingerprints: tuple[bytes, ...]


@dataclass(frozen=True)
class Encodings:
    """The distinct encodings of some examples, the costliest first.

    `full_costs` are those of the truncated examples before they were cut, `lost` the errors of those that cannot be
    encoded, both by fingerprint. `is_last` says that no group of the shard follows.
    """

    rows: Sequence[Encoding]
    full_costs: Mapping[bytes, int]
    lost: Mapping[bytes, MqaError] = field(default_factory=dict)
    is_last: bool = True


class Encoder:
    """Encodes the examples of one shard after the other.

    An example that cannot be encoded alone is lost. Where none of the first shard can, the codec fails: its error is raised.
    That a row cannot be read is no fault of the codec.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._has_encoded = False

    def encode(self, examples: Mapping[bytes, Example], *, has_found: bool = False) -> Iterator[Encodings]:
        """Encode the examples of a shard, given by fingerprint, in groups.

        The groups follow from the examples alone: as many in each as take 128 MiB by the size of the first of them.
        `has_found` says that the store has predictions, so that other examples could be encoded before.
        """
        error: MqaError | None = None
        for group in self._groups(examples):
            encodings = _encodings(self._codec, group)
            self._has_encoded = self._has_encoded or bool(encodings.rows)
            failed = (one for one in encodings.lost.values() if not isinstance(one, RowError))
            error = error or next(failed, None)
            if group.is_last and error is not None and not (self._has_encoded or has_found):
                raise error
            yield encodings

    def _groups(self, examples: Mapping[bytes, Example]) -> Iterator[_Group]:
        names = list(examples)
        first = encode_each(self._codec, [examples[name] for name in names[:FIRST_EXAMPLES]])
        sizes = [_count_bytes(row) for row in first if not isinstance(row, Exception)]
        count = max(FIRST_EXAMPLES, GROUP_BYTES * len(sizes) // max(1, sum(sizes))) if sizes else len(names)
        start, stop = 0, min(count, len(names))
        while start < stop:
            rest = names[max(start, FIRST_EXAMPLES) : stop]
            encoded = [*(first if start == 0 else ()), *encode_each(self._codec, [examples[name] for name in rest])]
            given = [examples[name] for name in names[start:stop]]
            yield _Group(names[start:stop], given, encoded, is_last=stop == len(names))
            start, stop = stop, min(stop + count, len(names))


@dataclass(frozen=True)
class _Group:
    """Some examples with their fingerprints, and the encoding of each, or the error of one that has none."""

    names: Sequence[bytes]
    examples: Sequence[Example]
    encoded: Sequence[Encoded | MqaError]
    is_last: bool


def encode_each(codec: Codec, examples: Sequence[Example]) -> list[Encoded | MqaError]:
    """The encoding of each example, or its error where it cannot be encoded alone.

    Raised is an error of a call that did not end in time: the next may take as long.
    """
    if not examples:
        return []
    try:
        return list(encode_in_threads(codec, examples, available_cores()))
    except (RowError, ContributionError, OutOfMemoryError) as error:
        if isinstance(error.__cause__, TimeLimitReached):
            raise
        if len(examples) == 1:
            return [error]
    middle = len(examples) // 2
    return [*encode_each(codec, examples[:middle]), *encode_each(codec, examples[middle:])]


def _encodings(codec: Codec, group: _Group) -> Encodings:
    """The distinct encodings of a group."""
    arrays: dict[bytes, Encoded] = {}
    fingerprints: dict[bytes, list[bytes]] = {}
    lost: dict[bytes, MqaError] = {}
    encoded: list[tuple[bytes, Example, Encoded]] = []
    for name, example, row in zip(group.names, group.examples, group.encoded, strict=True):
        if isinstance(row, Exception):
            lost[name] = row
            continue
        digest = digest_row(row)
        arrays[digest] = row
        fingerprints.setdefault(digest, []).append(name)
        encoded.append((name, example, row))
    rows = [Encoding(row, row_cost(codec, row), tuple(fingerprints[digest])) for digest, row in arrays.items()]
    rows.sort(key=lambda row: (-row.cost, row.fingerprints))
    return Encodings(rows, _full_costs(codec, encoded), lost, group.is_last)


def _full_costs(codec: Codec, encoded: Sequence[tuple[bytes, Example, Encoded]]) -> dict[bytes, int]:
    """The costs of truncated examples before they were cut."""
    if codec.limit is None or not encoded:
        return {}
    costs = codec.full_costs([example for _, example, _ in encoded], [row for _, _, row in encoded])
    return {
        name: cost for (name, _, row), cost in zip(encoded, costs, strict=True) if cost > _max_full_cost(codec, row)
    }


def row_cost(codec: Codec, row: Encoded) -> int:
    """What an encoded row costs in a batch: of a row in parts its costliest part, of a generation all its sequences at their end."""
    if codec.splits:
        return max(codec.costs(codec.split(row)))
    mode = codec.run_mode
    if isinstance(mode, Generation):
        return (codec.cost(row) + mode.max_new_tokens) * mode.beams
    return codec.cost(row)


def select_encodings(encodings: Iterable[Encoding], fingerprints: set[bytes]) -> list[Encoding]:
    """The encodings of these examples, without the fingerprints of others."""
    selected = []
    for encoding in encodings:
        if fingerprints.issuperset(encoding.fingerprints):  # nearly always: the encoding itself, and no copy
            selected.append(encoding)
        elif remaining := tuple(one for one in encoding.fingerprints if one in fingerprints):
            selected.append(Encoding(encoding.arrays, encoding.cost, remaining))
    return selected


def _max_full_cost(codec: Codec, row: Encoded) -> int:
    """The largest full cost of a row that was not truncated. Padding to a fixed length does not count."""
    return codec.cost(row) if codec.length is None or codec.limit is None else codec.limit


def _count_bytes(row: Encoded) -> int:
    return sum(np.asarray(array).nbytes for array in row.values())


def digest_row(row: Encoded) -> bytes:
    """The digest of an encoded row: equal rows have equal digests."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(row):
        array = np.ascontiguousarray(row[name])
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.digest()
