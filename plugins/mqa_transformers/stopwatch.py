"""A stopwatch at every module: how long each takes by itself, the modules inside of it not counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_transformers.taps import fed, tapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Stopwatch:
    """Seconds by the names of modules; whatever runs inside of a module that is timed pauses its time."""

    settle: Callable[[], object]  # waits until all that was begun is done
    seconds: dict[str, float] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _since: float = 0.0

    def begin(self, name: str, _given: object) -> None:
        self._charge()
        self._open.append(name)
        self._since = time.perf_counter()

    def end(self, name: str, _given: object) -> None:
        self._charge()
        while self._open and self._open.pop() != name:
            pass  # what raised inside of it, and was caught there, never ended
        self._since = time.perf_counter()

    def _charge(self) -> None:
        """What passed since the last begin or end goes to the innermost module that is open."""
        self.settle()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - self._since


def timed(module: Any, run: Callable[[], object], device: str) -> Mapping[str, float]:
    """Seconds of each module in one run; the outermost is no name, and what it does itself is in its time."""
    watch = Stopwatch(_settling(device))
    names = [name for name, _ in module.named_modules()]
    with fed(module, names, watch.begin), tapped(module, names, watch.end):
        run()
    return watch.seconds


def _settling(device: str) -> Callable[[], object]:
    """A GPU works on while its caller goes ahead; only one that is waited for has a time."""
    if not device.startswith("cuda"):
        return lambda: None
    import torch

    return lambda: torch.cuda.synchronize(device)
