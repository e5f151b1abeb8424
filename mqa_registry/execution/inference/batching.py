"""Batching: how the rows of a run are put into batches, alike on every backend.

Rows are batched by the rule with which predictions do not depend on the batch. Where a backend takes rows of one length
in tokens alone, all backends are given rows of that length.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from mqa_registry.boundary import check_length
from mqa_registry.contributions import Backend, Batching, shapes
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.execution.inference.invariance import batch_invariance, shift_of_padding
from mqa_registry.execution.model_building import take_evenly
from mqa_registry.findings import Finding
from mqa_registry.observations import Failure
from mqa_registry.types import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.execution.inference.live_backend import LiveBackend
    from mqa_registry.execution.resources import Resources
    from mqa_registry.suite import Use
    from mqa_registry.types import Example, Rows

FORMAT = b"2"  # increases when the rule would be measured otherwise
SAMPLE_ROWS = 32  # of which a few are run
RULE_TEXTS = {"equal length": "in batches of rows of equal length, without padding", "single": "one at a time"}


# The batching rule.


@dataclass(frozen=True)
class RunBatching:
    """The batching rule of one run.

    `backend` is the backend that it was measured on; `remarks` are those of its codec, for the report.
    """

    batching: Batching = field(default_factory=Batching)
    backend: str = ""
    remarks: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """Warnings for the report: that the rule is not the usual one, and the remarks."""
        if self.batching.rule != "padded":
            yield batching_finding(self.backend, self.batching)
        yield from (Finding("warning", "model", remark) for remark in self.remarks)


def batching_finding(backend: str, batching: Batching) -> Finding:
    """The warning that predictions depend on the batch, with the rule that avoids it."""
    message = f"predictions depend on the batch: {batching.reason}; rows are run {RULE_TEXTS[batching.rule]}, on every backend"
    hint = "serve it like that, or find out why: `padding_side`, `pad_token_id` and position ids are the usual causes"
    return Finding("warning", backend, message, hint)


def measure_batching(live: Iterable[LiveBackend], rows: Rows, resources: Resources) -> RunBatching:
    """The batching rule by the first of these backends that can be opened, from the store if it was measured before.

    `rows` are unperturbed rows to measure it on.
    """
    store = resources.store
    sample = take_evenly(rows, SAMPLE_ROWS)
    for backend in live:
        keys = _keys(backend, sample)
        stored = [] if resources.fresh else [facts for key in keys if (facts := store.get_facts(key))]
        if stored:
            return RunBatching(Batching(**stored[0]["batching"]), backend.name, tuple(stored[0]["remarks"]))
        backend.open(resources)
        if backend.runner is None:
            continue
        resources.progress.stage("measuring whether predictions depend on the batch")
        encoded = _encode_sample(backend, sample)
        batching = batch_invariance(backend.codec, encoded, backend.run, backend.runner.facts)
        if batching is None:
            return RunBatching(backend=backend.name)
        remarks = (*backend.codec.remarks, *_padding_remarks(backend, sample))
        for_these_rows = len({shapes(row) for row in encoded}) == 1  # padding was not seen
        # Opening the backend may have changed its digest, and so its keys: a run that does not open it finds the former.
        for key in {keys[for_these_rows], _keys(backend, sample)[for_these_rows]}:
            store.put_facts(key, {"batching": asdict(batching), "remarks": remarks})
        return RunBatching(batching, backend.name, remarks)
    return RunBatching()


def _padding_remarks(backend: LiveBackend, sample: Sequence[Example]) -> Iterator[str]:
    """A remark where a row padded to a fixed length is predicted otherwise than the row without padding."""
    if backend.codec.length is None or backend.runner is None:
        return
    codec = backend.model_under_test.with_length(None).codec
    shift = shift_of_padding(codec, backend.codec, sample, backend.run, backend.runner.facts)
    if shift:
        yield f"predictions depend on padding: {shift} when a row is padded to {backend.codec.length} tokens, as all are"


def _keys(backend: LiveBackend, sample: Sequence[Example]) -> tuple[bytes, bytes]:
    """The keys of a measured rule in the store: for any rows, and for this sample alone, where all rows have one length."""
    for_any_rows = hashlib.blake2b(b"batching" + FORMAT + backend.digest, digest_size=16)
    for_sample = for_any_rows.copy()
    for example in sample:
        for_sample.update(fingerprint(example))
    return for_any_rows.digest(), for_sample.digest()


def _encode_sample(backend: LiveBackend, sample: Sequence[Example]) -> list[Encoded]:
    """The encoded rows or their parts, with those of the task's sample where all have one length.

    None where the task fails on them.
    """
    codec, task_sample = backend.codec, backend.model_under_test.task.sample
    try:
        rows = codec.encode_parts(sample)
        if task_sample and len({shapes(row) for row in rows}) == 1:
            rows += [row for row in codec.encode_parts(task_sample) if row.keys() == rows[0].keys()]
    except (DataError, ContributionError):  # predicting the rows of the run fails too, and reports it
        return []
    return rows


# Rows of one length.


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
