"""The environment of a run: all it takes to repeat it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Comparison, Contribution, Metric, Probe, Slice
from mqa_registry.types.rows import digest_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import Conditions
    from mqa_registry.plugins import Catalog
    from mqa_registry.predict import Observations
    from mqa_registry.types import Rows

OWN = ("numpy", "pyarrow", "scipy")  # what the host itself calculates with
JUDGING = (Metric, Comparison, Probe, Slice)  # what a verdict depends on, once the predictions are there


def environment(catalog: Catalog, observations: Observations, conditions: Conditions) -> dict[str, Any]:
    """What the predictions were made with."""
    loosened = {name: True for name in ("allow_code", "allow_pickle", "trust_remote_code") if getattr(conditions, name)}
    return {
        **versions(packages_of(catalog)),
        **_plugins(catalog),
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()},
        "model": dict(observations.model) | loosened,
        "data": _data(observations.rows, {name: vars(one) for name, one in observations.truncations.items()}),
        "backends": {name: _backend(facts) for name, facts in observations.facts.items()},
    }


def judged_again(kept: Mapping[str, Any], rows: Mapping[str, Rows], catalog: Catalog) -> dict[str, Any]:
    """The environment of a run that was kept, with what it is judged by now.

    Runs of earlier versions said nothing of their data, and kept the rows themselves all the same.
    """
    before = kept.get("data", {})
    digests = {name: one["digest"] for name, one in before.items() if "digest" in one}
    truncated = {name: one["truncated"] for name, one in before.items() if "truncated" in one}
    data = _data(rows, truncated)
    data = {name: one | {"digest": digests[name]} if name in digests else one for name, one in data.items()}
    return {**kept, "data": data, "judged": {**versions(packages_of(catalog, JUDGING)), **_plugins(catalog)}}


def packages_of(catalog: Catalog, kinds: tuple[type[Contribution], ...] = (Contribution,)) -> tuple[str, ...]:
    """The packages whose versions the results of these plugins depend on, as far as they come of such contributions."""
    named = (package for _, one in catalog.each(kinds) for package in (*one.packages, *one.requires))
    return tuple(dict.fromkeys([*named, *OWN]))


def versions(packages: tuple[str, ...]) -> dict[str, Any]:
    """Those of mqa, Python and such of these packages as are installed."""
    return {
        "mqa": version("mqa-registry"),
        "python": platform.python_version(),
        "packages": {name: found for name in packages if (found := _installed(name))},
    }


def _plugins(catalog: Catalog) -> dict[str, dict[str, str]]:
    """The plugins by where they are from; of those that are files also the digest, as `sha256sum` gives it."""
    files = {name: Path(one.distribution) for name, one in catalog.plugins.items() if not one.version}
    digests = {name: digest_files({"file": file}) for name, file in files.items() if file.is_file()}
    return {
        "plugins": {name: plugin.origin for name, plugin in catalog.plugins.items()},
        "plugin_files": digests,
    }


def _data(rows: Mapping[str, Rows], truncated: Mapping[str, Any]) -> dict[str, Any]:
    """Every data set: how many rows of it there were to predict, the digest of the whole, how many were truncated."""
    cut = {name: {"truncated": one} for name, one in truncated.items()}
    return {
        name: {"rows": len(one), **({"digest": one.digest} if one.digest else {}), **cut.get(name, {})}
        for name, one in rows.items()
    }


def _backend(facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in facts.items() if key not in {"identity", "digest"}}
    return {"digest": facts.get("digest", ""), "providers": facts.get("providers", []), "facts": shown}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
