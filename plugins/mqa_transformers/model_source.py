"""The model source `transformers/auto`: a checkpoint in a folder, or in a repository of the hub."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import (
    DataError,
    Model,
    ModelSource,
    NotRunError,
    did_you_mean,
    read_problem_type,
    summarize_error,
)
from mqa_transformers.checkpoint import ADAPTER_CONFIG, CARD, SENTENCE_TRANSFORMERS, UNUSED_SUFFIXES, open_checkpoint
from mqa_transformers.configuration import CONFIG, is_audio_classifier
from mqa_transformers.live_checkpoint import find_checkpoint
from mqa_transformers.live_model import INSTANCE_SEGMENTERS
from mqa_transformers.loading import (
    AUDIO_CLASSIFICATION,
    FEATURE_EXTRACTION,
    FILL_MASK,
    FORWARD,
    HEADS,
    IMAGE_CLASSIFICATION,
    IMAGE_SEGMENTATION,
    INSTANCE_SEGMENTATION,
    OBJECT_DETECTION,
    QUESTION_ANSWERING,
    TAGGING,
    TEXT_CLASSIFICATION,
    ZERO_SHOT_IMAGE_CLASSIFICATION,
    load_module,
    load_processor,
)
from mqa_transformers.sentence_transformers import read_sentence_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry import LiveModel, MqaError, RunContext, Task
    from mqa_transformers.checkpoint import Checkpoint

REPOSITORY = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
TRUE_VALUES = frozenset({"1", "on", "yes", "true"})  # of an environment variable of the hub

# The task of a model, by how the class that it was saved from ends.
TASKS_BY_HEAD = {
    "ForSequenceClassification": TEXT_CLASSIFICATION,
    "ForTokenClassification": TAGGING,
    "ForQuestionAnswering": QUESTION_ANSWERING,
    "ForMaskedLM": FILL_MASK,
    "CLIPModel": ZERO_SHOT_IMAGE_CLASSIFICATION,
    "ForImageClassification": IMAGE_CLASSIFICATION,
    "ForObjectDetection": OBJECT_DETECTION,
    "ForSemanticSegmentation": IMAGE_SEGMENTATION,
    **dict.fromkeys(INSTANCE_SEGMENTERS, INSTANCE_SEGMENTATION),
}


@dataclass(frozen=True, kw_only=True)
class AutoOptions:
    """`id` is a folder next to the suite, else the id of a repository on the hub, `revision` a branch, tag or commit there."""

    id: str | Path
    revision: str | None = None

    def open(self, run_context: RunContext) -> Checkpoint:
        """The checkpoint, fetched from the hub where it has to be."""
        return open_checkpoint(self._folder(run_context), run_context)

    def _folder(self, run_context: RunContext) -> Path:
        if not isinstance(self.id, Path):
            return fetch_snapshot(self.id, self.revision, run_context)
        if self.revision is not None:
            raise DataError(
                f"`{self.id}` is a folder, and has no revision `{self.revision}`",
                hint="leave `revision` out, or name a repository of the hub",
            )
        return self.id


class AutoSource(ModelSource[AutoOptions]):
    """A pretrained model, from a folder or from the hub.

    Weights are safetensors; a pickle, or code that comes with the model, needs a flag of the command line. The model has
    the head that the task needs; for a task that needs none, it is of the class that it was saved from.
    """

    name = "auto"
    packages = ("torch", "transformers", "tokenizers")
    loads = tuple(HEADS)
    takes = f"a folder with `{CONFIG}`, or the id of a repository on the hub, `owner/name`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of a folder with a configuration, or may be that of a repository on the hub."""
        path = Path(name)
        if not path.exists():
            return REPOSITORY.fullmatch(name) is not None
        return any((path / file).is_file() for file in (CONFIG, ADAPTER_CONFIG, SENTENCE_TRANSFORMERS))

    def load(self, task: Task[Any], run_context: RunContext, options: AutoOptions) -> Model:
        if task.needs and task.needs not in HEADS:
            heads = ", ".join(f"`{name}`" for name in HEADS)
            raise DataError(
                f"`transformers/auto` loads no models for `{task.needs}`, which the task `{task.name}` needs",
                hint=f"it loads those for {heads}",
            )
        checkpoint = options.open(run_context)
        config = checkpoint.config
        processor = cache(partial(load_processor, checkpoint, task.needs, tuple(task.fields.values())))
        return Model(
            digest=checkpoint.digest(),
            module=partial(load_module, checkpoint, task.needs, processor),
            processor=processor,
            labels=config.labels(),
            about={"id": str(options.id), **_facts(checkpoint, options.revision)},
            card=checkpoint.card,
        )

    def locate(self, live: LiveModel) -> Mapping[str, Any] | None:
        return find_checkpoint(live, fetch_snapshot)

    def infer_task(self, run_context: RunContext, options: AutoOptions) -> str:
        """The task of the class that a model was saved from; `forward`, which takes any, where that has none.

        Of a model of sentence-transformers without a head it is `feature-extraction`.
        """
        checkpoint = options.open(run_context)
        config = checkpoint.config
        architecture, labels = config.architecture or "", config.labels()
        problem = read_problem_type(config.problem_type, labels)
        gives_numbers = problem == "regression" and len(labels) > 1  # of which no task reads more than one
        task = next((task for head, task in TASKS_BY_HEAD.items() if architecture.endswith(head)), FORWARD)
        if is_audio_classifier(architecture):
            task = AUDIO_CLASSIFICATION
        if gives_numbers and task in (TEXT_CLASSIFICATION, IMAGE_CLASSIFICATION, AUDIO_CLASSIFICATION):
            task = FORWARD
        if task == FORWARD and architecture.endswith("Model") and read_sentence_encoder(checkpoint.path):
            task = FEATURE_EXTRACTION
        return f"transformers/{task}"


