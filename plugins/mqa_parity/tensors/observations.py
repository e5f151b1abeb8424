"""What is observed of each output of each row: its errors, or why it cannot be compared."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_parity.runners import run_reference
from mqa_parity.tensors.channels import IGNORED, classify_rows, find_worst_group, sum_row_errors
from mqa_parity.tensors.output_errors import (
    BROKEN,
    NO_ERROR,
    find_form_mismatch,
    find_rounding_ties,
    find_undefined,
    find_value_mismatch,
    is_out_of_range,
    measure_errors,
)
from mqa_registry import MqaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.runners import DeterminismCheck, Runners
    from mqa_parity.sample_batches import Batch, Row
    from mqa_parity.tensors.channels import GroupError, RowErrors
    from mqa_parity.tensors.output_errors import ErrorStatistics

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Bools: TypeAlias = npt.NDArray[np.bool_]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # null for an output without a row axis
        ("fields", pa.string()),  # the row's texts, as JSON
        ("output", pa.string()),
        ("mismatch", pa.string()),  # what is wrong beyond any tolerance, or empty
        ("elements", pa.int64()),
        *((name, pa.float64()) for name in ("error", "baseline_error", "mean", "p999", "signal", "distortion")),
        *((name, pa.float64()) for name in ("cosine", "magnitude")),
        ("outside", pa.int64()),
        ("ties", pa.int64()),  # integers one step off, where the number that they are rounded from is a tie
        ("rerun", pa.float64()),
        ("floor", pa.float64()),  # of the unit of error, as a share of the magnitude
        ("allowed_units", pa.float64()),  # times the baseline's error, in this precision
        ("row_status", pa.string()),  # of the row among all rows of this output: usual (empty), noisy or ignored
        ("undefined", pa.string()),  # NaN or Inf, where the reference gives such in this row, or empty
        ("group", pa.string()),  # the channel or row of this output that is farthest off, as JSON; in one row at most
        ("candidate_precision", pa.string()),
        ("baseline_precision", pa.string()),  # empty where its error is no unit for the candidate's
        ("reference_name", pa.string()),  # what the reference is: PyTorch, or a file
        ("oracle_problem", pa.string()),  # why its error is not known, or empty
        ("batch_rows", pa.int64()),  # rows in a batch, at most
        ("first_divergence", pa.string()),  # the first divergence, as JSON; in one row at most
        ("notes", pa.string()),  # on what only one side has, as JSON; in one row at most
        ("screened_rows", pa.int64()),  # rows that both sides ran, where all rows were screened; in one row at most
        ("tokens", pa.int64()),  # of the row; null where rows have none
        ("total_rows", pa.int64()),  # rows of the data, of which some were observed
        ("max_tokens", pa.int64()),  # the longest row that the model takes, in tokens; null where it does not say
        ("weights", pa.string()),  # how the candidate's differ from the model's, as JSON; in one row at most
    ]
)


@dataclass(frozen=True, kw_only=True)
class TensorOptions:
    """Which rows and outputs are compared, and what else is found out about a difference.

    `rows` of the view are run, the shortest and the longest among them. `include_rows` are ids of rows that are run in any
    case. `outputs` are outputs of the model, by name, that the candidate must have; left out, every output that both
    sides have is compared. `atol` and `rtol`, as in numpy, give `outside`: how many elements are farther from PyTorch's.
    `weights` compares every initializer of the file with the model's weights, whether a row uses it or not, and each
    that differs counts among the mismatches; what exporters and optimizers make of a weight (transposed, folded, fused,
    quantized, or rounded to the file's precision) does not differ. `screen` runs all other rows of the view once on both
    sides, and observes the 16 whose outputs differ most as well.

    Where there are mismatches, or the ratio is above 10 or undefined, `attribute` finds the module in which the difference
    begins and its root cause (with fewer bits than PyTorch has, the module with a wrong weight, or the one that loses
    most). `reproduction` keeps a script in the store that shows the difference without mqa, with the smallest input that does:
    the numbers of a row of the data.
    """

    rows: Annotated[int, Ge(1)] = 64
    include_rows: list[str] | None = None
    outputs: list[str] | None = None
    atol: Annotated[float, Ge(0)] = 1e-5
    rtol: Annotated[float, Ge(0)] = 1e-3
    attribute: bool = True
    reproduction: bool = False
    weights: bool = True
    screen: bool = False


@dataclass(frozen=True)
class TensorCheck:
    """The runners that are compared, and how. `backend` is the reference's name, `batch_rows` the most in a batch."""

    runners: Runners
    determinism: DeterminismCheck
    backend: str
    options: TensorOptions
    batch_rows: int


@dataclass(frozen=True)
class Observation:
    """One output of one row, or of a whole batch where `row` is None."""

    row: Row | None
    output: str
    mismatch: str = ""
    errors: ErrorStatistics = BROKEN
    row_status: str = ""
    undefined: str = ""
    ties: int = 0
    group: GroupError | None = None

    @property
    def id(self) -> str | None:
        return self.row.id if self.row else None

    def to_record(self) -> dict[str, Any]:
        """The columns of `SCHEMA` that are this observation's own."""
        return {
            "id": self.id,
            "fields": self.row.text if self.row else None,
            "tokens": self.row.tokens if self.row else None,
            "output": self.output,
            "mismatch": self.mismatch,
            "row_status": self.row_status,
            "undefined": self.undefined,
            "ties": self.ties,
            "group": json.dumps(asdict(self.group)) if self.group else None,
            **asdict(self.errors),
        }


def build_table(check: TensorCheck, observations: Sequence[Observation]) -> pa.Table:
    """The observations with the columns of the whole check; what no observation tells is null."""
    runners, rerun = check.runners, check.determinism.rerun
    shared = {
        "floor": runners.precision.floor,
        "allowed_units": runners.precision.allowed,
        "candidate_precision": runners.candidate_precision,
        "baseline_precision": runners.precision.name if runners.is_comparable else "",
        "reference_name": runners.reference_name,
        "oracle_problem": runners.oracle_problem,
        "batch_rows": check.batch_rows,
    }
    records = [one.to_record() | shared | {"rerun": rerun.get(one.output, 0.0)} for one in observations]
    return pa.Table.from_pylist(records, SCHEMA)


def set_columns(table: pa.Table, **columns: pa.Array) -> pa.Table:
    """The table with other columns in place of those of the same names."""
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def set_in_first_row(table: pa.Table, **values: pa.Scalar) -> pa.Table:
    """The table with values in its first row; the others have none."""
    nulls = {name: pa.nulls(table.num_rows - 1, table.schema.field(name).type) for name in values}
    columns = {name: pa.concat_arrays([pa.array([one.as_py()], one.type), nulls[name]]) for name, one in values.items()}
    return set_columns(table, **columns)


def observe_batch(
    check: TensorCheck, batch: Batch, pairs: Mapping[str, str], candidate: Arrays | str
) -> Iterator[tuple[Observation, RowErrors | None]]:
    """Every output of every row of a batch; `candidate` are the candidate's outputs, or the message of its crash.

    `pairs` are the candidate's output names by the reference's.
    """
    runners = check.runners
    oracle, baseline = (run_reference(one, check.backend, batch) for one in (runners.oracle, runners.baseline))
    arrays = (
        {} if isinstance(candidate, str) else {name: (baseline[name], candidate[one]) for name, one in pairs.items()}
    )
    ties = find_rounding_ties(runners, batch.arrays, arrays)
    for name, theirs in pairs.items():
        mismatch = candidate if isinstance(candidate, str) else find_form_mismatch(baseline[name], candidate[theirs])
        for row, cut in check.determinism.layout.row_slices(name, batch):
            if mismatch or isinstance(candidate, str):
                yield Observation(row, name, mismatch), None
            else:
                values = (cut(oracle[name]), cut(baseline[name]), cut(candidate[theirs]))
                yield _observe_row(check, name, row, values, cut(ties[name]) if name in ties else None)


def _observe_row(
    check: TensorCheck, name: str, row: Row | None, values: tuple[Array, Array, Array], ties: Bools | None
) -> tuple[Observation, RowErrors | None]:
    oracle, baseline, candidate = values
    precision = check.runners.precision
    if undefined := find_undefined(oracle, baseline, precision):
        return Observation(row, name, errors=NO_ERROR, row_status=IGNORED, undefined=undefined), None
    if mismatch := find_value_mismatch(oracle, baseline, candidate, precision, ties):
        return Observation(row, name, mismatch), None
    finite = ~is_out_of_range(oracle, precision)
    options = check.options
    errors = measure_errors(oracle[finite], baseline[finite], candidate[finite], atol=options.atol, rtol=options.rtol)
    if row is None or not errors.elements:
        return Observation(row, name, errors=errors, ties=0 if ties is None else int(np.count_nonzero(ties))), None
    positions = [axis - 1 for axis in check.determinism.layout.axes[name]]
    return Observation(row, name, errors=errors), sum_row_errors(row.id, values, finite, positions)


def keep_worst_runs(observations: Sequence[Observation]) -> list[Observation]:
    """Of a row that was run more than once, each output where it is farther off."""
    worst: dict[tuple[str, str | int], Observation] = {}
    for index, one in enumerate(observations):
        key = (one.output, index if one.id is None else one.id)
        if key not in worst or _rank_badness(one) > _rank_badness(worst[key]):
            worst[key] = one
    return list(worst.values())


def _rank_badness(one: Observation) -> tuple[bool, float]:
    return bool(one.mismatch), one.errors.error


def add_groups(
    observations: Sequence[Observation], parts: Mapping[str, Sequence[RowErrors]], runners: Runners
) -> list[Observation]:
    """The same with the status of each row; the first usual row of each output has its worst channel or row."""
    updated = list(observations)
    for name, rows in parts.items():
        statuses = classify_rows(rows, runners.precision)
        compared = [index for index, one in enumerate(updated) if one.output == name and not one.mismatch]
        for index in compared:
            one = updated[index]
            updated[index] = replace(one, row_status=one.row_status or statuses.get(one.id or "", ""))
        usual = next((index for index in compared if not updated[index].row_status), None)
        worst = find_worst_group(rows, runners.precision) if runners.is_comparable else None
        if usual is not None and worst is not None:
            updated[usual] = replace(updated[usual], group=worst)
    return updated


def require_defined_reference(check: TensorCheck, observations: Sequence[Observation]) -> None:
    """Raises MqaError where the reference gives NaN or Inf for an output in most rows: the others would not suffice."""
    for name in dict.fromkeys(one.output for one in observations):
        rows = [one for one in observations if one.output == name]
        undefined = [one for one in rows if one.undefined]
        if 2 * len(undefined) > len(rows):
            where = "for a batch" if undefined[0].id is None else f"for row `{undefined[0].id}`"
            more = f" and {len(undefined) - 1:,} more of {len(rows):,}" if len(undefined) > 1 else ""
            raise MqaError(
                f"backend `{check.backend}` gives {undefined[0].undefined} in `{name}` {where}{more},"
                f" in float64 or in {check.runners.precision.name}",
                hint="no candidate can be compared with that; does the model support such rows, and that precision?",
            )
