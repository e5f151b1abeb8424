"""Integers that were rounded from numbers with a fraction, and may lie one step off where such a number is a tie.

The last bit of an image's pixel says on which side of a half its brightness lies, and two sound runtimes may put that on
either side. So a step is let go where the reference's number in float64 lies no further from the threshold than a sound
candidate may lie from that number. Labels and indices are rounded from nothing, and get no step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.trio import Trio

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]


@runtime_checkable
class Rounding(Protocol):
    """A reference that shows what its outputs of integers were rounded from, and whether a step is at a half."""

    def unrounded(self, batch: Mapping[str, Array]) -> Mapping[str, tuple[Array, bool]]: ...


def ties_of(three: Trio, arrays: Mapping[str, Array], pairs: Mapping[str, tuple[Array, Array]]) -> dict[str, Bools]:
    """Per output the integers that lie one step off at a tie; `pairs` are the reference's and the candidate's outputs.

    None of an output that differs nowhere, and none where the reference does not show what it rounded.
    """
    differing = [
        name
        for name, (peer, found) in pairs.items()
        if peer.dtype.kind in "iu" and peer.shape == found.shape and (peer != found).any()
    ]
    if not differing or not isinstance(three.exact, Rounding) or not isinstance(three.peer, Rounding):
        return {}
    exact, peer = three.exact.unrounded(arrays), three.peer.unrounded(arrays)
    return {
        name: _ties(exact[name][0], peer[name][0], pairs[name], three, at_half=exact[name][1])
        for name in differing
        if name in exact and name in peer and exact[name][0].shape == pairs[name][0].shape
    }


def _ties(exact: Array, peer: Array, pair: tuple[Array, Array], three: Trio, *, at_half: bool) -> Bools:
    form = three.form
    noise = float(np.abs(peer - exact).max(initial=0.0))
    reach = form.allowed * np.maximum(noise, form.floor * np.abs(exact))
    lower, upper = (np.asarray(side(*pair), np.float64) for side in (np.minimum, np.maximum))
    threshold = (lower + upper) / 2 if at_half else np.rint(exact)
    free = (exact != threshold) | at_half  # what is a whole number already was rounded before, and not here
    return np.asarray((upper - lower == 1) & (np.abs(exact - threshold) <= reach) & free)
