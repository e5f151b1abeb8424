"""Tiny models with random weights, one for each architecture, and rows of arrays that they read.

The classes and the forms of inputs are those of the real models; the sizes are such that an export takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_datasets.sentences import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

SEED = 7
ROWS = 6
WORDS, LENGTH, ANSWER = 64, 12, 5  # the vocabulary, and how many tokens the longest row and an answer have
SIDE = 32  # pixels

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
TOKENS = {"vocab_size": WORDS, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
TEXT = SIZES | TOKENS | {"initializer_range": 0.2}  # weights large enough for answers that differ
VISION = SIZES | {"image_size": SIDE, "patch_size": 8, "initializer_range": 0.2}
SEQUENCES = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "init_std": 0.2,
}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16, 32], "depths": [1, 1, 1], "layer_type": "basic"}


def texts(rng: np.random.Generator) -> Arrays:
    """Token ids of rows of different lengths, padded on the right."""
    lengths = np.linspace(3, LENGTH, ROWS).astype(np.int64)
    mask = (np.arange(LENGTH) < lengths[:, None]).astype(np.int64)
    return {"input_ids": rng.integers(3, WORDS, (ROWS, LENGTH)) * mask, "attention_mask": mask}


def questions(rng: np.random.Generator) -> Arrays:
    """Texts for an encoder, and the beginning of an answer for a decoder."""
    return texts(rng) | {"decoder_input_ids": rng.integers(3, WORDS, (ROWS, ANSWER))}


def images(rng: np.random.Generator) -> Arrays:
    return {"pixel_values": rng.normal(size=(ROWS, 3, SIDE, SIDE)).astype(np.float32)}


def framed_images(rng: np.random.Generator) -> Arrays:
    """Images that do not fill their frame, with a mask that says so."""
    widths = np.linspace(SIDE // 2, SIDE, ROWS).astype(np.int64)
    mask = np.broadcast_to(np.arange(SIDE) < widths[:, None, None], (ROWS, SIDE, SIDE)).astype(np.int64)
    return {"pixel_values": images(rng)["pixel_values"] * mask[:, None].astype(np.float32), "pixel_mask": mask}


def captioned_images(rng: np.random.Generator) -> Arrays:
    """A text beside each image; the last token of a text ends it."""
    rows = texts(rng)
    rows["input_ids"][np.arange(ROWS), rows["attention_mask"].sum(1) - 1] = WORDS - 1
    return rows | images(rng)


def spectra(rng: np.random.Generator) -> Arrays:
    """Sounds as 80 bands of frequency over time."""
    sounds = rng.normal(size=(ROWS, 80, 64)).astype(np.float32)
    return {"input_features": sounds, "decoder_input_ids": rng.integers(3, WORDS, (ROWS, ANSWER))}


def waves(rng: np.random.Generator) -> Arrays:
    """Sounds as numbers, the short ones padded."""
    lengths = np.linspace(800, 1600, ROWS).astype(np.int64)
    mask = (np.arange(1600) < lengths[:, None]).astype(np.int64)
    return {"input_values": (rng.normal(size=mask.shape) * mask).astype(np.float32), "attention_mask": mask}


@dataclass(frozen=True)
class Tiny:
    """A model by the names of its classes in transformers, and what makes rows for it."""

    model: str
    config: str
    inputs: Callable[[np.random.Generator], Arrays]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """The model, with weights drawn by a seed."""
        import torch
        import transformers

        torch.manual_seed(SEED)
        config = getattr(transformers, self.config)(**self.settings)
        getattr(transformers, self.model)(config).eval().save_pretrained(folder)

    def write(self, path: Path) -> None:
        """The rows, as a `.npz`."""
        np.savez(path, allow_pickle=False, **self.inputs(np.random.default_rng(SEED)))

    @property
    def reads_text(self) -> bool:
        """Whether text is all that it reads."""
        return self.inputs in {texts, questions}


def write_tokenizer(folder: Path) -> None:
    """One for any model of text, which knows some whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = dict.fromkeys(word for text in SENTENCES for word in text.split())
    names = ["[PAD]", "[BOS]", "[EOS]", "[UNK]", *words][:WORDS]
    tokenizer = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)


