"""Backends that take rows of one length in tokens alone: then all backends of a run are given rows of that length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.boundary import check_length
from mqa_registry.contributions import Backend
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.findings import Finding
from mqa_registry.observations import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.execution.live_backend import LiveBackend
    from mqa_registry.suite import Use


def find_fixed_lengths(
    backends: Mapping[str, Use], model_under_test: ModelUnderTest
) -> tuple[dict[str, int], dict[str, Failure]]:
    """The lengths in tokens of the backends that take rows of one length alone, and the failures of others, by name.

    A DataError where two of them take different lengths.
    """
    lengths: dict[str, int] = {}
    failures: dict[str, Failure] = {}
    for name, use in backends.items():
        try:
            length = check_length(
                use.contributor, use.call_method(use.contribution_as(Backend).fixed_length, model_under_test)
            )
        except (ContributionError, NotRunError) as error:
            failures[name] = Failure.of(error)
        else:
            lengths |= {} if length is None else {name: length}
    if len(set(lengths.values())) > 1:
        each = " and ".join(
            f"backend `{name}` takes rows of exactly {length} tokens" for name, length in lengths.items()
        )
        raise DataError(
            each, hint="all backends of a run are given the same rows: hold each against the model in a run"
        )
    return lengths, failures


def with_fixed_length(model_under_test: ModelUnderTest, lengths: Mapping[str, int]) -> ModelUnderTest:
    """The model under test with rows of the length that these backends take, if any."""
    return model_under_test.with_length(next(iter(lengths.values()))) if lengths else model_under_test


def fixed_length_findings(lengths: Mapping[str, int], live: Mapping[str, LiveBackend]) -> Iterator[Finding]:
    """A note for every backend that all rows were padded or truncated for; none where the task did neither."""
    for name, length in lengths.items():
        if name in live and live[name].record.facts.fixed_length == length:
            message = f"it takes rows of exactly {length} tokens: shorter ones are padded and longer ones cut, on every backend"
            yield Finding("note", name, message)
