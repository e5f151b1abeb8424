"""The configuration of a model, `config.json`: its class, its labels, its sizes and its special tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, FileFormat, file_format

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIG = "config.json"

# Models whose first positions are taken by the number of the padding token and those before it.
PADDED_POSITIONS = frozenset(
    {
        "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "mpnet", "roberta",
        "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
    }
)  # fmt: skip
# Models of sounds whose classifiers are called as those of texts are, `...ForSequenceClassification`.
SOUND_ENCODERS = (
    "Data2VecAudio", "Hubert", "SEW", "UniSpeech", "Wav2Vec2", "WavLM",
)  # fmt: skip
UNUSED = "N/A"  # the name of a class that a detector does not use
DEFAULT_PAD_TOKEN_ID = 1  # of those models, where the configuration leaves it out


@dataclass(frozen=True)
class Configuration:
    """The keys and values of a `config.json`, read without a model library."""

    file: Path
    values: Mapping[str, Any]

    @property
    def architecture(self) -> str | None:
        """The class that the model was saved from."""
        names = self.values.get("architectures")
        return str(names[0]) if isinstance(names, list) and names else None

    @property
    def problem_type(self) -> object:
        """What kind of classification the model does, as it was written; None where it is not set."""
        return self.values.get("problem_type")

    @property
    def num_channels(self) -> int | None:
        """The channels of the images that the model takes: 3 for RGB, 1 for grey; None where it is not set."""
        return self._integer("num_channels", 0) or None

    @property
    def max_positions(self) -> int | None:
        """The longest input that the model has positions for, in tokens; None where it sets no such bound."""
        positions = self._integer("max_position_embeddings", self._integer("n_positions", 0))
        is_padded = self.values.get("model_type") in PADDED_POSITIONS
        reserved = self._integer("pad_token_id", DEFAULT_PAD_TOKEN_ID) + 1 if is_padded else 0
        return positions - reserved if positions > reserved else None

    @property
    def vocab_size(self) -> int | None:
        """How many tokens the model has embeddings for; None where it is not set."""
        return self._integer("vocab_size", self._text_integer("vocab_size")) or None

    @property
    def pad_token_id(self) -> int | None:
        """The id of the padding token; None where none is named, or one that the model has no embedding for."""
        token = self._integer("pad_token_id", self._text_integer("pad_token_id", -1))
        size = self.vocab_size
        return token if token >= 0 and (size is None or token < size) else None

    @property
    def has_no_pad_token(self) -> bool:
        """Whether the configuration says explicitly that there is no padding token."""
        return "pad_token_id" in self.values and self.pad_token_id is None

    @property
    def decoder_start_token_id(self) -> int | None:
        """The id of the token that an encoder-decoder model starts to decode from; None for any other model."""
        if not self.values.get("is_encoder_decoder"):
            return None
        return self._integer("decoder_start_token_id", self._integer("bos_token_id", 0))

    def facts(self) -> dict[str, Any]:
        """What tasks, backends and reports read of a model besides its weights."""
        facts = {
            "architecture": self.architecture,
            "max_positions": self.max_positions,
            "decoder_start_token_id": self.decoder_start_token_id,
            "pad_token_id": self.pad_token_id,
            "has_no_pad_token": self.has_no_pad_token or None,
            "vocab_size": self.vocab_size,
            "problem_type": self.problem_type,
            "num_channels": self.num_channels,
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the model's outputs."""
        names = self.values.get("id2label")
        if names is None:
            # transformers leaves them out of the file where they have the default names.
            return tuple(f"LABEL_{number}" for number in range(self._integer("num_labels", 2)))
        if not isinstance(names, dict) or set(names) != {str(number) for number in range(len(names))}:
            raise DataError(f"`id2label` in `{self.file}` does not number its labels from 0 up")
        labels = tuple(str(names[str(number)]) for number in range(len(names)))
        # Detectors of COCO have a class for each of its numbers, and call those that it does not use so.
        labels = tuple(f"LABEL_{number}" if name == UNUSED else name for number, name in enumerate(labels))
        if len(set(labels)) < len(labels):
            raise DataError(f"`id2label` in `{self.file}` has one label twice")
        return labels

    def _integer(self, key: str, default: int) -> int:
        value = self.values.get(key)
        return value if isinstance(value, int) else default

    def _text_integer(self, key: str, default: int = 0) -> int:
        """An integer of the part that reads text, for a model with several parts."""
        part = self.values.get("text_config")
        value = part.get(key) if isinstance(part, dict) else None
        return value if isinstance(value, int) else default


def is_audio_classifier(architecture: str | None) -> bool:
    """Whether a class of transformers classifies sounds."""
    name = architecture or ""
    is_encoder = name.startswith(SOUND_ENCODERS) and name.endswith("ForSequenceClassification")
    return is_encoder or name.endswith("ForAudioClassification")


def read_configuration(folder: Path) -> Configuration:
    """The configuration in a model's folder; a DataError where it cannot be read."""
    return Configuration(folder / CONFIG, read_json(folder / CONFIG))


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; a DataError where there is none."""
    try:
        check_fetched(file)
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"`{file}` cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"`{file}` is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"`{file}` holds no JSON object")
    return content


def check_fetched(file: Path) -> None:
    """A DataError for a file that git-LFS did not fetch."""
    if file_format(file) is FileFormat.LFS_POINTER:
        raise DataError(
            f"`{file}` is a pointer of git-LFS in place of the file",
            hint=f"`git lfs pull` in `{file.parent}` fetches the file itself",
        )
