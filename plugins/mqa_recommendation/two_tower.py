"""The task `recommendation/two-tower`: the vector of a user or of an item, by a model with a tower for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_recommendation.features import FEATURES, ITEM, ITEM_EMBEDDING, USER, USER_EMBEDDING, read_features, stack
from mqa_registry import Codec, DataError, Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

SIDE = "side"  # of an encoded row: whose vector is read
EMBEDDINGS = {USER: USER_EMBEDDING, ITEM: ITEM_EMBEDDING}


@dataclass(frozen=True, kw_only=True)
class TwoTowerOptions:
    """`absent` has the inputs that some rows do not bring, each with the number that takes their place.

    The model has inputs for users and for items, and a row is one of them: `absent = { user = 0, item = 0 }`. A whole number
    is an int64, any other a float32.
    """

    absent: dict[str, int | float] | None = None


class TwoTower(Task[TwoTowerOptions]):
    """The vector of a user or of an item, for a search among all items.

    The rows of one data set have a `user`, those of another an `item`: a number, a list of numbers, or an object of these, whose
    keys are inputs of the model. The model gives `user_embedding` and `item_embedding`, or one output that is the vector of
    whatever the row is. `metrics/retrieval` holds users against items: `against = { data = "items" }`.
    """

    name = "two-tower"
    schema = "vector"
    fields: Mapping[str, str] = {USER: FEATURES, ITEM: FEATURES}
    optional = (USER, ITEM)
    metric = "parity/cosine"

    def bind(self, model: Model, options: TwoTowerOptions) -> Codec:
        return TwoTowerCodec(options.absent or {})


class TwoTowerCodec(Codec):
    """A user or an item as all inputs of the model, those of the other tower filled with numbers that say nothing."""

    def __init__(self, absent: Mapping[str, int | float]) -> None:
        self._absent = {name: _as_array(value) for name, value in absent.items()}

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        return [self._encode(example) for example in examples]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return stack([{name: values for name, values in row.items() if name != SIDE} for row in rows])

    def cost(self, row: Arrays) -> int:
        """Every row costs the same."""
        return 1

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The vector of each row; null where a number of it is NaN or infinite."""
        vectors = [
            _find_output(outputs, str(row[SIDE]))[number].ravel().astype(np.float32) for number, row in enumerate(rows)
        ]
        finite = [vector if np.isfinite(vector).all() else None for vector in vectors]
        return pa.table({"vector": pa.array(finite, pa.list_(pa.float32()))})

    def _encode(self, example: Example) -> Arrays:
        sides = [side for side in (USER, ITEM) if side in example]
        if len(sides) != 1:
            raise DataError(
                "a row has both a `user` and an `item`" if sides else "a row has neither a `user` nor an `item`",
                hint="give users and items a data set each, and map one of the two: `columns = { item = ... }`",
            )
        features = read_features(sides[0], example[sides[0]])
        others = {name: value for name, value in self._absent.items() if name not in features}
        return {**features, **others, SIDE: np.array(sides[0])}


def _as_array(value: float) -> npt.NDArray[Any]:
    return np.array(value, np.int64 if isinstance(value, int) else np.float32)


def _find_output(outputs: Arrays, side: str) -> npt.NDArray[Any]:
    """The output with the vectors of users or of items."""
    if EMBEDDINGS[side] in outputs:
        return outputs[EMBEDDINGS[side]]
    if len(outputs) != 1:
        raise DataError(
            f"the model has the outputs {', '.join(f'`{name}`' for name in outputs)}, and not `{EMBEDDINGS[side]}`",
            hint=f"name the vectors `{USER_EMBEDDING}` and `{ITEM_EMBEDDING}`",
        )
    return next(iter(outputs.values()))
