"""The model sources `tabular/skops` and `tabular/joblib`: estimators of scikit-learn in files, as data and as code."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, Model, ModelSource, content_digest, optional_import, summarize_error
from mqa_tabular.estimators import check_estimator, read_features, read_labels, read_library, read_problem_type
from mqa_tabular.onnx_conversion import EstimatorConverter

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry import OnnxConverter, RunContext, Task

TASK = "tabular/classification"
ALLOW_HINT = "see where it is from, then allow it with `--allow-code`"
# Types that skops does not know for data, and that are: of an array, and of the nodes of a tree, whose form scikit-learn checks.
DATA_TYPES = ("numpy.dtype", "sklearn.tree._tree.Tree")


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """`id` is the file."""

    id: Path


class SkopsSource(ModelSource[FileOptions]):
    """An estimator of scikit-learn in a file of skops, which is data: `skops.io.dump(model, "model.skops")`.

    Types in it that are not scikit-learn's, numpy's or Python's own are code, and need `--allow-code`.
    """

    name = "skops"
    packages = ("scikit-learn", "skops")
    requires = ("pandas", "scikit-learn", "skl2onnx", "skops")
    takes = "a file that ends in `.skops`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of a file of skops."""
        return Path(name).suffix == ".skops"

    def infer_task(self, run_context: RunContext, options: FileOptions) -> str:
        return TASK

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        read = partial(_read_skops, allow_code=run_context.allow_code)
        return make_model(options.id, read, "skops", EstimatorConverter())


class JoblibSource(ModelSource[FileOptions]):
    """An estimator of scikit-learn, or of a library like it, that joblib or pickle wrote.

    Such a file is code, whatever is in it: it needs `--allow-code`. One of skops is not.
    """

    name = "joblib"
    packages = ("scikit-learn", "joblib")
    requires = ("joblib", "pandas", "scikit-learn", "skl2onnx")
    takes = "a file that ends in `.joblib`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of a file that joblib wrote; one of pickle may be any."""
        return Path(name).suffix == ".joblib"

    def infer_task(self, run_context: RunContext, options: FileOptions) -> str:
        return TASK

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        if options.id.is_file() and not run_context.allow_code:
            raise DataError(
                f"`{options.id}` is code, as all that joblib and pickle write, and that is not run", hint=ALLOW_HINT
            )
        return make_model(options.id, _read_joblib, "joblib", EstimatorConverter())


def make_model(path: Path, read: Callable[[Path], Any], form: str, converter: OnnxConverter | None = None) -> Model:
    """The model in a file, which is read at once: what it predicts is known of it alone."""
    if not path.is_file():
        raise DataError(f"there is no file `{path}`")
    estimator = read(path)
    check_estimator(estimator, str(path))
    features = read_features(estimator)
    return Model(
        digest=f"sha256:{content_digest(path)}",
        module=lambda: estimator,
        processor=lambda: features,
        labels=read_labels(estimator),
        about={
            "id": str(path),
            "format": form,
            "architecture": type(estimator).__name__,
            "library": read_library(estimator),
            "problem_type": read_problem_type(estimator),
        },
        file=path,
        converter=converter,
    )


def _read_skops(path: Path, *, allow_code: bool) -> Any:
    with optional_import("skops"):
        import skops.io

    try:
        untrusted = [name for name in skops.io.get_untrusted_types(file=path) if name not in DATA_TYPES]
    except Exception as error:
        raise _unreadable(path, "skops", error) from error
    if untrusted and not allow_code:
        raise DataError(f"`{path}` has the type `{untrusted[0]}`, which is code, and that is not run", hint=ALLOW_HINT)
    return read_or_refuse(path, "skops", lambda: skops.io.load(path, trusted=[*DATA_TYPES, *untrusted]))


def _read_joblib(path: Path) -> Any:
    with optional_import("joblib"):
        import joblib

    return read_or_refuse(path, "joblib", lambda: joblib.load(path))


def read_or_refuse(path: Path, form: str, load: Callable[[], Any]) -> Any:
    """What a file holds. A DataError where it cannot be read, or was written by another version of scikit-learn."""
    with optional_import("scikit-learn"):
        from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return load()
    except InconsistentVersionWarning as warning:
        raise DataError(
            f"`{path}` was written by scikit-learn {warning.original_sklearn_version}, and"
            f" {warning.current_sklearn_version} is installed: its predictions may differ",
            hint=f"pip install scikit-learn=={warning.original_sklearn_version}",
        ) from warning
    except Exception as error:
        raise _unreadable(path, form, error) from error


def _unreadable(path: Path, form: str, error: Exception) -> DataError:
    return DataError(
        f"`{path}` cannot be read as a file of {form}: {summarize_error(error)}",
        hint="is it whole, and are the packages installed that it was made with?",
    )
