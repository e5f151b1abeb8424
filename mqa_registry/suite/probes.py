"""Whether a check of a probe makes sense: what it sees is there, and its bounds mean something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.contributions import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.suite.question import Draft
    from mqa_registry.suite.world import Complaint, Rule, World


def _one_number_of_all_rows(draft: Draft, world: World) -> Iterator[Complaint]:
    """A probe is no function of rows that could be asked again of some of them."""
    if not draft.sees:
        return
    if "by" in draft.given:
        message = f"the probe `{draft.measured}` sees all rows at once, and `by` cuts them into groups"
        yield draft.given["by"], message, "take `by` out"
    words = ("min_rows", "max_gap", "min_ratio", *(() if draft.compares else ("max_drop", "max_rise")))
    for word in words:
        if node := draft.bound(word):
            yield node, f"`{word}` means nothing for the probe `{draft.measured}`", "bound it with `min` or `max`"


def _runs_something(draft: Draft, world: World) -> Iterator[Complaint]:
    if draft.sees != "runner":
        return
    for backend in world.backends_of(draft):
        use = world.backends.get(backend)
        if use is not None and isinstance(use.contribution, Replay):
            message = (
                f"the probe `{draft.measured}` runs the model, and `{backend}` brings what was predicted elsewhere"
            )
            yield draft.given["measure"], message, "choose other backends with `on`"
            return


def _rows_of_no_backend(draft: Draft, world: World) -> Iterator[Complaint]:
    if draft.sees != "rows":
        return
    if "on" in draft.given:
        message = f"the probe `{draft.measured}` sees rows alone, and no backend"
        yield draft.given["on"], message, "take `on` out"
    against = draft.against
    if draft.compares and not (against and (against.data or against.undisturbed)):
        message = f"the probe `{draft.measured}` holds two sets of rows against each other"
        yield draft.given["measure"], message, 'name the other, as in `against = { data = "train" }`'


PROBE_RULES: tuple[Rule, ...] = (_one_number_of_all_rows, _runs_something, _rows_of_no_backend)
