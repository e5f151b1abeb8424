"""Which output of a candidate is held against which of the reference: by name, then by value, then by shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.caches import is_cache
from mqa_parity.mismatches import NAMELESS, paired
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    # What the reference gives in float64 and in the candidate's precision, and the candidate: valid parts alone.
    Parts: TypeAlias = Sequence[tuple[Array, Array, Array]]
    # The parts of an output of the reference and one of the candidate, on a few batches; None where their forms differ.
    Compared: TypeAlias = Callable[[str, str], Parts | None]

MOST_NAMES = 3  # outputs that a note names
LEAST_SQNR = 10.0  # dB at which an output of fewer bits than PyTorch has still counts as the same numbers


@dataclass(frozen=True)
class Pairing:
    """Which outputs are held, which are a fault because they are not, and what else there is to know.

    `pairs` are the candidate's names by the reference's, `missing` says per output of the reference why it is a fault
    that it cannot be held. `unheld` are outputs of the candidate that the reference has nothing for.
    """

    pairs: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unheld: tuple[str, ...] = ()


def refuse_unknown(outputs: Sequence[str], there: Sequence[str]) -> None:
    """A DataError for the first output that is not one of those that are there."""
    for name in outputs:
        if name not in there:
            known = f"it has {', '.join(f'`{one}`' for one in there)}"
            near = get_close_matches(name, there, n=1)
            hint = f"did you mean `{near[0]}`? {known}" if near else known
            raise DataError(f"the model has no output `{name}`", hint=hint)


def pair_outputs(
    reference: Sequence[str],
    candidate: Sequence[str],
    compared: Compared,
    *,
    asked: Collection[str] | None = None,
    same: Callable[[Parts], float],
) -> Pairing:
    """Match outputs by their names; those left over by their values; the reference's first one by its shape, if need be.

    `compared` gives the values of a pair, `same` tells how far they lie apart: from 0, equal, to 1, the most that still
    counts as the same. An output that only one side gives is a note. It is a fault where it is one of those that are
    `asked` for, a key or value of a decoder that gives others, or where the two have nothing in common.
    """
    named = paired(reference, candidate)
    if asked is not None:
        sole = paired(asked, candidate) if len(asked) == 1 and not named else {}
        return _asked_for(asked, named | sole, candidate, compared, same)
    valued = _by_value(reference, candidate, named, compared, same)
    shaped = _by_shape(reference, candidate, named | valued, compared, same)
    pairs = {name: found for name in reference if (found := (named | valued | shaped).get(name)) is not None}
    lacking = [name for name in reference if name not in pairs]
    surplus = [name for name in candidate if name not in pairs.values()]
    missing = _missing(lacking, pairs, candidate)
    left_out = [name for name in lacking if name not in missing]
    notes = (*_renamed(named), *_notes(valued, shaped, left_out, surplus))
    return Pairing(pairs, missing, notes, tuple(surplus))


def _asked_for(
    asked: Collection[str],
    named: Mapping[str, str],
    candidate: Sequence[str],
    compared: Compared,
    same: Callable[[Parts], float],
) -> Pairing:
    """Those that are asked for, by name alone: whoever names an output relies on its name."""
    pairs = {name: named[name] for name in asked if name in named}
    absent = [name for name in asked if name not in named]
    twins = _by_value(absent, candidate, named, compared, same)
    missing = {name: _absent(name, twins.get(name, "")) for name in absent}
    return Pairing(pairs, missing, tuple(_renamed(pairs)))


def _absent(name: str, twin: str) -> str:
    if twin:
        return f'the candidate calls it `{twin}`: `outputs = {{ "{twin}" = "{name}" }}` of its backend says so'
    return "the candidate has no such output"


def _by_value(
    reference: Sequence[str],
    candidate: Sequence[str],
    known: Mapping[str, str],
    compared: Compared,
    same: Callable[[Parts], float],
) -> dict[str, str]:
    """Per output of the reference that has no partner yet the candidate's with the same numbers, each taken once."""
    found: dict[str, str] = {}
    for ours in reference:
        if ours not in known:
            nearest, apart = _nearest(ours, candidate, {*known.values(), *found.values()}, compared, same)
            if apart <= 1:
                found[ours] = nearest
    return found


