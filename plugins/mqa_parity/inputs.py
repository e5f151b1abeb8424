"""The probe `parity/inputs`: whether a deployment feeds a model with what the model's own processor makes of the same rows."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from mqa_parity.deployed_arrays import read_deployed_arrays
from mqa_parity.examples import read_floats, select_worst_rows
from mqa_parity.input_differences import encode_fed, explain_differences, measure_difference, select_fed
from mqa_parity.sampling import require_codec, serialize_texts
from mqa_registry import DataError, Evidence, NotRunError, Probe, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_parity.deployed_arrays import DeployedArrays
    from mqa_parity.input_differences import Arrays, Feed
    from mqa_registry import EncodedRow, ProbeContext

ROW, EXPLANATION = "row", "explanation"  # kinds of lines of the table
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "id", "fields", "input", "shapes", "text")),
        ("difference", pa.float64()),
        ("is_equal", pa.bool_()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class InputsOptions:
    """What the deployment does: one of `processor` and `arrays`.

    `processor` is a folder with the deployment's processor, such as its `preprocessor_config.json`. `arrays` is a `.npz` of
    what the deployment fed the model with: an array `id` of the rows' ids, and for each input of the model, by its name, an
    array whose first axis counts the rows; of a row that is fed in parts, such as windows, it has each part, in their order.
    `rows` of the view are compared. Inputs are equal within `tolerance`, integers exactly; of normalized images a grey level
    is about 0.015.
    """

    processor: Path | None = None
    arrays: Path | None = None
    rows: Annotated[int, Ge(1)] = 16
    tolerance: Annotated[float, Ge(0.0)] = 1e-3

    def __post_init__(self) -> None:
        if (self.processor is None) == (self.arrays is None):
            raise DataError(
                "`parity/inputs` needs one of `processor` and `arrays`",
                hint="`processor` is a folder with the deployment's, `arrays` a `.npz` of what it fed the model with",
            )


@dataclass(frozen=True)
class Line:
    """One input of a row, or of a part of one, compared; or a way to make inputs that makes `is_equal` rows equal, in words."""

    kind: str
    id: str = ""
    fields: str = ""
    input: str = ""
    shapes: str = ""
    text: str = ""
    difference: float = 0.0
    is_equal: bool = True


class InputParity(Probe[InputsOptions]):
    """How many rows a deployment feeds a model with otherwise than the model's own processor does.

    `value` is how many of the compared rows have an input that differs, `difference` the largest difference of any number,
    infinite where shapes differ. The report says which change of the preprocessing makes the inputs equal: another mean,
    deviation, scale, kernel of resizing or crop, BGR in place of RGB, or the settings in which two processors differ; of
    texts another case, length or tokenizer. A row that is fed in parts, such as windows, is compared part by part.
    """

    name = "inputs"
    inputs = "rows"
    encodes = True
    outputs = ("value", "difference")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))
    text_columns = ("fields",)

    def columns(self, options: InputsOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: InputsOptions) -> pa.Table:
        """A line for each input of each row, and one for what explains the differences."""
        codec = require_codec(context)
        deployed = None if options.arrays is None else read_deployed_arrays(options.arrays, in_parts=codec.splits)
        rows = list(context.encode(context.view.take(_draw_positions(context, options, deployed))))
        examples = [row.example for row in rows]
        other = None if options.processor is None else codec.with_processor(options.processor)
        theirs: Sequence[Feed]
        if deployed is not None:
            theirs = [deployed.row(row.id, codec.padding_mask) for row in rows]
        elif other is None:
            raise NotRunError("the task has no processor that another could take the place of")
        else:
            theirs = encode_fed(other, examples)
        own = [select_fed(codec, row.arrays) for row in rows]
        lines = [
            line
            for row, fed, given in zip(rows, own, theirs, strict=True)
            for line in _compare_row(row, fed, given, options.tolerance)
        ]
        if any(not line.is_equal for line in lines):
            found = explain_differences(codec, other, examples, theirs, options.tolerance)
            lines += [Line(EXPLANATION, text=found)] if found else []
        return pa.Table.from_pylist([asdict(line) for line in lines], SCHEMA)

    def numbers(self, table: pa.Table) -> dict[str, float]:
        """How many rows differ, and how far."""
        rows = [line for line in table.to_pylist() if line["kind"] == ROW]
        different = {line["id"] for line in rows if not line["is_equal"]}
        return {"value": float(len(different)), "difference": max((line["difference"] for line in rows), default=0.0)}

    def evidence(self, table: pa.Table) -> Evidence:
        """What explains the differences, and the rows that differ most."""
        lines = table.to_pylist()
        rows = {line["id"] for line in lines if line["kind"] == ROW}
        different = {line["id"] for line in lines if not line["is_equal"]}
        if not different:
            return Evidence(notes=(f"all inputs of {len(rows)} rows are equal",))
        explanations = [line["text"] for line in lines if line["kind"] == EXPLANATION]
        remark = explanations[0] if explanations else "no single change of the preprocessing explains it"
        shown = table.filter(pc.equal(table["kind"], ROW))
        badness = np.where(
            np.asarray(shown["is_equal"].to_numpy(zero_copy_only=False)), 0.0, read_floats(shown, "difference")
        )
        return Evidence(
            remarks=(f"{len(different)} of {len(rows)} rows are fed otherwise: {remark}",),
            examples=select_worst_rows(shown, badness, ("input", "difference", "shapes")),
            details={"explanation": remark},
        )


def _draw_positions(context: ProbeContext, options: InputsOptions, deployed: DeployedArrays | None) -> list[int]:
    """The positions of the rows that are compared: drawn by the seed, of those that the deployment kept."""
    ids = context.view.rows.ids
    known = np.arange(len(ids))
    if deployed is not None:
        known = np.flatnonzero(np.asarray(pc.is_in(ids, value_set=pa.array([*deployed.positions], ids.type)), bool))
        if not len(known):
            raise DataError(
                f"`{options.arrays}` has none of the rows", hint="its array `id` has the ids of the data set"
            )
    return sorted(context.rng.permutation(known)[: options.rows].tolist())


def _compare_row(row: EncodedRow, own: Feed, theirs: Feed, tolerance: float) -> Iterator[Line]:
    """A line for each input of each part of a row; one for all of them where there are other numbers of parts."""
    fields = serialize_texts(row.example)
    if len(own) != len(theirs):
        shapes = f"{counted(len(theirs), 'part')} in place of {len(own)}"
        yield Line(ROW, row.id, fields, ", ".join(own[0]), shapes, difference=math.inf, is_equal=False)
        return
    for number, (part, given) in enumerate(zip(own, theirs, strict=True), 1):
        where = f" of part {number}" if len(own) > 1 else ""
        for line in _compare_part(part, given, tolerance):
            yield replace(line, id=row.id, fields=fields, input=f"{line.input}{where}")


def _compare_part(own: Arrays, theirs: Arrays, tolerance: float) -> Iterator[Line]:
    for name in dict.fromkeys([*own, *theirs]):
        if name not in theirs or name not in own:
            side = "the deployment" if name not in theirs else "the model's own processor"
            yield Line(ROW, input=name, shapes=f"not given by {side}", difference=math.inf, is_equal=False)
            continue
        one, other = own[name], theirs[name]
        difference = measure_difference(one, other)
        is_equal = difference <= (tolerance if one.dtype.kind == "f" else 0.0)
        shapes = "" if one.shape == other.shape else f"{other.shape} in place of {one.shape}"
        yield Line(ROW, input=name, shapes=shapes, difference=difference, is_equal=is_equal)
