"""The model source `transformers/package`: a checkpoint that an installed Python package brings."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, Model, ModelSource, optional_import
from mqa_transformers.loading import HEADS
from mqa_transformers.model_source import AutoOptions, AutoSource

if TYPE_CHECKING:
    from mqa_registry import RunContext, Task


@dataclass(frozen=True, kw_only=True)
class PackageOptions:
    """`package` is the name that pip installs, `folder` that of the model among the files of the package, `name/model`."""

    package: str
    folder: str

    def find(self) -> AutoOptions:
        """The model's folder. A UsageError with the command that installs the package where that is missing."""
        with optional_import(self.package):
            files = distribution(self.package)
        root = Path(str(files.locate_file(""))).resolve()
        folder = (root / self.folder).resolve()
        if not folder.is_relative_to(root) or not folder.is_dir():
            raise DataError(
                f"the package `{self.package}` has no folder `{self.folder}`",
                hint="name the folder of its files that has the model's `config.json`",
            )
        return AutoOptions(id=folder)


class PackageSource(ModelSource[PackageOptions]):
    """A pretrained model that a Python package brings among its files.

    No code of the package is imported.
    """

    name = "package"
    packages = ("torch", "transformers", "tokenizers")
    loads = tuple(HEADS)
    takes = "a package that is installed, and the folder of the model in it"

    def load(self, task: Task[Any], run_context: RunContext, options: PackageOptions) -> Model:
        model = AutoSource().load(task, run_context, options.find())
        model.about["id"] = f"{options.package}: {options.folder}"  # and not a path of this machine
        return model

    def infer_task(self, run_context: RunContext, options: PackageOptions) -> str:
        return AutoSource().infer_task(run_context, options.find())