def _by_shape(
    reference: Sequence[str],
    candidate: Sequence[str],
    known: Mapping[str, str],
    compared: Compared,
    same: Callable[[Parts], float],
) -> dict[str, str]:
    """For the reference's first output, which an answer is made of, the nearest of the candidate's of the same form."""
    first = next(iter(reference), "")
    if not first or first in known:
        return {}
    nearest, _ = _nearest(first, candidate, {*known.values()}, compared, same)
    return {first: nearest} if nearest else {}


def _nearest(
    ours: str, candidate: Sequence[str], taken: Collection[str], compared: Compared, same: Callable[[Parts], float]
) -> tuple[str, float]:
    """Of the candidate's outputs that are not taken and have the same form, the nearest and how far it lies apart.

    No name, infinitely far, where there is none.
    """
    free = (name for name in candidate if name not in taken)
    apart = {name: same(parts) for name in free if (parts := compared(ours, name)) is not None}
    nearest = min(apart, key=lambda name: apart[name], default="")
    return nearest, apart.get(nearest, math.inf)


def _missing(lacking: Sequence[str], pairs: Mapping[str, str], candidate: Sequence[str]) -> dict[str, str]:
    if lacking and not pairs:
        gives = f"; it gives {_listed(candidate)}" if candidate else ""
        return {lacking[0]: f"the candidate has no such output{gives}"}
    cached = any(is_cache(name) for name in pairs)
    return {name: "the candidate has no such output" for name in lacking if cached and is_cache(name)}


def _renamed(named: Mapping[str, str]) -> Iterator[str]:
    """Outputs that are held by their place, though the model has a name of its own for them."""
    for ours, theirs in named.items():
        if ours != theirs and not ours.startswith(NAMELESS):
            yield f"the file calls `{ours}` by another name, `{theirs}`: whoever asks the file for `{ours}` gets nothing"


def _notes(
    valued: Mapping[str, str], shaped: Mapping[str, str], lacking: Sequence[str], surplus: Sequence[str]
) -> Iterator[str]:
    for ours, theirs in valued.items():
        yield f"`{theirs}` has the numbers of `{ours}`, and is held against it"
    for ours, theirs in shaped.items():
        yield f"`{theirs}` is held against `{ours}`, which it shares nothing with but its shape"
    if lacking:
        yield f"the file leaves out {_listed(lacking)}: `outputs` asks for what it has to give"
    if surplus:
        yield f"the file also gives {_listed(surplus)}, which the model does not: nothing is held against it"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def noise_apart(parts: Parts, *, bound: float, floor: float) -> float:
    """The largest error in units of `bound` times the largest of PyTorch's own, which is at least `floor` of the scale.

    Integers are as far apart as can be unless they are equal.
    """
    if any(exact.dtype.kind != "f" for exact, _, _ in parts):
        return 0.0 if all(np.array_equal(peer, found) for _, peer, found in parts) else math.inf
    error, noise, scale = (
        max((_largest(one) for one in numbers), default=0.0)
        for numbers in (
            [_wide(found) - _wide(exact) for exact, _, found in parts],
            [_wide(peer) - _wide(exact) for exact, peer, _ in parts],
            [_wide(exact) for exact, _, _ in parts],
        )
    )
    if not error:
        return 0.0
    allowed = bound * max(noise, floor * scale)
    return error / allowed if allowed and math.isfinite(error) else math.inf


def power_apart(parts: Parts) -> float:
    """The same for a precision that PyTorch has not: the power of the errors over the most that still is the signal's."""
    signal = sum(float(np.square(_wide(exact)).sum()) for exact, _, _ in parts)
    distortion = sum(float(np.square(_wide(found) - _wide(exact)).sum()) for exact, _, found in parts)
    if not distortion:
        return 0.0
    return distortion / signal * 10 ** (LEAST_SQNR / 10) if signal and math.isfinite(distortion) else math.inf


def _wide(values: Array) -> Array:
    return values.astype(np.float64)


def _largest(values: Array) -> float:
    return float(np.abs(values).max(initial=0.0))
