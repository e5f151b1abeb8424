"""The program of the fresh process: imports a plugin, has each of its contributions work once, and watches the process."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import MqaError
from mqa_registry.testing.process_state import ASPECTS, find_patches, reseed_generators, reset_signals, restore
from mqa_registry.testing.subject import CallError, NotTriedError, Subject, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from mqa_registry.testing.fresh_process import Request

MAX_MODULES = 100  # of one package, that a plugin may load where it is imported
MAX_BYTES = 8_000_000  # of compiled code, likewise
COMPILED = (".so", ".pyd")
HOST = "mqa_registry"
SHOWN = 60  # characters of what was printed


class Watch:
    """Watches the process while a plugin works, and keeps what it sees by rule."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forks = 0
        self.own = HOST  # the package or module of the plugin, once that is imported
        self._output = (folder / "output").open("rb")  # what file descriptor 1 is written to
        self._seen: defaultdict[str, list[str]] = defaultdict(list)
        if hasattr(os, "register_at_fork"):  # Windows does not fork
            os.register_at_fork(before=self._count_fork)

    def _count_fork(self) -> None:
        self._forks += 1

    def run(self, step: str, work: Callable[[], None]) -> None:
        """Do some work of the plugin, and note what it left changed."""
        (self._folder / "step").write_text(step, "utf-8")
        reseed_generators()
        loaded = set(sys.modules)
        before = {aspect.rule: aspect.read() for aspect in ASPECTS}
        forks = self._forks
        with suppress(NotTriedError, CallError, MqaError):  # other rules see it
            work()
        if self._forks > forks:
            self.note("forks-nothing", step, "it forks this process")
        sys.stdout.flush()
        if printed := self._output.read():
            self.note("prints-nothing", step, f"it prints {printed.decode('utf-8', 'replace')[:SHOWN]!r}")
        has_loaded = bool(list(group_foreign(set(sys.modules) - loaded, self.own)))
        for aspect in ASPECTS:
            if has_loaded and aspect.libraries_change:
                continue
            if change := aspect.describe_change(before[aspect.rule], aspect.read()):
                self.note(aspect.rule, step, change)
        restore(before)

    def note(self, rule: str, step: str, seen: str) -> None:
        if (text := f"{seen}, while {step}") not in self._seen[rule]:
            self._seen[rule].append(text)

    def write(self) -> None:
        """Write what was seen of each rule, where the process that waits looks for it."""
        faults = {rule: "; ".join(seen) for rule, seen in self._seen.items()}
        part = self._folder / "found.part"
        part.write_text(json.dumps(faults), "utf-8")
        part.rename(self._folder / "found.json")


def main(folder: Path) -> None:
    """Watch the plugin of the request in a folder, and write there what was seen."""
    request: Request = pickle.loads((folder / "request").read_bytes())  # noqa: S301  # the process that waits wrote it
    sys.path[:] = request.path
    reset_signals()
    os.chdir(folder)
    from mqa_registry.testing.cases import find_plugin, label_contributions
    from mqa_registry.testing.rules import WORK

    watch, found, loaded = Watch(folder), [], set(sys.modules)

    def load() -> None:
        plugin = find_plugin(request.plugin)
        found.append(plugin)
        watch.own = plugin.module.__name__.partition(".")[0] if plugin.module is not None else HOST

    watch.run("it is imported", load)
    (plugin,) = found
    if heavy := _describe_heavy(group_foreign(set(sys.modules) - loaded, watch.own)):
        watch.note("imports-little", "it is imported", heavy)
    for label, contribution in label_contributions(plugin).items():
        subject = Subject(label, plugin, contribution, request.trials.get(label, Trial()))
        works = [work for kind, work in WORK.items() if isinstance(contribution, kind)]
        for work in works:
            for _ in range(2):  # the second time, the libraries that it uses are loaded
                watch.run(f"`{label}` works", lambda work=work, subject=subject: work(subject))  # type: ignore[misc]
    if plugin.module is not None and (patches := list(find_patches(_sources(plugin.module)))):
        watch.note("patches-nothing", "it works", f"it puts functions of its own in place of `{patches[0]}`")
    watch.write()


def group_foreign(names: set[str], own: str) -> Mapping[str, list[str]]:
    """Modules by their packages, without those of Python, of mqa and of the plugin itself."""
    packages: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {own, HOST}:
            packages[top].append(name)
    return packages


def _describe_heavy(packages: Mapping[str, list[str]]) -> str:
    """The package that is too much to import, of those that were loaded with a plugin; empty where none is."""
    for package, modules in sorted(packages.items(), key=lambda pair: -len(pair[1])):
        size = sum(_compiled_bytes(name) for name in modules)
        if len(modules) > MAX_MODULES or size > MAX_BYTES:
            return f"{len(modules):,} modules and {size / 1e6:.0f} MB of compiled code of `{package}` are loaded"
    return ""


def _compiled_bytes(name: str) -> int:
    file = getattr(sys.modules[name], "__file__", None) or ""
    return Path(file).stat().st_size if file.endswith(COMPILED) else 0


def _sources(module: ModuleType) -> str:
    """The folder of a package, or the file of a single module."""
    file = Path(module.__file__ or "")
    return f"{file.parent}{os.sep}" if file.name == "__init__.py" else str(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # threads that a plugin left would keep it