def _facts(checkpoint: Checkpoint, revision: str | None) -> dict[str, Any]:
    """What tasks, backends and reports read of a model besides its weights."""
    facts = {
        "revision": revision,
        "commit": checkpoint.commit,
        "weights": "pickle" if checkpoint.is_pickled else "safetensors",
        "remote_code": checkpoint.has_code,
        "bytes": sum((checkpoint.path / name).stat().st_size for name in checkpoint.weights),
        "sentence_encoder": read_sentence_encoder(checkpoint.path) or None,
        **checkpoint.config.facts(),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def fetch_snapshot(repository: str, revision: str | None, context: RunContext) -> Path:
    """The folder that holds a repository of the hub at a revision, fetched unless this is an offline run.

    Raises a DataError where there is no such repository, a NotRunError where it cannot be had here and now.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    is_offline = context.offline or os.environ.get("HF_HUB_OFFLINE", "").lower() in TRUE_VALUES
    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                ignore_patterns=list(_ignored_patterns(context)),
                local_files_only=is_offline,
            )
        )
    except HFValidationError as error:
        raise DataError(
            f"`{repository}` is neither a folder next to the suite nor the id of a repository on the hub",
            hint="such an id is `owner/name`",
        ) from error
    except Exception as error:
        raise _fetch_error(repository, revision, error, is_offline=is_offline) from error


def _ignored_patterns(context: RunContext) -> Iterator[str]:
    """Files that are not fetched: weights in other forms, code that is not run, and what lies in folders."""
    fetched = {".safetensors", Path(CARD).suffix}
    if context.allow_pickle:
        fetched.add(".bin")
    if context.trust_remote_code:
        fetched.add(".py")
    else:
        yield from ("*/[!c]*", "*/c[!o]*", "*/*/*")  # all but a `config.json`, such as that in `1_Pooling`
    yield from (f"*{suffix}" for suffix in sorted(UNUSED_SUFFIXES - fetched))


def _fetch_error(repository: str, revision: str | None, error: Exception, *, is_offline: bool) -> MqaError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    name = f"`{repository}`" + ("" if revision is None else f" at `{revision}`")
    if is_offline:
        return NotRunError(
            f"{name} is not in the cache of the hub, and this run is offline",
            hint=_folder_hint(repository)
            or f"fetch it with `hf download {repository}` or a run that is not offline, or name a folder next to the suite",
        )
    if isinstance(error, GatedRepoError):
        return DataError(
            f"`{repository}` is open only to some users of the hub", hint="ask for access, then `hf auth login`"
        )
    if isinstance(error, RevisionNotFoundError):
        return DataError(f"`{repository}` has no revision `{revision}`")
    if isinstance(error, RepositoryNotFoundError):
        return DataError(
            f"there is no `{repository}`, neither as a folder next to the suite nor on the hub",
            hint=_folder_hint(repository) or "where it is private, `hf auth login` first",
        )
    return NotRunError(
        f"{name} cannot be fetched from the hub: {summarize_error(error).removeprefix('Got: ')}",
        hint="there is no folder of that name next to the suite either",
    )


def _folder_hint(repository: str) -> str:
    """A folder here of nearly the same name, which may be what was meant."""
    return did_you_mean(repository, [folder.name for folder in Path.cwd().glob("*/")], noun="the folder")