MODELS = {
    "BERT": Tiny("BertForSequenceClassification", "BertConfig", texts, TEXT),
    "DistilBERT": Tiny(
        "DistilBertForSequenceClassification",
        "DistilBertConfig",
        texts,
        TOKENS | {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "initializer_range": 0.2},
    ),
    "RoBERTa": Tiny("RobertaForSequenceClassification", "RobertaConfig", texts, TEXT),
    "ALBERT": Tiny("AlbertForSequenceClassification", "AlbertConfig", texts, TEXT | {"embedding_size": 16}),
    "DeBERTa-v2": Tiny(
        "DebertaV2ForSequenceClassification",
        "DebertaV2Config",
        texts,
        TEXT
        | {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 4,
            "norm_rel_ebd": "layer_norm",
        },
    ),
    "ELECTRA": Tiny("ElectraForSequenceClassification", "ElectraConfig", texts, TEXT | {"embedding_size": 16}),
    "MPNet": Tiny("MPNetForSequenceClassification", "MPNetConfig", texts, TEXT),
    "XLM-R": Tiny("XLMRobertaForTokenClassification", "XLMRobertaConfig", texts, TEXT),
    "ModernBERT": Tiny(
        "ModernBertForSequenceClassification",
        "ModernBertConfig",
        texts,
        TEXT | {"cls_token_id": 1, "sep_token_id": 2, "global_attn_every_n_layers": 2, "local_attention": 4},
    ),
    "GPT-2": Tiny(
        "GPT2LMHeadModel",
        "GPT2Config",
        texts,
        TOKENS | {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "initializer_range": 0.2},
    ),
    "Llama": Tiny("LlamaForCausalLM", "LlamaConfig", texts, TEXT | {"num_key_value_heads": 1}),
    "Qwen": Tiny("Qwen2ForCausalLM", "Qwen2Config", texts, TEXT | {"num_key_value_heads": 1}),
    "Mistral": Tiny(
        "MistralForCausalLM", "MistralConfig", texts, TEXT | {"num_key_value_heads": 1, "sliding_window": 4}
    ),
    "T5": Tiny(
        "T5ForConditionalGeneration",
        "T5Config",
        questions,
        TOKENS | {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
    ),
    "BART": Tiny("BartForConditionalGeneration", "BartConfig", questions, TOKENS | SEQUENCES),
    "Marian": Tiny("MarianMTModel", "MarianConfig", questions, TOKENS | SEQUENCES | {"decoder_start_token_id": 0}),
    "ViT": Tiny("ViTForImageClassification", "ViTConfig", images, VISION),
    "DeiT": Tiny("DeiTForImageClassification", "DeiTConfig", images, VISION),
    "Swin": Tiny(
        "SwinForImageClassification",
        "SwinConfig",
        images,
        {
            "image_size": SIDE,
            "patch_size": 2,
            "embed_dim": 16,
            "depths": [2, 2],
            "num_heads": [2, 4],
            "window_size": 4,
            "initializer_range": 0.2,
        },
    ),
    "ConvNeXt": Tiny(
        "ConvNextForImageClassification",
        "ConvNextConfig",
        images,
        {"hidden_sizes": [8, 16, 32], "depths": [1, 1, 1], "num_stages": 3},
    ),
    "ResNet": Tiny("ResNetForImageClassification", "ResNetConfig", images, RESNET),
    "SegFormer": Tiny(
        "SegformerForSemanticSegmentation",
        "SegformerConfig",
        images,
        {
            "num_encoder_blocks": 2,
            "depths": [1, 1],
            "sr_ratios": [2, 1],
            "hidden_sizes": [16, 32],
            "patch_sizes": [7, 3],
            "strides": [4, 2],
            "num_attention_heads": [1, 2],
            "mlp_ratios": [2, 2],
            "decoder_hidden_size": 32,
            "initializer_range": 0.2,
        },
    ),
    "DETR": Tiny(
        "DetrForObjectDetection",
        "DetrConfig",
        framed_images,
        SEQUENCES
        | {
            "num_queries": 5,
            "use_timm_backbone": False,
            "use_pretrained_backbone": False,
            "backbone": None,
            "backbone_config": RESNET | {"model_type": "resnet", "out_features": ["stage3"]},
        },
    ),
    "CLIP": Tiny(
        "CLIPModel",
        "CLIPConfig",
        captioned_images,
        {
            "projection_dim": 16,
            "text_config": SIZES | TOKENS | {"eos_token_id": WORDS - 1},
            "vision_config": SIZES | {"image_size": SIDE, "patch_size": 8},
        },
    ),
    "Whisper": Tiny(
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        spectra,
        TOKENS
        | SEQUENCES
        | {"max_source_positions": 32, "max_target_positions": 16, "decoder_start_token_id": 1, "num_mel_bins": 80},
    ),
    "Wav2Vec2": Tiny(
        "Wav2Vec2ForCTC",
        "Wav2Vec2Config",
        waves,
        SIZES
        | TOKENS
        | {
            "conv_dim": [16, 16, 16],
            "conv_kernel": [10, 3, 3],
            "conv_stride": [5, 2, 2],
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
            "feat_extract_norm": "layer",
            "do_stable_layer_norm": True,
        },
    ),
}
