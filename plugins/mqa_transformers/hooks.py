"""Forward hooks on the modules inside of a module: what they get and give, and how long each takes."""

from __future__ import annotations

import inspect
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mqa_registry import NotRunError
from mqa_transformers.torchscript import is_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@contextmanager
def hook_outputs(module: Any, names: Iterable[str], record: Callable[[str, Any], None]) -> Iterator[None]:
    """Inside of the block, `record` gets the name and the output of each of these submodules whenever one has run."""
    with _hooked(module, names, lambda part, name: part.register_forward_hook(partial(_after, name, record))):
        yield


@contextmanager
def hook_inputs(module: Any, names: Iterable[str], record: Callable[[str, Any], None]) -> Iterator[None]:
    """Inside of the block, `record` gets the name and all arguments of each of these submodules before one runs."""

    def register(part: Any, name: str) -> Any:
        return part.register_forward_pre_hook(partial(_before, name, record), with_kwargs=True)

    with _hooked(module, names, register):
        yield


@contextmanager
def _hooked(module: Any, names: Iterable[str], register: Callable[[Any, str], Any]) -> Iterator[None]:
    names = tuple(names)
    if names and hides_modules(module):
        raise NotRunError("TorchScript shows nothing of the modules inside of it")
    handles: list[Any] = []
    try:
        for name in names:
            handles.append(register(get_submodule(module, name), name))  # noqa: PERF401 - those before a failure are removed
        yield
    finally:
        for handle in handles:
            handle.remove()


def _after(name: str, record: Callable[[str, Any], None], module: Any, args: Any, output: Any) -> None:
    record(name, output)


def _before(name: str, record: Callable[[str, Any], None], module: Any, args: Any, kwargs: Any) -> None:
    record(name, [*args, *kwargs.values()])


def hides_modules(module: Any) -> bool:
    """Whether hooks on the modules inside of a module do not run, as in TorchScript."""
    return is_script(module)


def accepts_use_cache(module: Any) -> bool:
    """Whether a module has the argument `use_cache`, by which it gives its keys and values or leaves them out."""
    return not hides_modules(module) and "use_cache" in inspect.signature(module.forward).parameters


def get_submodule(module: Any, name: str) -> Any:
    """A module inside of a module, by its name; a NotRunError where there is none."""
    try:
        return dict(module.named_modules())[name] if hides_modules(module) else module.get_submodule(name)
    except (AttributeError, KeyError) as error:
        raise NotRunError(f"the model has no module `{name}`") from error


def get_class_name(module: Any) -> str:
    """The name of a module's class, also where it is TorchScript."""
    return str(module.original_name if hides_modules(module) else type(module).__name__)


@dataclass
class ModuleTimer:
    """Seconds by the names of modules; the time of a module stands still while one inside of it runs.

    `synchronize` waits until all work that was started is done.
    """

    synchronize: Callable[[], object]
    seconds: dict[str, float] = field(default_factory=dict)
    _running: list[str] = field(default_factory=list)
    _since: float = 0.0

    def start(self, name: str, _args: object) -> None:
        self._charge()
        self._running.append(name)
        self._since = time.perf_counter()

    def stop(self, name: str, _output: object) -> None:
        self._charge()
        while self._running and self._running.pop() != name:
            pass  # a module inside of it that raised, where it caught the error, was never stopped
        self._since = time.perf_counter()

    def _charge(self) -> None:
        """Add the time since the last start or stop to the innermost module that runs."""
        self.synchronize()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - self._since


def time_modules(module: Any, run: Callable[[], object], device: str) -> Mapping[str, float]:
    """Seconds that each module takes in one run, those inside of it not counted; the outermost has an empty name."""
    timer = ModuleTimer(_synchronizer(device))
    names = [name for name, _ in module.named_modules()]
    with hook_inputs(module, names, timer.start), hook_outputs(module, names, timer.stop):
        run()
    return timer.seconds


def _synchronizer(device: str) -> Callable[[], object]:
    """What waits for a device: a GPU works on while its caller goes ahead."""
    if not device.startswith("cuda"):
        return lambda: None
    import torch

    return lambda: torch.cuda.synchronize(device)
