"""What a plugin must leave as it is in the process that it runs in, and how each of it is read.

Every aspect is read before and after a plugin works. What is found is compared, and a difference described.
"""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

THREAD_SECONDS = 1.0  # that a thread has to end in, once its work is done
IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")
STATE_READER = "get_rng_state"  # the function by which libraries of tensors give the state of their generator


@dataclass(frozen=True)
class Aspect:
    """One thing that a plugin leaves as it is.

    `rule` is the id of the rule; `read` gives its state, by name, and `noun` begins a sentence about a change. With
    `libraries_change`, libraries change it where they are imported: it is compared once nothing is imported any more.
    """

    rule: str
    read: Callable[[], Mapping[str, Any]]
    noun: str
    libraries_change: bool = False

    def describe_change(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """What was changed, by its name; empty where nothing was."""
        names = [name for name in after if after[name] != before.get(name)]
        names += [name for name in before if name not in after]
        return f"{self.noun} {', '.join(f'`{name}`' for name in names[:3])}" if names else ""


def _read_generators() -> dict[str, Any]:
    """The states of the global generators: Python's, NumPy's and those of loaded libraries of tensors."""
    states: dict[str, Any] = {"random": hash(random.getstate()), "numpy.random": str(np.random.get_state())}  # noqa: NPY002  # it is the one that must stay
    for name, module in _tensor_libraries():
        states[name] = bytes(np.asarray(getattr(module, STATE_READER)()))
    return states


def _tensor_libraries() -> Iterator[tuple[str, ModuleType]]:
    for name, module in list(sys.modules.items()):
        if "." not in name and callable(vars(module).get(STATE_READER) if module is not None else None):
            yield name, module


def reseed_generators() -> None:
    """Give the global generators states that no plugin can have set them to."""
    random.seed()
    np.random.seed()  # noqa: NPY002  # likewise
    for _, module in _tensor_libraries():
        module.seed()


def reset_signals() -> None:
    """Handle signals that the process which started this one ignored: it may have imported the plugin, and they are inherited."""
    for number in signal.valid_signals():
        if signal.getsignal(number) == signal.SIG_IGN and getattr(number, "name", "") not in IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)


def _read_locale() -> dict[str, str]:
    return {"LC_ALL": locale.setlocale(locale.LC_ALL)}


def _read_folder() -> dict[str, str]:
    return {"current folder": os.getcwd()}  # noqa: PTH109  # a text


def _read_environment() -> dict[str, str]:
    return dict(os.environ)


def _read_signals() -> dict[str, Any]:
    return {signal.Signals(number).name: signal.getsignal(number) for number in signal.valid_signals()
            if number in signal.Signals.__members__.values()}  # fmt: skip


def _read_settings() -> dict[str, Any]:
    """Settings that hold for a whole process."""
    return {
        "sys.setrecursionlimit": sys.getrecursionlimit(),
        "sys.path": list(sys.path),
        "gc": gc.isenabled(),
        "socket.setdefaulttimeout": socket.getdefaulttimeout(),
        "numpy.seterr": np.geterr(),
        "numpy.set_printoptions": str(np.get_printoptions()),
        "logging": (logging.root.level, len(logging.root.handlers), logging.root.manager.disable),
    }


def _read_threads() -> dict[str, Any]:
    """The threads of Python that are at work, by their names; those that are about to end are waited for."""
    deadline = time.monotonic() + THREAD_SECONDS
    while threading.active_count() > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    return {thread.name: thread.ident for thread in threading.enumerate()}


def _read_processes() -> dict[str, Any]:
    """Whether there are processes that this one started, ended ones that nobody waited for among them."""
    if not hasattr(os, "waitid"):
        return {}
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return {}
    return {"a child": True}


ASPECTS = (
    Aspect("keeps-generators", _read_generators, "it seeds or draws from the global generator", libraries_change=True),
    Aspect("keeps-locale", _read_locale, "it sets"),
    Aspect("keeps-folder", _read_folder, "it changes the"),
    Aspect("keeps-environment", _read_environment, "it changes the variables", libraries_change=True),
    Aspect("keeps-signals", _read_signals, "it handles"),
    Aspect("keeps-settings", _read_settings, "it sets"),
    Aspect("leaves-no-thread", _read_threads, "threads are at work:"),
    Aspect("leaves-no-process", _read_processes, "processes were started and not waited for:"),
)


def restore(states: Mapping[str, Mapping[str, Any]]) -> None:
    """Give the process the environment and the folder back that it had, so that the next change is seen as one, too."""
    environment = states["keeps-environment"]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(states["keeps-folder"]["current folder"])


def find_patches(own: str) -> Iterator[str]:
    """Names in modules of others that are functions from a file or a folder of a plugin, by the beginning of its path."""
    seen = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if module is None or name == "__main__" or file.startswith(own):
            continue
        for key, value in list(vars(module).items()):
            if _is_from(value, own):
                yield f"{name}.{key}"
            elif isinstance(value, type) and id(value) not in seen and value.__module__ == name:
                seen.add(id(value))
                yield from (f"{name}.{key}.{part}" for part, one in list(vars(value).items()) if _is_from(one, own))


def _is_from(value: Any, sources: str) -> bool:
    value = getattr(value, "__func__", value) if isinstance(value, staticmethod | classmethod) else value
    return isinstance(value, FunctionType) and value.__code__.co_filename.startswith(sources)
