"""Run options: what a command line, or a caller in Python, sets of a run, and the flags that a command takes for it."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

from mqa_registry.errors import UsageError
from mqa_registry.files import suite_folder
from mqa_registry.machine import check_device, memory_size, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.contributions import RunContext
    from mqa_registry.suite import Overrides, Suite

STORE = ".mqa"  # the store's folder, next to the suite
MEMORY_SHARE = 4  # the part of the machine's memory that shards in flight take by default
MAX_MEMORY = 1 << 30  # bytes that they take at most by default
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL_AS_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # a path has one slash where there were two


@dataclass(frozen=True, kw_only=True)
class Flag:
    """The command-line option for a field of a dataclass of options: metadata of the field's `Annotated` type.

    `help` is its line in `--help`, `metavar` stands for its value there, and `name` is the option's name where that is not
    the field's. A number is at least `minimum`. With `count`, the value is how often the option is given. With `argument`,
    it is a positional argument.
    """

    help: str
    metavar: str = ""
    name: str = ""
    minimum: int | None = None
    count: bool = False
    argument: bool = False


@dataclass(frozen=True)
class FlagPerName:
    """A command-line option for each of some names: metadata of the type of a field that maps names to values.

    `list_names` gives the names, which are those of the options. `help` is the line in `--help`, with `{}` for the name.
    """

    list_names: Callable[[], tuple[str, ...]]
    metavar: str
    help: str


@dataclass(frozen=True)
class Flags:
    """The names of the fields of a dataclass of options that a command takes."""

    names: tuple[str, ...]


def flags(*names: str) -> Flags:
    """The fields of a dataclass of options that a command takes as flags, by their names.

    It stands in the annotation of the command's parameter, as `Annotated[RunOptions, flags("limit", "store")]`.
    """
    return Flags(names)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of a run that its suite file does not have. Raises a UsageError for a value that makes no sense.

    Each field with a `Flag` is an option of the commands that take it, declared here alone. `plugin_files` are Python
    files to load as plugins. `timeout` is the time limit of a call into a plugin, in seconds, 0 for none; None is that of the
    call's kind. `outputs` are the files that the command writes; with `force`, it may replace files that mqa did
    not write. No number depends on `executor` and `memory`. What `RunContext` has of these, plugins see too.
    """

    only: Annotated[
        tuple[str, ...],
        Flag(
            metavar="TAG-OR-NAME",
            help="Run the checks of this tag, of this name or that in reports, or the one whose name has it as a part; may be repeated.",
        ),
    ] = ()
    backends: Annotated[
        tuple[str, ...], Flag(name="--backend", metavar="NAME", help="Run on this backend alone; may be repeated.")
    ] = ()
    limit: Annotated[int | None, Flag(metavar="N", minimum=1, help="Use the first N rows of every data set.")] = None
    set: Annotated[
        tuple[str, ...],
        Flag(
            metavar="KEY=VALUE",
            help="Set a key of the suite, as data.NAME.path=FILE or check.NAME.critical=false; may be repeated.",
        ),
    ] = ()
    model: Annotated[
        str | None,
        Flag(metavar="MODEL", help="Test this model: a folder, a file, or an id on the hub; left out, the suite's."),
    ] = None
    data: Annotated[
        Path | None, Flag(metavar="FILE", help="Test on these rows; left out, those of the suite's first data set.")
    ] = None
    device: Annotated[str, Flag(metavar="auto|cpu|cuda[:N]", help="Where the model runs.")] = "auto"
    store: Annotated[
        Path | str | None,
        Flag(
            metavar="DIR-OR-URL",
            help="The store, or a URL for its predictions; left out, .mqa next to the suite or here.",
        ),
    ] = None
    offline: Annotated[bool, Flag(help="Fetch nothing; use what is cached.")] = False
    plugin_files: Annotated[
        tuple[Path, ...],
        Flag(name="--plugin", metavar="FILE.py", help="Load a file, or a package's folder, as a plugin."),
    ] = ()
    confined: Annotated[bool, Flag(help="Let the suite name nothing outside of its own folder.")] = False
    allow_code: Annotated[bool, Flag(help="Let the model run code of its own.")] = False
    allow_pickle: Annotated[bool, Flag(help="Load weights from pickle files.")] = False
    trust_remote_code: Annotated[bool, Flag(help="Run code that a hub model brings.")] = False
    timeout: Annotated[
        float | None, Flag(metavar="SECONDS", help="End a call into a plugin that takes longer; 0 sets no limit.")
    ] = None
    executor: Annotated[
        str | None,
        Flag(metavar="NAME", help="Where rows are perturbed and predicted: local, or a plugin's, as plugin/name."),
    ] = None
    memory: Annotated[
        str | None,
        Flag(
            metavar="SIZE",
            help="How much memory rows at work may take here, as 2GB; left out, 1GiB or a quarter of it.",
        ),
    ] = None
    outputs: tuple[Path, ...] = ()
    force: bool = False

    def __post_init__(self) -> None:
        if self.timeout is not None and not (math.isfinite(self.timeout) and self.timeout >= 0):
            raise UsageError(
                f"a call cannot take {self.timeout:g} seconds", hint="write `--timeout 600`, or 0 for no limit"
            )
        check_device(self.device)
        if self.memory is not None:
            parse_size(self.memory)
        if isinstance(self.store, Path) and _URL_AS_PATH.match(str(self.store)):
            raise UsageError(
                f"`{self.store}` is a URL as a path", hint='write it as a text: `store="s3://bucket/folder"`'
            )

    @property
    def memory_bytes(self) -> int:
        """The bytes that shards at work may take in this process: what `memory` says, else what suits the machine."""
        if self.memory is not None:
            return parse_size(self.memory)
        size = memory_size()
        return min(size // MEMORY_SHARE, MAX_MEMORY) if size else MAX_MEMORY

    @property
    def overrides(self) -> Overrides:
        """Those of the options that change the suite."""
        from mqa_registry.suite import Overrides

        return Overrides(
            model=self.model,
            data=self.data,
            set=self.set,
            only=self.only,
            backends=self.backends,
            limit=self.limit,
            confined=self.confined,
            executor=self.executor,
        )

    def to_flags(self) -> tuple[str, ...]:
        """The flags of a command line that set these options, as `("--limit", "100")`; the store's is left out.

        Only what is set otherwise than by default is among them.
        """
        words: list[str] = []
        hints = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            value = getattr(self, field.name)
            metadata = getattr(hints[field.name], "__metadata__", ())
            flag = next((one for one in metadata if isinstance(one, Flag)), None)
            if flag is None or value == field.default or field.name == "store":
                continue
            name = flag.name or f"--{field.name.replace('_', '-')}"
            for one in value if isinstance(value, tuple) else (value,):
                words += [name] if value is True else [name, str(one)]
        return tuple(words)

    @property
    def store_folder(self) -> Path | None:
        """The folder that `store` names; None where it names none or a URL: runs and exports are in the default store."""
        return find_store_folder(self.store)

    def store_of(self, suite: Suite) -> Path:
        """The folder with the runs and exports of a suite."""
        return self.store_folder or suite_folder(suite.path) / STORE

    def predictions_of(self, suite: Suite) -> Path | str:
        """Where the predictions of a suite are stored: the folder of `store_of`, or a URL."""
        return str(self.store) if is_url(self.store) else self.store_of(suite)

    def run_context(self, suite: Suite) -> RunContext:
        """Those of the options that plugins see, in a run of a suite."""
        confined_to = Path(os.path.realpath(suite_folder(suite.path))) if self.confined else None
        return replace(self.run_context_in(self.store_of(suite)), confined_to=confined_to)

    def run_context_in(self, store: Path) -> RunContext:
        """Those of the options that plugins see, in a run with this store."""
        from mqa_registry.contributions import RunContext

        shared = {field.name for field in fields(RunContext)} - {"exports", "objects", "confined_to", "scratch"}
        return RunContext(exports=store / "exports", **{name: getattr(self, name) for name in shared})


def is_url(store: Path | str | None) -> bool:
    """Whether a store is named by a URL, such as `s3://bucket/folder`, rather than by the path of a folder."""
    return isinstance(store, str) and _URL.match(store) is not None


def find_store_folder(store: Path | str | None) -> Path | None:
    """The folder that a store is named by; None for a URL, and where none is named."""
    return None if not store or is_url(store) else Path(store)


@dataclass(frozen=True, kw_only=True)
class HistoryOptions:
    """What a run has to do with earlier ones. Raises a UsageError for a value that makes no sense."""

    against: Annotated[
        str | None,
        Flag(metavar="RUN", help="Fail where a measure is shown to be worse than in RUN: an id, a tag or `last`."),
    ] = None
    max_drop: Annotated[
        float | None,
        Flag(metavar="X", help="With --against, let every measure be at most X worse, and have that shown."),
    ] = None
    tag: Annotated[str | None, Flag(metavar="NAME", help="Name the run, and keep it until it is pruned.")] = None

    def __post_init__(self) -> None:
        if self.max_drop is not None and self.against is None:
            raise UsageError("`--max-drop` says nothing without a run to compare with", hint="add `--against last`")
        if self.max_drop is not None and not (math.isfinite(self.max_drop) and self.max_drop >= 0):
            raise UsageError(f"a measure cannot be at most {self.max_drop:g} worse", hint="write `--max-drop 0.01`")
