"""What is measured of images and sounds, kept by their content, so that several slices of a run open each once."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mqa_registry.errors import BlobError
from mqa_registry.types.blobs import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

AT_ONCE = 256  # values that are on their way at a time
MAX_KEPT = 1 << 17  # values whose measures are kept, of some 700 bytes each


class BlobMeasures(Generic[T]):
    """What `measure` gives of values, kept by the content of blobs; several threads call it at once."""

    def __init__(self, measure: Callable[[Any], T]) -> None:
        self._measure = measure
        self._found: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def of(self, value: Any) -> T | None:
        """What is measured of one value; None of a blob that cannot be read."""
        if not isinstance(value, Blob):
            return self._measure(value)
        try:
            digest = value.digest
            with self._lock:
                if digest in self._found:
                    return self._found[digest]
            measured = self._measure(value)
        except BlobError:
            return None
        with self._lock:
            self._found[digest] = measured
            if len(self._found) > MAX_KEPT:
                self._found.popitem(last=False)
        return measured

    def of_all(self, values: Iterable[Any]) -> Iterator[T | None]:
        """The same of many values, in threads, in their order."""
        remaining = iter(values)
        with ThreadPoolExecutor() as pool:
            while block := list(islice(remaining, AT_ONCE)):
                yield from pool.map(self.of, block)
