"""Real rows of a view, drawn for a look at what a model makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from mqa_registry import DataError, NotRunError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Codec, Scene

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

Seen = TypeVar("Seen")

CHOICE = 4  # times as many rows as are wanted are looked at, for the shortest and the longest
TOGETHER = 8  # rows in one batch
CHUNK = 64  # rows that are encoded at a time: an encoded row may be an image
DECODER = "decoder_"  # how transformers begins the names of a decoder's inputs


@dataclass(frozen=True)
class Row:
    """One row of the data, encoded. `size` is what it costs, in tokens or the like; `text` are its words, as JSON.

    `tokens` is how many it has, padding left out; None where it has none.
    """

    id: str
    arrays: Arrays
    size: int
    text: str
    tokens: int | None = None


@dataclass(frozen=True)
class Batch:
    """Rows that are run together. `valid`, shape (rows, positions), is false where there is padding alone."""

    rows: tuple[Row, ...]
    arrays: Arrays
    valid: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.rows)


def codec_of(scene: Scene) -> Codec:
    """How rows become arrays; a NotRunError where the suite has no model to make them for."""
    if scene.subject is None:
        raise NotRunError("there is no model whose outputs could be looked at", hint="give the suite a `[model]`")
    return scene.subject.codec


def sample(scene: Scene, number: int, including: Sequence[str] = ()) -> list[Row]:
    """So many rows of the view by the suite's seed: the shortest and the longest of a larger draw, then others.

    Rows whose ids are in `including` are among these before any others; a DataError where there is no such row.
    """
    codec, table = codec_of(scene), scene.view.rows.table
    fields = list(scene.view.rows.fields)
    order = dict.fromkeys([*_places(table, including), *scene.rng.permutation(table.num_rows).tolist()])
    drawn = table.take(pa.array([*order][: CHOICE * number], pa.int64()))
    sizes = np.array([_length(codec, row) for row in _encoded(codec, drawn.select(fields))])
    if not len(sizes):
        raise NotRunError("there are no rows to look at")
    ends = (int(sizes.argmin()), int(sizes.argmax()))
    places = list(dict.fromkeys((*ends, *range(len(sizes)))))[:number]
    return _rows(codec, drawn.take(pa.array(places)), fields)


def rows_besides(scene: Scene, known: Collection[str]) -> Iterator[list[Row]]:
    """All rows of the view but those whose ids are `known`, some at a time."""
    codec, table, fields = codec_of(scene), scene.view.rows.table, list(scene.view.rows.fields)
    others = table.filter(pa.array([name not in known for name in table.column("id").to_pylist()], pa.bool_()))
    for start in range(0, others.num_rows, CHUNK):
        yield _rows(codec, others.slice(start, CHUNK), fields)


def rows_of(scene: Scene, ids: Sequence[str]) -> list[Row]:
    """Some rows of the view, by their ids."""
    table, fields = scene.view.rows.table, list(scene.view.rows.fields)
    return _rows(codec_of(scene), table.take(pa.array(_places(table, ids), pa.int64())), fields)


def _rows(codec: Codec, table: pa.Table, fields: Sequence[str]) -> list[Row]:
    """Rows of a table, encoded."""
    examples = table.select(fields)
    rows = zip(table.column("id").to_pylist(), _encoded(codec, examples), examples.to_pylist(), strict=True)
    return [
        Row(str(name), arrays, codec.size(arrays), _text(example), _tokens(codec, arrays))
        for name, arrays, example in rows
    ]


def longest_of(scene: Scene) -> int | None:
    """The longest row that the model takes, in tokens, where it says so, and rows of such a length can be run."""
    if scene.subject is None or not codec_of(scene).mask or codec_of(scene).length is not None:
        return None
    positions = scene.subject.model.about.get("positions")
    return positions if isinstance(positions, int) else None


def _places(table: pa.Table, ids: Sequence[str]) -> list[int]:
    if not ids:
        return []
    places = {name: place for place, name in enumerate(table.column("id").to_pylist())}
    for name in ids:
        if name not in places:
            raise DataError(f"there is no row `{name}` to look at", hint="rows are known by their `id`")
    return [places[name] for name in ids]


def fitting(look: Callable[[int], Seen], together: int = TOGETHER) -> Seen:
    """What comes of a look at so many rows together; at half as many, and so on, where memory runs out."""
    while True:
        try:
            return look(together)
        except OutOfMemoryError:
            if together == 1:
                raise
            together //= 2


def batched(codec: Codec, rows: Sequence[Row], budget: int, together: int = TOGETHER) -> Iterator[Batch]:
    """The shortest row alone, then all others, the longest first, in batches that mix lengths and so are padded.

    Batches are of at most `budget` tokens, padding included, unless a row alone has more.
    """
    yield batch_of(codec, rows[:1])
    waiting: list[Row] = []
    for row in rows[1:]:
        most = max(row.size for row in [*waiting, row])
        if waiting and (len(waiting) == together or most * (len(waiting) + 1) > budget):
            yield batch_of(codec, waiting)
            waiting = []
        waiting.append(row)
    if waiting:
        yield batch_of(codec, waiting)


def alone(codec: Codec, rows: Sequence[Row], batches: Sequence[Batch]) -> list[Batch]:
    """The longest row and one of middle length, each by itself, where they are not in `batches`: users send one row."""
    ordered = sorted(rows, key=lambda row: row.size)
    known = {batch.rows[0].id for batch in batches if len(batch) == 1}
    chosen = {row.id: row for row in (ordered[-1], ordered[len(ordered) // 2]) if row.id not in known}
    return [batch_of(codec, [row]) for row in chosen.values()]


def in_company(codec: Codec, rows: Sequence[Row], batches: Sequence[Batch], together: int) -> list[Batch]:
    """The two smallest rows in one batch, where each row is so large that it is in a batch of its own.

    What a file makes of one row may come of another, which nobody sees of rows that are alone.
    """
    if together == 1 or len(rows) == 1 or any(len(batch) > 1 for batch in batches):
        return []
    return [batch_of(codec, sorted(rows, key=lambda row: row.size)[:2])]


def telling(codec: Codec, rows: Sequence[Row], batches: Sequence[Batch]) -> list[Batch]:
    """Batches of different sizes, such as tell the axes of an output apart.

    Rows that were padded before they came here are all of one width; so the shortest is among them without its padding.
    What a decoder reads may be as long in one batch after another; so a row of which it is not is among them alone.
    """
    apart = next((row for row in rows if _read_apart(codec, row)), None)
    alone = [] if apart is None else [batch_of(codec, [apart])]
    return [batch_of(codec, [_without_padding(codec, rows[0])]), *batches[:2], *alone]


def _read_apart(codec: Codec, row: Row) -> bool:
    """Whether a decoder reads more or less of a row than there are positions in its mask."""
    read = [len(array) for name, array in row.arrays.items() if name.startswith(DECODER) and array.ndim]
    return codec.mask in row.arrays and any(length != np.size(row.arrays[codec.mask]) for length in read)


def batch_of(codec: Codec, rows: Sequence[Row]) -> Batch:
    """Some rows, padded to one another."""
    arrays = codec.collate([row.arrays for row in rows])
    mask = np.asarray(arrays.get(codec.mask, 0))
    return Batch(tuple(rows), arrays, mask != 0 if mask.ndim == 2 else None)


def _valid(codec: Codec, arrays: Arrays) -> npt.NDArray[np.bool_] | None:
    """Which positions of one row are its own; None where nothing says so."""
    mask = np.asarray(arrays.get(codec.mask, 0))
    return mask != 0 if mask.ndim == 1 else None


def _length(codec: Codec, arrays: Arrays) -> int:
    tokens = _tokens(codec, arrays)
    return codec.size(arrays) if tokens is None else tokens


def _tokens(codec: Codec, arrays: Arrays) -> int | None:
    """How many a row has; None where nothing says what is padding."""
    valid = _valid(codec, arrays)
    return None if valid is None else int(np.count_nonzero(valid))


def _without_padding(codec: Codec, row: Row) -> Row:
    """A row cut to its own positions: every list of tokens that is as long as the mask.

    What a decoder reads has positions of its own, however many: cut with the others, they would pass for theirs.
    """
    valid = _valid(codec, row.arrays)
    if valid is None or valid.all() or not valid.any():
        return row
    lists = {name for name, array in row.arrays.items() if array.shape == valid.shape and array.dtype.kind in "biu"}
    listed = {name for name in lists if not name.startswith(DECODER)}
    return replace(row, arrays={name: a[valid] if name in listed else a for name, a in row.arrays.items()})


def cut_to(codec: Codec, row: Row, model: Row) -> Row | None:
    """A row with as many positions as another, and padded as that one is; None where it has fewer, or another form."""
    wanted, own = (_valid(codec, one.arrays) for one in (model, row))
    if wanted is not None and own is not None and np.count_nonzero(own) < np.count_nonzero(wanted):
        return None
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, like in model.arrays.items():
        array = row.arrays[name]
        if wanted is not None and own is not None and (like.shape, array.shape) == (wanted.shape, own.shape):
            arrays[name] = like.copy()
            arrays[name][wanted] = array[own][: np.count_nonzero(wanted)]
        elif like.ndim and like.shape[1:] == array.shape[1:] and len(array) >= len(like):
            arrays[name] = array[: len(like)]
        elif like.shape == array.shape:
            arrays[name] = array
        else:
            return None
    return replace(row, arrays=arrays)


def _encoded(codec: Codec, table: pa.Table) -> Iterable[Arrays]:
    """A few rows at a time."""
    for part in table.to_batches(max_chunksize=CHUNK):
        yield from codec.encode(part.to_pylist())


def _text(example: Mapping[str, Any]) -> str:
    """The fields that are words."""
    words = {name: value for name, value in example.items() if isinstance(value, str)}
    return json.dumps(words, ensure_ascii=False)
