"""Predictions of tokens behind masks: which is the likeliest, and how likely the right one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.schemas.schema import MisfitError, PartSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.types.schemas.schema import Columns

TOKEN = pa.struct([("token", pa.string()), ("margin", pa.float64()), ("loss", pa.float64()), ("rank", pa.int64())])
RANGES = "a `loss` is 0 or more, and a `rank` 1 or more: 1 is the likeliest token"


class TokensSchema(PartSchema):
    """The tokens behind the masks of a text, in their order, or all of its tokens, each masked in turn.

    `token` is the likeliest one, and `margin` how far the probability of the next is from its own. `loss` is the negative
    log-likelihood of the right token, in nats, and `rank` its place by falling probability, from 1 on, both null where nobody
    knows it. Rows bring the right tokens with them, since no prediction could hold the probabilities of a whole vocabulary. So
    there are no targets: each is an empty list, and a prediction is right where all ranks are 1.
    Two predictions are equal where all tokens are.
    """

    name = "tokens"
    column = "tokens"
    type = pa.list_(TOKEN)
    has_targets = False
    may_quote_rows = True
    required_fields = ("token",)
    sample_predictions = (
        [{"token": "one", "margin": 0.6, "loss": 0.3, "rank": 1}],
        [
            {"token": "two", "margin": 0.1, "loss": 1.2, "rank": 2},
            {"token": "three", "margin": 0.2, "loss": 0.5, "rank": 1},
        ],
    )
    sample_targets = ([], [])

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every token has its text, and a loss and a rank that can be."""
        super().check_rows(column, ids)
        if (position := _find_wrong(column)) is not None:
            row = pc.list_parent_indices(column)[position].as_py()
            raise DataError(f"row `{ids[row]}` has a token with {_describe(column, position)}", hint=RANGES)

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """No token lacks its text, and losses and ranks can be."""
        column = columns[self.column]
        if pc.struct_field(pc.list_flatten(column), "token").null_count:
            raise MisfitError("gave a token without its text")
        if (position := _find_wrong(column)) is not None:
            raise MisfitError(f"gave a token with {_describe(column, position)}", RANGES)

    def canonicalize(self, prediction: Any) -> Any:
        """The tokens in their order."""
        return None if prediction is None else tuple(one["token"] for one in prediction)

    def show(self, prediction: Any) -> Any:
        """The tokens alone."""
        return None if prediction is None else [one["token"] for one in prediction]

    def agree(self, one: Any, other: Any) -> bool:
        """Whether all tokens are the same; of a target, which is empty, whether all are right."""
        if one and other == []:
            return all(token["rank"] == 1 for token in one)
        return super().agree(one, other)


def _find_wrong(column: pa.ChunkedArray) -> int | None:
    """The position, among all tokens, of the first with a loss below 0, or that is no number, or with a rank below 1."""
    tokens = pc.list_flatten(column)
    losses, ranks = (pc.struct_field(tokens, name) for name in ("loss", "rank"))
    wrong = pc.fill_null(pc.or_(pc.less(losses, 0), pc.invert(pc.is_finite(losses))), fill_value=False)
    wrong = pc.or_(wrong, pc.fill_null(pc.less(ranks, 1), fill_value=False))
    return int(pc.index(wrong, value=True).as_py()) if pc.any(wrong).as_py() else None


def _describe(column: pa.ChunkedArray, position: int) -> str:
    token = pc.list_flatten(column)[position].as_py()
    return f"the loss {token['loss']} and the rank {token['rank']}"
