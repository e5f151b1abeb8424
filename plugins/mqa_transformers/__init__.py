"""transformers: models from its hub or a folder, its tasks, and PyTorch to run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import Backend, Diagnosis, ModelSource, Task, hookimpl
from mqa_transformers import device, model_source, package_source, torch_backend
from mqa_transformers.tasks import (
    audio_classification,
    feature_extraction,
    fill_mask,
    forward,
    image_classification,
    image_segmentation,
    image_text_embedding,
    instance_segmentation,
    object_detection,
    question_answering,
    sentence_similarity,
    text_classification,
    text_ranking,
    token_classification,
    zero_shot_image_classification,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    """`transformers/auto` and `transformers/package`."""
    return [model_source.AutoSource(), package_source.PackageSource()]


@hookimpl
def mqa_tasks() -> Iterable[Task[Any]]:
    """The tasks of models of transformers, and `transformers/forward` for any model."""
    return [
        text_classification.TextClassification(),
        token_classification.TokenClassification(),
        question_answering.QuestionAnswering(),
        fill_mask.FillMask(),
        text_ranking.TextRanking(),
        feature_extraction.FeatureExtraction(),
        sentence_similarity.SentenceSimilarity(),
        image_classification.ImageClassification(),
        zero_shot_image_classification.ZeroShotImageClassification(),
        image_text_embedding.ImageTextEmbedding(),
        audio_classification.AudioClassification(),
        object_detection.ObjectDetection(),
        image_segmentation.ImageSegmentation(),
        instance_segmentation.InstanceSegmentation(),
        forward.Forward(),
    ]


@hookimpl
def mqa_backends() -> Iterable[Backend[Any]]:
    """`transformers/torch`."""
    return [torch_backend.TorchBackend()]


@hookimpl
def mqa_diagnoses() -> Iterator[Diagnosis]:
    """PyTorch, and what stands on it."""
    yield Diagnosis("pytorch", device.diagnose_pytorch)
    yield Diagnosis("companions", device.diagnose_companions)
