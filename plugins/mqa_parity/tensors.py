"""The probe `parity/tensors`: every output, row by row, against the reference in float64."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_parity.caches import Caching, as_given
from mqa_parity.culprit import culprit
from mqa_parity.file_notes import file_notes
from mqa_parity.mismatches import unlike
from mqa_parity.pairing import Pairing, noise_apart, pair_outputs, power_apart, refuse_unknown
from mqa_parity.ratios import differs
from mqa_parity.records import SCHEMA, Asked, Trial, held_rows, record_of, refuse_undefined, with_groups, worst_runs
from mqa_parity.sampling import (
    TOGETHER,
    alone,
    batch_of,
    batched,
    codec_of,
    fitting,
    in_company,
    longest_of,
    rows_of,
    sample,
    telling,
)  # fmt: skip
from mqa_parity.screening import parting_rows
from mqa_parity.steady import answered, attempted, surveyed
from mqa_parity.trio import trio, trusted
from mqa_parity.weight_comparison import compare_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.channels import Part
    from mqa_parity.pairing import Parts
    from mqa_parity.sampling import Batch, Row
    from mqa_parity.trio import Trio
    from mqa_registry import Scene

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Record: TypeAlias = dict[str, Any]

PAIRED_BY = 2  # batches whose values tell which output is which: the first two, which differ in rows and positions


def tensors(
    scene: Scene,
    *,
    rows: Annotated[int, Ge(1)] = 64,
    including: list[str] | None = None,
    outputs: list[str] | None = None,
    atol: Annotated[float, Ge(0)] = 1e-5,
    rtol: Annotated[float, Ge(0)] = 1e-3,
    blame: bool = True,
    repro: bool = False,
    weights: bool = True,
    screen: bool = False,
) -> pa.Table:
    """How far each output lies from PyTorch's in float64, against how far PyTorch itself does in the same precision.

    `rows` of the view are run, the shortest, the longest and those `including` names by id among them, in padded
    batches; padding is left out. The shortest, the longest and one between them are run by themselves too. `outputs`
    are those of the model that the candidate must have, by their names. Left out, what both give is held: outputs are
    matched by name, then by value, and one that only one side gives is a remark. Keys and values of a decoder are among
    them where the candidate gives them, and then all of them. `ratio` needs no tolerance: it is the largest error of an
    output over PyTorch's own, of the whole output, of each channel and of each row, in units such that 10 is a bound
    for every model and precision: 10 times PyTorch's error in float32, 4 times in 16 bits, more in a channel or row of
    few numbers. It is undefined where PyTorch has no such precision. A row in which PyTorch itself has lost more than
    half of its digits, and that is far noisier than others, is named and decides nothing. Where the reference is an
    ONNX file, it takes PyTorch's part: a copy of it with wider numbers is float64, and there is no ratio where it has
    no such copy, or another precision. A fixed tolerance, `atol` and `rtol` as in numpy, gives `outside`: how many
    elements lie further from PyTorch's. `mismatches` counts what no tolerance may cover, after which every other number
    is infinitely bad: NaN, Inf, another shape or type, an output that is asked for and not there, a crash. Where there
    are any, or the ratio is above 10 or undefined, `blame` finds out which module of the model differs first, and whose
    fault that is (of fewer bits than PyTorch has, which one has a wrong weight, else where they cost most); `repro`
    keeps a script in the store that shows it without mqa, with the smallest input that does: the numbers of a row of
    the data. Where memory runs out, fewer rows are run together. `weights`: every initializer of the file is held
    against the model's weights, whether a row makes use of it or not, and each that differs counts among the
    `mismatches`; what exporters and optimizers make of a weight, transposed, folded, fused, quantized or rounded to the
    file's precision, does not differ. `screen` runs all other rows of the view once by PyTorch in the candidate's
    precision and by the candidate, and looks at the 16 whose outputs part most as well.
    """
    assert scene.reference is not None
    compared = compare_weights(scene.reference.runner, scene.view.runner) if weights else ""
    asked = Asked(outputs, atol, rtol, blame, _store(scene) if repro else None, screen)
    with trio(scene.reference, scene.view) as three:
        drawn = sample(scene, rows, including or ())
        most = TOGETHER if scene.batching.takes_batches else 1
        found = fitting(lambda together: _looked(scene, three, drawn, asked, together), most)
    told = {
        "weights": pa.array([compared, *[None] * (found.num_rows - 1)], pa.string()),
        "of_rows": pa.array([scene.view.rows.table.num_rows] * found.num_rows, pa.int64()),
        "of_longest": pa.array([longest_of(scene)] * found.num_rows, pa.int64()),
    }
    for name, column in told.items():
        found = found.set_column(found.schema.get_field_index(name), name, column)
    return found


def check_outputs(scene: Scene, *, outputs: list[str] | None = None) -> None:
    """A DataError where an output is asked for that the model does not have, by what it gives for one row."""
    if not outputs:
        return
    assert scene.reference is not None
    runner, codec = scene.reference.runner, codec_of(scene)
    if isinstance(runner, Caching):
        runner = runner.caching(outputs)
    refuse_unknown(outputs, list(answered(runner, scene.reference.backend, batch_of(codec, sample(scene, 1)))))


def _looked(scene: Scene, three: Trio, drawn: Sequence[Row], asked: Asked, together: int) -> pa.Table:
    """Everything that is held of these rows, so many of them in a batch at most."""
    assert scene.reference is not None
    codec = codec_of(scene)
    budget = min(three.peer.budget, three.candidate.budget) // 2  # float64 takes twice the room
    batches = list(batched(codec, drawn, budget, together))
    batches += alone(codec, drawn, batches)
    batches += in_company(codec, drawn, batches, together)
    given = [attempted(three.candidate, batch) for batch in batches]
    found = next((outputs for outputs in given if isinstance(outputs, Mapping)), None)
    three = three if found is None else as_given(three, found)
    survey = surveyed(three.peer, scene.reference.backend, telling(codec, drawn, batches), three.form.eps)
    three = trusted(three, batches[0].arrays)
    trial = Trial(three, survey, scene.reference.backend, asked, together)
    pairing = _pairing(trial, batches, given, found)
    if asked.screen:
        parting, compared = parting_rows(scene, trial, pairing.pairs, drawn, budget)
        more = list(batched(codec, rows_of(scene, parting), budget, together)) if parting else []
        batches, given = [*batches, *more], [*given, *(attempted(three.candidate, batch) for batch in more)]
    records = [record_of(trial, name, None, why) for name, why in pairing.missing.items()]
    parts: dict[str, list[Part]] = {}
    for batch, answer in zip(batches, given, strict=True):
        for record, part in held_rows(trial, batch, pairing.pairs, answer):
            records.append(record)
            if part is not None:
                parts.setdefault(record["output"], []).append(part)
    records = with_groups(worst_runs(records), parts, three)
    refuse_undefined(trial, records)
    if asked.blame and differs(pa.Table.from_pylist(records, SCHEMA)):
        known = (
            None if found is None else pairing
        )  # what a file that always crashes calls its outputs shows in no answer
        records[0]["blame"] = culprit(three, batches, codec.mask, three.form.allowed, asked.place, pairing=known)
    notes = [*pairing.notes, *file_notes(three.peer, three.candidate), *_mode(scene)]
    records[0]["compared"] = len(drawn) + compared if asked.screen else None
    told = {"notes": notes, "unheld": pairing.unheld, "unvaried": list(_unvaried(batches))}
    records[0]["notes"] = json.dumps(told)
    return pa.Table.from_pylist(records, SCHEMA)


def _store(scene: Scene) -> Path | None:
    return scene.subject.conditions.exports.parent / "repro" if scene.subject else None


def _pairing(trial: Trial, batches: Sequence[Batch], given: Sequence[Arrays | str], found: Arrays | None) -> Pairing:
    """Which outputs are held; a candidate that crashes on everything is taken to have the reference's."""
    ours, asked = list(trial.survey.rerun), trial.asked.outputs
    refuse_unknown(asked or (), ours)
    if found is None:
        return Pairing({name: name for name in (ours if asked is None else asked)})
    seen = [(batch, answer) for batch, answer in zip(batches, given, strict=True) if isinstance(answer, Mapping)]
    exact, peer, form = trial.three.exact, trial.three.peer, trial.three.form

    @cache
    def known(place: int) -> tuple[Arrays, Arrays]:
        batch = seen[place][0]
        return answered(exact, trial.reference, batch), answered(peer, trial.reference, batch)

    def compared(name: str, theirs: str) -> Parts | None:
        parts: list[tuple[Array, Array, Array]] = []
        for place, (batch, answer) in enumerate(seen[:PAIRED_BY]):
            double, single = (outputs[name] for outputs in known(place))
            if unlike(single, answer[theirs]):
                return None
            cuts = [cut for _, cut in trial.survey.layout.parts(name, batch)]
            parts += [(cut(double), cut(single), cut(answer[theirs])) for cut in cuts]
        return parts

    near = partial(noise_apart, bound=form.allowed, floor=form.floor) if trial.three.matched else power_apart
    return pair_outputs(ours, list(found), compared, asked=asked, same=near)


def _unvaried(batches: Sequence[Batch]) -> Iterator[str]:
    """The inputs of integers that have one value throughout: what becomes of any other nobody saw."""
    for name, array in batches[0].arrays.items():
        arrays = [np.asarray(batch.arrays[name]) for batch in batches]
        integers = array.dtype.kind in "biu" and sum(one.size for one in arrays) > 1
        if integers and all(
            one.size and (one == one.flat[0]).all() and one.flat[0] == arrays[0].flat[0] for one in arrays
        ):
            yield name


def _mode(scene: Scene) -> Iterator[str]:
    """That the model was not in evaluation mode before, which whoever exports or serves it may miss."""
    if mode := scene.subject and scene.subject.model.about.get("mode"):
        yield f"the model runs in {mode}"
