"""The task `recommendation/ranking`: the candidates of a user, ordered by a model that scores each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_recommendation.features import FEATURES, ITEM, ITEM_EMBEDDING, USER, USER_EMBEDDING, read_features, stack
from mqa_registry import Codec, DataError, Grouping, NoOptions, Task, make_rankings, name_members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Example, Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

MEMBER = "member"
SCORE, SCORES = "score", "scores"  # of a pair, by the name that a model may give it; and those of a row


class Ranking(Task[NoOptions]):
    """The candidates of a user, the best first.

    A row of the data is a candidate with its user: `columns = { group = "user_id", user = "user_id", item = "item_id", member =
    "item_id", target = "clicked" }`. `user` and `item` are what the model reads of them: a number, a list of numbers, or an object
    of these, whose keys are inputs of the model. Rows of one `group` are the candidates of one user, which `member` names in
    the ranking. A target is how relevant a candidate is, 0 where it is not. Rows may be users as well, with lists of candidates.

    The model takes pairs: its inputs have a row for each. It gives a score for each pair, or a tower's vector for its user and
    its item, `user_embedding` and `item_embedding`, whose dot product is the score. Matrix factorisation is either.
    """

    name = "ranking"
    schema = "ranking"
    fields: Mapping[str, str] = {USER: FEATURES, ITEM: FEATURES, MEMBER: "name"}
    optional = (MEMBER,)
    grouping = Grouping((ITEM, MEMBER), has_member_targets=True)
    metric = "metrics/ndcg"

    def bind(self, model: Model, options: NoOptions) -> Codec:
        return RankingCodec()


class RankingCodec(Codec):
    """A user with candidates as pairs, which are run one by one, and ranked by their scores.

    An encoded row has the features of the user as `user.NAME`, those of all candidates as `item.NAME`, candidates first, and the
    names of the candidates.
    """

    def encode(self, examples: Sequence[Example]) -> list[Arrays]:
        return [_encode(example) for example in examples]

    def split(self, row: Arrays) -> list[Arrays]:
        user = _select(row, USER)
        items = _select(row, ITEM)
        count = len(row[MEMBER])
        return [user | {name: values[number, ...] for name, values in items.items()} for number in range(count)]

    def collate(self, rows: Sequence[Arrays]) -> Arrays:
        return stack(rows)

    def cost(self, row: Arrays) -> int:
        """Every pair costs the same."""
        return 1

    def reduce(self, outputs: Arrays, parts: Sequence[Arrays]) -> dict[str, npt.NDArray[np.float64]]:
        return {SCORE: _read_scores(outputs, len(parts))}

    def join(self, outputs: Sequence[Arrays], row: Arrays) -> dict[str, npt.NDArray[np.float64]]:
        return {SCORES: np.array([one[SCORE] for one in outputs])}

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        return make_rankings(outputs[SCORES], [row[MEMBER] for row in rows])


def _encode(example: Example) -> Arrays:
    user = read_features(USER, example[USER])
    items = stack([read_features(ITEM, one) for one in example[ITEM]])
    if shared := user.keys() & items.keys():
        raise DataError(
            f"users and items both have the feature `{min(shared)}`", hint="name features as the inputs of the model"
        )
    named = {f"{USER}.{name}": values for name, values in user.items()}
    named |= {f"{ITEM}.{name}": values for name, values in items.items()}
    return named | {MEMBER: name_members(example, len(example[ITEM]))}


def _select(row: Arrays, field: str) -> dict[str, npt.NDArray[Any]]:
    """The features of the user, or of the candidates, by their own names."""
    prefix = f"{field}."
    return {name.removeprefix(prefix): values for name, values in row.items() if name.startswith(prefix)}


def _read_scores(outputs: Arrays, count: int) -> npt.NDArray[np.float64]:
    """The scores of a batch of pairs: the output `score` or the only one, or the dot products of the vectors of both towers."""
    if {USER_EMBEDDING, ITEM_EMBEDDING} <= outputs.keys():
        users, items = (_per_pair(outputs[name], count).astype(np.float64) for name in (USER_EMBEDDING, ITEM_EMBEDDING))
        if (size := users.shape[1]) != items.shape[1]:
            raise DataError(f"the model gives users vectors of {size} numbers, and items of {items.shape[1]}")
        return np.array([user @ item for user, item in zip(users, items, strict=True)])
    if SCORE not in outputs and len(outputs) != 1:
        raise DataError(
            f"the model has the outputs {', '.join(f'`{name}`' for name in outputs)}, and none says that it is the score",
            hint=f"name it `{SCORE}`, or two vectors `{USER_EMBEDDING}` and `{ITEM_EMBEDDING}`",
        )
    scores = _per_pair(outputs.get(SCORE, next(iter(outputs.values()))), count)
    if scores.shape[1] != 1:
        raise DataError(f"the model gives {scores.shape[1]} numbers for a pair, and one is its score")
    return scores[:, 0].astype(np.float64)


def _per_pair(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """The numbers of each pair in an output, shape (pairs, numbers); a single number of the whole batch is each pair's."""
    values = values if values.ndim else np.broadcast_to(values, count)
    return values.reshape(len(values), -1)
