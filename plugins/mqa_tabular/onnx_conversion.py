"""Estimators of scikit-learn as ONNX files, by skl2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, RunnerFacts, optional_import
from mqa_tabular.estimator_backend import LABEL, PROBABILITIES, EstimatorRunner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[Any]]

CONVERTER = "skl2onnx"


@dataclass(frozen=True)
class EstimatorConverter:
    """skl2onnx: each input of the task becomes one of the file, with numbers in 32 bits, which every operator takes."""

    name: str = CONVERTER
    packages: tuple[str, ...] = (CONVERTER, "scikit-learn")

    def convert(self, module: Any, batch: Arrays, path: Path, opset: int | None) -> None:
        """Write an estimator with the inputs of a batch; a DataError of a classifier without probabilities."""
        with optional_import(CONVERTER):
            from skl2onnx import to_onnx
        has_classes = hasattr(module, "classes_")
        if has_classes and not hasattr(module, "predict_proba"):
            raise DataError(
                f"`{type(module).__name__}` gives no probabilities, and its ONNX file would give scores under their name",
                hint="wrap it in `CalibratedClassifierCV` of scikit-learn before it is fitted",
            )
        options = {id(module): {"zipmap": False}} if has_classes else None  # else a dictionary for each row
        types = [(name, _input_type(array)) for name, array in batch.items()]
        estimator = _with_columns(module, batch) if len(batch) > 1 else module
        model = to_onnx(estimator, initial_types=types, options=options, target_opset=opset)
        path.write_bytes(model.SerializeToString())

    def predict(self, module: Any, batch: Arrays) -> Arrays:
        """What the estimator gives for numbers that are rounded to 32 bits, as those of the file are."""
        runner = EstimatorRunner(module, {}, RunnerFacts(device="cpu", precision="float32"))
        outputs = dict(runner.run(batch))
        if PROBABILITIES in outputs:
            outputs[LABEL] = module.predict(runner.make_features(batch))
        return outputs


def _input_type(array: npt.NDArray[Any]) -> Any:
    """The type of an input in words of skl2onnx, of any number of rows."""
    from skl2onnx.common import data_types

    kinds = {"U": data_types.StringTensorType, "i": data_types.Int64TensorType, "b": data_types.BooleanTensorType}
    return kinds.get(array.dtype.kind, data_types.FloatTensorType)([None, *array.shape[1:]])


def _with_columns(estimator: Any, batch: Arrays) -> Any:
    """An estimator that reads a matrix, behind a step that joins the inputs to one: skl2onnx gives others a single input."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    steps = getattr(estimator, "steps", [("", estimator)])
    if isinstance(steps[0][1], ColumnTransformer):
        return estimator
    with optional_import("pandas"):
        import pandas as pd

    columns = pd.DataFrame({name: array[:, 0] for name, array in batch.items()})
    joined = ColumnTransformer([("columns", "passthrough", list(batch))]).fit(columns)
    return Pipeline([("columns", joined), ("model", estimator)])
