"""From a checkpoint to the model itself: the module and its processor, loaded by transformers."""

from __future__ import annotations

import inspect
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, NotRunError, summarize_error
from mqa_transformers.checkpoint import check_kernels
from mqa_transformers.configuration import is_audio_classifier
from mqa_transformers.live_model import INSTANCE_SEGMENTERS
from mqa_transformers.loading_info import check_loading_info
from mqa_transformers.tasks.tokenization import find_unused_pad_token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path
    from typing import TypeVar

    from mqa_registry import MqaError
    from mqa_transformers.checkpoint import Checkpoint

    Loaded = TypeVar("Loaded")

TEXT_CLASSIFICATION = "text-classification"
IMAGE_CLASSIFICATION = "image-classification"
AUDIO_CLASSIFICATION = "audio-classification"
OBJECT_DETECTION = "object-detection"
IMAGE_SEGMENTATION = "image-segmentation"
INSTANCE_SEGMENTATION = "instance-segmentation"
TAGGING = "token-classification"
FEATURE_EXTRACTION = "feature-extraction"
QUESTION_ANSWERING = "question-answering"
FILL_MASK = "fill-mask"
ZERO_SHOT_IMAGE_CLASSIFICATION = "zero-shot-image-classification"
FORWARD = "forward"  # the task of any model, as the class that it was saved from
PREPROCESSOR = "preprocessor_config.json"  # of images and sounds
PROCESSOR = "processor_config.json"  # of several kinds of inputs

