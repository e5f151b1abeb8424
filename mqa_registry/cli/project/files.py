"""The files of a project: those of the folder `common`, and over them those of a folder for each kind, all templates of Jinja.

A template's path without `.j2` is that of its file, with the name of the module for `MODULE`. Folders of kinds include what lies
in `data`. So a kind is one folder: it is tried by the tests of what it writes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mqa_registry import __version__
from mqa_registry.contributions import HOOKS_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES = Path(__file__).with_name("templates")
COMMON = "common"
SUFFIX = ".j2"
MODULE = "MODULE"  # in paths

# The kinds of contribution, each with the folder of its templates. A model needs all three of its own, and has one folder.
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "perturbation": "perturbation",
        "metric": "metric",
        "slice": "slice",
        "comparison": "comparison",
        "probe": "probe",
        "task": "model",
        "backend": "model",
        "model": "model",
        "dataset": "dataset",
        "replay": "replay",
        "executor": "executor",
        "reporter": "reporter",
        "command": "command",
        "diagnosis": "diagnosis",
        "suite": "suite",
    }
)


@dataclass(frozen=True)
class Project:
    """The project of a plugin: its name in suites, and the kind of its contribution, one of `KINDS`."""

    name: str
    kind: str

    @property
    def distribution(self) -> str:
        """The name that pip installs."""
        return f"mqa-{self.name}"

    @property
    def module(self) -> str:
        """The name of its package in Python."""
        return self.distribution.replace("-", "_")

    def render(self) -> dict[Path, str]:
        """Its files by their paths in the folder of the project."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        # Nothing is escaped: these are files of Python and TOML, and the one thing that is filled in from outside is a name that
        # was checked.
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            autoescape=False,  # noqa: S701
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        facts = {
            "name": self.name,
            "distribution": self.distribution,
            "module": self.module,
            "mqa_version": ".".join(__version__.split(".")[:2]),
            "hooks_version": HOOKS_VERSION,
            "year": datetime.now(UTC).year,
        }
        templates = self._find_templates()
        source = environment.get_template(templates[f"{MODULE}/__init__.py"]).render(facts)
        facts["description"] = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        return {
            Path(path.replace(MODULE, self.module)): environment.get_template(template).render(facts)
            for path, template in sorted(templates.items())
        }

    def _find_templates(self) -> dict[str, str]:
        """The templates by the paths of what they make; those of the kind take the place of common ones."""
        return {
            file.relative_to(TEMPLATES / folder).as_posix().removesuffix(SUFFIX): file.relative_to(TEMPLATES).as_posix()
            for folder in (COMMON, KINDS[self.kind])
            for file in (TEMPLATES / folder).rglob(f"*{SUFFIX}")
        }
