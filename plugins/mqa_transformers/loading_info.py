"""What transformers says of loading a checkpoint: weights that it lacks, that have another shape, or that no layer takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mqa_transformers.checkpoint import Checkpoint


def check_loading_info(
    checkpoint: Checkpoint, task: str, saved_for: str, info: Mapping[str, Any], names: Collection[str]
) -> None:
    """A DataError unless every weight of the module came from the checkpoint, and every layer of it is in the module.

    `info` is the loading info of transformers, `names` are those of all weights of the module. `saved_for` is the task that
    the class it was saved from has a head for, or empty.
    """
    path = checkpoint.path
    if layers := find_missing_layers(info["missing_keys"], names):
        raise DataError(
            f"`{path}` holds no weights for the layers {_quote_first(layers)} of its configuration, which would be random",
            hint="is `config.json` that of this model, with as many layers, and are all files of its weights there?",
        )
    if missing := sorted(info["missing_keys"]):
        architecture = checkpoint.config.architecture
        raise DataError(
            f"`{path}` holds no weights for {_quote_first(missing)}, which would be random",
            hint=f"it was saved from `{architecture or 'an unnamed class'}`"
            f"{f', a model for `{saved_for}`' if saved_for else ''}; `{task}` takes a model with a head trained for it",
        )
    if mismatched := sorted(str(key) for key, *_ in info["mismatched_keys"]):
        raise DataError(
            f"`{path}` holds weights of another shape than its configuration says: {_quote_first(mismatched)}",
            hint="is `config.json` that of this model, with as many labels?",
        )
    # A head or a pooler that this task does not use is harmless. A surplus weight of a numbered layer is not: it is of a
    # layer that the configuration drops, or of an adapter that was never merged.
    if surplus := sorted(name for name in info["unexpected_keys"] if any(part.isdigit() for part in name.split("."))):
        raise DataError(
            f"`{path}` holds weights that its configuration does not have: {_quote_first(surplus)}",
            hint="is `config.json` that of this model, and are its adapters merged?",
        )


def find_missing_layers(missing: Collection[str], names: Collection[str]) -> list[str]:
    """The numbered layers of a model all of whose weights are `missing`, in order; `names` are those of all weights."""
    loaded = {layer for name in set(names) - set(missing) if (layer := _layer_of(name))}
    return sorted({layer for name in missing if (layer := _layer_of(name))} - loaded, key=_layer_order)


def _layer_of(weight: str) -> str:
    """The outermost numbered part of the model that a weight is in, such as `bert.encoder.layer.2`."""
    parts = weight.split(".")
    end = next((index for index, part in enumerate(parts[:-1], start=1) if part.isdigit()), 0)
    return ".".join(parts[:end])


def _layer_order(layer: str) -> tuple[str, int]:
    stack, _, number = layer.rpartition(".")
    return stack, int(number)


def _quote_first(names: list[str]) -> str:
    """The first two names, and how many more there are."""
    n_more = len(names) - 2
    return ", ".join(f"`{name}`" for name in names[:2]) + (f" and {n_more} more" if n_more > 0 else "")
