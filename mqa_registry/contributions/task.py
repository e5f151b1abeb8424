"""Tasks: what a model is for, and the codec between examples, arrays and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions.contribution import ClassContribution, OptionsT
from mqa_registry.contributions.versions import VersionedClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.contributions.model import LiveModel, Model, ModelDescription
    from mqa_registry.contributions.run_modes import RunMode, RunModeName
    from mqa_registry.types import Example

    Encoded: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Batch: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Outputs: TypeAlias = Mapping[str, npt.NDArray[Any]]

COLUMNS = "columns"  # the modality of a field that has all columns of a row


@dataclass(frozen=True)
class OutputReading:
    """How the outputs of one backend are decoded, where they are not what the task expects, such as probabilities.

    `decode` is as a codec's; `meaning` says in words how the outputs are read, for the report.
    """

    decode: Callable[[Outputs, Sequence[Encoded]], pa.Table]
    meaning: str


@dataclass(frozen=True)
class Grouping:
    """How several rows of a data set make one example, such as the candidates of a query, or the two sides of a pair.

    Rows with the same value in the column mapped to `group` are the members of one group, and its value is the id of the
    example. `fields` are those fields of the task that each member has its own value of: in the example they are lists, in
    the order of the rows. All other fields are of the group, and equal in its rows. So are targets, unless
    `has_member_targets`: then the target of a member is how relevant it is, a number, and that of the example has the
    relevant members by their names. A group has `min_members` or more, and `max_members` at most, where that is given.

    A field `member` has the names of members: no two of a group are the same. Rows of a data set whose `fields` are lists
    already are examples as they stand.
    """

    fields: tuple[str, ...]
    has_member_targets: bool = False
    min_members: int = 2
    max_members: int | None = None


@dataclass(frozen=True)
class InputVariant:
    """Another way to make a model's inputs, as a deployment makes them by mistake: its `codec`, and what it does in words.

    `difference` continues a sentence: `the channels are in the order BGR`.
    """

    difference: str
    codec: Codec


class Codec(VersionedClass, ABC):
    """A task bound to a model: examples to arrays, arrays to predictions.

    `padding_mask` names the array of a batch, shape (rows, positions), that is 0 where a position is padding; empty where
    nothing is padded. `limit` is how many tokens a row may have before it is cut, `length` how many every row has, where
    a backend takes no other number. `encodes_in_threads` says that several threads may call `encode` at once, which is
    faster where it decodes images or sounds; a tokenizer has threads of its own. `remarks` are sentences about how the model is fed where that does not follow from its files alone.
    `run_mode` says how a batch is run where that is more than one forward pass: a `Generation` or a `Streaming`.
    `dynamic_axes` are those that an export has to leave open besides those of rows and those along which rows differ, by the names
    of arrays: such as the number of labels whose texts are fed with every batch.

    A row may be run in parts, such as the windows of a long document, the tiles of an image or the chunks of a sound:
    `split` takes an encoded row apart, `join` puts the outputs for its parts together, or what `reduce` left of them.
    `collate` and `cost` then get parts, `encode`, `decode` and `full_costs` whole rows. Parts of one row may run in different
    batches.

    Reports have from it: `truncated` of the data set, with `rows`, `share`, `longest` and `limit` (from `full_costs`),
    and the facts `read_as` (from `read_outputs`) and `fixed_length` (`length`) of the backend.
    """

    padding_mask: str = ""
    limit: int | None = None
    length: int | None = None
    encodes_in_threads: bool = False
    remarks: Sequence[str] = ()
    run_mode: RunMode | None = None
    dynamic_axes: Mapping[str, tuple[int, ...]] = MappingProxyType({})

    @abstractmethod
    def encode(self, examples: Sequence[Example]) -> Sequence[Encoded]:
        """One mapping of unpadded arrays per example."""

    @abstractmethod
    def collate(self, rows: Sequence[Encoded]) -> Batch:
        """One batch of some rows, padded: what the model is fed.

        An array that decoding alone needs, as offsets of tokens, stays in the row and out of the batch.
        """

    @abstractmethod
    def decode(self, outputs: Outputs, rows: Sequence[Encoded]) -> pa.Table:
        """The outputs for rows as a table of the task's schema without `id`; a row with NaN or Inf is null."""

    @abstractmethod
    def cost(self, row: Encoded) -> int:
        """What a row costs, in tokens or the like: batches are formed by it."""

    def costs(self, rows: Sequence[Encoded]) -> list[int]:
        """What each of some rows, or of the parts of one, costs."""
        return [self.cost(row) for row in rows]

    @property
    def splits(self) -> bool:
        """Whether rows are run in parts."""
        return type(self).split is not Codec.split

    def split(self, row: Encoded) -> Sequence[Encoded]:
        """The parts that an encoded row is run in, one or more, in their order; the row itself where it has no parts."""
        return [row]

    def encode_parts(self, examples: Sequence[Example]) -> list[Encoded]:
        """Some examples as the model is fed with them: encoded, and split where rows have parts."""
        return [part for row in self.encode(examples) for part in self.split(row)]

    def reduce(self, outputs: Outputs, parts: Sequence[Encoded]) -> Outputs:
        """What `join` needs of the outputs for a batch of parts, the parts first; the outputs themselves if left out.

        The rest of them is given up as soon as the batch has run: of a row in hundreds of parts, logits for each token of a
        vocabulary would take gigabytes. It is not called for the chunks of a `Streaming`.
        """
        return outputs

    def join(self, outputs: Sequence[Outputs], row: Encoded) -> Outputs:
        """The outputs for one row, made of those for each of its parts, both without the axis of rows.

        Left out, the parts are the first axis: windows whose logits have the shape (tokens,) become (windows, tokens),
        with zeros where a window is shorter than the longest. In a batch, rows with fewer parts are padded with zeros.
        """
        return stack_outputs(outputs)

    def process_logits(self, logits: npt.NDArray[Any], tokens: Sequence[Sequence[int]]) -> npt.NDArray[Any]:
        """The logits that a token is chosen by, shape (rows, vocabulary), where some tokens may not come or are made less probable.

        `tokens` are those that were generated for each row so far; an excluded token gets `-inf`. A beam search passes
        log probabilities. Of a `Generation` alone.
        """
        return logits

    def read_outputs(self, outputs: Outputs, rows: Sequence[Encoded]) -> OutputReading | None:
        """How the outputs of a backend are decoded, inferred from those for some rows; None where `decode` reads them."""
        return None

    def full_costs(self, examples: Sequence[Example], rows: Sequence[Encoded]) -> Sequence[int]:
        """The cost of each example before it was cut to `limit`; of rows of a fixed length, without their padding."""
        return [self.cost(row) for row in rows]

    def find_unusable(self, examples: Sequence[Example]) -> tuple[int, str] | None:
        """The position of the first example that the model cannot run, and why; None where it can run all.

        It is called with all rows before any is predicted.
        """
        return None

    def with_length(self, length: int) -> Codec | None:
        """The codec for a backend that takes rows of so many tokens alone; None where rows have no tokens.

        It cuts longer rows and pads shorter ones, which the padding mask tells. Raises a DataError where a row, or the
        model, cannot have so many.
        """
        return None

    def with_processor(self, folder: Path) -> Codec | None:
        """The codec with the processor in another folder, such as a deployment's; None where it has none to replace.

        Raises a DataError where the folder has no processor of the kind.
        """
        return None

    def variants(self, other: Codec | None = None) -> Iterable[InputVariant]:
        """Ways in which a model's inputs are made otherwise by mistake, the simplest first.

        Towards `other`, a codec that `with_processor` gave, they are the settings in which the two differ.
        """
        return ()


