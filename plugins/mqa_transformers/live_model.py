"""Models of transformers in memory: what their configuration and their tokenizer say, as those of a checkpoint do."""

from __future__ import annotations

import copy
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, ModelDescription
from mqa_transformers.configuration import Configuration, is_audio_classifier
from mqa_transformers.tasks.tokenization import find_unused_pad_token

if TYPE_CHECKING:
    from mqa_registry import LiveModel

# The ends of the names of classes.
CLASSIFIER, TAGGER, IMAGE_CLASSIFIER = "ForSequenceClassification", "ForTokenClassification", "ForImageClassification"
ENCODER = "Model"
OBJECT_DETECTOR = "ForObjectDetection"
SEGMENTER = "ForSemanticSegmentation"
INSTANCE_SEGMENTERS = ("ForUniversalSegmentation", "ForInstanceSegmentation", "ForSegmentation")
READER = "ForQuestionAnswering"
MASKED_MODEL = "ForMaskedLM"
IMAGE_TEXT_MODEL = "CLIPModel"
RUN_CONFIG = {"use_cache": False, "return_dict": True}  # as a model of a checkpoint is run


def describe_classifier(live: LiveModel, head: str = CLASSIFIER) -> ModelDescription | None:
    """A classifier of texts, or another model of texts by its `head`: its labels, its facts and its tokenizer; None of any other model.

    A DataError where it comes without a tokenizer.
    """
    if is_audio_classifier(type(live.model).__name__):
        return None
    config = _read_classifier(live, head, "a tokenizer, which its texts need", "tokenizer")
    if config is None:
        return None
    settings = _run_config(live.model)
    if getattr(live.model.config, "pad_token_id", 0) is None:  # without one it takes one row at a time
        settings["pad_token_id"] = find_unused_pad_token(live.processor, config.vocab_size)
    return ModelDescription(config.labels(), config.facts(), fit_processor(live), settings)


def describe_image_model(live: LiveModel, head: str | tuple[str, ...] = IMAGE_CLASSIFIER) -> ModelDescription | None:
    """A model of images with a head, or one of several: its labels, its facts and its image processor; None of any other model.

    A DataError where it comes without a processor.
    """
    needs = "an image processor, which its images need"
    config = _read_classifier(live, head, needs, "image_processor")
    if config is None:
        return None
    return ModelDescription(config.labels(), config.facts(), fit_processor(live), _run_config(live.model))


def describe_encoder(live: LiveModel) -> ModelDescription | None:
    """A model without a head, as `BertModel`: its facts and its tokenizer; None of any other. A DataError without a tokenizer."""
    config = _read_classifier(live, ENCODER, "a tokenizer, which its texts need", "tokenizer")
    if config is None:
        return None
    return ModelDescription((), config.facts(), fit_processor(live), _run_config(live.model))


def describe_audio_classifier(live: LiveModel) -> ModelDescription | None:
    """A classifier of sounds: its labels, its facts and its feature extractor; None of any other model.

    A DataError where it comes without an extractor.
    """
    if not is_audio_classifier(type(live.model).__name__):
        return None
    needs = "a feature extractor, which its sounds need"
    config = _read_classifier(live, type(live.model).__name__, needs, "feature_extractor")
    assert config is not None
    return ModelDescription(config.labels(), config.facts(), live.processor, _run_config(live.model))


def _read_classifier(live: LiveModel, head: str | tuple[str, ...], needs: str, processor: str) -> Configuration | None:
    """The configuration of a model with a head; None of any other model. A DataError where it has no processor."""
    config = read_live_configuration(live.model)
    if config is None or not type(live.model).__name__.endswith(head):
        return None
    if live.processor is None:
        raise DataError(
            f"the `{type(live.model).__name__}` comes without {needs}",
            hint=f"pass both: `model=LiveModel(model, {processor})`, or a pipeline",
        )
    return config


def describe_module(live: LiveModel) -> ModelDescription:
    """Any module: its facts where it has a configuration of transformers."""
    config = read_live_configuration(live.model)
    facts = config.facts() if config is not None else {}
    return ModelDescription((), facts, fit_processor(live), _run_config(live.model) if config is not None else {})


def read_live_configuration(module: Any) -> Configuration | None:
    """The configuration of a model in memory, as it would be saved; None where it has none of transformers."""
    write = getattr(getattr(module, "config", None), "to_json_string", None)
    if not callable(write):
        return None
    return Configuration(Path("the configuration"), {**json.loads(write()), "architectures": [type(module).__name__]})


def fit_processor(live: LiveModel) -> Any:
    """A processor that gives no arrays that the model does not take, as a tokenizer of BERT gives DistilBERT `token_type_ids`."""
    names = getattr(live.processor, "model_input_names", None)
    if not isinstance(names, list):
        return live.processor
    parameters = inspect.signature(live.model.forward).parameters
    taken = [name for name in names if name in parameters]
    if not taken or taken == names:  # without any, it passes on what it gets
        return live.processor
    processor = copy.copy(live.processor)
    processor.model_input_names = taken
    return processor


def _run_config(module: Any) -> dict[str, Any]:
    return {name: value for name, value in RUN_CONFIG.items() if hasattr(module.config, name)}
