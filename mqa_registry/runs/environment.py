"""The environment of a run: the versions, machine, model, data and backends that it takes to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Comparison, Metric, Probe, Slice
from mqa_registry.plugins.versions import list_versions, required_packages
from mqa_registry.types.digests import digest_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.contributions import RunContext
    from mqa_registry.observations import BackendRecord, Observations
    from mqa_registry.plugins import Catalog
    from mqa_registry.types import Rows

GIT_SECONDS = 10
JUDGING_KINDS = (Metric, Comparison, Probe, Slice)  # on which a verdict depends, given the predictions


def describe_environment(
    catalog: Catalog, observations: Observations, context: RunContext, folder: Path, objects: Sequence[str] = ()
) -> dict[str, Any]:
    """The key `environment` of the report of a run of a suite in this folder; `objects` are its sections in memory."""
    permissions = {name: True for name in ("allow_code", "allow_pickle", "trust_remote_code") if getattr(context, name)}
    return {
        **list_versions(required_packages(catalog)),
        **_describe_plugins(catalog),
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()},
        "model": dict(observations.model) | permissions,
        "data": _describe_data(observations.rows, {name: vars(one) for name, one in observations.truncations.items()}),
        "backends": {name: _describe_backend(record) for name, record in observations.backends.items()},
        **({"in_memory": list(objects)} if objects else {}),
        **describe_commit(folder),
    }


def describe_commit(folder: Path) -> dict[str, Any]:
    """The git commit that a folder is at, and whether tracked files differ from it; nothing where there is none."""
    # No hook of the repository's configuration is run.
    options = ("-c", "core.fsmonitor=false", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *options],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):  # git is not installed, or takes too long
        return {}
    commit, _, dirty = done.stdout.strip().partition("-")
    return {"git": {"commit": commit, "dirty": bool(dirty)}} if done.returncode == 0 and commit else {}


def update_environment(environment: Mapping[str, Any], rows: Mapping[str, Rows], catalog: Catalog) -> dict[str, Any]:
    """The environment of a kept run, and under `judged` the versions that judge it now.

    Runs of earlier versions have the rows and no `data`.
    """
    earlier = environment.get("data", {})
    truncated = {name: one["truncated"] for name, one in earlier.items() if "truncated" in one}
    kept = {name: {key: one[key] for key in ("digest", "source") if key in one} for name, one in earlier.items()}
    data = {name: one | kept.get(name, {}) for name, one in _describe_data(rows, truncated).items()}
    judged = {**list_versions(required_packages(catalog, JUDGING_KINDS)), **_describe_plugins(catalog)}
    return {**environment, "data": data, "judged": judged}


def _describe_plugins(catalog: Catalog) -> dict[str, dict[str, str]]:
    """The origin of each plugin, and the digest of those that are files, as `sha256sum` gives it."""
    files = {name: Path(one.distribution) for name, one in catalog.plugins.items() if not one.version}
    digests = {name: digest_files({"file": file}) for name, file in files.items() if file.exists()}
    return {
        "plugins": {name: plugin.origin for name, plugin in catalog.plugins.items()},
        "plugin_files": digests,
    }


def _describe_data(rows: Mapping[str, Rows], truncated: Mapping[str, Any]) -> dict[str, Any]:
    """Of each data set the number of rows to predict, digest and source of the whole, and how many were truncated."""
    return {
        name: {
            "rows": len(one),
            **({"digest": one.digest} if one.digest else {}),
            **({"source": dict(one.source)} if one.source else {}),
            **({"truncated": truncated[name]} if name in truncated else {}),
        }
        for name, one in rows.items()
    }


def _describe_backend(record: BackendRecord) -> dict[str, Any]:
    return {"digest": record.digest, "providers": list(record.facts.providers), "facts": record.facts.to_table()}
