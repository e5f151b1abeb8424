"""The model source `onnx/file`: an ONNX file that is the model itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mqa_registry import DataError, Model, ModelSource, NotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mqa_registry import RunContext, Task

CONFIG, TOKENIZER = "config.json", "tokenizer_config.json"
PREPROCESSOR = "preprocessor_config.json"  # of images and sounds
FORWARD = "transformers/forward"
# By the end of the names of classes of transformers. Some classifiers of sounds end as those of texts do.
TASKS = {
    "ForImageClassification": "transformers/image-classification",
    "ForObjectDetection": "transformers/object-detection",
    "ForSemanticSegmentation": "transformers/image-segmentation",
    "ForUniversalSegmentation": "transformers/instance-segmentation",
    "ForInstanceSegmentation": "transformers/instance-segmentation",
    "ForSegmentation": "transformers/instance-segmentation",
    "ForAudioClassification": "transformers/audio-classification",
}
SOUND_ENCODERS = ("Data2VecAudio", "Hubert", "SEW", "UniSpeech", "Wav2Vec2", "WavLM")
TEXT_CLASSIFIER = "ForSequenceClassification"


@dataclass(frozen=True)
class ProcessorKind:
    """What makes inputs of examples: in words, the class of transformers that loads it and how, and the file that it is in."""

    what: str
    loader: str
    file: str
    arguments: Mapping[str, str] = field(default_factory=dict)


TEXTS = ProcessorKind("tokenizer", "AutoTokenizer", TOKENIZER)
IMAGES = ProcessorKind("image processor", "AutoImageProcessor", PREPROCESSOR, {"backend": "pil"})
SOUNDS = ProcessorKind("feature extractor", "AutoFeatureExtractor", PREPROCESSOR)


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """Which file.

    `id` is the file. `processor` is the folder of its tokenizer, or its image processor or feature extractor, and its
    configuration; left out, it is the file's own folder or the one above, where one of them has such a file.
    """

    id: Path
    processor: Path | None = None


class FileSource(ModelSource[FileOptions]):
    """An ONNX file as a model without PyTorch: a backend of `onnxruntime/session` runs it.

    As a reference it is run in float64, too: a copy of it with wider numbers, by ONNX Runtime where that has the kernels,
    else by ONNX's evaluator.
    """

    name = "file"
    packages = ("onnx",)
    takes = "a file that ends in `.onnx`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of an ONNX file."""
        return Path(name).suffix == ".onnx"

    def infer_task(self, run_context: RunContext, options: FileOptions) -> str:
        """That of the configuration next to the file, where it is of images or sounds; else the one that takes any model."""
        folder = options.processor or _find_folder(options.id, CONFIG)
        classes = _read_config(folder).get("architectures") if folder else None
        name = str(classes[0]) if isinstance(classes, list) and classes else ""
        if name.startswith(SOUND_ENCODERS) and name.endswith(TEXT_CLASSIFIER):
            return TASKS["ForAudioClassification"]
        return next((task for end, task in TASKS.items() if name.endswith(end)), FORWARD)

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        path = options.id
        if not path.is_file():
            raise DataError(f"there is no file `{path}`")
        kind = _choose_processor(set(task.fields.values()))
        folder = options.processor or _find_folder(path, kind.file)
        config = _read_config(folder or path.parent)
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        about = {
            "id": str(path),
            "format": "ONNX",
            "max_positions": config.get("max_position_embeddings"),
            "num_channels": config.get("num_channels"),
            "problem_type": config.get("problem_type"),
        }
        return Model(
            digest=f"sha256:{digest}",
            module=partial(_raise_no_module, path),
            processor=partial(_load_processor, folder, kind),
            labels=_class_names(config),
            about={name: value for name, value in about.items() if value is not None},
            file=path,
        )


def _find_folder(path: Path, name: str) -> Path | None:
    """The file's own folder or the one above, whichever has a file of this name first; None where neither has."""
    return next((folder for folder in (path.parent, path.parent.parent) if (folder / name).is_file()), None)


def _read_config(folder: Path) -> Mapping[str, Any]:
    """The model's `config.json`; empty where there is none."""
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"`{folder / CONFIG}` cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


def _class_names(config: Mapping[str, Any]) -> list[str]:
    """The names of the model's classes in their order; none where the configuration has no such table."""
    names = config.get("id2label")
    if not isinstance(names, dict) or not all(str(index).isdecimal() for index in names):
        return []
    return [str(names[index]) for index in sorted(names, key=int)]


def _raise_no_module(path: Path) -> NoReturn:
    raise NotRunError(
        f"`{path}` is an ONNX file, and there is no PyTorch model behind it",
        hint="a backend of `onnxruntime/session` without a `path` runs it",
    )


def _choose_processor(modalities: Collection[str]) -> ProcessorKind:
    """The kind that a task reads its fields by."""
    if "text" not in modalities and "image" in modalities:
        return IMAGES
    return SOUNDS if "text" not in modalities and "audio" in modalities else TEXTS


def _load_processor(folder: Path | None, kind: ProcessorKind) -> Any:
    """The processor in a folder; None without a folder."""
    if folder is None:
        return None
    import transformers

    try:
        return getattr(transformers, kind.loader).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **kind.arguments
        )
    except Exception as error:
        raise DataError(f"`{folder}` has no {kind.what} that can be loaded: {error!s:.200}") from error