# What a task can need, in the words of the hub: the class that loads its models, and the table of the classes those are of.
HEADS = {
    TEXT_CLASSIFICATION: ("AutoModelForSequenceClassification", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING"),
    TAGGING: ("AutoModelForTokenClassification", "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING"),
    QUESTION_ANSWERING: ("AutoModelForQuestionAnswering", "MODEL_FOR_QUESTION_ANSWERING_MAPPING"),
    FILL_MASK: ("AutoModelForMaskedLM", "MODEL_FOR_MASKED_LM_MAPPING"),
    "text-generation": ("AutoModelForCausalLM", "MODEL_FOR_CAUSAL_LM_MAPPING"),
    "text2text-generation": ("AutoModelForSeq2SeqLM", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING"),
    "multiple-choice": ("AutoModelForMultipleChoice", "MODEL_FOR_MULTIPLE_CHOICE_MAPPING"),
    FEATURE_EXTRACTION: ("AutoModel", "MODEL_MAPPING"),
    IMAGE_CLASSIFICATION: ("AutoModelForImageClassification", "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING"),
    ZERO_SHOT_IMAGE_CLASSIFICATION: (
        "AutoModelForZeroShotImageClassification",
        "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING",
    ),
    OBJECT_DETECTION: ("AutoModelForObjectDetection", "MODEL_FOR_OBJECT_DETECTION_MAPPING"),
    IMAGE_SEGMENTATION: ("AutoModelForSemanticSegmentation", "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING"),
    INSTANCE_SEGMENTATION: ("AutoModelForUniversalSegmentation", "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING"),
    AUDIO_CLASSIFICATION: ("AutoModelForAudioClassification", "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING"),
}


@dataclass(frozen=True)
class ImageTextProcessor:
    """What prepares images, and what texts, under the names that the processors of transformers have for them."""

    image_processor: Any
    tokenizer: Any


def load_module(checkpoint: Checkpoint, needs: str, processor: Callable[[], Any]) -> Any:
    """The model with the head that a task needs, else as it was saved, in float32 and evaluation mode.

    A classifier without a padding token takes one row at a time: it gets that of its tokenizer, which `processor`
    gives, unless that token also ends texts. Raises a DataError where a weight is missing.
    """
    what = f"a model for `{needs or FORWARD}`"
    check_kernels(_load(checkpoint, what, lambda: _load_config(checkpoint)), is_trusted=checkpoint.is_trusted)
    module, info = _load(checkpoint, what, lambda: _from_pretrained(checkpoint, _loading_class(checkpoint, needs)))
    if needs == FEATURE_EXTRACTION:
        info = _drop_missing_pooler(module, info)
    check_loading_info(
        checkpoint, needs or FORWARD, find_need(checkpoint.config.architecture), info, set(module.state_dict())
    )
    module.config.use_cache = False  # a classifier predicts by its logits; keys and values are steps on the way
    module.config.return_dict = True
    config = module.config.get_text_config()
    if needs == TEXT_CLASSIFICATION and getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = find_unused_pad_token(processor(), getattr(config, "vocab_size", None))
    return module.eval()


def load_processor(checkpoint: Checkpoint, needs: str, modalities: Collection[str] = ("text",)) -> Any:
    """What turns examples into the arrays that the model takes, by the modalities that the task reads.

    A tokenizer for text, an image processor for images alone, a feature extractor for sounds alone, and both of the former for
    images that are held against texts. None where the checkpoint has nothing of the kind, and rows may bring arrays. Raises a
    DataError where there is none that the task needs.
    """
    has_tokenizer = any(map(checkpoint.has_file, ("tokenizer.json", "tokenizer_config.json")))
    if not needs and not has_tokenizer:
        return None
    if needs == ZERO_SHOT_IMAGE_CLASSIFICATION:
        return ImageTextProcessor(_load_image_processor(checkpoint, needs), _load_tokenizer(checkpoint, needs))
    if needs and "image" in modalities and "text" not in modalities:
        return _load_image_processor(checkpoint, needs)
    if needs and "audio" in modalities and "text" not in modalities:
        return _load_preprocessor(checkpoint, "feature extractor", "AutoFeatureExtractor")
    if "text" in modalities or has_tokenizer:
        return _load_tokenizer(checkpoint, needs)
    has_processor = checkpoint.has_file(PREPROCESSOR)
    return _load(checkpoint, "a processor", lambda: _load_auto("AutoProcessor", checkpoint)) if has_processor else None


def _load_image_processor(checkpoint: Checkpoint, needs: str) -> Any:
    processor = _load_preprocessor(checkpoint, "image processor", "AutoImageProcessor", backend="pil")
    return _fit_inputs(processor, checkpoint, needs)


def _load_tokenizer(checkpoint: Checkpoint, needs: str) -> Any:
    """The tokenizer; a DataError where the checkpoint has none."""
    tokenizer = _load(
        checkpoint, "a tokenizer", lambda: _fit_inputs(_load_auto("AutoTokenizer", checkpoint), checkpoint, needs)
    )
    files = sorted({str(name) for name in tokenizer.vocab_files_names.values()})
    # Without any of them transformers makes up a tokenizer of a few special tokens, and does not say so.
    if files and not any(map(checkpoint.has_file, files)):
        raise DataError(
            f"`{checkpoint.path}` holds no tokenizer: there is no {' and no '.join(f'`{name}`' for name in files)} in it",
            hint="`tokenizer.save_pretrained(folder)` puts it there",
        )
    return tokenizer


def _load_preprocessor(checkpoint: Checkpoint, what: str, class_name: str, **arguments: str) -> Any:
    """What prepares images or sounds alone; a DataError where the checkpoint has none."""
    if not any(map(checkpoint.has_file, (PREPROCESSOR, PROCESSOR))):
        raise DataError(
            f"`{checkpoint.path}` holds no {what}: there is no `{PREPROCESSOR}` in it",
            hint=f"`{what.replace(' ', '_')}.save_pretrained(folder)` puts it there; it is the file of the model that was trained",
        )
    return _load(checkpoint, f"its {what}", lambda: _load_auto(class_name, checkpoint, **arguments))


def read_image_processor(folder: Path) -> Any:
    """The image processor in a folder that need not hold a model, by Pillow; a DataError where there is none."""
    files = (PREPROCESSOR, PROCESSOR)
    return _read_processor(folder, "image processor", files, "AutoImageProcessor", backend="pil")


def read_feature_extractor(folder: Path) -> Any:
    """The feature extractor in a folder that need not hold a model; a DataError where there is none."""
    return _read_processor(folder, "feature extractor", (PREPROCESSOR, PROCESSOR), "AutoFeatureExtractor")


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder that need not hold a model; a DataError where there is none."""
    return _read_processor(folder, "tokenizer", ("tokenizer_config.json", "tokenizer.json"), "AutoTokenizer")


def _read_processor(folder: Path, what: str, files: tuple[str, ...], class_name: str, **arguments: str) -> Any:
    """What an auto class of transformers reads from a folder with one of these files, without any code of the folder."""
    if not any((folder / name).is_file() for name in files):
        raise DataError(
            f"`{folder}` holds no {what}: there is no `{files[0]}` in it",
            hint="name the folder that has the deployment's",
        )
    try:
        with silence_transformers():
            import transformers

            return getattr(transformers, class_name).from_pretrained(str(folder), local_files_only=True, **arguments)
    except Exception as error:
        raise DataError(
            f"`{folder}` holds no {what} that can be loaded: {summarize_error(error)}", hint=f"is `{files[0]}` whole?"
        ) from error


@contextmanager
def silence_transformers() -> Iterator[None]:
    """No log lines, warnings and progress bars of transformers inside of the block; afterwards all are as before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers.utils import logging

        verbosity, had_progress_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity(logging.CRITICAL)
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
            if had_progress_bar:
                logging.enable_progress_bar()


def _loading_class(checkpoint: Checkpoint, needs: str) -> str:
    """The name of the class of transformers that loads the model."""
    return HEADS[needs][0] if needs else checkpoint.config.architecture or "AutoModel"


def _from_pretrained(checkpoint: Checkpoint, class_name: str) -> Any:
    import torch
    import transformers

    return getattr(transformers, class_name).from_pretrained(
        str(checkpoint.path),
        dtype=torch.float32,
        use_safetensors=not checkpoint.is_pickled,
        local_files_only=True,
        trust_remote_code=checkpoint.has_code,
        ignore_mismatched_sizes=True,  # they come back in the loading info, and are refused there
        output_loading_info=True,
    )


def _load_auto(class_name: str, checkpoint: Checkpoint, **arguments: str) -> Any:
    """What an auto class of transformers reads from the checkpoint."""
    import transformers

    return getattr(transformers, class_name).from_pretrained(
        str(checkpoint.path), local_files_only=True, trust_remote_code=checkpoint.has_code, **arguments
    )


def _load_config(checkpoint: Checkpoint) -> Any:
    return _load_auto("AutoConfig", checkpoint)


def _fit_inputs(processor: Any, checkpoint: Checkpoint, needs: str) -> Any:
    """The processor, which names no arrays that the model does not take.

    Models share processors: a tokenizer of BERT also gives `token_type_ids` to DistilBERT, and an image processor of DETR
    `pixel_mask` to YOLOS, which have none.
    """
    model_class = _model_class(checkpoint, needs)
    if model_class is not None:
        parameters = inspect.signature(model_class.forward).parameters
        processor.model_input_names = [name for name in processor.model_input_names if name in parameters]
    return processor


def _model_class(checkpoint: Checkpoint, needs: str) -> Any:
    """The model's own class; None where transformers has none of that name."""
    import transformers

    if not needs:
        return getattr(transformers, checkpoint.config.architecture or "", None)
    return getattr(transformers, HEADS[needs][1]).get(type(_load_config(checkpoint)), None)


def _load(checkpoint: Checkpoint, what: str, load: Callable[[], Loaded]) -> Loaded:
    """What `load` gives, with transformers silenced; any exception becomes an error of one line."""
    try:
        with silence_transformers():
            return load()
    except Exception as error:
        raise _loading_error(checkpoint, what, error) from error


def _loading_error(checkpoint: Checkpoint, what: str, error: Exception) -> MqaError:
    message = f"`{checkpoint.path}` cannot be loaded as {what}: {summarize_error(error)}"
    if isinstance(error, MemoryError | ImportError | SystemError):  # none of them is about the files
        return NotRunError(message)
    if isinstance(error, UnpicklingError):  # PyTorch's own message says how to load it all the same, which runs it
        return DataError(
            f"`{checkpoint.path}` cannot be loaded as {what}: its pickle is damaged, or holds more than weights, and is not run",
            hint="save only its weights, as safetensors: `model.save_pretrained(folder)`",
        )
    return DataError(message, hint="are all files of the model there, whole, and of this one model?")


def _drop_missing_pooler(module: Any, info: Mapping[str, Any]) -> Mapping[str, Any]:
    """The loading info of an encoder without the weights of a pooler that it was not saved with: it runs without that layer."""
    missing = {str(name) for name in info["missing_keys"]}
    pooler = {name for name in missing if name.startswith("pooler.")}
    if not pooler or getattr(module, "pooler", None) is None:
        return info
    module.pooler = None
    return {**info, "missing_keys": missing - pooler}


def find_need(architecture: str | None) -> str:
    """The task, in the words of the hub, that a class of transformers has a head for; empty where it has none."""
    if is_audio_classifier(architecture):
        return AUDIO_CLASSIFICATION
    if (architecture or "").endswith(INSTANCE_SEGMENTERS):
        return INSTANCE_SEGMENTATION
    heads = ((need, auto.removeprefix("AutoModel")) for need, (auto, _) in HEADS.items())
    return next((need for need, head in heads if head and (architecture or "").endswith(head)), "")
