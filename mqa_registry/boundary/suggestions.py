"""What plugins suggest for a new suite, checked: it becomes part of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mqa_registry.boundary.calls import ContributionCall, Contributor, reject_output, summarize_value
from mqa_registry.contributions.suggestion import BoundKind, SuggestedBackend, SuggestedCheck

if TYPE_CHECKING:
    from mqa_registry.contributions import Backend, Model

TABLE = "a check is a table of text, numbers, truth values, lists and tables, as a suite has it"


def check_suggestions(contributor: Contributor, output: Any) -> list[SuggestedCheck]:
    """The checks that a suggestion gives."""
    if not isinstance(output, Iterable):
        reject_output(contributor, f"gave {summarize_value(output)}", "a suggestion gives `SuggestedCheck`s")
    with ContributionCall(contributor):
        checks = list(output)
    for check in checks:
        if not isinstance(check, SuggestedCheck):
            reject_output(contributor, f"gave {summarize_value(check)}", "a suggestion gives `SuggestedCheck`s")
        if not (isinstance(check.table, Mapping) and "measure" in check.table and _is_plain(check.table)):
            reject_output(contributor, f"gave the check {summarize_value(check.table)}", TABLE)
        if not (isinstance(check.table.get("expect"), Mapping) and check.bounds in get_args(BoundKind)):
            reject_output(contributor, "gave a check without bounds, or with bounds of no known kind", TABLE)
        if not (isinstance(check.about, str) and isinstance(check.order, int)):
            reject_output(contributor, "gave a check whose `about` is no text, or whose `order` is no number")
    return checks


def suggest_backend(name: str, backend: Backend[Any], model: Model, file: Path | None) -> SuggestedBackend | None:
    """What a backend of this name suggests for a model, or for a file of it; None where it cannot run it."""
    contributor = Contributor(backend.kind, name, backend.suggest)
    with ContributionCall(contributor):
        found = backend.suggest(model, file)
    return _check_suggested_backend(contributor, found)


def _check_suggested_backend(contributor: Contributor, output: Any) -> SuggestedBackend | None:
    if output is None:
        return None
    if not (
        isinstance(output, SuggestedBackend)
        and isinstance(output.name, str)
        and isinstance(output.about, str)
        and isinstance(output.options, Mapping)
    ):
        reject_output(contributor, f"suggests {summarize_value(output)}", "it suggests a `SuggestedBackend` or None")
    plain = {name: one for name, one in output.options.items() if not isinstance(one, Path)}
    if not _is_plain(plain):
        reject_output(contributor, f"suggests the options {summarize_value(output.options)}", TABLE)
    return output


def _is_plain(value: Any) -> bool:
    """Whether TOML has such a value."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(one) for name, one in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, str | bool | int | float)
