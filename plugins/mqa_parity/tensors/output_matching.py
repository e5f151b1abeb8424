"""Which output of a candidate is compared with which of the reference: by name, then by value, then by shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.runners import run_reference
from mqa_parity.tensors.output_errors import find_form_mismatch
from mqa_parity.tolerance import error_unit
from mqa_registry import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.sample_batches import Batch
    from mqa_parity.tensors.observations import TensorCheck

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    # The outputs of the oracle, the baseline and the candidate, without padding, of several rows.
    Samples: TypeAlias = Sequence[tuple[Array, Array, Array]]
    # The samples of an output of the reference and one of the candidate; None where their shapes or types differ.
    SampleSource: TypeAlias = Callable[[str, str], Samples | None]
    Distance: TypeAlias = Callable[[Samples], float]

MAX_NAMES = 3  # in a note
MATCHING_BATCHES = 2  # outputs are matched by their values in the first two, which differ in rows and positions
MIN_SQNR = 10.0  # dB: an output of fewer bits than PyTorch has is still the same output from here on
UNNAMED = "output"  # the names of outputs that the model does not name begin so
CACHE_PREFIXES = ("past_key_values.", "present.")  # transformers and optimum begin the names of keys and values so


@dataclass(frozen=True)
class OutputMatch:
    """`pairs` are the candidate's output names by the reference's.

    `missing` says for an output of the reference why its absence is a fault. `unmatched` are outputs of the candidate
    that the reference does not have. `notes` say what else a user should know, in words.
    """

    pairs: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Matcher:
    """The candidate's output names, and how far an output of the reference lies from one of them."""

    candidate: Sequence[str]
    samples: SampleSource
    distance: Distance

    def match_by_value(self, reference: Sequence[str], matched: Mapping[str, str]) -> dict[str, str]:
        """For each output of the reference without a match the candidate's with the same numbers, each used once."""
        matches: dict[str, str] = {}
        for name in reference:
            if name not in matched:
                nearest, distance = self._find_nearest(name, {*matched.values(), *matches.values()})
                if distance <= 1:
                    matches[name] = nearest
        return matches

    def match_by_shape(self, reference: Sequence[str], matched: Mapping[str, str]) -> dict[str, str]:
        """For the reference's first output, which predictions are made of, the candidate's nearest of its shape."""
        first = next(iter(reference), "")
        if not first or first in matched:
            return {}
        nearest, _ = self._find_nearest(first, {*matched.values()})
        return {first: nearest} if nearest else {}

    def _find_nearest(self, name: str, used: Collection[str]) -> tuple[str, float]:
        """The nearest unused output of the same shape and type, and its distance; no name and infinity if none has."""
        free = (one for one in self.candidate if one not in used)
        distances = {one: self.distance(found) for one in free if (found := self.samples(name, one)) is not None}
        nearest = min(distances, key=lambda one: distances[one], default="")
        return nearest, distances.get(nearest, math.inf)


def is_cache(name: str) -> bool:
    """Whether an output is a key or a value of a decoder, by its name."""
    return name.startswith(CACHE_PREFIXES)


def require_outputs(requested: Sequence[str], available: Sequence[str]) -> None:
    """Raises DataError for the first requested output that is not available."""
    for name in requested:
        if name not in available:
            listing = f"it has {', '.join(f'`{one}`' for one in available)}"
            hint = f"{did_you_mean(name, available)} {listing}".strip()
            raise DataError(f"the model has no output `{name}`", hint=hint)


def match_names(reference: Iterable[str], candidate: Iterable[str]) -> dict[str, str]:
    """Per output of the reference the candidate's of the same name, or in the same position among as many.

    Positions count for a single output, and where the reference's outputs have no names.
    """
    ours, theirs = list(reference), list(candidate)
    unnamed = all(name.startswith(UNNAMED) for name in ours)
    if len(ours) == len(theirs) and (len(ours) == 1 or (unnamed and not set(ours) & set(theirs))):
        return dict(zip(ours, theirs, strict=True))
    return {name: name for name in ours if name in theirs}


def match_outputs_of_runs(
    check: TensorCheck, completed: Sequence[tuple[Batch, Arrays]], candidate: Sequence[str] | None
) -> OutputMatch:
    """Which outputs are compared, by batches with the candidate's outputs, and the candidate's names.

    A candidate that crashes on everything has None for its names, and is taken to have the reference's.
    """
    ours, requested = list(check.determinism.rerun), check.options.outputs
    require_outputs(requested or (), ours)
    if candidate is None:
        return OutputMatch({name: name for name in (ours if requested is None else requested)})
    runners, precision = check.runners, check.runners.precision

    @cache
    def reference_outputs(index: int) -> tuple[Arrays, Arrays]:
        batch = completed[index][0]
        oracle, baseline = (run_reference(one, check.backend, batch) for one in (runners.oracle, runners.baseline))
        return oracle, baseline

    def samples(name: str, theirs: str) -> Samples | None:
        found: list[tuple[Array, Array, Array]] = []
        for index, (batch, outputs) in enumerate(completed[:MATCHING_BATCHES]):
            oracle, baseline = (arrays[name] for arrays in reference_outputs(index))
            if find_form_mismatch(baseline, outputs[theirs]):
                return None
            cuts = [cut for _, cut in check.determinism.layout.row_slices(name, batch)]
            found += [(cut(oracle), cut(baseline), cut(outputs[theirs])) for cut in cuts]
        return found

    by_noise = partial(measure_noise_distance, allowed=precision.allowed, floor=precision.floor)
    distance = by_noise if runners.is_comparable else measure_power_distance
    return match_outputs(ours, candidate, samples, requested=requested, distance=distance)


