"""The suite that compares one ONNX file with its model, or with another file, and the rows that it names.

The rows that it names are those that both sides predict differently, or whose probabilities differ more than elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import ParityOptions, ResolvedRows, RowSources, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from mqa_registry import Predictions, ResolvedModel

ONNX_FILE, SESSION = "onnx/file", "onnxruntime/session"
ESTIMATORS = ("tabular/skops", "tabular/joblib", "tabular/xgboost")  # sources of models that PyTorch does not run
# The name and the contribution of the backend that runs the model of a source.
REFERENCES = {
    ONNX_FILE: ("reference", SESSION),
    **dict.fromkeys(ESTIMATORS, ("estimator", "tabular/estimator")),
}
PYTORCH = ("torch", "transformers/torch")  # of any other source
ROW_SOURCES = RowSources(
    sample="datasets/sentences", table="datasets/file", arrays="datasets/arrays", folder="datasets/folder"
)
TENSORS, FLIPS, INVARIANCE = "parity/tensors", "parity/flip-rate", "parity/invariance"
CANDIDATE = "onnx"  # the name of the backend that runs the file
MAX_FLIP_RATE = 0.01
MAX_RATIO = 10.0  # of the file's error to that of PyTorch, both against float64
# How much outputs may change with the batch of a row. The check is not critical: int8's scale depends on all rows of a
# batch, and some models read padding. Outputs of sound exports of 26 architectures change by 9 roundings at most.
BATCH_INVARIANCE = {
    "name": "invariance",
    "measure": {"use": INVARIANCE, "rows": 4},
    "expect": {"max": 200},
    "critical": False,
}
MAX_ADDED_ROWS = 32
MIN_SHIFT = 1e-3  # of a probability: no rounding of a sound file moves one so far in float32
USUAL_QUANTILE, FAR_FACTOR = 0.9, 10.0  # a row is far where it moves so many times as far as most rows


@dataclass(frozen=True)
class Pair:
    """A model and the ONNX file that is compared with it, and the rows that both run.

    Without a `file`, the model is exported on the way. `has_decisions` says whether the task's predictions are decisions,
    which can flip. Raises a UsageError where the options are of no such pair.
    """

    model: ResolvedModel
    file: Path | None
    rows: ResolvedRows = field(default_factory=lambda: ResolvedRows({"use": ROW_SOURCES.sample}))
    options: ParityOptions = field(default_factory=ParityOptions)
    has_decisions: bool = False

    def __post_init__(self) -> None:
        of_file = {name: getattr(self.options, name) for name in ("input", "constant", "batch_axis")}
        if self.file is None and (given := next((name for name, value in of_file.items() if value), "")):
            raise UsageError(f"`{given}` is about the inputs of a file, and none is named", hint="leave it out")

    @property
    def reference(self) -> str:
        """The name of the backend that the file is compared with."""
        return REFERENCES.get(self.model.source, PYTORCH)[0]

    def build_suite(self, criteria: Criteria) -> dict[str, Any]:
        """The tables of the suite that compares them by some criteria."""
        return {
            "format": 1,
            "name": f"parity of {self.file.name if self.file else 'an export'}",
            "model": self.model.table,
            "data": {"rows": dict(self.rows.table)},
            "backends": {self.reference: self._reference_table(), CANDIDATE: self._candidate_table()},
            "check": self._check_tables(criteria),
        }

    def _reference_table(self) -> dict[str, Any]:
        """The backend of the reference: the library of the model, or another file with the same interface."""
        _, use = REFERENCES.get(self.model.source, PYTORCH)
        return {"use": use, **(self._interface() if use == SESSION else {})}

    def _candidate_table(self) -> dict[str, Any]:
        """The backend that runs the file, or an export of the model."""
        options = self.options
        settings = {
            "path": self.file and str(self.file),
            "providers": options.provider and [options.provider],
            "precision": options.precision,
            "opset": options.opset,
        }
        return {"use": SESSION, **{name: one for name, one in settings.items() if one is not None}, **self._interface()}

    def _interface(self) -> dict[str, Any]:
        """What the file calls its inputs and outputs, as options of a backend that runs it, without those that are empty."""
        options = self.options
        renamed = dict(options.outputs) if isinstance(options.outputs, Mapping) else {}
        interface = {
            "inputs": dict(options.input),
            "constants": dict(options.constant),
            "batch_axis": dict(options.batch_axis),
            "outputs": {own: name for own, name in renamed.items() if own != name},
        }
        return {name: value for name, value in interface.items() if value}

    def _check_tables(self, criteria: Criteria) -> list[dict[str, Any]]:
        tensors: dict[str, Any] = {"use": TENSORS} | ({"reproduction": True} if self.options.reproduction else {})
        tensors |= {} if self.has_decisions else {"screen": True}  # no predictions would tell which rows differ
        tensors |= {"include_rows": list(criteria.include_rows)} if criteria.include_rows else {}
        outputs = self.options.outputs
        required = list(outputs.values() if isinstance(outputs, Mapping) else outputs)
        tensors |= {"outputs": required} if required else {}
        expect: dict[str, Any] = {"mismatches": {"max": 0}, "ratio": {"max": MAX_RATIO}}
        if self.options.tolerance is not None:
            atol, rtol = self.options.tolerance
            tensors |= {"atol": atol, "rtol": rtol}
            expect = {"mismatches": {"max": 0}, "outside": {"max": 0}}
        elif criteria.by_decisions:
            expect = {"mismatches": {"max": 0}}
        checks: list[dict[str, Any]] = [{"name": "tensors", "measure": tensors, "expect": expect}]
        if self.has_decisions:
            # Noise changes the order of many candidates somewhere, and hardly ever the first.
            measure = {"use": FLIPS, "k": 1} if self.model.schema == "ranking" else FLIPS
            flips = {"measure": measure, "expect": {"max": MAX_FLIP_RATE}}
            checks.append({"name": "flips", **flips, "critical": criteria.by_decisions or criteria.by_predictions})
        both = {"on": [self.reference, CANDIDATE], "critical": criteria.by_invariance}
        return [*checks, BATCH_INVARIANCE | both]


@dataclass(frozen=True)
class Criteria:
    """What a file is judged by besides its tensors, as a first run suggests.

    `by_decisions`: hardly any decision may flip, which replaces the bound on the ratio. `by_predictions`: the file must
    predict every row. `by_invariance`: outputs without a counterpart in the reference may not change with the batch that
    a row is in. `include_rows` are ids of rows whose tensors are compared in any case.
    """

    by_decisions: bool = False
    by_predictions: bool = False
    by_invariance: bool = False
    include_rows: tuple[str, ...] = ()


def find_disagreeing_rows(reference: Predictions | None, candidate: Predictions | None) -> tuple[str, ...]:
    """The ids of such rows, at most 32: those without a prediction first, then those that the reference is surest of."""
    if reference is None or candidate is None:
        return ()
    from mqa_parity.flips import flip_rate

    has_one = ~(reference.missing & candidate.missing)
    rows = [int(row) for row in (flip_rate(reference, candidate) & has_one).nonzero()[0]]
    probabilities = reference.probabilities
    sureness = probabilities.max(axis=1) if probabilities is not None else [0.0] * len(reference)
    rows.sort(key=lambda row: (not candidate.missing[row], -sureness[row]))
    return tuple(reference.ids[row].as_py() for row in rows[:MAX_ADDED_ROWS])


def find_shifted_rows(reference: Predictions | None, candidate: Predictions | None) -> tuple[str, ...]:
    """The ids of rows predicted alike with probabilities that differ more than elsewhere, the farthest first.

    At most 32, those without a prediction and those predicted differently counted.
    """
    import numpy as np

    p, q = (None if one is None else one.probabilities for one in (reference, candidate))
    if reference is None or p is None or q is None or p.shape != q.shape or not len(p):
        return ()
    moves = np.nan_to_num(np.abs(p - q).max(axis=1, initial=0.0))
    far = np.flatnonzero(moves > max(MIN_SHIFT, FAR_FACTOR * float(np.quantile(moves, USUAL_QUANTILE, method="lower"))))
    disagreeing = find_disagreeing_rows(reference, candidate)
    ids = [reference.ids[int(row)].as_py() for row in far[np.argsort(-moves[far], kind="stable")]]
    return tuple(name for name in ids if name not in disagreeing)[: MAX_ADDED_ROWS - len(disagreeing)]


def find_uncovered_classes(reference: Predictions | None, compared: Collection[str]) -> tuple[str, ...]:
    """The classes that the reference predicts for some rows, but for none of the `compared` ones."""
    if reference is None or reference.schema not in ("label", "labels"):
        return ()
    pairs = zip(reference.ids.to_pylist(), reference.main.to_pylist(), strict=True)
    given = ((name, one if isinstance(one, list) else [one]) for name, one in pairs if one is not None)
    labels = [(label, name in compared) for name, several in given for label in several]
    covered = {label for label, is_compared in labels if is_compared}
    return tuple(dict.fromkeys(label for label, _ in labels if label not in covered))
