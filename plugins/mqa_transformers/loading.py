"""From a folder to the model itself: the module and its processor."""

from __future__ import annotations

import inspect
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, NotRunError
from mqa_transformers.kernels import check_kernels
from mqa_transformers.padding import missing_pad_token
from mqa_transformers.quiet import quiet
from mqa_transformers.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import TypeVar

    from mqa_registry import MqaError
    from mqa_transformers.folder import Folder

    Loaded = TypeVar("Loaded")

TEXTS = "text-classification"
FORWARD = "forward"  # the task of any model, as the class that it was saved from
PREPROCESSOR = "preprocessor_config.json"  # of images and sounds

# What a task can need, in the words of the hub: the class that loads its models, and the table of the classes those are of.
HEADS = {
    TEXTS: ("AutoModelForSequenceClassification", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING"),
    "token-classification": ("AutoModelForTokenClassification", "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING"),
    "question-answering": ("AutoModelForQuestionAnswering", "MODEL_FOR_QUESTION_ANSWERING_MAPPING"),
    "fill-mask": ("AutoModelForMaskedLM", "MODEL_FOR_MASKED_LM_MAPPING"),
    "text-generation": ("AutoModelForCausalLM", "MODEL_FOR_CAUSAL_LM_MAPPING"),
    "text2text-generation": ("AutoModelForSeq2SeqLM", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING"),
    "multiple-choice": ("AutoModelForMultipleChoice", "MODEL_FOR_MULTIPLE_CHOICE_MAPPING"),
    "feature-extraction": ("AutoModel", "MODEL_MAPPING"),
    "image-classification": ("AutoModelForImageClassification", "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING"),
    "object-detection": ("AutoModelForObjectDetection", "MODEL_FOR_OBJECT_DETECTION_MAPPING"),
    "image-segmentation": ("AutoModelForSemanticSegmentation", "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING"),
    "audio-classification": ("AutoModelForAudioClassification", "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING"),
}


def load_module(folder: Folder, needs: str, processor: Callable[[], Any]) -> Any:
    """The model with the head that a task needs, else as it was saved, in float32 and evaluation mode.

    A classifier without a padding token takes one row at a time: it is given that of its tokenizer, the `processor`,
    where that ends no text. Raises a DataError where a weight is missing.
    """
    what = f"a model for `{needs or FORWARD}`"
    check_kernels(_loaded(folder, what, lambda: _config(folder)), allowed=folder.trusted)
    module, info = _loaded(folder, what, lambda: _from_pretrained(folder, _loader(folder, needs)))
    _check_weights(folder, needs or FORWARD, info, set(module.state_dict()))
    module.config.use_cache = False  # a classifier's answer is its logits, not the keys and values on the way there
    module.config.return_dict = True
    config = module.config.get_text_config()
    if needs == TEXTS and getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = missing_pad_token(processor(), getattr(config, "vocab_size", None))
    return module.eval()


def load_processor(folder: Folder, needs: str, *, texts: bool = True) -> Any:
    """What turns examples into the arrays that the model takes: a tokenizer, where the task reads `texts`.

    None where the folder has nothing of the kind, and rows may bring arrays.
    """
    if not needs and not _has_tokenizer(folder):
        return None  # its rows bring arrays
    if not texts and not _has_tokenizer(folder):
        return _loaded(folder, "a processor", lambda: _processor(folder)) if _has(folder, PREPROCESSOR) else None
    tokenizer = _loaded(folder, "a tokenizer", lambda: _tokenizer(folder, needs))
    files = sorted({str(name) for name in tokenizer.vocab_files_names.values()})
    # Without any of them transformers makes up a tokenizer of a few special tokens, and says nothing.
    if files and not any(_has(folder, name) for name in files):
        raise DataError(
            f"`{folder.path}` holds no tokenizer: there is no {' and no '.join(f'`{name}`' for name in files)} in it",
            hint="`tokenizer.save_pretrained(folder)` puts it there",
        )
    return tokenizer


def _loader(folder: Folder, needs: str) -> str:
    """The class that loads the model."""
    return HEADS[needs][0] if needs else folder.architecture or "AutoModel"


def _has(folder: Folder, name: str) -> bool:
    return (folder.path / name).is_file()


def _has_tokenizer(folder: Folder) -> bool:
    return any(_has(folder, name) for name in ("tokenizer.json", "tokenizer_config.json"))


def _processor(folder: Folder) -> Any:
    import transformers

    return transformers.AutoProcessor.from_pretrained(
        str(folder.path), local_files_only=True, trust_remote_code=folder.code
    )


def _from_pretrained(folder: Folder, name: str) -> Any:
    import torch
    import transformers

    return getattr(transformers, name).from_pretrained(
        str(folder.path),
        dtype=torch.float32,
        use_safetensors=not folder.pickled,
        local_files_only=True,
        trust_remote_code=folder.code,
        ignore_mismatched_sizes=True,  # they come back in the loading info, and are refused there
        output_loading_info=True,
    )


def _config(folder: Folder) -> Any:
    import transformers

    return transformers.AutoConfig.from_pretrained(
        str(folder.path), local_files_only=True, trust_remote_code=folder.code
    )


def _tokenizer(folder: Folder, needs: str) -> Any:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(
        str(folder.path), local_files_only=True, trust_remote_code=folder.code
    )
    kind = _class(folder, needs)
    if kind is not None:
        # Models share tokenizers: BERT's also gives `token_type_ids` to DistilBERT, which has none.
        taken = inspect.signature(kind.forward).parameters
        tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in taken]
    return tokenizer


def _class(folder: Folder, needs: str) -> Any:
    """The model's own class; None where transformers has none of that name."""
    import transformers

    if not needs:
        return getattr(transformers, folder.architecture or "", None)
    return getattr(transformers, HEADS[needs][1]).get(type(_config(folder)), None)


def _loaded(folder: Folder, what: str, load: Callable[[], Loaded]) -> Loaded:
    """What `load` gives, in silence; whatever it raises, as an error with one line."""
    try:
        with quiet():
            return load()
    except Exception as error:
        raise _refusal(folder, what, error) from error


def _refusal(folder: Folder, what: str, error: Exception) -> MqaError:
    message = f"`{folder.path}` cannot be loaded as {what}: {reason(error)}"
    if isinstance(error, MemoryError | ImportError | SystemError):  # none of them is about the files
        return NotRunError(message)
    if isinstance(error, UnpicklingError):  # PyTorch says how to load it all the same, which runs it
        return DataError(
            f"`{folder.path}` cannot be loaded as {what}: its pickle is damaged, or holds more than weights, and is not run",
            hint="save its weights alone, as safetensors: `model.save_pretrained(folder)`",
        )
    return DataError(message, hint="are all files of the model there, whole, and of this one model?")


def _check_weights(folder: Folder, task: str, info: Mapping[str, Any], names: Collection[str]) -> None:
    """That every weight of the module came from the folder, and every layer of the folder is in the module.

    `names` are those of all weights of the module.
    """
    if layers := missing_layers(info["missing_keys"], names):
        raise DataError(
            f"`{folder.path}` holds no weights for the layers {_some(layers)} of its configuration, which would be random",
            hint="is `config.json` that of this model, with as many layers, and are all files of its weights there?",
        )
    if missing := sorted(info["missing_keys"]):
        raise DataError(
            f"`{folder.path}` holds no weights for {_some(missing)}, which would be random",
            hint=f"it was saved from `{folder.architecture or 'an unnamed class'}`;"
            f" `{task}` takes a model with a head trained for it",
        )
    if mismatched := sorted(str(key) for key, *_ in info["mismatched_keys"]):
        raise DataError(
            f"`{folder.path}` holds weights of another shape than its configuration says: {_some(mismatched)}",
            hint="is `config.json` that of this model, with as many labels?",
        )
    # A head or a pooler that this task does without is harmless. What is left over of a numbered layer is not: a layer
    # that the configuration drops, or an adapter that was never merged.
    if surplus := sorted(name for name in info["unexpected_keys"] if any(part.isdigit() for part in name.split("."))):
        raise DataError(
            f"`{folder.path}` holds weights that its configuration has no place for: {_some(surplus)}",
            hint="is `config.json` that of this model, and are its adapters merged?",
        )


def missing_layers(missing: Collection[str], names: Collection[str]) -> list[str]:
    """The numbered layers of a model that none of their weights came for, in their order, of all weights' `names`."""
    there = {layer for name in set(names) - set(missing) if (layer := _layer(name))}
    return sorted({layer for name in missing if (layer := _layer(name))} - there, key=_in_order)


def _layer(name: str) -> str:
    """The outermost numbered part of the model that a weight is in, such as `bert.encoder.layer.2`."""
    parts = name.split(".")
    number = next((place for place, part in enumerate(parts[:-1]) if part.isdigit()), None)
    return "" if number is None else ".".join(parts[: number + 1])


def _in_order(layer: str) -> tuple[str, int]:
    stack, _, number = layer.rpartition(".")
    return stack, int(number)


def _some(names: list[str]) -> str:
    more = len(names) - 2
    return ", ".join(f"`{name}`" for name in names[:2]) + (f" and {more} more" if more > 0 else "")
