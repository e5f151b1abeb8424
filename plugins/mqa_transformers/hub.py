"""Repositories of the hub, as folders."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import DataError, NotRunError
from mqa_transformers.folder import ELSEWHERE
from mqa_transformers.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Conditions, MqaError

YES = frozenset({"1", "on", "yes", "true"})


def snapshot(id_: str, revision: str | None, conditions: Conditions) -> Path:
    """The folder that holds a repository at a revision, fetched unless this is an offline run.

    Raises a DataError where there is no such repository, a NotRunError where it cannot be had here and now.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    offline = conditions.offline or os.environ.get("HF_HUB_OFFLINE", "").lower() in YES
    try:
        return Path(
            snapshot_download(
                id_, revision=revision, ignore_patterns=list(_ignored(conditions)), local_files_only=offline
            )
        )
    except HFValidationError as error:
        raise DataError(
            f"`{id_}` is neither a folder beside the suite nor the id of a repository on the hub",
            hint="such an id is `owner/name`",
        ) from error
    except Exception as error:
        raise _refusal(id_, revision, error, offline=offline) from error


def _ignored(conditions: Conditions) -> Iterator[str]:
    """What a model is not made of: weights in other forms, code that is not run, and what lies in folders."""
    wanted = {".safetensors"}
    if conditions.allow_pickle:
        wanted.add(".bin")
    if conditions.trust_remote_code:
        wanted.add(".py")
    else:
        yield "*/*"
    yield from (f"*{suffix}" for suffix in sorted(ELSEWHERE - wanted))


def _refusal(id_: str, revision: str | None, error: Exception, *, offline: bool) -> MqaError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if offline:
        return NotRunError(
            f"`{id_}`{_at(revision)} is not in the cache of the hub, and this run is offline",
            hint=_near(id_)
            or f"fetch it with `hf download {id_}` or a run that is not offline, or name a folder beside the suite",
        )
    if isinstance(error, GatedRepoError):
        return DataError(f"`{id_}` is open to some users of the hub alone", hint="ask for access, then `hf auth login`")
    if isinstance(error, RevisionNotFoundError):
        return DataError(f"`{id_}` has no revision `{revision}`")
    if isinstance(error, RepositoryNotFoundError):
        return DataError(
            f"there is no `{id_}`, neither as a folder beside the suite nor on the hub",
            hint=_near(id_) or "where it is private, `hf auth login` first",
        )
    return NotRunError(
        f"`{id_}`{_at(revision)} cannot be fetched from the hub: {reason(error).removeprefix('Got: ')}",
        hint="there is no folder of that name beside the suite either",
    )


def _near(id_: str) -> str:
    """A folder here of nearly the same name, which may be what was meant."""
    close = get_close_matches(id_, [folder.name for folder in Path.cwd().glob("*/")], n=1)
    return f"did you mean the folder `{close[0]}`?" if close else ""


def _at(revision: str | None) -> str:
    return "" if revision is None else f" at `{revision}`"
