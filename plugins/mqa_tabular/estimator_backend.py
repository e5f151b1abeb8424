"""The backend `tabular/estimator`: a fitted estimator, run by its own library."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import Backend, DataError, NoOptions, NotRunError, RunnerFacts, SuggestedBackend, optional_import

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from mqa_registry import Model, ModelUnderTest, Runner

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

LIBRARIES = ("scikit-learn", "numpy")
FORMATS = ("skops", "joblib", "xgboost")  # of the sources of estimators
BATCH_BUDGET = 4096  # rows, which cost 1 each
# The outputs as converters to ONNX name them.
PROBABILITIES, LABEL, NUMBER = "probabilities", "label", "variable"


class EstimatorBackend(Backend[NoOptions]):
    """An estimator of scikit-learn, or of a library like it, run by that library, on the CPU.

    It gets the columns that it was fitted with, by their names where it knows these, as floats of 64 bits and text.
    """

    name = "estimator"
    packages = LIBRARIES
    requires = ("pandas", "scikit-learn")

    def identity(self, model_under_test: ModelUnderTest, options: NoOptions) -> dict[str, str]:
        if model_under_test.model.about.get("format") not in FORMATS:
            raise DataError(
                "`tabular/estimator` runs estimators, and the model is none",
                hint="a PyTorch model is run by `transformers/torch`, an ONNX file by `onnxruntime/session`",
            )
        library = model_under_test.model.about["library"]
        return {name: version(name) for name in LIBRARIES} | {"library": str(library)}

    def suggest(self, model: Model, file: Path | None) -> SuggestedBackend | None:
        """The library itself, for every estimator."""
        if file is not None or model.about.get("format") not in FORMATS:
            return None
        return SuggestedBackend(name="estimator", about=f"the model itself, by {model.about['library']}")

    @contextmanager
    def open(self, model_under_test: ModelUnderTest, options: NoOptions) -> Iterator[Runner]:
        size = model_under_test.model.file.stat().st_size if model_under_test.model.file else None
        yield EstimatorRunner(
            model_under_test.model.module,
            identity=self.identity(model_under_test, options),
            facts=RunnerFacts(device="cpu", precision="float64", bytes=size),
        )


@dataclass(frozen=True)
class EstimatorRunner:
    """An estimator, ready to predict. `facts.precision` is that of the numbers that it gets and gives: it computes as it was made to."""

    estimator: Any
    identity: Mapping[str, str]
    facts: RunnerFacts
    budget: int = BATCH_BUDGET

    def run(self, batch: Arrays) -> Arrays:
        """Probabilities of shape (rows, classes), or the codes of labels; of a regressor the numbers, shape (rows, 1)."""
        features, dtype = self.make_features(batch), np.dtype(self.facts.precision)
        if not hasattr(self.estimator, "classes_"):
            return {NUMBER: np.asarray(self.estimator.predict(features), dtype).reshape(-1, 1)}
        if hasattr(self.estimator, "predict_proba"):
            return {PROBABILITIES: np.asarray(self.estimator.predict_proba(features), dtype)}
        codes = {label: code for code, label in enumerate(self.estimator.classes_.tolist())}
        return {LABEL: np.array([codes[label] for label in self.estimator.predict(features).tolist()], np.int64)}

    @contextmanager
    def variant(
        self, *, dtype: str = "", optimization: str = "", threads: int | None = None
    ) -> Iterator[EstimatorRunner]:
        """The same estimator with numbers in `float64`, or with such as are rounded to `float32`, its inputs and its outputs."""
        if optimization or threads or dtype not in {"", "float32", "float64"}:
            raise NotRunError(f"an estimator does not run in `{dtype or optimization or threads}`")
        precision = dtype or self.facts.precision
        yield replace(
            self, identity={**self.identity, "dtype": precision}, facts=replace(self.facts, precision=precision)
        )

    def make_features(self, batch: Arrays) -> Any:
        """A data frame for an estimator that knows the names of its features, else a matrix."""
        arrays = {name: self._round(array) for name, array in batch.items()}
        if not hasattr(self.estimator, "feature_names_in_"):
            return np.hstack(list(arrays.values()))
        if wide := next((name for name, array in arrays.items() if array.shape[1:] != (1,)), ""):
            raise DataError(
                f"the estimator reads columns by their names, and `{wide}` has several in one",
                hint="leave the option `inputs` of the task out",
            )
        with optional_import("pandas"):
            import pandas as pd

        return pd.DataFrame({name: array[:, 0] for name, array in arrays.items()})

    def _round(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        rounds = self.facts.precision == "float32" and array.dtype == np.float64
        return array.astype(np.float32).astype(np.float64) if rounds else array