def match_outputs(
    reference: Sequence[str],
    candidate: Sequence[str],
    samples: SampleSource,
    *,
    requested: Collection[str] | None = None,
    distance: Distance,
) -> OutputMatch:
    """Match outputs by their names; the rest by their values; the reference's first output by its shape if need be.

    `distance` is 0 for equal samples and 1 for the largest difference that the same output may have. An output that
    only one side has is a note. It is a fault where it is `requested`, is a key or value of a decoder that gives
    others, or where the two sides share no output.
    """
    matcher = _Matcher(candidate, samples, distance)
    named = match_names(reference, candidate)
    if requested is not None:
        single = match_names(requested, candidate) if len(requested) == 1 and not named else {}
        return _match_requested(requested, named | single, matcher)
    valued = matcher.match_by_value(reference, named)
    shaped = matcher.match_by_shape(reference, named | valued)
    pairs = {name: found for name in reference if (found := (named | valued | shaped).get(name)) is not None}
    absent = [name for name in reference if name not in pairs]
    surplus = [name for name in candidate if name not in pairs.values()]
    missing = _explain_missing(absent, pairs, candidate)
    left_out = [name for name in absent if name not in missing]
    notes = (*_describe_renamed(named), *_describe_matches(valued, shaped, left_out, surplus))
    return OutputMatch(pairs, missing, notes, tuple(surplus))


def _match_requested(requested: Collection[str], named: Mapping[str, str], matcher: _Matcher) -> OutputMatch:
    """Requested outputs, by name alone: who requests an output relies on its name."""
    pairs = {name: named[name] for name in requested if name in named}
    absent = [name for name in requested if name not in named]
    twins = matcher.match_by_value(absent, named)
    missing = {name: _explain_absence(twins.get(name, ""), name) for name in absent}
    return OutputMatch(pairs, missing, tuple(_describe_renamed(pairs)))


def _explain_absence(twin: str, name: str) -> str:
    if twin:
        return f'the candidate calls it `{twin}`: `outputs = {{ "{twin}" = "{name}" }}` of its backend says so'
    return "the candidate has no such output"


def _explain_missing(absent: Sequence[str], pairs: Mapping[str, str], candidate: Sequence[str]) -> dict[str, str]:
    if absent and not pairs:
        available = f"; it gives {_join_names(candidate)}" if candidate else ""
        return {absent[0]: f"the candidate has no such output{available}"}
    has_caches = any(is_cache(name) for name in pairs)
    return {name: "the candidate has no such output" for name in absent if has_caches and is_cache(name)}


def _describe_renamed(named: Mapping[str, str]) -> Iterator[str]:
    """Outputs that were matched by position although the model names them otherwise."""
    for ours, theirs in named.items():
        if ours != theirs and not ours.startswith(UNNAMED):
            yield f"the file calls `{ours}` by another name, `{theirs}`: a client that asks for `{ours}` gets nothing"


def _describe_matches(
    valued: Mapping[str, str], shaped: Mapping[str, str], absent: Sequence[str], surplus: Sequence[str]
) -> Iterator[str]:
    for ours, theirs in valued.items():
        yield f"`{theirs}` has the numbers of `{ours}`, and is compared with it"
    for ours, theirs in shaped.items():
        yield f"`{theirs}` is compared with `{ours}`, though they share only their shape"
    if absent:
        yield f"the file leaves out {_join_names(absent)}: `outputs` asks for what it has to give"
    if surplus:
        yield f"the file also gives {_join_names(surplus)}, which the model does not: not compared"


def _join_names(names: Sequence[str]) -> str:
    first = ", ".join(f"`{name}`" for name in names[:MAX_NAMES])
    return f"{first} and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else first


def measure_noise_distance(samples: Samples, *, allowed: float, floor: float) -> float:
    """The largest error, in units of `allowed` units of error; integers are infinitely far apart unless they are equal."""
    if any(oracle.dtype.kind != "f" for oracle, _, _ in samples):
        return 0.0 if all(np.array_equal(baseline, found) for _, baseline, found in samples) else math.inf
    error = max((_largest_difference(found, oracle) for oracle, _, found in samples), default=0.0)
    noise = max((_largest_difference(baseline, oracle) for oracle, baseline, _ in samples), default=0.0)
    magnitude = max((_largest_difference(oracle, np.zeros(())) for oracle, _, _ in samples), default=0.0)
    if not error:
        return 0.0
    limit = allowed * float(error_unit(noise, magnitude, floor))
    return error / limit if limit and math.isfinite(error) else math.inf


def measure_power_distance(samples: Samples) -> float:
    """The power of the errors over the largest that the same output may have; for precisions that PyTorch lacks."""
    signal = sum(float(np.square(oracle.astype(np.float64)).sum()) for oracle, _, _ in samples)
    distortion = sum(
        float(np.square(found.astype(np.float64) - oracle.astype(np.float64)).sum()) for oracle, _, found in samples
    )
    if not distortion:
        return 0.0
    return distortion / signal * 10 ** (MIN_SQNR / 10) if signal and math.isfinite(distortion) else math.inf


def _largest_difference(one: Array, other: Array) -> float:
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0))
