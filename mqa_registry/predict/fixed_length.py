"""Fixed lengths: backends that take rows of so many tokens and no others, for which all backends of a run get such rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.boundary import checked_length
from mqa_registry.contributions import Backend
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.findings import Finding
from mqa_registry.observations import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.predict.live import LiveBackend
    from mqa_registry.suite import Use


def fixed_lengths(
    backends: Mapping[str, Use], model_under_test: ModelUnderTest
) -> tuple[dict[str, int], dict[str, Failure]]:
    """The backends that take rows of so many tokens and no others, by name; and why some cannot tell.

    A DataError where two of them take different lengths, which no rows have at once.
    """
    found: dict[str, int] = {}
    failed: dict[str, Failure] = {}
    for name, use in backends.items():
        try:
            length = checked_length(
                use.who, use.call_method(use.contribution_as(Backend).fixed_length, model_under_test)
            )
        except (ContributionError, NotRunError) as error:
            failed[name] = Failure.of(error)
        else:
            found |= {} if length is None else {name: length}
    if len(set(found.values())) > 1:
        each = " and ".join(f"backend `{name}` takes rows of exactly {length} tokens" for name, length in found.items())
        raise DataError(
            each, hint="all backends of a run are given the same rows: hold each against the model in a run"
        )
    return found, failed


def of_fixed_length(model_under_test: ModelUnderTest, lengths: Mapping[str, int]) -> ModelUnderTest:
    """The model under test whose rows these backends take."""
    return model_under_test.with_length(next(iter(lengths.values()))) if lengths else model_under_test


def length_findings(lengths: Mapping[str, int], live: Mapping[str, LiveBackend]) -> Iterator[Finding]:
    """Which backends all rows were padded or cut for; none where the task did neither."""
    for name, length in lengths.items():
        if name in live and live[name].facts.get("fixed_length") == length:
            message = f"it takes rows of exactly {length} tokens: shorter ones are padded and longer ones cut, on every backend"
            yield Finding("note", name, message)
