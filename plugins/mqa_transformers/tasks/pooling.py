"""Pooling: the vectors of a text's tokens, as an encoder gives them, made one vector of the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry import DataError, OutputReading, UsageError
from mqa_transformers.tasks.tokenization import IDS, MASK, pads_left

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Model

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.floating[Any]]

Pooling: TypeAlias = Literal["mean", "cls", "max", "last-token"]

TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")  # of transformers, and of exports by sentence-transformers
POOLED_OUTPUTS = ("sentence_embedding", "text_embeds", "pooled")  # of exports that pool by themselves
CHOICE_HINT = 'say how the model was trained: `pooling = "mean"`, "cls", "max" or "last-token"'


@dataclass(frozen=True)
class PoolingHead:
    """One vector a text: `pooling` of those of its tokens, padding left out, of length 1 where it is to `normalize`."""

    pooling: Pooling
    normalize: bool
    pads_left: bool = False

    def decode(self, outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
        """The vectors of rows as the column `vector`; null where a number of one is NaN or infinite."""
        tokens = find_token_vectors(outputs, len(rows))
        return make_vectors([self.pool(values, row) for values, row in zip(tokens, rows, strict=True)])

    def pool(self, values: Floats, row: Arrays) -> Floats:
        """The vector of one row, of the outputs for all positions of it in its batch, shape (positions, dimensions)."""
        n_tokens = len(row[IDS])
        own = values[len(values) - n_tokens :] if self.pads_left else values[:n_tokens]
        own = own[row[MASK] != 0].astype(np.float64)  # rows of a fixed length were padded when they were encoded
        return self.scale(_pool(own, self.pooling))

    def scale(self, vector: Floats) -> Floats:
        """A vector of length 1, where that is asked for; one of zeros stays as it is."""
        length = np.linalg.norm(vector) if self.normalize else 1.0
        return vector / length if length > 0 else vector

    def infer_reading(self, outputs: Arrays, rows: Sequence[Arrays]) -> OutputReading | None:
        """An ONNX file may give the vector of a text itself, beside those of its tokens or alone."""
        if any(name in outputs for name in TOKEN_OUTPUTS) and POOLED_OUTPUTS[0] not in outputs:
            return None
        pooled = {name: values for name, values in outputs.items() if values.ndim == 2 and values.dtype.kind == "f"}
        name = next((name for name in POOLED_OUTPUTS if name in pooled), next(iter(pooled), ""))
        if not name or (name not in POOLED_OUTPUTS and len(outputs) > 1):
            return None

        def decode(outputs: Arrays, rows: Sequence[Arrays]) -> pa.Table:
            return make_vectors([self.scale(values.astype(np.float64)) for values in outputs[name]])

        return OutputReading(decode, f"pooled: `{name}` has one vector for each row, and the file's own pooling counts")


def make_head(model: Model, pooling: Pooling | None, *, normalize: bool | None) -> PoolingHead:
    """How a model's tokens are pooled: as the options say, else as its folder of sentence-transformers does, else by the mean.

    A UsageError where the folder asks for more than pooling, and no option says what to do.
    """
    stated = model.about.get("sentence_encoder", {})
    if "unsupported" in stated and pooling is None:
        raise UsageError(f"the model is one of sentence-transformers, and {stated['unsupported']}", hint=CHOICE_HINT)
    chosen = pooling or stated.get("pooling", "mean")
    scales = stated.get("normalize", False) if normalize is None else normalize
    return PoolingHead(chosen, scales, pads_left(model.processor))


def find_token_vectors(outputs: Arrays, n_rows: int) -> Floats:
    """The output with a vector for each position, shape (rows, positions, dimensions); a DataError where there is none."""
    name = next((name for name in TOKEN_OUTPUTS if name in outputs), next(iter(outputs)))
    values: Floats = outputs[name]
    if values.ndim != 3 or values.dtype.kind != "f" or len(values) != n_rows:
        raise DataError(
            f"the model gives `{name}` of shape {values.shape} for {n_rows} rows",
            hint="an encoder gives `last_hidden_state`, of the shape (rows, tokens, dimensions)",
        )
    return values


def make_vectors(vectors: Sequence[Floats]) -> pa.Table:
    """A table with the column `vector`, in 32 bits; null where a number is NaN or infinite."""
    rows = [vector.astype(np.float32) for vector in vectors]
    finite = [row if np.isfinite(row).all() else None for row in rows]
    return pa.table({"vector": pa.array(finite, pa.list_(pa.float32()))})


def _pool(tokens: Floats, pooling: Pooling) -> Floats:
    if pooling == "mean":
        return np.asarray(tokens.mean(axis=0))
    if pooling == "max":
        return np.asarray(tokens.max(axis=0))
    return np.asarray(tokens[0] if pooling == "cls" else tokens[-1])
