"""Rows on the Hugging Face hub, or in a folder, loaded by the `datasets` library."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, NotRunError, TableSource, UsageError, optional_import, with_class_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pyarrow as pa

    from mqa_registry import RunContext

SAVED_FILES = ("state.json", "dataset_dict.json")  # of a data set, or of several splits, from `save_to_disk`
PIECE_ROWS = 2048  # that are read at a time
COMMIT = re.compile(r"[0-9a-f]{40}")


def rows_on_hub(
    context: RunContext,
    *,
    id: str | Path,  # noqa: A002 - the hub's own word
    split: str,
    revision: str | None = None,
    config_name: str | None = None,
) -> TableSource:
    """Rows of a data set on the Hugging Face hub.

    `id` is its name there, or a folder that the `datasets` library reads or has saved. `split` is one of its splits, or a part of
    one, as in `test[:500]`. `revision` is a commit, tag or branch; pin the commit, so that the rows stay the same and
    an offline run can verify them. `config_name` is the configuration, where there are
    several. Class labels come by their names. No code of the data set is run.
    """
    if isinstance(id, Path) and revision is not None:
        raise UsageError(f"`{id}` is a folder, and a folder has no revisions", hint="leave `revision` out")
    with _silenced(offline=context.offline):
        try:
            dataset = _load(str(id), split, revision, config_name)
        except ConnectionError as error:
            raise _unreachable_error(str(id), offline=context.offline) from error
        except FileNotFoundError as error:
            raise DataError(f"there is no data set `{id}`: {_summarize_cause(error)}") from error
        except (DataError, NotRunError):
            raise
        except Exception as error:  # the library's own errors have no common root
            raise DataError(f"the data set `{id}` cannot be loaded: {_summarize_cause(error)}") from error
    return source_of_dataset(dataset)


def source_of_dataset(dataset: Any) -> TableSource:
    """The rows of a data set of the `datasets` library, which has them mapped into memory; class labels by their names."""
    features = dataset.features.to_dict()

    def read(columns: Collection[str] | None, stop: int | None) -> Iterator[pa.Table]:
        names = [name for name in dataset.column_names if columns is None or name in columns]
        rows = dataset.select_columns(names).with_format("arrow")
        for start in range(0, max(1, len(rows)), PIECE_ROWS):
            yield with_class_names(rows[start : start + PIECE_ROWS], features)

    return TableSource(read, len(dataset))


def _load(name: str, split: str, revision: str | None, config_name: str | None) -> Any:
    from datasets import load_dataset_builder

    if any((Path(name) / file).is_file() for file in SAVED_FILES):
        return _load_from_disk(name, split)
    if name.isidentifier() and find_spec(f"datasets.packaged_modules.{name}"):
        raise DataError(
            f"`{name}` is a file format of the `datasets` library, and no data set",
            hint="files are read by `datasets/file`",
        )
    builder = load_dataset_builder(name, config_name, revision=revision)
    if revision is not None:
        _check_revision(builder, name, revision)
    builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _load_from_disk(folder: str, split: str) -> Any:
    """A split, or a part of one, of a data set that was written by `save_to_disk`."""
    from datasets import DatasetDict, ReadInstruction, load_from_disk

    saved = load_from_disk(folder)
    splits = dict(saved) if isinstance(saved, DatasetDict) else {str(saved.split or split.partition("[")[0]): saved}
    lengths = {name: len(dataset) for name, dataset in splits.items()}
    instructions = ReadInstruction.from_spec(split).to_absolute(lengths)
    if len(instructions) != 1:
        raise DataError(f"`{split}` is of more than one split, and one is needed")
    name, start, end = instructions[0].splitname, instructions[0].from_ or 0, instructions[0].to
    return splits[name].select(range(start, lengths[name] if end is None else end))


def _check_revision(builder: Any, name: str, revision: str) -> None:
    """A NotRunError where the cache has another revision: without the hub the library takes any."""
    is_cached = type(builder).__module__.startswith("datasets.packaged_modules.cache")
    if is_cached and builder.hash != revision:
        hint = "" if COMMIT.fullmatch(revision) else "; offline, `revision` must be the whole commit"
        raise NotRunError(
            f"the data set `{name}` is cached at revision `{builder.hash}`, and `{revision}` is asked for",
            hint=f"run once without `--offline`{hint}",
        )


def _unreachable_error(name: str, *, offline: bool) -> NotRunError:
    if offline:
        return NotRunError(
            f"the data set `{name}` is not in the cache, and the run is offline",
            hint="run once without `--offline`, or bring the rows as a file: `datasets/file`",
        )
    return NotRunError(f"the data set `{name}` is not in the cache, and the hub cannot be reached")


def _summarize_cause(error: BaseException) -> str:
    """The first line of the error that is the root cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


@contextmanager
def _silenced(*, offline: bool) -> Iterator[None]:
    """Both libraries without progress bars and logs, and offline where the run is; afterwards their settings are restored."""
    with optional_import("datasets"):
        import datasets
    import huggingface_hub
    from datasets.utils import logging as logs
    from huggingface_hub.utils import logging as hub_logs

    libraries = ((datasets, logs), (huggingface_hub.utils, hub_logs))
    before = [(bars.are_progress_bars_disabled(), log.get_verbosity()) for bars, log in libraries]
    were_offline = (datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _set_offline(*(offline or was_offline for was_offline in were_offline))
        for bars, log in libraries:
            bars.disable_progress_bars()
            log.set_verbosity(logs.CRITICAL)
        try:
            yield
        finally:
            _set_offline(*were_offline)
            for (bars, log), (was_disabled, verbosity) in zip(libraries, before, strict=True):
                log.set_verbosity(verbosity)
                if not was_disabled:
                    bars.enable_progress_bars()


def _set_offline(*flags: bool) -> None:
    import datasets
    import huggingface_hub

    datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE = flags
