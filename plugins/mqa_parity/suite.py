"""The suite that compares one ONNX file with its model, or with another file, and the rows that it names.

`FileInterface` is what the command line says of the file's inputs and outputs, `KEY=VALUE`. The rows are those that both
sides predict differently, or whose probabilities differ more than elsewhere.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mqa_registry import Predictions, ResolvedModel

ONNX_FILE = "onnx/file"
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
class FileInterface:
    """What a file calls its inputs and outputs; `required` are the model's names of outputs that the file must have."""

    inputs: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, Any], ...] = ()
    batch_axis: tuple[tuple[str, int], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()

    def backend_options(self) -> dict[str, Any]:
        """The options of a backend that runs the file, without those that are empty."""
        options = {
            "inputs": dict(self.inputs),
            "constants": dict(self.constants),
            "batch_axis": dict(self.batch_axis),
            "outputs": dict(self.outputs),
        }
        return {name: value for name, value in options.items() if value}


@dataclass(frozen=True)
class Pair:
    """A model and the ONNX file that is compared with it, and the rows that both run.

    `data` is a file of rows, whose `columns` are mapped to fields as in a suite, `inputs` one of arrays; without either
    there are a few sentences. `interface` says what the file calls its inputs and outputs, and which of these it must
    have. `reproduction` keeps a script that shows a difference without mqa. `tolerance` has `atol` and `rtol`, which replace
    the bound on the ratio. `has_decisions` says whether the task's predictions are decisions, which can flip.
    """

    model: ResolvedModel
    file: Path
    data: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    inputs: Path | None = None
    interface: FileInterface = field(default_factory=FileInterface)
    tolerance: tuple[float, float] | None = None
    reproduction: bool = False
    has_decisions: bool = False

    @property
    def reference(self) -> str:
        """The name of the backend that the file is compared with."""
        return "reference" if self.model.source == ONNX_FILE else "torch"

    def build_suite(self, criteria: Criteria) -> dict[str, Any]:
        """The tables of the suite that compares them by some criteria."""
        return {
            "format": 1,
            "name": f"parity of {self.file.name}",
            "model": self.model.table,
            "data": {"rows": self._data_table()},
            "backends": {
                self.reference: self._reference_table(),
                CANDIDATE: {"use": "onnxruntime/session", "path": str(self.file), **self.interface.backend_options()},
            },
            "check": self._check_tables(criteria),
        }

    def _reference_table(self) -> dict[str, Any]:
        """The backend of the reference: PyTorch, or another file with the same interface."""
        if self.model.source == ONNX_FILE:
            return {"use": "onnxruntime/session", **self.interface.backend_options()}
        return {"use": "transformers/torch"}

    def _data_table(self) -> dict[str, Any]:
        if self.inputs is not None:
            return {"use": "datasets/arrays", "path": str(self.inputs)}
        if self.data is not None:
            mapped = {"columns": dict(self.columns)} if self.columns else {}
            return {"use": "datasets/file", "path": str(self.data), **mapped}
        return {"use": "datasets/sentences"}

    def _check_tables(self, criteria: Criteria) -> list[dict[str, Any]]:
        tensors: dict[str, Any] = {"use": TENSORS} | ({"reproduction": True} if self.reproduction else {})
        tensors |= {} if self.has_decisions else {"screen": True}  # no predictions would tell which rows differ
        tensors |= {"include_rows": list(criteria.include_rows)} if criteria.include_rows else {}
        tensors |= {"outputs": list(self.interface.required)} if self.interface.required else {}
        expect: dict[str, Any] = {"mismatches": {"max": 0}, "ratio": {"max": MAX_RATIO}}
        if self.tolerance is not None:
            atol, rtol = self.tolerance
            tensors |= {"atol": atol, "rtol": rtol}
            expect = {"mismatches": {"max": 0}, "outside": {"max": 0}}
        elif criteria.by_decisions:
            expect = {"mismatches": {"max": 0}}
        checks: list[dict[str, Any]] = [{"name": "tensors", "measure": tensors, "expect": expect}]
        if self.has_decisions:
            flips = {"measure": FLIPS, "expect": {"max": MAX_FLIP_RATE}}
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


def read_interface(
    inputs: Sequence[str], constants: Sequence[str], batch_axis: Sequence[str], outputs: Sequence[str]
) -> FileInterface:
    """The interface of what the command line has; a UsageError where a pair has no meaning."""
    required = [one.rpartition("=")[2] for one in outputs]
    if empty := [one for one, name in zip(outputs, required, strict=True) if not name]:
        raise UsageError(f"`--outputs {empty[0]}` names no output", hint="as in `--outputs last_hidden_state`")
    return FileInterface(
        inputs=tuple(_split_pairs("--input", "ids=input_ids", inputs)),
        constants=tuple(
            (name, _parse_value(name, text)) for name, text in _split_pairs("--constant", "rate=16000", constants)
        ),
        batch_axis=tuple(
            (name, _parse_axis(name, text)) for name, text in _split_pairs("--batch-axis", "state=1", batch_axis)
        ),
        outputs=tuple(_split_pairs("--outputs", "embedding=pooler_output", [one for one in outputs if "=" in one])),
        required=tuple(required),
    )


def _split_pairs(option: str, example: str, arguments: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Each name with its value; a name may have an equals sign in it, a value none."""
    for argument in arguments:
        name, equals, value = argument.rpartition("=")
        if not (name and equals and value):
            raise UsageError(f"`{option} {argument}` is no pair", hint=f"as in `{option} {example}`")
        yield name, value


def _parse_value(name: str, text: str) -> Any:
    """A number, true or false, or lists of them, as TOML writes them."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        raise UsageError(
            f"`--constant {name}={text}` is no number",
            hint="as in `--constant rate=16000` or `--constant state=[0, 1]`",
        ) from None


def _parse_axis(name: str, text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"`--batch-axis {name}={text}` is no axis", hint="axes are counted from 0, the first")
    return int(text)


def find_disagreeing_rows(reference: Predictions | None, candidate: Predictions | None) -> tuple[str, ...]:
    """The ids of such rows, at most 32: those without a prediction first, then those that the reference is surest of."""
    if reference is None or candidate is None:
        return ()
    pairs = zip(reference.to_pylist(), candidate.to_pylist(), strict=True)
    rows = [row for row, (one, another) in enumerate(pairs) if one != another]
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
    if reference is None or reference.schema != "label":
        return ()
    pairs = zip(reference.ids.to_pylist(), reference.main.to_pylist(), strict=True)
    labels = [(label, name in compared) for name, label in pairs if label is not None]
    covered = {label for label, is_compared in labels if is_compared}
    return tuple(dict.fromkeys(label for label, _ in labels if label not in covered))
