"""Suites that plugins give: a file in the plugin's package, which others run and extend by its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mqa_registry.contributions.contribution import NoOptions

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class SuiteFile:
    """A suite in a TOML file of a plugin's package: `mqa run plugin/name`, or `extends = "plugin/name"`.

    `path` is the file, in the folder of the plugin's module or below, as `Path(__file__).with_name("toxicity.toml")`. The
    comment at its top says what it asks; the first line is its help in lists. Of a suite for any model, `[model]` has no
    `id`, and of one for any data the first data set has no `path`: `--model` and `--data` name them. It may name files in
    its own folder alone.
    """

    kind: ClassVar[str] = "suite"

    name: str = field(kw_only=False)
    path: Path = field(kw_only=False)
    packages: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def code(self) -> Callable[..., Any]:
        """It has no function: errors name its file."""
        return type(self)

    @cached_property
    def documentation(self) -> str:
        """The comment at the top of the file, without the marks."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        above = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
        return "\n".join(line.removeprefix("#").removeprefix(" ").rstrip() for line in lines[:above])

    @property
    def options_source(self) -> Callable[..., Any]:
        """It has no options."""
        return NoOptions
