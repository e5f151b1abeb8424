"""The job of a run: all with which another process plans the same suite again, and does the tasks of the run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import plan as plans
from mqa_registry import plugins
from mqa_registry.errors import NotRunError
from mqa_registry.execution.workers.worker import RunWorker
from mqa_registry.plugins.versions import describe_differences, list_installed
from mqa_registry.suite import plugin_names, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.plugins.versions import Installed
    from mqa_registry.run_options import RunOptions
    from mqa_registry.suite import RawSuite

SHARED = "workers read the suite, the model, plugins and files at the paths of the process of the run: share its folder"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # which some executors set for their processes


@dataclass(frozen=True)
class RunJob:
    """A run, as it is sent to its workers.

    `folder` is the one that relative paths refer to, and `installed` what the process of the run has installed. `threads`
    are its settings of libraries, which a worker takes over: how many threads share a sum may change its last digit.
    """

    raw: RawSuite
    options: RunOptions
    folder: Path
    installed: Mapping[str, Installed]
    threads: Mapping[str, str]
    texts: bool = True

    @classmethod
    def of(cls, raw: RawSuite, options: RunOptions, catalog: Catalog, *, texts: bool = True) -> RunJob:
        """The job of a run in this process, whose plugins are in the catalog."""
        threads = {name: os.environ[name] for name in THREADS if name in os.environ}
        return cls(raw, options, Path.cwd(), list_installed(catalog), threads, texts)

    def start(self) -> RunWorker:
        """The worker of this process. Raises a NotRunError where it has other versions, or no such folder."""
        for name in THREADS:
            os.environ.pop(name, None)
        os.environ.update(self.threads)
        try:
            os.chdir(self.folder)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise NotRunError(f"a worker cannot use the folder `{self.folder}`: {reason}", hint=SHARED) from error
        catalog = plugins.load(plugin_names(self.raw), files=self.options.plugin_files)
        if differences := list(describe_differences(list_installed(catalog), self.installed)):
            raise NotRunError(
                f"a worker has other versions than the process of the run: {'; '.join(differences)}",
                hint="install the same on every machine of the cluster",
            )
        plan = plans.make(validate(self.raw, catalog))
        context = replace(self.options.run_context(plan.suite), objects=self.raw.objects)
        return RunWorker(plan, context, timeout=self.options.timeout, texts=self.texts)
