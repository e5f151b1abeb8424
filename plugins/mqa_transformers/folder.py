"""A model's folder, read without a model library: what it holds, its labels and its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, content_digest, is_special
from mqa_transformers.files import check_fetched, read_json
from mqa_transformers.kernels import implementations, is_kernel
from mqa_transformers.otherwise import CONFIG, check_whole
from mqa_transformers.sizes import check_sizes
from mqa_transformers.weights import find_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mqa_registry import Conditions

PROCESSORS = ("tokenizer_config.json", "processor_config.json", "preprocessor_config.json")

# What a folder may hold beside the model: notes, and weights in forms that are not loaded from it.
ELSEWHERE = frozenset(
    {".md", ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".gguf", ".onnx", ".data", ".py"}
)

EXPORTED = (".mqa.json", ".trace.json")  # what stands beside an export of the model, in whatever folder

# Their first positions are taken by the padding token's number and those before it.
PADDED_POSITIONS = frozenset(
    {
        "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "mpnet", "roberta",
        "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
    }
)  # fmt: skip
PADDED_WITH = 1  # their padding token, where a configuration leaves it out as what it is anyway


@dataclass(frozen=True)
class Folder:
    """A transformers model on disk. `weights` are the files that are loaded, by their names inside the folder."""

    path: Path
    config: Mapping[str, Any]
    weights: tuple[str, ...]
    pickled: bool  # the weights are a pickle
    code: bool  # it brings Python code that is run
    trusted: bool = False  # what it asks to be run, and brings or not, is

    @property
    def architecture(self) -> str | None:
        """The class it was saved from."""
        names = self.config.get("architectures")
        return str(names[0]) if isinstance(names, list) and names else None

    @property
    def commit(self) -> str | None:
        """The commit it is a snapshot of, where it lies in the cache of the hub."""
        return self.path.name if self.path.parent.name == "snapshots" else None

    @property
    def positions(self) -> int | None:
        """The longest input it has positions for, in tokens; None where it sets no such bound."""
        most = self._number("max_position_embeddings", self._number("n_positions", 0))
        padded = self.config.get("model_type") in PADDED_POSITIONS
        taken = self._number("pad_token_id", PADDED_WITH) + 1 if padded else 0
        return most - taken if most > taken else None

    @property
    def vocabulary(self) -> int | None:
        """How many tokens it has embeddings for; None where it does not say."""
        return self._number("vocab_size", self._text_number("vocab_size")) or None

    @property
    def pad_token(self) -> int | None:
        """The token that its configuration names for padding; None where it names none, or one that the model has not."""
        token = self._number("pad_token_id", self._text_number("pad_token_id", -1))
        size = self.vocabulary
        return token if token >= 0 and (size is None or token < size) else None

    @property
    def unpadded(self) -> bool:
        """Whether its configuration says in so many words that it has no padding token."""
        return "pad_token_id" in self.config and self.pad_token is None

    @property
    def decoder_start(self) -> int | None:
        """The token that an encoder and decoder begins its answers with; None for any other model."""
        if not self.config.get("is_encoder_decoder"):
            return None
        return self._number("decoder_start_token_id", self._number("bos_token_id", 0))

    def labels(self) -> tuple[str, ...]:
        """Its classes, in the order of its outputs."""
        names = self.config.get("id2label")
        if names is None:
            # transformers leaves them out of the file where nobody named them.
            return tuple(f"LABEL_{number}" for number in range(self._number("num_labels", 2)))
        if not isinstance(names, dict) or set(names) != {str(number) for number in range(len(names))}:
            raise DataError(f"`id2label` in `{self.path / CONFIG}` does not number its labels from 0 up")
        labels = tuple(str(names[str(number)]) for number in range(len(names)))
        if len(set(labels)) < len(labels):
            raise DataError(f"`id2label` in `{self.path / CONFIG}` has one label twice")
        return labels

    def _number(self, name: str, default: int) -> int:
        value = self.config.get(name)
        return value if isinstance(value, int) else default

    def files(self) -> list[str]:
        """All files that an answer depends on, by their names inside the folder."""
        return sorted({*self.weights, *self._beside()})

    def _text_number(self, name: str, default: int = 0) -> int:
        """A number of the part of a model that reads text, where it has several parts."""
        part = self.config.get("text_config")
        value = part.get(name) if isinstance(part, dict) else None
        return value if isinstance(value, int) else default

    def digest(self) -> str:
        """The sha256 over the names and contents of all files that an answer depends on."""
        total = hashlib.sha256()
        for name in self.files():
            total.update(f"{name}\0{content_digest(self.path / name)}\n".encode("utf-8", "surrogateescape"))
        return f"sha256:{total.hexdigest()}"

    def _beside(self) -> Iterator[str]:
        """The configuration, the processor's files, and code where it is run."""
        for file in self.path.iterdir():
            elsewhere = file.name.startswith(".") or file.name.endswith(EXPORTED) or file.suffix in ELSEWHERE
            if file.is_file() and not elsewhere:
                yield file.name
        if self.code:
            yield from (str(file.relative_to(self.path)) for file in self.path.rglob("*.py"))


def open_folder(path: Path, conditions: Conditions) -> Folder:
    """The model in a folder; a DataError where there is none, or none that may be loaded under these conditions."""
    check_whole(path)
    _check_files(path)
    config = read_json(path / CONFIG)
    _check_code(path, config, allowed=conditions.trust_remote_code)
    weights, pickled = find_weights(path, config, allow_pickle=conditions.allow_pickle)
    folder = Folder(
        path, config, weights, pickled=pickled, code=bool(_code(path, config)), trusted=conditions.trust_remote_code
    )
    for name in folder.files():
        check_fetched(path / name)
    check_sizes(path, config, weights, pickled=pickled)
    return folder


def _check_files(path: Path) -> None:
    """A DataError for what transformers may open, and never come to the end of."""
    for file in path.iterdir():
        if is_special(file):
            raise DataError(f"`{file}` is a pipe or a device, and a model is made of files", hint="remove it")


def _check_code(path: Path, config: Mapping[str, Any], *, allowed: bool) -> None:
    if (file := _code(path, config)) and not allowed:
        raise DataError(
            f"`{path}` brings code of its own (see `{file}`), and that is not run",
            hint="read the code, then allow it with `--trust-remote-code`",
        )


def _code(path: Path, config: Mapping[str, Any]) -> str:
    """The file that names code to run, or nothing."""
    if "auto_map" in config or any(map(is_kernel, implementations(config))):
        return CONFIG
    present = (name for name in PROCESSORS if (path / name).is_file())
    return next((name for name in present if "auto_map" in read_json(path / name)), "")
