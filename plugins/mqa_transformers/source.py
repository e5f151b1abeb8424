"""The model source `transformers/auto`: a folder, or a repository of the hub."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, Model
from mqa_transformers.classification import check_chooses, chooses
from mqa_transformers.folder import open_folder
from mqa_transformers.hub import snapshot
from mqa_transformers.loading import FORWARD, HEADS, TEXTS, load_module, load_processor

if TYPE_CHECKING:
    from mqa_registry import Conditions, Task
    from mqa_transformers.folder import Folder


def auto(task: Task, conditions: Conditions, *, id: str | Path, revision: str | None = None) -> Model:  # noqa: A002 - the option's name in a suite
    """A pretrained model, from a folder or from the hub.

    `id` is a folder beside the suite, else the id of a repository on the hub, `revision` a branch, tag or commit there.
    Weights are safetensors; a pickle, or code that comes with the model, needs a flag of the command line. The model has
    the head that the task needs; for a task that needs none, it is of the class that it was saved from.
    """
    if task.needs and task.needs not in HEADS:
        known = ", ".join(f"`{name}`" for name in HEADS)
        raise DataError(
            f"`transformers/auto` loads no models for `{task.needs}`, which the task `{task.name}` needs",
            hint=f"it loads those for {known}",
        )
    folder = open_folder(_path(id, revision, conditions), conditions)
    if task.name == TEXTS:
        check_chooses(folder.config.get("problem_type"), folder.labels())
    processor = cache(partial(load_processor, folder, task.needs, texts="text" in task.fields.values()))
    return Model(
        digest=folder.digest(),
        module=partial(load_module, folder, task.needs, processor),
        processor=processor,
        labels=folder.labels(),
        about={"id": str(id), **_about(folder, revision)},
    )


def told_task(conditions: Conditions, *, id: str | Path, revision: str | None = None) -> str:  # noqa: A002 - as above
    """The task of the class that a model was saved from; `forward`, which takes any, where that has none of its own."""
    folder = open_folder(_path(id, revision, conditions), conditions)
    classifies = (folder.architecture or "").endswith("ForSequenceClassification") and chooses(
        folder.config.get("problem_type"), folder.labels()
    )
    return f"transformers/{TEXTS if classifies else FORWARD}"


def _path(id_: str | Path, revision: str | None, conditions: Conditions) -> Path:
    if not isinstance(id_, Path):
        return snapshot(id_, revision, conditions)
    if revision is not None:
        raise DataError(
            f"`{id_}` is a folder, and has no revision `{revision}`",
            hint="leave `revision` out, or name a repository of the hub",
        )
    return id_


def _about(folder: Folder, revision: str | None) -> dict[str, Any]:
    facts = {
        "revision": revision,
        "commit": folder.commit,
        "architecture": folder.architecture,
        "weights": "pickle" if folder.pickled else "safetensors",
        "remote_code": folder.code,
        "positions": folder.positions,
        "bytes": sum((folder.path / name).stat().st_size for name in folder.weights),
        "decoder_start": folder.decoder_start,
        "pad_token": folder.pad_token,
        "unpadded": folder.unpadded or None,
        "vocabulary": folder.vocabulary,
        "problem_type": folder.config.get("problem_type"),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}