class Task(ClassContribution[OptionsT]):
    """What a model is for: how examples become arrays, and outputs predictions.

    `fields` maps each field of an example to its modality; those in `optional` may be missing. A value of `text` is a
    string, one of `words` the list of the words of a text, which perturbations of text change, too. One of `image`, `audio`,
    `video` or `file` is a `Blob`, which the codec opens when it encodes the row, or the array that a perturbation made of
    it. One of `columns` is a dict of all columns of the row that have no role, by their names, for models of tables: it needs no
    column of its own, and None is a missing value. One of any other modality is what its column holds. `schema` is the
    prediction schema of its predictions, `metric` its main metric, `sample` a few examples to trace a model with. `needs` is the kind of model that it takes, in the words
    of model hubs, as `token-classification`: its source loads the model with that head. A source that cannot is refused
    (exit code 2) before anything is read. Left out, the task takes any model as that was saved. `run_mode` is that of its
    codecs.

    `placeholders` is a regular expression of what stands in a text for something else, such as `[MASK]` for a word that the
    model is to find: perturbations leave it as it is.

    With `grouping`, several rows of a data set make one example, and have one prediction. Their fields are lists, of which
    a perturbation is given each item as a field of its own, `text[0]`, `text[1]` and so on. `Codec.split` runs members one
    by one.

    A task that classifies rows of one label or of several has another schema for each: those besides `schema` stand in
    `other_schemas`, and `for_model` gives the task as a model does it.
    """

    kind = "task"
    main = "bind"

    schema: str
    fields: Mapping[str, str]
    metric: str
    sample: Sequence[Example] = ()
    optional: tuple[str, ...] = ()
    needs: str = ""
    run_mode: RunModeName = "forward"
    grouping: Grouping | None = None
    other_schemas: tuple[str, ...] = ()
    placeholders: str = ""

    @property
    def columns_field(self) -> str:
        """The field with all columns of a row; empty where the task reads columns of their own."""
        return next((name for name, modality in self.fields.items() if modality == COLUMNS), "")

    @property
    def required_fields(self) -> tuple[str, ...]:
        """The fields that rows must have a column for."""
        return tuple(name for name in self.fields if name not in (*self.optional, self.columns_field))

    @property
    def schemas(self) -> tuple[str, ...]:
        """Every schema that its predictions may have; which one follows from the model where they are several."""
        return (self.schema, *self.other_schemas)

    def classes(self, model: Model, options: OptionsT) -> Sequence[str]:
        """The classes that predictions are chosen from, in the order of their probabilities: the model's, if left out.

        A task whose options name them gives those. It is called before `for_model`, and loads nothing either.
        """
        return model.labels

    def for_model(self, model: Model, options: OptionsT) -> Task[OptionsT]:
        """The task as this model does it: itself, or one of the same name and options with another schema and metric.

        It is called before anything is read or loaded besides the model's configuration, and loads neither the module nor
        the processor. Raises a DataError where the model has no head for the task.
        """
        return self

    @abstractmethod
    def bind(self, model: Model, options: OptionsT) -> Codec:
        """The codec for a model."""

    def describe(self, live: LiveModel) -> ModelDescription | None:
        """What it knows of a model in memory, for the source that takes it; None where it cannot be for such a model."""
        return None


def stack_outputs(outputs: Sequence[Outputs]) -> dict[str, npt.NDArray[Any]]:
    """Each output with the given ones as its first axis; smaller ones are padded with zeros at the end of each axis."""
    return {name: _stack([one[name] for one in outputs]) for name in outputs[0]}


def _stack(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    shape = np.max([array.shape for array in arrays], axis=0)
    stacked = np.zeros((len(arrays), *map(int, shape)), np.result_type(*arrays))
    for number, array in enumerate(arrays):
        place: tuple[Any, ...] = (number, *(slice(length) for length in array.shape))
        stacked[place] = array
    return stacked
