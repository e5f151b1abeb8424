"""A session, open and ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import NotRunError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

# How ONNX Runtime's allocators say that there is no memory left.
NO_MEMORY = ("bad_alloc", "bad allocation", "failed to allocate", "out of memory", "smaller than requested bytes")


@dataclass(frozen=True)
class SessionRunner:
    """Runs one session. `inputs` are the types that it takes its inputs in, `provider` the one that must run it."""

    session: Any
    inputs: Mapping[str, type[np.generic]]
    provider: str
    budget: int
    identity: Mapping[str, str]
    facts: Mapping[str, Any]

    def run(self, batch: Arrays) -> Arrays:
        """The session's outputs by name, half precision as float32."""
        names = [node.name for node in self.session.get_outputs()]
        feed = {name: np.asarray(batch[name], dtype) for name, dtype in self.inputs.items()}
        outputs = self._outputs(names, feed)
        landed = self.session.get_providers()[0]
        if landed != self.provider:
            raise NotRunError(f"the session left `{self.provider}` for `{landed}` in the middle of the run")
        return {name: _whole(values) for name, values in zip(names, outputs, strict=True)}

    def _outputs(self, names: list[str], feed: Arrays) -> list[npt.NDArray[Any]]:
        try:
            return list(self.session.run(names, feed))
        except Exception as error:
            if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in NO_MEMORY):
                reason = str(error).partition("\n")[0]
                raise OutOfMemoryError(f"ONNX Runtime ran out of memory: {reason:.200}") from error
            raise


def _whole(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(np.float32) if values.dtype == np.float16 else values
